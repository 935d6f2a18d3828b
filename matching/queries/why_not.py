"""Why an offering is not in a plan: the plan solved again with it forced, from what the run has stored."""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, cast

from marketplace.kernel.errors import rule_broken, unknown_reference
from marketplace.kernel.text import gettext_noop
from matching.engine import (
    HYPOTHETICAL,
    EngineError,
    KeptPlan,
    Sentence,
    WhyNot,
    codes_of,
    constraint_sentences,
    decode_plan,
    decode_supply,
    fails_then,
    kept,
    line_key,
    plain,
    why_not,
)
from matching.models import PLAN_MODES, MatchRun, PlanLine
from matching.queries.plan_names import names_in
from matching.queries.supplies import supply_content
from providers import queries as providers
from requests_app import queries as requests

SECONDS = 12  # of reading and solving again: somebody waits, and the web ends a request after twice that
LEAST_SECONDS = 1.0  # with less no other way is tried
WAYS = 3  # dates and group sizes of the offering that are tried, best first


@dataclass(frozen=True, slots=True)
class Forced:
    """The answer: what forcing the offering changes in the whole plan, or why it cannot be."""

    request: str
    line: int
    offering: str
    chosen: bool
    possible: bool
    reason: str
    constraints: Sequence[str]
    change: dict[str, Any] | None
    moves: Sequence[dict[str, Any]]
    sentences: Sequence[dict[str, Any]]


def forced_choice(run_id: int, *, request: str, line: int, offering: str) -> Forced:
    """Say what forcing an offering for a line would change in a plan. Takes up to ``SECONDS`` seconds, reading included.

    Raises DomainError(unknown_reference) for a line that is not in the plan or an offering that does not exist,
    DomainError(rule_broken) for a run that is no plan, was not solved, or was kept by another version of the engine.
    """
    until = monotonic() + SECONDS
    run = MatchRun.objects.select_related("supply").defer("result").get(pk=run_id)
    if run.mode not in PLAN_MODES or run.plan is None:
        raise rule_broken("", "not_a_solved_plan", gettext_noop("Only a plan that was solved can be asked."))
    row = _line(run, request, line)
    offer, shown = _offer(offering)
    plan = _kept(run.plan)
    key = line_key(row.request.reference_text, line)
    labels = _labels(plan, key, offer)
    if not labels:
        return _no_candidate(run, row, offer, shown)
    return _told(max(_tried(plan, key, labels, until), key=_rank), row, shown)


def _kept(content: bytes | memoryview) -> KeptPlan:
    try:
        return kept(zlib.decompress(bytes(content)))
    except EngineError as error:
        detail = gettext_noop("The plan was made by another version of the engine: ask for a new one.")
        raise rule_broken("", "other_engine", detail) from error


def _line(run: MatchRun, request: str, line: int) -> PlanLine:
    rows = PlanLine.objects.filter(requests.key_is(request, "request__"), run=run, line__number=line)
    found = rows.select_related("request", "line").first()
    if found is None:
        raise unknown_reference("/line", f"{request}/{line}")
    return found


def _offer(reference: str) -> tuple[str, str]:
    """Give the offering as the engine knows it and as people do."""
    if reference.startswith(HYPOTHETICAL):
        return reference, reference.removeprefix(HYPOTHETICAL)
    offering = providers.offering_by_reference(reference)
    return str(offering.public_id), offering.reference_text


def _labels(plan: KeptPlan, key: str, offer: str) -> list[str]:
    """Give the ways in which an offering could serve a line, best score first."""
    instance = plan.instance
    number = next((n for n, entry in enumerate(instance.needs) if entry.id == key), None)
    if number is None:
        return []
    pairs = range(int(instance.pairs.need_start[number]), int(instance.pairs.need_start[number + 1]))
    ways = [pair for pair in pairs if instance.pairs.candidate[pair].split("|", 1)[0] == offer]
    ordered = sorted(ways, key=lambda pair: (-int(instance.pairs.score[pair]), instance.pairs.candidate[pair]))
    chosen = [pair for pair in ordered if pair in plan.solution.chosen]
    return [instance.pairs.candidate[pair] for pair in chosen or ordered[:WAYS]]


def _tried(plan: KeptPlan, key: str, labels: Sequence[str], until: float) -> Iterator[WhyNot]:
    """Force one way after the other, the best first, until the time is over; the first is always tried."""
    for number, label in enumerate(labels):
        left = until - monotonic()
        if number and left < LEAST_SECONDS:
            return
        settings = replace(plan.settings, time_limit_seconds=max(left, LEAST_SECONDS))
        yield why_not(plan.instance, plan.solution, settings, need=key, candidate=label)


def _rank(answer: WhyNot) -> tuple[Any, ...]:
    """Order answers as plans are ordered: what is possible first, then served by class, worst, total, kept."""
    if answer.chosen:
        return (2,)
    if answer.change is None:
        return (0,)
    change = answer.change
    served = tuple(change.served.get(number, 0) for number in range(1, 5))
    return (1, served, change.worst_score, change.total_score, change.kept)


def _told(answer: WhyNot, row: PlanLine, shown: str) -> Forced:
    moves = cast("list[dict[str, Any]]", plain(answer.moves))
    sentences = plain(answer.sentences)
    names = names_in(moves, sentences)
    return Forced(
        request=row.request.reference_text,
        line=row.line.number,
        offering=shown,
        chosen=answer.chosen,
        possible=answer.possible,
        reason=answer.reason,
        constraints=(),
        change=cast("dict[str, Any] | None", plain(answer.change)),
        moves=[{**move, "before": names.of(move["before"]), "after": names.of(move["after"])} for move in moves],
        sentences=cast("list[dict[str, Any]]", names.in_words(sentences)),
    )


def _no_candidate(run: MatchRun, row: PlanLine, offer: str, shown: str) -> Forced:
    """Say why the plan did not look at an offering: it was not there, fails hard constraints, or others were better."""
    mask = _mask(run, row, offer)
    names = {"need": line_key(row.request.reference_text, row.line.number), "offering": shown}
    if mask is None:
        reason, said = "not_on_offer", [Sentence("plan.not_on_offer", {"offering": shown})]
    elif mask:
        reason, said = "not_eligible", [Sentence("plan.not_eligible", names), *constraint_sentences(mask)]
    else:
        candidates = run.parameters.get("candidates_per_line", 20)
        reason, said = "not_a_candidate", [Sentence("plan.not_a_candidate", {**names, "candidates": candidates})]
    return Forced(
        request=row.request.reference_text,
        line=row.line.number,
        offering=shown,
        chosen=False,
        possible=False,
        reason=reason,
        constraints=codes_of(mask or 0),
        change=None,
        moves=(),
        sentences=cast("list[dict[str, Any]]", plain(said)),
    )


def _mask(run: MatchRun, row: PlanLine, offer: str) -> int | None:
    if run.snapshot is None or run.supply is None:
        return None
    document = json.loads(supply_content(run.supply))
    document["offers"] = [entry for entry in document["offers"] if entry["id"] == offer]  # the rest is not looked at
    supply = decode_supply(json.dumps(document).encode())
    inputs_then = decode_plan(zlib.decompress(bytes(run.snapshot)))
    return fails_then(inputs_then, supply, row.request.reference_text, row.line.number, offer)
