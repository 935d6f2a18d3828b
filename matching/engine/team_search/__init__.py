"""Teams: the smallest group of partners that covers the most, exactly, among thousands of candidates.

instance = TeamInstance(cells=("fr", "ar"), candidates=(TeamCandidate("A", "A", cells=0b01, value=7), ...))
answer = find_team(instance)
answer.members, answer.objective, answer.proven, answer.uncovered
"""

from matching.engine.team_search.answer import Objective, TeamAnswer, TeamMember, find_team
from matching.engine.team_search.instance import TeamCandidate, TeamInstance, mask_of
from matching.engine.team_search.reading import read_team_instance, team_document
from matching.engine.team_search.reasons import REASONS, UncoveredCell

__all__ = [
    "REASONS",
    "Objective",
    "TeamAnswer",
    "TeamCandidate",
    "TeamInstance",
    "TeamMember",
    "UncoveredCell",
    "find_team",
    "mask_of",
    "read_team_instance",
    "team_document",
]
