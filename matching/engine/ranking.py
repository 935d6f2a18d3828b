"""The ranking of one request: lines screened, scored and explained, then put together into proposals."""

from datetime import date

from matching.engine.catalogue import Catalogue
from matching.engine.explaining.candidates import explained_candidates, explained_proposals
from matching.engine.explaining.explanation import Pair
from matching.engine.explaining.near_misses import HOPELESS, near_misses
from matching.engine.explaining.relaxation import Setting, conflict
from matching.engine.explaining.shortlist import Shortlist
from matching.engine.policy import Policy
from matching.engine.proposing.bundles import bundles
from matching.engine.proposing.open_lines import open_lines
from matching.engine.proposing.packing import Task
from matching.engine.proposing.teams import find_proposals
from matching.engine.reference.rates import Rates
from matching.engine.results import COMPLETE, NO_SOLUTION, LineRanking, Ranking
from matching.engine.scoring import Scored, score_line
from matching.engine.screening.constraints import Question
from matching.engine.screening.narrowing import company, nearly_able, screen_able, slots_of
from matching.engine.screening.slots import Screen
from matching.engine.types import Need, NeedLine
from matching.engine.version import ENGINE_VERSION


def rank(need: Need, catalogue: Catalogue, policy: Policy, *, as_of: date, rates: Rates, limit: int = 20) -> Ranking:
    """Rank the catalogue for one request, as on a day.

    Returns for each line up to `limit` candidates, its near misses and, without candidates, its conflict; and the
    proposals: for one line its candidates, for several up to `policy.proposals` teams. Same inputs, same answer,
    in whatever order they are given. Raises EngineError(unknown_concept, unknown_country, unknown_region).
    """
    screens = {line.number: screen_able(need, line, catalogue, policy, as_of=as_of, rates=rates) for line in need.lines}
    settings = [
        Setting(need, line, catalogue, policy, as_of, rates, company(need, line, screens, catalogue))
        for line in need.lines
    ]
    if len(need.lines) > 1:
        screens = {
            entry.line.number: screen_able(
                need, entry.line, catalogue, policy, as_of=as_of, rates=rates, others=entry.others
            )
            for entry in settings
        }
    scored = [score_line(need, line, catalogue, policy, screens[line.number]) for line in need.lines]
    proposals, proven = find_proposals(need, catalogue, policy, rates, scored, limit)
    lines = tuple(_line(*parts, limit) for parts in zip(settings, scored, strict=True))
    uncovered = proposals[0].uncovered if proposals else tuple(line.number for line in need.lines)
    return Ranking(
        engine_version=ENGINE_VERSION,
        policy_version=policy.version,
        need=need.id,
        as_of=as_of,
        outcome=COMPLETE if proposals else NO_SOLUTION,
        partial=bool(proposals) and bool(uncovered),
        proven=proven,
        lines=lines,
        proposals=explained_proposals(proposals, lines),
        uncovered=uncovered,
        open_lines=open_lines(Task(need, catalogue, policy, rates, tuple(scored)), proposals),
        bundles=bundles(need, scored, catalogue, policy, as_of=as_of, rates=rates),
    )


def best_candidates(
    need: Need, line: NeedLine, catalogue: Catalogue, policy: Policy, *, as_of: date, rates: Rates, limit: int = 20
) -> Shortlist:
    """Return the best offers for one line taken alone, each with its breakdown and reasons, and nothing besides.

    Same inputs, same answer, in whatever order they are given. Raises EngineError(unknown_concept, unknown_country,
    unknown_region).
    """
    found = screen_able(need, line, catalogue, policy, as_of=as_of, rates=rates)
    return Shortlist(score_line(need, line, catalogue, policy, found), limit)


def _line(setting: Setting, scored: Scored, limit: int) -> LineRanking:
    pairs = [Pair(scored, position) for position in scored.best[: limit + 1]]
    return LineRanking(
        line=setting.line.number,
        considered=int(setting.catalogue.columns.published.sum()),
        eligible=len(scored.best),
        candidates=explained_candidates(pairs, limit, setting.as_of),
        near_misses=near_misses(setting, _nearly(setting)),
        conflict=None if scored.best else conflict(setting, setting.screened(setting.need, setting.line)),
    )


def _nearly(setting: Setting) -> Screen:
    """Test the slots of those offers only that can be near misses or candidates."""
    question = Question(setting.need, setting.line, setting.policy, setting.as_of.toordinal())
    most = setting.policy.near_miss_constraints
    offers = nearly_able(question, setting.catalogue, most=most, never=HOPELESS)
    return setting.screened(setting.need, setting.line, slots_of(setting.catalogue, offers))
