"""The criteria: each a value function into whole numbers 0..1000, for one line and many slots at once.

| criterion | value | unit of the raw figure |
|---|---|---|
| theme | 60 % closeness (Wu-Palmer) + 20 % share of what is asked that is covered + 20 % share of the offer that is about it | permille |
| place | 50 % declared coverage (country > region > ... > world) + 30 % place of delivery against the wish + 20 % experience there or a peer of the region | steps |
| audience | 50 % audience + 30 % level + 20 % level of government; adapted: 400 for the audience, 600 or 200 for the level | - |
| language | native 900 plus 100 for the languages that are welcome as well; interpreted 400 | - |
| dates | session in the window 1000, dated vaguely 500 plus half its overlap; capacity 500 plus 5 a day of slack up to 60; length cut 400 | days |
| group | seats / the line's maximum | participants |
| cost | 1000 up to half of the ceiling, then down to 600 at the ceiling and 0 at twice the ceiling | cents |
| track_record | mean of evaluations, shrunk to the mean of the form, which is shrunk to the policy's prior (Bayes) | evaluations |
| lead_time | days left to ask / 60 | days |
| text | BM25 of need and offer, share of the best possible | permille |
| award | the award wanted or a higher one 1000, else 0 | - |
| load | free share of the slot | permille |
| newcomer | 1000 for no delivery yet, falling to 0 at the policy's number | deliveries |

What is not known takes the declared neutral value 500 (track record: the prior) and is marked so.
Weights are swing weights of an additive value model (Keeney and Raiffa 1976); S = sum of weight * value.
"""

from dataclasses import dataclass

import numpy as np

from matching.engine.catalogue import UNKNOWN, Bools, Catalogue, Ints, SlotKind
from matching.engine.concepts import Relation
from matching.engine.constraints import coverage_steps
from matching.engine.places import WORLD
from matching.engine.policy import CRITERIA, NEUTRAL, VALUE_TOP, Criterion, Policy
from matching.engine.rates import to_cents
from matching.engine.slots import Dates, Screen, at_place, distinct
from matching.engine.types import AWARDS, LEVELS, Need, NeedLine

NEAR_VALUES = (1000, 850, 700, 600)  # coverage by steps from the country
WORLDWIDE_VALUE = 500
SLACK_DAYS = 60
NOTICE_DAYS = 60
COUNT_BITS = 20  # an offer has fewer themes than a million
MOST_COUNTED = (1 << COUNT_BITS) - 1


@dataclass(frozen=True, slots=True)
class Values:
    """Values 0..1000 and whether they rest on evidence: rows x criteria, in the order of CRITERIA."""

    value: Ints
    known: Bools

    def scores(self, policy: Policy) -> Ints:
        """Return the score 0..10^6 of each row."""
        total: Ints = self.value @ weights_of(policy)
        return total


def weights_of(policy: Policy) -> Ints:
    """Return the weights in the order of CRITERIA."""
    return np.array([policy.weights[criterion] for criterion in CRITERIA], dtype=np.int64)


def evaluate(need: Need, line: NeedLine, catalogue: Catalogue, policy: Policy, found: Screen) -> Values:
    """Return the values of all criteria for the screened slots of one line."""
    offers, at = distinct(found.offer)
    columns = {
        Criterion.THEME: _certain(theme_value(line, catalogue, offers)[at]),
        Criterion.PLACE: _place(need, line, catalogue, found, offers, at),
        Criterion.AUDIENCE: _spread(audience_value(line, catalogue, offers), at),
        Criterion.LANGUAGE: _certain(language_value(need, line, catalogue, found.rows, found.native)),
        Criterion.DATES: dates_value(catalogue, found.rows, found),
        Criterion.GROUP: _certain(group_value(line, found.seats)),
        Criterion.COST: cost_value(need, found.cost),
        Criterion.TRACK_RECORD: _spread(track_record_value(catalogue, policy, offers), at),
        Criterion.LEAD_TIME: _certain(lead_time_value(found.notice)),
        Criterion.TEXT: _spread(catalogue.texts.values(need.texts, offers), at),
        Criterion.AWARD: _spread(award_value(need, catalogue, offers), at),
        Criterion.LOAD: load_value(catalogue, found.rows),
        Criterion.NEWCOMER: _certain(newcomer_value(catalogue, policy, offers)[at]),
    }
    return Values(
        value=np.stack([columns[criterion][0] for criterion in CRITERIA], axis=1).astype(np.int64),
        known=np.stack([columns[criterion][1] for criterion in CRITERIA], axis=1),
    )


