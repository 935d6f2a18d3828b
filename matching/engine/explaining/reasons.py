"""How the reason of each criterion is written: its raw figure, the unit, and one sentence.

What is read of a pair (`facts`) is apart from what is written of it, so that what several pairs have alike, whoever
asks, is written once and given out again.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from matching.engine.catalogue import UNKNOWN, SlotKind
from matching.engine.explaining.ceiling import left_of_ceiling
from matching.engine.policy import CRITERIA, Criterion
from matching.engine.reference.concepts import RELATION_ORDER
from matching.engine.reference.rates import to_amount
from matching.engine.results import CriterionResult
from matching.engine.sentences import Param, Sentence
from matching.engine.text.similarity import Compared

if TYPE_CHECKING:
    from matching.engine.explaining.explanation import Pair

MOST = 16_384  # reasons kept written
KIND_CODES = {
    SlotKind.SESSION: "session",
    SlotKind.CAPACITY: "capacity",
    SlotKind.ON_REQUEST: "on_request",
    SlotKind.OPEN_ACCESS: "open_access",
    SlotKind.NOTHING: "nothing",
}

Written = tuple[int | None, str, Sentence]
Facts = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """`write` gets the facts of a pair and nothing else."""

    facts: Callable[["Pair"], Facts]
    write: Callable[..., Written]


@lru_cache(MOST)
def written(number: int, weight: int, value: int, known: bool, facts: Facts) -> CriterionResult:
    """Return the reason of one criterion (its number in CRITERIA)."""
    raw, unit, sentence = REASONS[number].write(*facts)
    return CriterionResult(CRITERIA[number], raw, unit, value, weight, weight * value, known, sentence)


def _theme(asked: str, order: int, closeness: int, theme: str) -> Written:
    code = f"theme.{RELATION_ORDER[order].value}"
    return closeness, "permille", Sentence(code, {"asked_theme": asked, "theme": theme})


def _theme_facts(pair: "Pair") -> Facts:
    order, farness, theme = pair.asked.nearest(pair.offer)
    return pair.line.theme, order, -farness, theme


def _place(steps: int, country: str | None, region: str, is_world: bool) -> Written:
    if steps == 0 and country:
        return 0, "steps", Sentence("place.named_country", {"country": country})
    if steps == 0:
        return 0, "steps", Sentence("place.named_region", {"region": region})
    return steps, "steps", Sentence("place.world" if is_world else "place.region", {"region": region})


def _place_facts(pair: "Pair") -> Facts:
    steps, country, around = pair.asked.steps(pair.offer), pair.line.country, pair.asked.around
    region = around[max(0, steps - 1) if country else steps]
    return steps, country, region, region == around[-1]


def _audience(audience: str, is_met: bool, level: str | None) -> Written:
    if not is_met:
        return None, "none", Sentence("audience.adapted", {"audience": audience})
    if level is not None:
        return None, "none", Sentence("audience.level_differs", {"audience": audience, "level": level})
    return None, "none", Sentence("audience.meets", {"audience": audience})


def _audience_facts(pair: "Pair") -> Facts:
    line, offer = pair.line, pair.offer
    return line.audience, line.audience in offer.audiences, offer.level if pair.level_differs else None


def _language(language: str | None, is_native: bool, spoken: frozenset[str]) -> Written:
    if language is None:
        return None, "none", Sentence("language.any", {"languages": tuple(sorted(spoken))})
    return None, "none", Sentence("language.native" if is_native else "language.interpreted", {"language": language})


def _dates(code: str, start: date, end: date, slack: int) -> Written:
    days: dict[str, Param] = {"start": start.isoformat(), "end": end.isoformat(), "days": slack}
    return 0 if code == "shortened" else slack, "days", Sentence(f"dates.{code}", days)


def _dates_facts(pair: "Pair") -> Facts:
    code = KIND_CODES[pair.slot.kind]
    if pair.shortened:
        code = "shortened"
    elif pair.is_vague:
        code = "session_vague"
    return code, pair.start, pair.end, pair.slack


def _group(seats: int, wished: int, deliveries: int) -> Written:
    params = {"seats": seats, "wished": wished, "deliveries": deliveries}
    return seats, "participants", Sentence("group.all" if seats >= wished else "group.some", params)


def _cost(cost: int, currency: str, ceiling: int | None, left: tuple[Param, ...]) -> Written:
    if cost == UNKNOWN:
        return None, "cents", Sentence("cost.unknown")
    code = "cost.no_ceiling"
    if ceiling is not None:
        code = "cost.within" if cost <= ceiling else "cost.over"
    named: dict[str, Param] = {"amount": f"{to_amount(cost)} {currency}"}
    if left:
        code, named = f"{code}_left", named | dict(zip(("ceiling", "left"), left, strict=True))
    return cost, "cents", Sentence(code, named)


def _cost_facts(pair: "Pair") -> Facts:
    asked = pair.asked
    left = left_of_ceiling(asked.need, asked.policy)
    return pair.cost, asked.currency, asked.ceiling, (left["ceiling"], left["left"]) if left else ()


def _track_record(evaluations: int, mean: int, value: int) -> Written:
    if not evaluations:
        return 0, "evaluations", Sentence("track_record.none", {"value": value})
    params = {"evaluations": evaluations, "mean": mean, "value": value}
    return evaluations, "evaluations", Sentence("track_record.measured", params)


def _track_record_facts(pair: "Pair") -> Facts:
    record = pair.offer.record
    return record.evaluations, record.mean, pair.value(Criterion.TRACK_RECORD)


def _lead_time(notice: int) -> Written:
    return notice, "days", Sentence("lead_time.days", {"days": notice})


def _text(value: int, basis: Compared, themes: tuple[str, ...]) -> Written:
    if basis is Compared.WORDS:
        return value, "permille", Sentence("text.alike", {"percent": value // 10})
    if basis is Compared.NOTHING:
        return value, "permille", Sentence("text.no_common_language")
    said = Sentence("text.by_concepts", {"themes": themes}) if themes else Sentence("text.no_common_concept")
    return value, "permille", said


def _award(wanted: str, offered: str | None, value: int) -> Written:
    if wanted == "none":
        return None, "none", Sentence("award.not_asked")
    if offered is None:
        return None, "none", Sentence("award.unknown", {"award": wanted})
    return None, "none", Sentence("award.given" if value else "award.missing", {"award": offered})


def _load(value: int | None) -> Written:
    if value is None:
        return None, "permille", Sentence("load.unknown")
    return value, "permille", Sentence("load.free", {"percent": value // 10})


def _newcomer(done: int) -> Written:
    code = "newcomer.first" if done == 0 else "newcomer.deliveries"
    return done, "deliveries", Sentence(code, {"deliveries": done})


REASONS_BY_CRITERION: dict[Criterion, Reason] = {
    Criterion.THEME: Reason(_theme_facts, _theme),
    Criterion.PLACE: Reason(_place_facts, _place),
    Criterion.AUDIENCE: Reason(_audience_facts, _audience),
    Criterion.LANGUAGE: Reason(lambda pair: (pair.line.language, pair.native, pair.slot.languages), _language),
    Criterion.DATES: Reason(_dates_facts, _dates),
    Criterion.GROUP: Reason(lambda pair: (pair.seats, pair.line.maximum, pair.deliveries), _group),
    Criterion.COST: Reason(_cost_facts, _cost),
    Criterion.TRACK_RECORD: Reason(_track_record_facts, _track_record),
    Criterion.LEAD_TIME: Reason(lambda pair: (pair.notice,), _lead_time),
    Criterion.TEXT: Reason(
        lambda pair: (pair.value(Criterion.TEXT), *pair.asked.texts.compared(pair.offer_row)), _text
    ),
    Criterion.AWARD: Reason(lambda pair: (pair.need.award, pair.offer.award, pair.value(Criterion.AWARD)), _award),
    Criterion.LOAD: Reason(
        lambda pair: (pair.value(Criterion.LOAD) if pair.is_known(Criterion.LOAD) else None,), _load
    ),
    Criterion.NEWCOMER: Reason(lambda pair: (pair.offer.record.deliveries,), _newcomer),
}
REASONS = tuple(REASONS_BY_CRITERION[criterion] for criterion in CRITERIA)
