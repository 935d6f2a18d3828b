"""What would make a candidate the first of its line: single changes of its provider, each the smallest that is enough.

Every change touches values that can be computed in closed form from what was planned for the pair; the track record, the
likeness of texts and the chance for newcomers are nobody's to change, and what the requester changes would change all
candidates at once. A change is named only if with it the candidate comes before the present first in the documented order
(score, earlier start, lower load, tie hash). Those that only say what was left open come first, then dates, seats and money,
then what has to be taught otherwise.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import islice

import numpy as np

from matching.engine.catalogue import FAR_FUTURE, UNKNOWN, SlotKind, calendar_days, trainer_days
from matching.engine.explaining.changes import PROVIDER, change
from matching.engine.explaining.explanation import Pair
from matching.engine.policy import CRITERIA, NEUTRAL, VALUE_TOP, Criterion
from matching.engine.reference.rates import to_amount, to_cents
from matching.engine.results import Change
from matching.engine.scoring import tie_hash
from matching.engine.scoring.criteria import NEAR_VALUES, NOTICE_DAYS, SLACK_DAYS, WORLDWIDE_VALUE, cost_value
from matching.engine.screening.constraints import coverage_steps
from matching.engine.types import LEVELS, Budget, Need, NeedLine

MOST_WAYS = 3  # changes named for one candidate
WHOLE_RATIO = 1000  # permille of the ceiling
MOST_RATIO = 2000  # beyond twice the ceiling the value is 0
GIVEN_DAYS = 5  # value of one day of slack

Values = dict[Criterion, int]
Key = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Rival:
    """What has to be beaten, as a key in the documented order (the smaller comes first), and what the pair has now."""

    first: Key
    score: int
    start: int
    load: int
    tie: int
    pair: Pair

    @classmethod
    def of(cls, pair: Pair, first: Pair) -> "Rival":
        """Set a pair against the first candidate."""
        key = (-_score(first), first.start.toordinal(), -first.value(Criterion.LOAD), _tie(first))
        return cls(key, _score(pair), pair.start.toordinal(), pair.value(Criterion.LOAD), _tie(pair), pair)

    def is_beaten(self, values: Values, start: int | None = None) -> bool:
        """Tell whether the pair with these values, and this start, comes before the first."""
        weights = self.pair.policy.weights
        gain = sum(weights[name] * (value - self.pair.value(name)) for name, value in values.items())
        begin = self.start if start is None else start
        return (-self.score - gain, begin, -values.get(Criterion.LOAD, self.load), self.tie) < self.first


def to_first(pair: Pair, first: Pair, as_of: date) -> tuple[Change, ...]:
    """Return up to three single changes, each of which would put the pair before the first of its line."""
    rival = Rival.of(pair, first)
    ways = (way for lever in LEVERS for way in lever(pair, rival, as_of))
    return tuple(islice(ways, MOST_WAYS))


def _fewest(most: int, enough: Callable[[int], bool]) -> int:
    """Return the least number from 1 to `most` that is enough, 0 if none is; more is never worse, so halving finds it."""
    if most <= 0 or not enough(most):
        return 0
    return 1 + bisect_left(range(1, most), True, key=enough)


def _tie(pair: Pair) -> int:
    return tie_hash(pair.policy, pair.need, pair.offer.id)


def _score(pair: Pair) -> int:
    return sum(pair.policy.weights[name] * value for name, value in zip(CRITERIA, pair.values, strict=True))


def _named(pair: Pair, rival: Rival, criterion: Criterion, gain: int, code: str, **params: str) -> Iterator[Change]:
    """Give the change if its gain on one criterion is enough."""
    if gain > 0 and rival.is_beaten({criterion: pair.value(criterion) + gain}):
        yield change(code, PROVIDER, **params)


# --- saying what was left open -------------------------------------------------------------------------------------


def _award(pair: Pair, rival: Rival, _as_of: date) -> Iterator[Change]:
    if pair.offer.award is None and pair.need.award != "none":
        yield from _named(pair, rival, Criterion.AWARD, VALUE_TOP - NEUTRAL, "give_award", award=pair.need.award)


def _place(pair: Pair, rival: Rival, _as_of: date) -> Iterator[Change]:
    """Name the country (or the region asked): half of the place's value is how near the declared coverage is."""
    line = pair.line
    steps = int(coverage_steps(line, pair.catalogue, np.array([pair.offer_row]))[0])
    world = len(pair.catalogue.places.chain_of(country=line.country, region=line.region)) - (line.country is None)
    if steps <= 0:
        return
    covered = WORLDWIDE_VALUE if steps == world else NEAR_VALUES[min(steps, len(NEAR_VALUES) - 1)]
    gain = 5 * (VALUE_TOP - covered) // 10
    if line.country is not None:
        yield from _named(pair, rival, Criterion.PLACE, gain, "serve_country", country=line.country)
    else:
        region = line.region or "001"
        yield from _named(pair, rival, Criterion.PLACE, gain, "serve_region", region=region)


