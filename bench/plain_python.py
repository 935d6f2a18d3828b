"""The same constraints and criteria in straightforward Python: one offer after the other, no array, no index.

It reads the very offers of the engine and gives the same top 20 with the same scores (the benchmark checks it). Word
parts of the texts are prepared beforehand, as they are for the engine; the reasons are written by the engine's own
functions for both sides, so that what is compared is finding and scoring.
"""

from collections.abc import Callable
from dataclasses import dataclass

from matching.engine import AWARDS, LEVELS, Catalogue, Need, NeedLine, Offer, Rates, ThemeScheme, to_cents
from matching.engine import DEFAULT_POLICY as POLICY
from matching.engine.catalogue import Slot, SlotKind, calendar_days
from matching.engine.policy import CRITERIA, NEUTRAL
from matching.engine.reference.concepts import Relation
from matching.engine.text.words import tokens

WEIGHTS = [POLICY.weights[criterion] for criterion in CRITERIA]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a plain program would have at hand: slots and word parts of each offer, evidence of each form."""

    offers: list[Offer]
    slots: list[list[Slot]]
    words: list[dict[str, int]]
    tops: dict[str, int]
    forms: dict[str, tuple[int, int]]


def prepare(catalogue: Catalogue) -> Prepared:
    """Lay out the catalogue as lists and dictionaries."""
    index = catalogue.texts.languages["en"]
    names = list(index.position)
    start, term, part = index.start.tolist(), index.term.tolist(), index.part.tolist()
    first = catalogue.slots.first.tolist()
    rows = range(len(catalogue.offers))
    forms: dict[str, tuple[int, int]] = {}
    for offer in catalogue.offers:
        count, points = forms.get(offer.form, (0, 0))
        own = offer.record
        forms[offer.form] = (count + own.evaluations, points + own.evaluations * own.mean)
    return Prepared(
        offers=list(catalogue.offers),
        slots=[list(catalogue.slots.slots[first[row] : first[row + 1]]) for row in rows],
        words=[{names[term[n]]: part[n] for n in range(start[row], start[row + 1])} for row in rows],
        tops=dict(zip(names, index.top.tolist(), strict=True)),
        forms=forms,
    )


def top(
    need: Need, ready: Prepared, catalogue: Catalogue, rates: Rates, today: int, limit: int
) -> list[tuple[int, str]]:
    """Return (score, offer) of the best offers."""
    line, scheme = need.lines[0], catalogue.scheme
    theme = theme_of(line, scheme)
    asked = set(tokens(need.texts["en"], "en"))
    most = sum(ready.tops.get(word, 0) for word in asked)
    found: list[tuple[int, int, int, str]] = []
    for row, offer in enumerate(ready.offers):
        steps = able(need, line, offer, catalogue, scheme, today)
        if steps is None:
            continue
        whole = of_offer(need, line, offer, ready, steps, theme(offer), catalogue)
        words = ready.words[row]
        likeness = min(1000, sum(words[word] for word in asked if word in words) * 1000 // most)
        best = None
        for slot in ready.slots[row]:
            values = of_slot(need, line, offer, slot, rates, today)
            if values is not None:
                score = whole + WEIGHTS[9] * likeness + sum(w * v for w, v in zip(SLOT_WEIGHTS, values[0], strict=True))
                entry = (-score, values[1], 1000 - values[0][4])
                best = entry if best is None else min(best, entry)
        if best is not None:
            found.append((*best, offer.id))
    found.sort()
    return [(-entry[0], entry[3]) for entry in found[:limit]]


SLOT_WEIGHTS = [WEIGHTS[number] for number in (3, 4, 5, 6, 11, 8)]  # language, dates, group, cost, load, lead time


def able(need: Need, line: NeedLine, offer: Offer, catalogue: Catalogue, scheme: ThemeScheme, today: int) -> int | None:
    """Return how far the coverage is; None for an offer that fails a constraint by itself."""
    if not in_standing(offer, today):
        return None
    asked = scheme.index(line.theme)
    near = scheme.ancestry[asked][1:2]
    numbers = [scheme.position[name] for name in offer.themes]
    if not any(asked in scheme.ancestry[number] or number in near for number in numbers):
        return None
    if not offer.customisable:
        if line.audience not in offer.audiences:
            return None
        if line.level is not None and offer.level not in (None, line.level):
            return None
    if offer.award is not None and AWARDS.index(offer.award) < AWARDS.index(need.award):
        return None
    return coverage(offer, line, catalogue)


def in_standing(offer: Offer, today: int) -> bool:
    """Tell whether the offer is on the market."""
    vetted = offer.vetted_until is not None and offer.vetted_until.toordinal() >= today
    return offer.published and offer.bookable and vetted and offer.provider_verified


def coverage(offer: Offer, line: NeedLine, catalogue: Catalogue) -> int | None:
    """Return the steps from the country to what the offer covers."""
    if line.country in offer.countries:
        return 0
    chain = catalogue.places.chain_of(country=line.country, region=line.region)
    for step, region in enumerate(chain, start=1):
        if region in offer.regions:
            return step
    return len(chain) if offer.worldwide else None


def theme_of(line: NeedLine, scheme: ThemeScheme) -> Callable[[Offer], int]:
    """Return the value function of the theme."""
    asked = scheme.index(line.theme)
    parts = sum(1 for other in range(len(scheme.concepts)) if other != asked and asked in scheme.ancestry[other])

    def value(offer: Offer) -> int:
        numbers = [scheme.position[name] for name in offer.themes]
        found = [scheme.relation(asked=asked, offered=number) for number in numbers]
        closeness = max(int(scheme.closeness[asked, number]) for number in numbers)
        covered = found.count(Relation.NARROWER)
        if Relation.EQUAL in found:
            coverage = 500 + 500 * covered // parts if parts else 1000
        else:
            coverage = 1000 * covered // parts if covered else 500 if Relation.BROADER in found else 0
        meets = sum(entry in (Relation.EQUAL, Relation.NARROWER, Relation.BROADER) for entry in found)
        return (6 * closeness + 2 * coverage + 2 * (1000 * meets // len(numbers))) // 10

    return value


def of_offer(
    need: Need, line: NeedLine, offer: Offer, ready: Prepared, steps: int, theme: int, catalogue: Catalogue
) -> int:
    """Return the weighted values that no slot changes: theme, place, audience, track record, award, newcomer."""
    chain = catalogue.places.chain_of(country=line.country, region=line.region)
    coverage = 500 if steps == len(chain) else (1000, 850, 700, 600)[min(steps, 3)]
    neighbours = catalogue.places.members[chain[0]]
    peer = offer.home_country in neighbours
    place = (5 * coverage + 3 * 1000 + 2 * (600 if peer else 200)) // 10
    level = 1000
    if line.level is not None:
        apart = None if offer.level is None else abs(LEVELS.index(offer.level) - LEVELS.index(line.level))
        level = NEUTRAL if apart is None else (1000, 600, 200)[apart]
    audience = (5 * (1000 if line.audience in offer.audiences else 400) + 3 * level + 2 * 1000) // 10
    count, points = ready.forms[offer.form]
    strength, own = POLICY.prior_strength, offer.record
    prior = (strength * POLICY.prior_mean + count * (points // count if count else 0)) // (strength + count)
    record = (strength * prior + own.evaluations * own.mean) // (strength + own.evaluations)
    award = 1000 if need.award == "none" or offer.award is not None else NEUTRAL
    newcomer = 1000 * max(0, POLICY.newcomer_deliveries - own.deliveries) // POLICY.newcomer_deliveries
    pairs = ((0, theme), (1, place), (2, audience), (7, record), (10, award), (12, newcomer))
    return sum(WEIGHTS[number] * value for number, value in pairs)


def of_slot(
    need: Need, line: NeedLine, offer: Offer, slot: Slot, rates: Rates, today: int
) -> tuple[tuple[int, ...], int] | None:
    """Return values of language, dates, group, cost, load and lead time, and the first day; None if it fails."""
    native = line.language in slot.languages
    if not native and not offer.interpretation:
        return None
    timed = dated(need, slot, today) if slot.kind is SlotKind.SESSION else asked_for(need, offer, slot, today)
    if timed is None:
        return None
    start, dates, notice = timed
    seats = seated(line, offer, slot)
    if seats is None:
        return None
    cost = affordable(need, line, offer, slot, seats, rates)
    if cost is None:
        return None
    known = slot.free >= 0 and slot.total > 0
    values = (
        1000 if native else 400,
        dates,
        min(1000, 1000 * cost[1] // line.maximum),
        cost[0],
        min(1000, 1000 * slot.free // slot.total) if known else NEUTRAL,
        min(1000, 1000 * notice // 60),
    )
    return values, start


def dated(need: Need, slot: Slot, today: int) -> tuple[int, int, int] | None:
    """Return first day, value of the dates and days of notice of a session."""
    if not slot.bookable or slot.end <= today or slot.closes < today or slot.start <= today:
        return None
    if slot.start < need.window_start.toordinal() or slot.end > need.window_end.toordinal():
        return None
    return slot.start, 1000, max(0, min(slot.closes, slot.start) - today)


def asked_for(need: Need, offer: Offer, slot: Slot, today: int) -> tuple[int, int, int] | None:
    """Return the same for a delivery that begins when it is asked for."""
    if slot.kind is SlotKind.NOTHING:
        return None
    opens, closes = need.window_start.toordinal(), need.window_end.toordinal()
    duration = 1 if slot.kind is SlotKind.OPEN_ACCESS else calendar_days(offer.hours)
    half = -(-duration // 2) if offer.customisable else duration
    ready = max(slot.start, today + offer.lead_time_days)
    begin, latest = max(ready, opens), min(slot.end, closes)
    if ready + half - 1 > slot.end or begin + half - 1 > latest:
        return None
    notice = max(0, latest - duration + 1 - ready)
    if begin + duration - 1 > latest:
        return begin, 400, notice
    if slot.kind is SlotKind.CAPACITY:
        return begin, 500 + 5 * min(latest - (begin + duration - 1), 60), notice
    return begin, 900 if slot.kind is SlotKind.OPEN_ACCESS else NEUTRAL, notice


def seated(line: NeedLine, offer: Offer, slot: Slot) -> int | None:
    """Return the seats planned."""
    if slot.kind is SlotKind.SESSION:
        largest, available = max(1, slot.free), slot.free
    else:
        largest = offer.participants_max
        units = POLICY.max_deliveries if slot.kind is SlotKind.ON_REQUEST else slot.free // max(1, slot.per_delivery)
        available = units * largest
    seats = min(line.maximum, available)
    deliveries = max(1, -(-seats // largest))
    fewer = (deliveries - 1) * largest if deliveries > 1 and seats < deliveries * slot.group_min else seats
    if available < slot.group_min or available < line.minimum or seats < slot.group_min or fewer < line.minimum:
        return None
    return fewer


def affordable(
    need: Need, line: NeedLine, offer: Offer, slot: Slot, seats: int, rates: Rates
) -> tuple[int, int] | None:
    """Return the value of the cost and the seats that the ceiling leaves."""
    if offer.cost is None:
        return NEUTRAL, seats
    ceiling = to_cents(need.budget.ceiling) if need.budget.ceiling is not None else 0
    largest = max(1, seats) if slot.kind is SlotKind.SESSION else offer.participants_max
    cost = price(offer, seats, max(1, -(-seats // largest)), rates)
    if cost > ceiling:
        least = min(seats, max(line.minimum, slot.group_min))
        runs = max(1, -(-least // largest))
        cost = price(offer, least, runs, rates)
        if cost > ceiling or least >= seats or (runs > 1 and least < runs * slot.group_min):
            return None
        seats = least
    ratio = min(2000, 1000 * cost // ceiling)
    return 1000 if ratio <= 500 else 1000 - (ratio - 500) * 4 // 5, seats


def price(offer: Offer, seats: int, deliveries: int, rates: Rates) -> int:
    """Return the cost in cents of US dollars."""
    if offer.cost is None:
        return -1
    native = deliveries * to_cents(offer.cost.per_delivery) + seats * to_cents(offer.cost.per_participant)
    top, bottom = rates.factor(offer.cost.currency, "USD") or (1, 1)
    return (native * 2 * top + bottom) // (2 * bottom)
