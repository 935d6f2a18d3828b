"""A market that is too small for its needs, with a plan whose answer is known."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization
from marketplace.work.models import Job
from matching import operations, tasks
from matching.models import MatchRun, PlanLine
from providers.models import Offering, Session
from requests_app.models import TrainingRequest
from tests.factories.accounts import AT, OrganizationFactory, secretariat
from tests.factories.matching import offering_for
from tests.factories.providers import SessionFactory
from tests.factories.requests import line, opened

THEME = "mainstreaming"


@dataclass
class PlanScene:
    """Open requests, the offerings that could serve them, and who plans."""

    requests: list[TrainingRequest]
    offerings: list[Offering]
    sessions: list[Session]
    office: Organization
    officer: Actor

    def ask(self, *, at: datetime = AT, mode: str = "portfolio", **parameters: Any) -> MatchRun:
        """Ask for a plan."""
        return operations.request_plan(actor=self.officer, at=at, mode=mode, parameters=parameters)

    def mark(self, request: int, offering: int, number: int = 1) -> dict[str, Any]:
        """Name an offering for a line of a request, both by their place in the scene."""
        chosen = self.offerings[offering]
        return {"request": self.requests[request].reference, "line": number, "offering": str(chosen.public_id)}


def crowded(*, wishes: int = 2, seats: int = 40, offerings: int = 1, **request: Any) -> PlanScene:
    """Make requests of 15 to 30 people each that all want one course, which has one session with so many seats."""
    office = OrganizationFactory.create(roles=["secretariat"])
    found = [offering_for(THEME, on_request=False) for _ in range(offerings)]
    sessions = [
        SessionFactory.create(offering=offering, city="Bamako", country="MLI", seats_total=seats, seats_min=1)
        for offering in found
    ]
    lines = request.pop("lines", (line(theme=THEME),))
    return PlanScene(
        requests=[opened(lines=lines, **request) for _ in range(wishes)],
        offerings=found,
        sessions=sessions,
        office=office,
        officer=secretariat(organization=office),
    )


def carried_out(run: MatchRun, *, at: datetime = AT) -> MatchRun:
    """Do the background work of one run and nothing else."""
    payload = {"run": str(run.public_id)}
    prepared = tasks.prepare_plan(payload, at=at, progress=lambda *_: None)
    tasks.write_plan(payload, at=at, prepared=prepared)
    return MatchRun.objects.get(pk=run.pk)


def planned(scene: PlanScene, *, at: datetime = AT, **parameters: Any) -> MatchRun:
    """Ask for a plan and have it made."""
    return carried_out(scene.ask(at=at, **parameters), at=at)


def published(scene: PlanScene, run: MatchRun, *, at: datetime) -> MatchRun:
    """Have a plan published, and its background work done and nothing else."""
    operations.publish_plan(actor=scene.officer, at=at, run_id=run.pk)
    return publication_carried_out(run, at=at)


def publication_carried_out(run: MatchRun, *, at: datetime) -> MatchRun:
    """Do the background work of the publication that was asked for last."""
    payload = Job.objects.filter(kind="matching.publish", payload__run=str(run.public_id)).latest("id").payload
    tasks.prepare_publication(payload, at=at, progress=lambda *_: None)
    tasks.close_publication(payload, at=at)
    return MatchRun.objects.get(pk=run.pk)


def lines_of(run: MatchRun) -> list[PlanLine]:
    """Give the lines of a plan in their order."""
    return list(PlanLine.objects.filter(run=run).select_related("request", "line", "offering").order_by("position"))


def outcomes(run: MatchRun) -> dict[str, str]:
    """Give outcome by reference of the request."""
    return {row.request.reference_text: row.outcome for row in lines_of(run)}


def invented(**changes: Any) -> dict[str, Any]:
    """Give an offering that nobody has made yet."""
    facts: dict[str, Any] = {
        "code": "NEW-COURSE",
        "themes": [THEME],
        "form": "workshop",
        "modality": "in_person",
        "languages": ["fr"],
        "audiences": ["national_government"],
        "level": "intermediate",
        "duration_hours": 12,
        "participants_min": 10,
        "participants_max": 40,
        "sessions": [
            {
                "period": {"start": "2027-04-05", "end": "2027-04-07", "precision": "day"},
                "country": "MLI",
                "city": "Bamako",
                "seats_total": 40,
            }
        ],
        "cost_per_delivery": "20000.00",
        "currency": "USD",
    }
    return {**facts, **changes}
