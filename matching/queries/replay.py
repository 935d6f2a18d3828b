"""Runs computed once more from what they were made of, and compared with what they answered. Nothing is written."""

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from marketplace.kernel.errors import DomainError, rule_broken
from marketplace.kernel.text import gettext_noop
from marketplace.lifecycles.operations import wrong_state
from matching.engine import (
    ENGINE_VERSION,
    FEASIBLE,
    Catalogue,
    EngineError,
    Need,
    Policy,
    Rates,
    build_catalogue,
    canonical,
    decode,
    decode_plan,
    decode_snapshot,
    decode_supply,
    digest,
    plan_all,
    pool,
    rank,
)
from matching.models import IMPOSSIBLE, REQUEST_MODES, MatchRun, SupplySnapshot
from matching.queries.supplies import supply_content

# Told how much of which stage is done: done, total, name of the stage.
Progress = Callable[[int, int, str], None]
# From the canonical bytes of the inputs and of the supply to the answer, as the engine gives it.
Replayer = Callable[[bytes, bytes, Progress], object]
SHORT = timedelta(seconds=10)  # that a run took: what took longer is not computed again while somebody waits
CUT_SHORT = (FEASIBLE, "unknown")  # the status of a plan whose time ended before its proof, or before there was any
SAME, DIFFERS, INCONCLUSIVE = "same", "differs", "inconclusive"
WORDS = {
    SAME: gettext_noop("The same inputs gave the same answer, to the byte."),
    DIFFERS: gettext_noop("The same inputs gave another answer than the one that the run keeps."),
    INCONCLUSIVE: gettext_noop(
        "The answers differ, but a time limit ended the search: computed again, it may get further or less far. "
        "This proves neither that the answer was changed nor that it was not."
    ),
    IMPOSSIBLE: gettext_noop(
        "The answer cannot be computed again: what the run was made of is damaged, or the engine is another by now."
    ),
}
POOLING = "pooling"  # the answer is a list of pools; the run keeps it as the member `pools`
ABSENT = ""  # what a side of a difference shows where it has nothing
SHOWN = 200  # characters of a value that a difference repeats


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place, by JSON pointer, where the kept answer and the replayed one part; both values as JSON."""

    pointer: str
    kept: str
    replayed: str


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay found. ``same``: the digests agree, and so does all of the answer that the run keeps.

    ``outcome``: same, differs, or inconclusive where the answers differ and a time limit ended one of the searches.
    """

    same: bool
    outcome: str
    mode: str
    engine_version: str
    snapshot_digest: str
    output_digest: str
    replayed_digest: str
    difference: Difference | None


def run_by_id(public_id: UUID) -> int | None:
    """Find the primary key of a run by its public id."""
    return MatchRun.objects.filter(public_id=public_id).values_list("pk", flat=True).first()


def is_short(run_id: int) -> bool:
    """Tell whether a run can be computed again while somebody waits: a ranking that took no longer than ``SHORT``."""
    mode, began, ended = MatchRun.objects.values_list("mode", "started_at", "finished_at").get(pk=run_id)
    if mode not in REQUEST_MODES:
        return False
    return began is None or ended is None or ended - began <= SHORT  # without an answer it is refused soon enough


def check_replayable(run_id: int) -> None:
    """Raise what ``replay_run`` raises, as far as it shows without computing."""
    _kept(MatchRun.objects.select_related("supply").get(pk=run_id))


def _silent(done: int, total: int, stage: str) -> None:
    """Tell nobody."""


def replay_run(run_id: int, *, progress: Progress = _silent) -> Replay:
    """Compute a run again from its snapshot and compare.

    A plan whose time ended before its proof may differ: another computer gets further in the same time.
    Raises DomainError(wrong_state) for a run without an answer, DomainError(rule_broken) where the answer cannot be
    computed again: it was made by another version of the engine, or what it was made of is damaged.
    """
    run = MatchRun.objects.select_related("supply").get(pk=run_id)
    replayer, content, supply = _kept(run)
    try:
        answer = canonical(replayer(content, supply, progress))
    except EngineError as error:
        raise _damaged() from error
    replayed, found = digest(answer), json.loads(answer)
    difference = _difference_of(run, found)
    same = replayed == run.output_digest
    outcome = SAME if same and difference is None else DIFFERS
    if not same and _cut_short(run.result, found):
        outcome = INCONCLUSIVE
    return Replay(
        same=outcome == SAME,
        outcome=outcome,
        mode=run.mode,
        engine_version=run.engine_version,
        snapshot_digest=run.snapshot_digest,
        output_digest=run.output_digest,
        replayed_digest=replayed,
        difference=difference,
    )


def _kept(run: MatchRun) -> tuple[Replayer, bytes, bytes]:
    """Give what computes the answer of a run, and the bytes that it was made of: inputs, supply."""
    if not run.output_digest or run.snapshot is None or run.supply is None:
        raise wrong_state(run, "replay")
    _check_engine(run)
    replayer = _replayer(run.mode)
    return replayer, _inputs(run.snapshot, run.snapshot_digest), _supply(run.supply)


def _cut_short(*answers: Any) -> bool:
    """Tell whether a time limit ended one of the searches; rankings and pools have none."""
    return any(isinstance(answer, dict) and answer.get("status") in CUT_SHORT for answer in answers)


def _check_engine(run: MatchRun) -> None:
    if run.engine_version != ENGINE_VERSION:
        detail = gettext_noop("The run was made by engine %(made)s; this is %(present)s, which may answer otherwise.")
        raise rule_broken("/engine_version", "other_engine", detail, made=run.engine_version, present=ENGINE_VERSION)