def _days(pair: Pair, rival: Rival, as_of: date) -> Iterator[Change]:
    """Fix the days of a session that is dated vaguely, within the window."""
    slot, need = pair.slot, pair.need
    if slot.kind is not SlotKind.SESSION or slot.precise:
        return
    start = max(slot.start, need.window_start.toordinal(), as_of.toordinal() + 1)
    end = min(slot.end, need.window_end.toordinal())
    notice = max(0, min(slot.closes, start) - as_of.toordinal())
    values = {Criterion.DATES: VALUE_TOP, Criterion.LEAD_TIME: _notice_value(notice)}
    if start <= end and rival.is_beaten(values, start):
        days = {"start": date.fromordinal(start).isoformat(), "end": date.fromordinal(end).isoformat()}
        yield change("fix_days", PROVIDER, session=slot.code, **days)


def _capacity(pair: Pair, rival: Rival, as_of: date) -> Iterator[Change]:
    """Declare capacity for a time of which nothing is known."""
    slot = pair.slot
    if slot.kind is not SlotKind.ON_REQUEST or pair.shortened:
        return
    values = {Criterion.DATES: _slack_value(pair.slack), Criterion.LOAD: VALUE_TOP}
    if rival.is_beaten(values):
        start, end = max(slot.start, as_of.toordinal()), min(slot.end, pair.need.window_end.toordinal())
        days = {"start": date.fromordinal(start).isoformat(), "end": date.fromordinal(end).isoformat()}
        wanted = trainer_days(pair.offer.hours) * pair.deliveries
        yield change("declare_capacity", PROVIDER, trainer_days=wanted, **days)


# --- dates ---------------------------------------------------------------------------------------------------------


def _enrolment(pair: Pair, rival: Rival, as_of: date) -> Iterator[Change]:
    """Let enrolment close later, at the start of the session at the latest."""
    slot = pair.slot
    if slot.kind is not SlotKind.SESSION or slot.closes == FAR_FUTURE:
        return

    def enough(days: int) -> bool:
        notice = max(0, slot.closes + days - as_of.toordinal())
        return rival.is_beaten({Criterion.LEAD_TIME: _notice_value(notice)})

    days = _fewest(slot.start - slot.closes, enough)
    if days:
        yield change("close_later", PROVIDER, session=slot.code, days=days)


def _lead(pair: Pair, rival: Rival, as_of: date) -> Iterator[Change]:
    """Shorten the lead time."""
    days = _fewest_days(pair, rival, as_of, pair.offer.lead_time_days, lambda shift: (0, shift))
    if days:
        yield change("shorten_lead_time", PROVIDER, days=days)


def _opening(pair: Pair, rival: Rival, as_of: date) -> Iterator[Change]:
    """Open the capacity window earlier."""
    if pair.slot.kind is SlotKind.CAPACITY:
        days = _fewest_days(pair, rival, as_of, pair.slot.start - as_of.toordinal(), lambda shift: (shift, 0))
        if days:
            yield change("open_earlier", PROVIDER, window=pair.slot.code, days=days)


def _fewest_days(pair: Pair, rival: Rival, as_of: date, most: int, shifts: Callable[[int], tuple[int, int]]) -> int:
    """Return the fewest days by which to shift the opening or the lead time; 0 if none is enough."""
    if pair.slot.kind is SlotKind.SESSION:
        return 0
    return _fewest(most, lambda days: rival.is_beaten(*_shifted(pair, as_of, *shifts(days))))


def _shifted(pair: Pair, as_of: date, opening: int, lead: int) -> tuple[Values, int]:
    """Return values and start when the slot opens and the lead time ends some days earlier (see `slots`)."""
    slot, need = pair.slot, pair.need
    open_access = slot.kind is SlotKind.OPEN_ACCESS
    duration = 1 if open_access else calendar_days(pair.offer.hours)
    ready = max(slot.start - opening, as_of.toordinal() + pair.offer.lead_time_days - lead)
    begin, latest = max(ready, need.window_start.toordinal()), min(slot.end, need.window_end.toordinal())
    values = {Criterion.LEAD_TIME: _notice_value(max(0, latest - duration + 1 - ready))}
    if begin + duration - 1 > latest:
        return values, begin  # still cut short
    if slot.kind is SlotKind.CAPACITY:
        values[Criterion.DATES] = _slack_value(latest - (begin + duration - 1))
    elif slot.kind is SlotKind.ON_REQUEST:
        values[Criterion.DATES] = NEUTRAL
    else:
        values[Criterion.DATES] = pair.value(Criterion.DATES) if not pair.shortened else 900
    return values, begin


