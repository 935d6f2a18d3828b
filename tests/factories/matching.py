"""Policies, runs and proposals; and a market small enough to know the answer."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from factory.declarations import LazyAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization
from marketplace.work.loop import settle
from matching import operations
from matching.engine import DEFAULT_WEIGHTS
from matching.models import (
    Counter,
    Decision,
    MatchingPolicy,
    MatchProposal,
    MatchRun,
    NeedWatch,
    PartLine,
    PlanLine,
    ProposalPart,
    SupplyPiece,
    SupplySnapshot,
    ToldNeed,
)
from providers.models import Offering, Session
from requests_app.models import TrainingRequest
from tests.factories.accounts import AT, OrganizationFactory, member, secretariat
from tests.factories.providers import OfferingFactory, ProviderFactory, SessionFactory
from tests.factories.requests import RequestLineFactory, TrainingRequestFactory, line, opened
from tests.kit.copies import copied


class MatchingPolicyFactory(DjangoModelFactory[MatchingPolicy]):
    """A published policy with the engine's own weights."""

    class Meta:
        model = MatchingPolicy

    number = Sequence(lambda number: number + 1)
    names: ClassVar[dict[str, str]] = {"en": "Policy", "fr": "Politique"}
    weights = LazyAttribute(lambda _: {criterion.value: weight for criterion, weight in DEFAULT_WEIGHTS.items()})
    published_at = AT
    published_by = "head"
    created_at = AT
    updated_at = AT


class SupplyPieceFactory(DjangoModelFactory[SupplyPiece]):
    """The end of a market."""

    class Meta:
        model = SupplyPiece

    digest = Sequence(lambda number: f"{number:064x}")
    content = zlib.compress(b"}")


class SupplySnapshotFactory(DjangoModelFactory[SupplySnapshot]):
    """An empty market."""

    class Meta:
        model = SupplySnapshot

    digest = Sequence(lambda number: f"{number:064x}")
    content = zlib.compress(b"{}")
    first_used_at = AT


class MatchRunFactory(DjangoModelFactory[MatchRun]):
    """A run that waits in the queue."""

    class Meta:
        model = MatchRun

    state = "queued"
    request = SubFactory(TrainingRequestFactory)
    request_content_version = 1
    policy = SubFactory(MatchingPolicyFactory)
    requested_by = "officer"
    created_at = AT
    updated_at = AT


class PlanLineFactory(DjangoModelFactory[PlanLine]):
    """A line that a plan could not serve."""

    class Meta:
        model = PlanLine

    run = SubFactory(MatchRunFactory, mode="portfolio", request=None, request_content_version=0)
    line = SubFactory(RequestLineFactory)
    request = LazyAttribute(lambda row: row.line.request)
    position = 1
    priority_class = 4
    theme = LazyAttribute(lambda row: row.line.theme)
    region = "011"
    outcome = "unmet"
    unmet_reason = "no_theme"


class MatchProposalFactory(DjangoModelFactory[MatchProposal]):
    """A suggestion of the secretariat's own."""

    class Meta:
        model = MatchProposal

    state = "suggested"
    request = SubFactory(TrainingRequestFactory)
    origin = "secretariat"
    lead = SubFactory(ProviderFactory)
    combination = Sequence(lambda number: f"{number:064d}")
    created_at = AT
    updated_at = AT


class ProposalPartFactory(DjangoModelFactory[ProposalPart]):
    """Twenty participants, on request."""

    class Meta:
        model = ProposalPart

    state = "suggested"
    proposal = SubFactory(MatchProposalFactory)
    position = 1
    offering = SubFactory(OfferingFactory, published=True)
    provider = LazyAttribute(lambda part: part.offering.provider)
    slot_kind = "on_request"
    participants = 20
    created_at = AT
    updated_at = AT


class NeedWatchFactory(DjangoModelFactory[NeedWatch]):
    """Anything that an offering of the provider nearly fits."""

    class Meta:
        model = NeedWatch

    provider = SubFactory(ProviderFactory)
    name = Sequence(lambda number: f"Search {number}")
    created_at = AT
    updated_at = AT


class ToldNeedFactory(DjangoModelFactory[ToldNeed]):
    """A search was told of a need that fits."""

    class Meta:
        model = ToldNeed

    watch = SubFactory(NeedWatchFactory)
    request = SubFactory(TrainingRequestFactory)
    fit = "eligible"
    told_at = AT


class PartLineFactory(DjangoModelFactory[PartLine]):
    """Twenty participants of one line."""

    class Meta:
        model = PartLine

    part = SubFactory(ProposalPartFactory)
    line = SubFactory(RequestLineFactory)
    participants = 20


class CounterFactory(DjangoModelFactory[Counter]):
    """Fewer participants."""

    class Meta:
        model = Counter

    part = SubFactory(ProposalPartFactory)
    participants = 15
    made_at = AT
    made_by = "provider"