def _replayer(mode: str) -> Replayer:
    if mode not in REPLAYERS:
        detail = gettext_noop("Runs of the kind `%(mode)s` cannot be computed again.")
        raise rule_broken("/mode", "no_replay", detail, allowed=sorted(REPLAYERS), mode=mode)
    return REPLAYERS[mode]


def _inputs(packed: bytes | memoryview, expected: str) -> bytes:
    """Unpack the stored inputs of a run. Raises DomainError(rule_broken) as `_whole` does."""
    try:
        return _whole(zlib.decompress(packed), expected)
    except zlib.error as error:
        raise _damaged() from error


def _supply(kept: SupplySnapshot) -> bytes:
    """Put together what was on offer. Raises DomainError(rule_broken) as `_whole` does."""
    try:
        return _whole(supply_content(kept), kept.digest)
    except (zlib.error, KeyError) as error:
        raise _damaged() from error


def _whole(content: bytes, expected: str) -> bytes:
    """Return stored bytes. Raises DomainError(rule_broken) unless they are those that the digest was taken of."""
    if digest(content) != expected:
        raise _damaged()
    return content


def _damaged() -> DomainError:
    detail = gettext_noop("What the run was made of is damaged: it does not agree with its digest.")
    return rule_broken("/snapshot_digest", "damaged_snapshot", detail)


def replay_ranking(content: bytes, supply: bytes, progress: Progress = _silent) -> object:
    """Rank again. Raises EngineError(bad_snapshot)."""
    inputs = decode_snapshot(content)
    catalogue = _catalogue(supply, inputs.supply)
    return rank(inputs.need, catalogue, inputs.policy, as_of=inputs.as_of, rates=inputs.rates, limit=inputs.limit)


def replay_plan(content: bytes, supply: bytes, progress: Progress = _silent) -> object:
    """Plan again. Raises EngineError(bad_snapshot)."""
    inputs = decode_plan(content)
    answer = plan_all(
        inputs.task,
        _catalogue(supply, inputs.supply),
        inputs.policy,
        as_of=inputs.as_of,
        rates=inputs.rates,
        engine_version=inputs.engine_version,
        progress=progress,
    )
    return answer.planned


@dataclass(frozen=True, slots=True)
class PoolInputs:
    """All inputs of a search for pools; ``supply`` is the digest of what ``decode_supply`` reads."""

    format: int
    engine_version: str
    mode: str
    as_of: date
    needs: tuple[Need, ...]
    supply: str
    policy: Policy
    rates: Rates


def replay_pools(content: bytes, supply: bytes, progress: Progress = _silent) -> object:
    """Search for pools again. Raises EngineError(bad_snapshot)."""
    inputs = decode(PoolInputs, content)
    catalogue = _catalogue(supply, inputs.supply)
    return pool(inputs.needs, catalogue, inputs.policy, as_of=inputs.as_of, rates=inputs.rates)


def _catalogue(supply: bytes, expected: str) -> Catalogue:
    """Build the catalogue of a supply. Raises EngineError(bad_snapshot) unless it is the one that the inputs name."""
    if digest(supply) != expected:
        raise EngineError("bad_snapshot", "/supply", "names another supply")
    market = decode_supply(supply)
    return build_catalogue(market.offers, market.scheme, market.places, market.lexicon)


REPLAYERS: Mapping[str, Replayer] = {
    "request": replay_ranking,
    "preview": replay_ranking,
    "portfolio": replay_plan,
    "what_if": replay_plan,
    POOLING: replay_pools,
}


# --- where two answers part ---------------------------------------------------------------------------------------


def _difference_of(run: MatchRun, replayed: Any) -> Difference | None:
    """Compare what the run keeps of its answer; what it adds to it (words, figures for the screen) is left aside."""
    kept = run.result
    if run.mode == POOLING:
        kept, replayed = {"pools": [_unnamed(found) for found in kept.get("pools", ())]}, {"pools": replayed}
    shared = {name: value for name, value in kept.items() if name in replayed}
    return first_difference(shared, {name: replayed[name] for name in shared})


def _unnamed(found: Mapping[str, Any]) -> dict[str, Any]:
    """Give a kept pool without the words that were added for its requests and offerings."""
    return {
        **found,
        "members": [{name: value for name, value in one.items() if name != "request"} for one in found["members"]],
        "offers": [{name: value for name, value in one.items() if name != "offering"} for one in found["offers"]],
    }


def first_difference(kept: Any, replayed: Any, pointer: str = "") -> Difference | None:
    """Find the first place where two JSON values part, members in the order of their names; None if they agree."""
    if isinstance(kept, dict) and isinstance(replayed, dict):
        steps = {name.replace("~", "~0").replace("/", "~1"): name for name in sorted({*kept, *replayed})}
        return _first(((step, kept.get(name, ...), replayed.get(name, ...)) for step, name in steps.items()), pointer)
    if isinstance(kept, list) and isinstance(replayed, list):
        longest = range(max(len(kept), len(replayed)))
        return _first(((str(n), _entry(kept, n), _entry(replayed, n)) for n in longest), pointer)
    if type(kept) is type(replayed) and kept == replayed:
        return None
    return Difference(pointer, _shown(kept), _shown(replayed))


def _first(pairs: Any, pointer: str) -> Difference | None:
    found = (first_difference(kept, replayed, f"{pointer}/{step}") for step, kept, replayed in pairs)
    return next((difference for difference in found if difference is not None), None)


def _entry(values: list[Any], number: int) -> Any:
    return values[number] if number < len(values) else ...


def _shown(value: Any) -> str:
    if value is ...:
        return ABSENT
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