def _slack_value(slack: int) -> int:
    return 500 + GIVEN_DAYS * min(slack, SLACK_DAYS)


def _notice_value(notice: int) -> int:
    return min(VALUE_TOP, VALUE_TOP * notice // NOTICE_DAYS)


# --- seats and money -----------------------------------------------------------------------------------------------


def _seats(pair: Pair, rival: Rival, _as_of: date) -> Iterator[Change]:
    """Add seats to a session, where they cost nothing more."""
    slot, cost = pair.slot, pair.offer.cost
    if slot.kind is not SlotKind.SESSION or pair.reduced or (cost is not None and cost.per_participant):
        return

    def enough(more: int) -> bool:
        seats = min(pair.line.maximum, slot.free + more)
        values = {
            Criterion.GROUP: min(VALUE_TOP, VALUE_TOP * seats // pair.line.maximum),
            Criterion.LOAD: min(VALUE_TOP, VALUE_TOP * (slot.free + more) // (slot.total + more)),
        }
        return rival.is_beaten(values)

    seats = _fewest(pair.line.maximum - slot.free, enough)
    if seats:
        yield change("add_seats", PROVIDER, session=slot.code, seats=seats)


def _price(pair: Pair, rival: Rival, _as_of: date) -> Iterator[Change]:
    """Lower the price, or state one, in the currency of the request."""
    ceiling = pair.need.budget.left
    if ceiling is None or pair.reduced or to_cents(ceiling) < 1:
        return
    values = _values_by_ratio()
    saved = _fewest(MOST_RATIO, lambda less: rival.is_beaten({Criterion.COST: values[MOST_RATIO - less]}))
    if not saved:
        return
    most = ((MOST_RATIO - saved + 1) * to_cents(ceiling) - 1) // WHOLE_RATIO
    if pair.cost == UNKNOWN:
        price = min(most, to_cents(ceiling)) // pair.deliveries
        yield change("state_price", PROVIDER, price=f"{to_amount(price)} {pair.currency}")
        return
    price = most // pair.deliveries
    less = pair.cost - price * pair.deliveries
    if less > 0:
        yield change(
            "lower_price",
            PROVIDER,
            amount=f"{to_amount(less)} {pair.currency}",
            price=f"{to_amount(price)} {pair.currency}",
        )


@lru_cache(maxsize=1)
def _values_by_ratio() -> tuple[int, ...]:
    """Return the value of each permille of the ceiling from 0 to 2000."""
    day = date(2000, 1, 1)
    line = NeedLine(1, "any", "any", 1, 1)
    # With a ceiling of a thousand cents a cost in cents is its own ratio.
    need = Need("any", "any", (line,), day, day, budget=Budget(ceiling=to_amount(WHOLE_RATIO)))
    return tuple(int(value) for value in cost_value(need, np.arange(MOST_RATIO + 1, dtype=np.int64))[0])


# --- what is taught, to whom, in which language --------------------------------------------------------------------


def _audience(pair: Pair, rival: Rival, _as_of: date) -> Iterator[Change]:
    """Admit the audience, address its level of government, or teach its level: 5, 2 and 3 tenths of the value."""
    line, offer = pair.line, pair.offer
    if line.audience not in offer.audiences:
        gain = 5 * (VALUE_TOP - 400) // 10
        yield from _named(pair, rival, Criterion.AUDIENCE, gain, "admit_audience", audience=line.audience)
    if line.governance_level is not None and line.governance_level not in offer.governance_levels:
        gain = 2 * (VALUE_TOP - (400 if offer.governance_levels else NEUTRAL)) // 10
        level = {"government_level": line.governance_level}
        yield from _named(pair, rival, Criterion.AUDIENCE, gain, "name_government_level", **level)
    if line.level is not None and line.level != offer.level:
        apart = None if offer.level is None else abs(LEVELS.index(offer.level) - LEVELS.index(line.level))
        now = NEUTRAL if apart is None else (1000, 600, 200)[apart]
        yield from _named(pair, rival, Criterion.AUDIENCE, 3 * (1000 - now) // 10, "teach_level", level=line.level)


def _language(pair: Pair, rival: Rival, _as_of: date) -> Iterator[Change]:
    """Give it in the language asked, without interpretation."""
    asked = pair.line.language
    if pair.native or asked is None:
        return
    welcome = pair.need.languages_may - {asked}
    value = 900 + 100 * len(welcome & pair.slot.languages) // len(welcome) if welcome else VALUE_TOP
    gain = value - pair.value(Criterion.LANGUAGE)
    yield from _named(pair, rival, Criterion.LANGUAGE, gain, "give_language", language=asked)


LEVERS: tuple[Callable[[Pair, Rival, date], Iterator[Change]], ...] = (
    _award,
    _place,
    _days,
    _capacity,
    _enrolment,
    _lead,
    _opening,
    _seats,
    _price,
    _audience,
    _language,
)
