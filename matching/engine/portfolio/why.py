"""Why not this one? The plan solved again with the pair forced: what that changes, and for whom."""

from matching.engine.portfolio.instance import Instance
from matching.engine.portfolio.report import NOT_PROVEN, Change, Move, WhyNot
from matching.engine.portfolio.resolving import NO_CHANGE, Solver, change, forced, impossible, order
from matching.engine.portfolio.results import UNKNOWN, Conflict, Settings, Solution
from matching.engine.portfolio.standing import Standing
from matching.engine.portfolio.wording import first_difference, moved
from matching.engine.sentences import Sentence

SAID = 10  # so many moves become sentences; the data have all
BANNED = "banned"
CONFLICT = "conflict"


def answer(
    instance: Instance, solution: Solution, settings: Settings, *, need: str, candidate: str, solver: Solver
) -> WhyNot:
    """Return what forcing a pair does. Raises EngineError(bad_instance) when the two are no pair."""
    standing, pair = Standing(instance, solution, settings), instance.pair_number(need, candidate)
    if pair in solution.chosen:
        return _chosen(need, candidate)
    if pair in instance.banned:
        return _impossible(standing, pair, BANNED, Conflict())
    other = [lock for lock in sorted(instance.locked) if instance.pairs.need[lock] == instance.pairs.need[pair]]
    if other:
        return _impossible(standing, pair, CONFLICT, Conflict(locks=tuple(other)))
    after = solver(forced(instance, pair), settings)
    if after.status == UNKNOWN:
        return _impossible(standing, pair, NOT_PROVEN, Conflict())
    if impossible(after):
        return _impossible(standing, pair, CONFLICT, after.conflict or Conflict())
    moves, difference = _moves(standing, after), change(standing, after)
    return WhyNot(
        need=need,
        candidate=candidate,
        chosen=False,
        possible=True,
        reason="",
        change=difference,
        moves=moves,
        capacities=(),
        groups=(),
        locks=(),
        sentences=(*_told(difference, need, candidate), *(moved(move) for move in moves[:SAID])),
    )


def _chosen(need: str, candidate: str) -> WhyNot:
    return WhyNot(
        need=need,
        candidate=candidate,
        chosen=True,
        possible=True,
        reason="",
        change=NO_CHANGE,
        moves=(),
        capacities=(),
        groups=(),
        locks=(),
        sentences=(Sentence("why_not.chosen", {"need": need, "candidate": candidate}),),
    )


def _impossible(standing: Standing, pair: int, reason: str, conflict: Conflict) -> WhyNot:
    """Say why a pair cannot be; the wish for it is left out of what it is in conflict with."""
    instance = standing.instance
    need, candidate = instance.pair_name(pair)
    others = Conflict(tuple(lock for lock in conflict.locks if lock != pair), conflict.floors, conflict.minima)
    first = Sentence(f"why_not.{reason}", {"need": need, "candidate": candidate})
    return WhyNot(
        need=need,
        candidate=candidate,
        chosen=False,
        possible=False,
        reason=reason,
        change=None,
        moves=(),
        capacities=others.minima,
        groups=others.floors,
        locks=tuple(instance.pair_name(lock) for lock in others.locks),
        sentences=(first, *conflict_sentences(instance, others)),
    )


def conflict_sentences(instance: Instance, conflict: Conflict) -> tuple[Sentence, ...]:
    """Name the wishes of a conflict one by one."""
    floors = {floor.group: floor.minimum for floor in instance.floors}
    minima = {capacity.id: capacity.minimum for capacity in instance.capacities}
    locks = [dict(zip(("need", "candidate"), instance.pair_name(lock), strict=True)) for lock in conflict.locks]
    return (
        *(Sentence("plan.conflict_lock", names) for names in locks),
        *(Sentence("plan.conflict_floor", {"group": name, "minimum": floors[name]}) for name in conflict.floors),
        *(Sentence("plan.conflict_minimum", {"capacity": name, "minimum": minima[name]}) for name in conflict.minima),
    )


def _moves(standing: Standing, after: Solution) -> tuple[Move, ...]:
    """Return the needs whose candidate differs, by need."""
    pairs = standing.instance.pairs
    then = {int(pairs.need[pair]): pair for pair in after.chosen}
    found = []
    for need, entry in enumerate(standing.instance.needs):
        now, later = standing.current(need), then.get(need)
        if now != later:
            points = (0 if later is None else int(pairs.score[later])) - (0 if now is None else int(pairs.score[now]))
            found.append(
                Move(
                    need=entry.id,
                    before=None if now is None else pairs.candidate[now],
                    after=None if later is None else pairs.candidate[later],
                    points=points,
                )
            )
    return tuple(found)


def _told(difference: Change, need: str, candidate: str) -> list[Sentence]:
    names = {"need": need, "candidate": candidate}
    if order(difference) < order(NO_CHANGE):
        return [Sentence("why_not.better", names)]
    objective, figures = first_difference(difference)
    said = [Sentence(f"why_not.{objective}", names | figures)]
    return said if difference.exact else [*said, Sentence("why_not.bound")]
