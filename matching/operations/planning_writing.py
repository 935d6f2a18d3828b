"""A computed plan turned into rows: its digests, its lines, and the older plan that it takes the place of."""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from django.db import transaction

from marketplace.accounts.actors import Actor
from marketplace.lifecycles import operations as lifecycles
from marketplace.lifecycles.operations import transition
from matching.engine import HYPOTHETICAL, Planned, PlannedLine, Supply, digest, plain, plan_bytes
from matching.models import MatchRun, PlanLine
from matching.operations.runs import ANSWERED, UNFINISHED
from matching.operations.supplies import keep_supply
from matching.queries.plan_names import PlanNames

ENGINE = Actor.system("matching")
BATCH = 500  # rows of a statement: below SQLite's limit of variables
FINISHED = (
    "snapshot",
    "supply",
    "snapshot_digest",
    "output_digest",
    "engine_version",
    "as_of",
    "finished_at",
    "plan",
    "result",
    "timings",
    "progress_done",
    "progress_total",
    "progress_stage",
)


@dataclass(frozen=True, slots=True)
class ComputedPlan:
    """What the background half of a planning run hands to the half that writes.

    ``line_ids`` gives (request, line) keys by the name of a line, ``offering_ids`` keys by public id; ``timings`` are
    seconds by stage; ``left_out`` are references of requests that cannot be weighed.
    """

    snapshot: bytes
    supply: Supply
    as_of: date
    planned: Planned
    kept: bytes | None
    line_ids: Mapping[str, tuple[int, int]]
    offering_ids: Mapping[str, int]
    names: PlanNames
    left_out: tuple[str, ...]
    timings: Mapping[str, float]


@transaction.atomic
def write_plan(run_id: int, computed: ComputedPlan, *, at: datetime) -> MatchRun:
    """Write down the answer of a planning run; a real plan supersedes the earlier ones.

    A run that was cancelled meanwhile is left as it is.
    """
    run = lifecycles.lock(MatchRun.objects.filter(pk=run_id).defer("result"))
    if run.state not in UNFINISHED:
        return run
    planned = computed.planned
    run.snapshot, run.snapshot_digest = zlib.compress(computed.snapshot), digest(computed.snapshot)
    run.supply = keep_supply(computed.supply, at=at)
    run.plan = None if computed.kept is None else zlib.compress(computed.kept)
    run.output_digest = digest(plan_bytes(planned))
    run.engine_version, run.as_of, run.finished_at = planned.engine_version, computed.as_of, at
    run.result = _result(planned, computed)
    run.timings = dict(computed.timings)
    run.progress_done = run.progress_total = len(planned.lines)
    run.progress_stage = ""
    served = sum(line.choice is not None for line in planned.lines)
    counts = {"mode": run.mode, "served": served, "unmet": len(planned.lines) - served}
    transition(run, "finish", target=planned.outcome, actor=ENGINE, at=at, columns=FINISHED, data=counts)
    PlanLine.objects.bulk_create(_rows(run, computed), batch_size=BATCH)
    if run.mode == "portfolio":
        _supersede(run, at=at)
    return run


def _supersede(run: MatchRun, *, at: datetime) -> None:
    earlier = MatchRun.objects.filter(mode="portfolio", state__in=ANSWERED).exclude(pk=run.pk)
    for old in earlier.defer("snapshot", "plan", "result").order_by("pk"):
        transition(old, "supersede", actor=ENGINE, at=at)


NOT_IN_RESULT = ("lines", "engine_version", "policy_version", "as_of")


def _result(planned: Planned, computed: ComputedPlan) -> dict[str, Any]:
    """Give the plan as a whole, without its lines: the engine's own answer, and words for the names in it."""
    whole = cast("dict[str, Any]", plain(planned))
    shown = {name: value for name, value in whole.items() if name not in NOT_IN_RESULT}
    return {**shown, "names": computed.names.only_in(shown), "left_out": list(computed.left_out)}


def _rows(run: MatchRun, computed: ComputedPlan) -> Iterator[PlanLine]:
    for position, line in enumerate(computed.planned.lines, start=1):
        yield _row(run, line, position, computed)


def _row(run: MatchRun, line: PlannedLine, position: int, computed: ComputedPlan) -> PlanLine:
    request_id, line_id = computed.line_ids[line.key]
    words = computed.names.in_words
    offer = line.choice.offer if line.choice else ""
    invented = offer.startswith(HYPOTHETICAL)
    return PlanLine(
        run=run,
        request_id=request_id,
        line_id=line_id,
        content_version=line.content_version,
        position=position,
        priority_class=line.priority_class,
        theme=line.theme,
        country=line.country or "",
        region=line.region,
        language=line.language or "",
        forms=list(line.forms),
        outcome=line.outcome,
        unmet_reason=line.unmet_reason,
        eligible=line.eligible,
        best_score=line.best_score,
        score=line.choice.score if line.choice else None,
        offering_id=computed.offering_ids[offer] if offer and not invented else None,
        hypothetical=offer.removeprefix(HYPOTHETICAL) if invented else "",
        choice=plain(line.choice) if line.choice else {},
        alternates=[
            {**entry, "name": computed.names.of(entry["offer"])}
            for entry in cast("list[dict[str, Any]]", words(plain(line.alternates)))
        ],
        reasons=words(plain(line.sentences)),
        shortage=words(
            {"shortage": plain(line.shortage), "relaxations": plain(line.relaxations)} if not line.choice else {}
        ),
    )
