"""The open needs of the demo, ranked: asking for the runs, following them, and reading the best proposals."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from marketplace.accounts.actors import Actor
from marketplace.kernel.text import pick
from matching import operations, queries
from requests_app import queries as requests

ASKS = Actor.system("demo")
UNFINISHED = ("queued", "running")
TOP = 1_000_000  # a score of 10^6 is a perfect fit


@dataclass(frozen=True, slots=True)
class Ranked:
    """One open need and its best proposal."""

    reference: str
    title: str
    outcome: str  # state of its latest run
    partners: str = ""
    score: int | None = None  # 0..10^6
    state: str = ""
    covers_all: bool = True
    others: int = 0  # further proposals


def ask_for_rankings(*, at: datetime) -> int:
    """Ask for a run of every open need that has none; returns how many were asked for."""
    open_ids = requests.requests_to_rank()
    runs = queries.runs_visible_to(ASKS, at=at).filter(mode="request", request_id__in=open_ids)
    has_run = set(runs.values_list("request_id", flat=True))
    missing = [pk for pk in open_ids if pk not in has_run]
    for pk in missing:
        operations.request_run(actor=ASKS, at=at, request_id=pk)
    return len(missing)


def unfinished(*, at: datetime) -> int:
    """Count the runs that are still to be done."""
    return queries.runs_visible_to(ASKS, at=at).filter(state__in=UNFINISHED).count()


def best_proposals(*, at: datetime, language: str = "en") -> Iterator[Ranked]:
    """Give every open need with its best live proposal, in the order of references."""
    runs = queries.runs_visible_to(ASKS, at=at).filter(mode="request").order_by("id")
    outcomes = dict(runs.values_list("request_id", "state"))
    found: dict[int, list[Ranked]] = {}
    live = queries.proposals_visible_to(ASKS, at=at).exclude(state__in=("declined", "released", "superseded"))
    for row in live.order_by("request_id", "rank", "-score"):
        partners = " + ".join(dict.fromkeys(part.provider.code for part in row.parts.all()))
        best = Ranked("", "", "", partners, row.score, row.state, row.covers_all)
        found.setdefault(row.request_id, []).append(best)
    open_ids = requests.requests_to_rank()
    needs = requests.requests_visible_to(ASKS, at=at).filter(pk__in=open_ids).order_by("reference")
    for need in needs:
        title, _language = pick(need.title, language)
        outcome = outcomes.get(need.pk, "")
        proposals = found.get(need.pk, [])
        if not proposals:
            yield Ranked(need.reference_text, title, outcome)
            continue
        best = proposals[0]
        yield Ranked(
            need.reference_text,
            title,
            outcome,
            best.partners,
            best.score,
            best.state,
            best.covers_all,
            others=len(proposals) - 1,
        )