def group_value(line: NeedLine, seats: Ints) -> Ints:
    """Return the share of the participants wished that find a seat."""
    return np.minimum(VALUE_TOP, VALUE_TOP * seats // line.maximum)


def cost_value(need: Need, cost: Ints) -> tuple[Ints, Bools]:
    """Return the value of an estimate against the ceiling; neutral without ceiling, cost or rate."""
    if need.budget.ceiling is None:
        return np.full(len(cost), NEUTRAL, dtype=np.int64), np.zeros(len(cost), dtype=np.bool_)
    ceiling = max(1, to_cents(need.budget.ceiling))
    ratio = np.minimum(2000, 1000 * np.maximum(cost, 0) // ceiling)
    value = np.where(
        ratio <= 500, 1000, np.where(ratio <= 1000, 1000 - (ratio - 500) * 4 // 5, 600 - (ratio - 1000) * 3 // 5)
    )
    known = cost != UNKNOWN
    return np.where(known, value, NEUTRAL), known


def _certain(value: Ints) -> tuple[Ints, Bools]:
    return value, np.ones(len(value), dtype=np.bool_)


def _spread(by_offer: tuple[Ints, Bools], at: Ints) -> tuple[Ints, Bools]:
    """Give each slot what its offer has."""
    return by_offer[0][at], by_offer[1][at]


def theme_value(line: NeedLine, catalogue: Catalogue, offers: Ints) -> Ints:
    """Return how well the themes of offers (rows) meet the theme asked."""
    scheme = catalogue.scheme
    if not len(offers):
        return np.zeros(0, dtype=np.int64)
    relations = scheme.relations(line.theme)
    narrower = relations[Relation.NARROWER]
    theme, start = catalogue.columns.themes_of(offers)
    closeness = np.maximum.reduceat(scheme.closeness[scheme.index(line.theme)][theme], start)
    # One sum for the three relations, each with its own share of the 64 bits.
    one = (
        narrower
        + (relations[Relation.EQUAL].astype(np.int64) << COUNT_BITS)
        + (relations[Relation.BROADER].astype(np.int64) << 2 * COUNT_BITS)
    )
    sums = np.add.reduceat(one[theme], start)
    covered, exact = sums & MOST_COUNTED, sums >> COUNT_BITS & MOST_COUNTED
    broader = sums >> 2 * COUNT_BITS
    parts = max(1, int(narrower.sum()))
    whole = np.full(len(covered), VALUE_TOP, dtype=np.int64) if not narrower.any() else 500 + 500 * covered // parts
    partly = np.where(covered > 0, 1000 * covered // parts, np.where(broader > 0, 500, 0))
    coverage = np.where(exact > 0, whole, partly)
    focus = 1000 * (covered + exact + broader) // catalogue.columns.theme_count[offers]
    value: Ints = (6 * closeness + 2 * coverage + 2 * focus) // 10
    return value


def _place(
    need: Need, line: NeedLine, catalogue: Catalogue, found: Screen, offers: Ints, at: Ints
) -> tuple[Ints, Bools]:
    coverage = coverage_value(line, catalogue, offers)
    experience, known = experience_value(line, catalogue, offers)
    by_offer = 5 * coverage + 2 * experience
    return (by_offer[at] + 3 * delivery_place_value(need, line, catalogue, found.rows)) // 10, known[at]


def coverage_value(line: NeedLine, catalogue: Catalogue, offers: Ints) -> Ints:
    """Return how near the declared coverage of offers (rows) is to the beneficiary."""
    steps = coverage_steps(line, catalogue, offers)
    around = len(catalogue.places.chain_of(country=line.country, region=line.region))
    world = around if line.country is not None else around - 1
    table = np.array([NEAR_VALUES[min(step, len(NEAR_VALUES) - 1)] for step in range(world + 1)], dtype=np.int64)
    table[world] = WORLDWIDE_VALUE if world > 0 else VALUE_TOP
    return np.where(steps == UNKNOWN, 0, table[np.maximum(steps, 0)])


def delivery_place_value(need: Need, line: NeedLine, catalogue: Catalogue, rows: Ints) -> Ints:
    """Return how well the place of delivery of slots (rows) meets the wish."""
    slots, preference = catalogue.slots, need.place.preference
    if preference == "fixed" and need.place.country is not None:
        return np.where(at_place(need, line, catalogue, rows), 1000, 0)
    if preference not in ("online", "in_country", "regional"):
        return np.full(len(rows), VALUE_TOP, dtype=np.int64)
    online = catalogue.columns.modality.has("online", slots.offer[rows])
    if preference == "online":
        return np.where(online, 1000, 0)
    travels = slots.anywhere[rows]
    near = slots.countries.has_any(neighbours_of(line, catalogue), rows)
    there = near if preference == "regional" or line.country is None else slots.countries.has(line.country, rows)
    return np.where(there | travels, 1000, np.where(online, 500, np.where(near, 400, 0)))


def neighbours_of(line: NeedLine, catalogue: Catalogue) -> frozenset[str]:
    """Return the countries of the region asked, or of the nearest region around the country asked."""
    return catalogue.places.members[catalogue.places.chain_of(country=line.country, region=line.region)[0]]


def experience_value(line: NeedLine, catalogue: Catalogue, offers: Ints) -> tuple[Ints, Bools]:
    """Return what offers (rows) have delivered there before, or whether their provider is a peer of the region."""
    columns = catalogue.columns
    neighbours = neighbours_of(line, catalogue)
    near = columns.delivered.has_any(neighbours, offers)
    exact = near if line.country is None else columns.delivered.has(line.country, offers)
    region = catalogue.places.chain_of(country=line.country, region=line.region)[0]
    peer = columns.home.has_any(neighbours, offers) & (region != WORLD)
    known = columns.delivered.filled(offers) | columns.home.filled(offers)
    return np.where(exact, 1000, np.where(near, 700, np.where(peer, 600, np.where(known, 200, NEUTRAL)))), known


def audience_value(line: NeedLine, catalogue: Catalogue, offers: Ints) -> tuple[Ints, Bools]:
    """Return how well audience, level and level of government of offers (rows) meet the line."""
    columns = catalogue.columns
    audience = np.where(columns.audiences.has(line.audience, offers), 1000, 400)
    offered = columns.level[offers]
    level = np.full(len(offers), VALUE_TOP, dtype=np.int64)
    if line.level is not None:
        apart = np.abs(offered - LEVELS.index(line.level))
        level = np.where(offered == UNKNOWN, NEUTRAL, np.array([1000, 600, 200, 0])[np.minimum(apart, 3)])
    government = np.full(len(offers), VALUE_TOP, dtype=np.int64)
    silent = ~columns.governance.filled(offers)
    if line.governance_level is not None:
        held = columns.governance.has(line.governance_level, offers)
        government = np.where(held, 1000, np.where(silent, NEUTRAL, 400))
    known = ((offered != UNKNOWN) | (line.level is None)) & (~silent | (line.governance_level is None))
    return (5 * audience + 3 * level + 2 * government) // 10, known


def language_value(need: Need, line: NeedLine, catalogue: Catalogue, rows: Ints, native: Bools) -> Ints:
    """Return how well the languages of slots (rows) meet the line; `native` are those in the language asked for."""
    welcome = need.languages_may - {line.language}
    value = np.full(len(rows), VALUE_TOP, dtype=np.int64)
    if welcome:
        value = 900 + 100 * catalogue.slots.languages.count(welcome, rows) // len(welcome)
    return np.where(native, value, 400)


def dates_value(catalogue: Catalogue, rows: Ints, found: Dates | Screen) -> tuple[Ints, Bools]:
    """Return how well the dates found for slots (rows) suit."""
    kind, precise = catalogue.slots.kind[rows], catalogue.slots.precise[rows]
    value = np.select(
        [kind == SlotKind.SESSION, found.shortened, kind == SlotKind.CAPACITY, kind == SlotKind.OPEN_ACCESS],
        [
            np.where(precise, 1000, 500 + found.overlap // 2),
            np.full(len(kind), 400),
            500 + 5 * np.minimum(found.slack, SLACK_DAYS),
            np.full(len(kind), 900),
        ],
        default=NEUTRAL,
    )
    return value, kind != SlotKind.ON_REQUEST


def lead_time_value(notice: Ints) -> Ints:
    """Return the value of so many days left to ask."""
    return np.minimum(VALUE_TOP, VALUE_TOP * notice // NOTICE_DAYS)


def track_record_value(catalogue: Catalogue, policy: Policy, offers: Ints) -> tuple[Ints, Bools]:
    """Return what others measured of offers (rows), shrunk to the mean of their form and that to the prior."""
    columns, strength = catalogue.columns, policy.prior_strength
    form_total, own = columns.form_evaluations[offers], columns.evaluations[offers]
    prior = (strength * policy.prior_mean + form_total * columns.form_mean[offers]) // (strength + form_total)
    value = (strength * prior + own * columns.record_mean[offers]) // (strength + own)
    return np.clip(value, 0, VALUE_TOP), own > 0


def award_value(need: Need, catalogue: Catalogue, offers: Ints) -> tuple[Ints, Bools]:
    """Return whether offers (rows) give the award wanted or a higher one."""
    wanted, offered = AWARDS.index(need.award), catalogue.columns.award[offers]
    if wanted == 0:
        return _certain(np.full(len(offered), VALUE_TOP, dtype=np.int64))
    known = offered != UNKNOWN
    return np.where(known, np.where(offered >= wanted, 1000, 0), NEUTRAL), known


def load_value(catalogue: Catalogue, rows: Ints) -> tuple[Ints, Bools]:
    """Return the share of slots (rows) that is free."""
    free, total = catalogue.slots.free[rows], catalogue.slots.total[rows]
    known = (free != UNKNOWN) & (total > 0)
    return np.where(known, np.minimum(VALUE_TOP, 1000 * free // np.maximum(1, total)), NEUTRAL), known


def newcomer_value(catalogue: Catalogue, policy: Policy, offers: Ints) -> Ints:
    """Return how new offers (rows) are, by their deliveries."""
    most = policy.newcomer_deliveries
    return VALUE_TOP * np.maximum(0, most - catalogue.columns.deliveries[offers]) // most