class DecisionFactory(DjangoModelFactory[Decision]):
    """An officer shortlists."""

    class Meta:
        model = Decision

    proposal = SubFactory(MatchProposalFactory)
    verb = "shortlist"
    by_label = "officer"
    at = AT
    proposal_version = 1


# --- a market whose answer is known ----------------------------------------------------------------------------------

THEMES = ("mainstreaming", "labour-migration", "trafficking", "diaspora")


@dataclass
class MarketScene:
    """An open request, offerings that fit its lines, and everybody who acts."""

    request: TrainingRequest
    requester: Organization
    office: Organization
    focal: Actor
    officer: Actor
    second: Actor
    head: Actor
    offerings: list[Offering]
    sessions: list[Session]

    def provider(self, offering: Offering) -> Actor:
        """Staff of the provider of an offering."""
        return member(offering.provider.organization, "provider_staff")

    def proposals(self) -> list[MatchProposal]:
        """The proposals, best first."""
        return list(MatchProposal.objects.filter(request=self.request).order_by("-score", "id"))

    def best(self) -> MatchProposal:
        """The best live proposal."""
        live = MatchProposal.objects.filter(request=self.request).exclude(state__in=["superseded", "declined"])
        return live.order_by("-score", "id")[0]

    def parts(self, proposal: MatchProposal) -> list[ProposalPart]:
        """The parts of a proposal, read anew."""
        return list(proposal.parts.select_related("provider__organization", "offering").order_by("position"))


def offering_for(theme: str, *, provider_of: Organization | None = None, **changes: Any) -> Offering:
    """Make a published workshop in French on a theme, for officials anywhere."""
    facts: dict[str, Any] = {
        "published": True,
        "themes": [theme],
        "languages": ["fr", "en"],
        "titles": {"en": f"Workshop on {theme}", "fr": f"Atelier : {theme}"},
        "participants_min": 10,
        "participants_max": 40,
        "lead_time_days": 30,
        **changes,
    }
    if provider_of is not None:
        facts["provider"] = ProviderFactory.create(organization=provider_of)
    return OfferingFactory.create(**facts)


@copied
def market(
    *,
    themes: Iterable[str] = THEMES[:1],
    offerings_per_theme: int = 2,
    requester: Organization | None = None,
    office: Organization | None = None,
    with_sessions: bool = True,
    **request: Any,
) -> MarketScene:
    """Make a request with a line for each theme, offerings for each, and the people; nothing is ranked yet."""
    wanted = tuple(themes)
    requester = requester or OrganizationFactory.create(roles=["member"])
    office = office or OrganizationFactory.create(roles=["secretariat"])
    offerings = [offering_for(theme) for theme in wanted for _ in range(offerings_per_theme)]
    sessions = []
    if with_sessions:
        sessions = [
            SessionFactory.create(offering=offering, city="Bamako", country="MLI", seats_total=40)
            for offering in offerings
        ]
    lines = tuple(line(theme=theme) for theme in wanted)
    return MarketScene(
        request=opened(requester, lines=lines, **request),
        requester=requester,
        office=office,
        focal=member(requester, "focal_point"),
        officer=secretariat(organization=office),
        second=secretariat(organization=office),
        head=secretariat("secretariat_head", organization=office),
        offerings=offerings,
        sessions=sessions,
    )


@copied
def ranked(at: datetime = AT, **changes: Any) -> MarketScene:
    """Make a market and let the event "request opened" rank it."""
    scene = market(**changes)
    work(at)
    scene.request.refresh_from_db()
    return scene


def later(days: int) -> datetime:
    """Give a moment some calendar days after `AT`."""
    return AT + timedelta(days=days)


def work(at: datetime = AT) -> None:
    """Let the background catch up with a moment: events, jobs, deadlines."""
    settle(clock=lambda: at)


def consulted(scene: MarketScene, proposal: MatchProposal | None = None, *, at: datetime = AT) -> MatchProposal:
    """Take a proposal (the best unless given) to the point where the requester prefers it."""
    step: dict[str, Any] = {"at": at, "proposal_id": (proposal or scene.best()).pk}
    operations.shortlist_proposal(actor=scene.officer, **step)
    operations.consult_proposal(actor=scene.officer, **step)
    return operations.prefer_proposal(actor=scene.focal, **step)


def approved(scene: MarketScene, proposal: MatchProposal | None = None, *, at: datetime = AT) -> MatchProposal:
    """Take a proposal to the point where its partners are asked."""
    chosen = consulted(scene, proposal, at=at)
    return operations.approve_proposal(actor=scene.officer, at=at, proposal_id=chosen.pk)


def accepted(scene: MarketScene, part: ProposalPart, *, at: datetime = AT) -> MatchProposal:
    """Have the partner of a part accept."""
    return operations.accept_part(actor=scene.provider(part.offering), at=at, part_id=part.pk)


def refused(scene: MarketScene, part: ProposalPart, *, at: datetime = AT) -> MatchProposal:
    """Have the partner of a part refuse for want of capacity."""
    return operations.refuse_part(
        actor=scene.provider(part.offering), at=at, part_id=part.pk, reason_code="no_capacity"
    )
