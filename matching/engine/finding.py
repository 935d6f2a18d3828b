"""The ranking turned round: which lines of needs the offers of a small catalogue serve, or nearly serve.

Tests, criteria, weights and changes are those of the ranking. An offer that the requester rules out is passed over in
silence: who is ruled out is for the requester's side and the secretariat to know.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from matching.engine.bitsets import Ints
from matching.engine.catalogue import Catalogue
from matching.engine.explaining.explanation import Pair, candidate
from matching.engine.explaining.near_misses import HOPELESS, near_misses
from matching.engine.explaining.relaxation import Setting, popcount
from matching.engine.policy import Policy
from matching.engine.reference.rates import Rates
from matching.engine.results import CandidateResult, NearMiss
from matching.engine.scoring import score_line, take
from matching.engine.scoring.criteria import evaluate
from matching.engine.screening.constraints import Fail, Question
from matching.engine.screening.narrowing import company, nearly_able, screen_able, slots_of
from matching.engine.screening.slots import Screen
from matching.engine.types import Need, NeedLine

UNSPOKEN = HOPELESS | Fail.EXCLUDED_BY_REQUESTER | Fail.NOT_VISIBLE


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the best offer is from a line. `grade`: constraints that it fails, 0 where it can serve; `score` 0..10^6.

    Of an offer that fails something the score is what it would be worth as it is.
    """

    grade: int
    score: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What the offers are to one line: the best that can serve it, ids of the others that can, and those that nearly can."""

    best: CandidateResult | None = None
    others: tuple[str, ...] = ()
    near_misses: tuple[NearMiss, ...] = ()


def standings(need: Need, catalogue: Catalogue, policy: Policy, *, as_of: date, rates: Rates) -> Mapping[int, Standing]:
    """Return by number the lines that some offer serves or, but for a few constraints, could serve.

    Whether changes can help the latter is only known once they were tried: see `finding_of`. Raises EngineError as `rank` does.
    """
    found: dict[int, Standing] = {}
    for line in need.lines:
        setting = Setting(
            need, line, catalogue, policy, as_of, rates, _others(need, line, catalogue, policy, as_of, rates)
        )
        screen = _screen(setting)
        standing = None if screen is None else _standing(setting, screen)
        if standing is not None:
            found[line.number] = standing
    return found


def finding_of(need: Need, number: int, catalogue: Catalogue, policy: Policy, *, as_of: date, rates: Rates) -> Finding:
    """Return the best offer for one line with all reasons; where none can serve it, the near misses with their changes."""
    line = need.line(number)
    setting = Setting(need, line, catalogue, policy, as_of, rates, _others(need, line, catalogue, policy, as_of, rates))
    screen = _screen(setting)
    if screen is None:
        return Finding()
    scored = score_line(need, line, catalogue, policy, screen)
    if not scored.best:
        return Finding(near_misses=near_misses(setting, screen))
    offers = [catalogue.offers[row].id for row in scored.by_offer]
    return Finding(candidate(Pair(scored, scored.best[0]), rank=1), tuple(offers[1:]))


def _others(need: Need, line: NeedLine, catalogue: Catalogue, policy: Policy, as_of: date, rates: Rates) -> Ints:
    """Count for each offer the participants of the other lines that could fill a group together with this one."""
    if len(need.lines) == 1:
        return np.zeros(len(catalogue.offers), dtype=np.int64)
    others = [other for other in need.lines if other.number != line.number]
    screens = {other.number: screen_able(need, other, catalogue, policy, as_of=as_of, rates=rates) for other in others}
    return company(need, line, screens, catalogue)


def _screen(setting: Setting) -> Screen | None:
    """Test the slots of those offers only that fail little enough; None where there is none."""
    question = Question(setting.need, setting.line, setting.policy, setting.as_of.toordinal())
    offers = nearly_able(question, setting.catalogue, most=setting.policy.near_miss_constraints, never=UNSPOKEN)
    if not len(offers):
        return None
    return setting.screened(setting.need, setting.line, slots_of(setting.catalogue, offers))


def _standing(setting: Setting, screen: Screen) -> Standing | None:
    failed = popcount(screen.bits)
    grade = int(failed.min())
    if grade > setting.policy.near_miss_constraints:
        return None
    nearest = take(screen, np.flatnonzero(failed == grade))
    score = evaluate(setting.need, setting.line, setting.catalogue, setting.policy, nearest).scores(setting.policy)
    return Standing(grade, int(score.max()))
