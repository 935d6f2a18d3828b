"""The templates of all sentences, English and French beside each other. Syntax: see `sentences`.

Each room of the engine has its own part, `sentence_templates_<room>`: a mapping code -> {"en": ..., "fr": ...}. A new
part is named in PARTS, and nowhere else.
"""

from collections.abc import Mapping
from itertools import chain

from matching.engine.errors import EngineError
from matching.engine.sentences.templates.explanations import EXPLANATIONS
from matching.engine.sentences.templates.gaps import GAPS
from matching.engine.sentences.templates.planning import PLANNING
from matching.engine.sentences.templates.portfolio import PORTFOLIO
from matching.engine.sentences.templates.ranking import RANKING
from matching.engine.sentences.templates.teams import TEAMS

Templates = Mapping[str, Mapping[str, str]]

PARTS: tuple[Templates, ...] = (RANKING, EXPLANATIONS, GAPS, PLANNING, PORTFOLIO, TEAMS)


def merged(parts: tuple[Templates, ...]) -> Templates:
    """Return all parts as one mapping. Raises EngineError(bad_sentence) for a code that two parts claim."""
    codes = list(chain.from_iterable(parts))
    if len(codes) > len(set(codes)):
        twice = min(code for code in codes if codes.count(code) > 1)
        raise EngineError("bad_sentence", twice, "two parts of the templates claim this code")
    return {code: texts for part in parts for code, texts in part.items()}


TEMPLATES: Templates = merged(PARTS)
