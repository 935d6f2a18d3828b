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
from matching.engine.slots import Screen, at_place
from matching.engine.types import AWARDS, LEVELS, Need, NeedLine

NEAR_VALUES = (1000, 850, 700, 600)  # coverage by steps from the country
WORLDWIDE_VALUE = 500
SLACK_DAYS = 60
NOTICE_DAYS = 60


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
    columns = {
        Criterion.THEME: _theme(line, catalogue, found),
        Criterion.PLACE: _place(need, line, catalogue, found),
        Criterion.AUDIENCE: _audience(line, catalogue, found),
        Criterion.LANGUAGE: _language(need, line, catalogue, found),
        Criterion.DATES: _dates(catalogue, found),
        Criterion.GROUP: _certain(group_value(line, found.seats)),
        Criterion.COST: cost_value(need, found.cost),
        Criterion.TRACK_RECORD: _track_record(catalogue, policy, found),
        Criterion.LEAD_TIME: _certain(np.minimum(VALUE_TOP, VALUE_TOP * found.notice // NOTICE_DAYS)),
        Criterion.TEXT: _text(need, catalogue, found),
        Criterion.AWARD: _award(need, catalogue, found),
        Criterion.LOAD: _load(catalogue, found),
        Criterion.NEWCOMER: _newcomer(catalogue, policy, found),
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


def _theme(line: NeedLine, catalogue: Catalogue, found: Screen) -> tuple[Ints, Bools]:
    scheme, columns = catalogue.scheme, catalogue.columns
    relations = scheme.relations(line.theme)
    narrower = relations[Relation.NARROWER]
    meets = relations[Relation.EQUAL] | narrower | relations[Relation.BROADER]
    exact = relations[Relation.EQUAL].astype(np.int64)
    if not len(catalogue.offers):
        return _certain(np.zeros(0, dtype=np.int64))

    def total(by_concept: Ints) -> Ints:
        summed: Ints = np.add.reduceat(by_concept[columns.theme], columns.theme_start[:-1])
        return summed

    closeness = np.maximum.reduceat(scheme.closeness[scheme.index(line.theme)][columns.theme], columns.theme_start[:-1])
    covered = total(narrower.astype(np.int64))
    parts = max(1, int(narrower.sum()))
    has_exact = total(exact) > 0
    whole = np.full(len(covered), VALUE_TOP, dtype=np.int64) if not narrower.any() else 500 + 500 * covered // parts
    broader = total(relations[Relation.BROADER].astype(np.int64)) > 0
    coverage = np.where(has_exact, whole, np.where(covered > 0, 1000 * covered // parts, np.where(broader, 500, 0)))
    focus = 1000 * total(meets.astype(np.int64)) // columns.theme_count
    return _certain(((6 * closeness + 2 * coverage + 2 * focus) // 10)[found.offer])


def _place(need: Need, line: NeedLine, catalogue: Catalogue, found: Screen) -> tuple[Ints, Bools]:
    steps = coverage_steps(line, catalogue)[found.offer]
    around = len(catalogue.places.chain_of(country=line.country, region=line.region))
    world = around if line.country is not None else around - 1
    table = np.array([NEAR_VALUES[min(step, len(NEAR_VALUES) - 1)] for step in range(world + 1)], dtype=np.int64)
    table[world] = WORLDWIDE_VALUE if world > 0 else VALUE_TOP
    coverage = np.where(steps == UNKNOWN, 0, table[np.maximum(steps, 0)])
    experience, known = _experience(line, catalogue, found)
    return (5 * coverage + 3 * _delivery_place(need, line, catalogue, found) + 2 * experience) // 10, known


def _delivery_place(need: Need, line: NeedLine, catalogue: Catalogue, found: Screen) -> Ints:
    slots, preference = catalogue.slots, need.place.preference
    online = catalogue.columns.modality.has("online")[found.offer]
    travels = slots.anywhere[found.rows]
    if preference == "online":
        return np.where(online, 1000, 0)
    if preference == "fixed" and need.place.country is not None:
        return np.where(at_place(need, line, catalogue, found.rows), 1000, 0)
    if preference not in ("in_country", "regional"):
        return np.full(len(found.rows), VALUE_TOP, dtype=np.int64)
    near = slots.countries.has_any(_neighbours(line, catalogue))[found.rows]
    there = near if preference == "regional" or line.country is None else slots.countries.has(line.country)[found.rows]
    return np.where(there | travels, 1000, np.where(online, 500, np.where(near, 400, 0)))


def _neighbours(line: NeedLine, catalogue: Catalogue) -> frozenset[str]:
    """Return the countries of the region asked, or of the nearest region around the country asked."""
    return catalogue.places.members[catalogue.places.chain_of(country=line.country, region=line.region)[0]]


def _experience(line: NeedLine, catalogue: Catalogue, found: Screen) -> tuple[Ints, Bools]:
    columns = catalogue.columns
    neighbours = _neighbours(line, catalogue)
    near = columns.delivered.has_any(neighbours)
    exact = near if line.country is None else columns.delivered.has(line.country)
    region = catalogue.places.chain_of(country=line.country, region=line.region)[0]
    peer = columns.home.has_any(neighbours) & (region != WORLD)
    known = columns.delivered.filled() | columns.home.filled()
    value = np.where(exact, 1000, np.where(near, 700, np.where(peer, 600, np.where(known, 200, NEUTRAL))))
    return value[found.offer], known[found.offer]


def _audience(line: NeedLine, catalogue: Catalogue, found: Screen) -> tuple[Ints, Bools]:
    columns = catalogue.columns
    audience = np.where(columns.audiences.has(line.audience), 1000, 400)
    level = np.full(len(audience), VALUE_TOP, dtype=np.int64)
    if line.level is not None:
        apart = np.abs(columns.level - LEVELS.index(line.level))
        level = np.where(columns.level == UNKNOWN, NEUTRAL, np.array([1000, 600, 200, 0])[np.minimum(apart, 3)])
    government = np.full(len(audience), VALUE_TOP, dtype=np.int64)
    silent = ~columns.governance.filled()
    if line.governance_level is not None:
        government = np.where(columns.governance.has(line.governance_level), 1000, np.where(silent, NEUTRAL, 400))
    known = ((columns.level != UNKNOWN) | (line.level is None)) & (~silent | (line.governance_level is None))
    return ((5 * audience + 3 * level + 2 * government) // 10)[found.offer], known[found.offer]


def _language(need: Need, line: NeedLine, catalogue: Catalogue, found: Screen) -> tuple[Ints, Bools]:
    welcome = need.languages_may - {line.language}
    native = np.full(len(found.rows), VALUE_TOP, dtype=np.int64)
    if welcome:
        native = 900 + 100 * catalogue.slots.languages.count(welcome)[found.rows] // len(welcome)
    return _certain(np.where(found.native, native, 400))


def _dates(catalogue: Catalogue, found: Screen) -> tuple[Ints, Bools]:
    slots = catalogue.slots
    kind, precise = slots.kind[found.rows], slots.precise[found.rows]
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


def _track_record(catalogue: Catalogue, policy: Policy, found: Screen) -> tuple[Ints, Bools]:
    columns, strength = catalogue.columns, policy.prior_strength
    form_total = columns.form_evaluations
    prior = (strength * policy.prior_mean + form_total * columns.form_mean) // (strength + form_total)
    value = (strength * prior + columns.evaluations * columns.record_mean) // (strength + columns.evaluations)
    return np.clip(value, 0, VALUE_TOP)[found.offer], (columns.evaluations > 0)[found.offer]


def _text(need: Need, catalogue: Catalogue, found: Screen) -> tuple[Ints, Bools]:
    value, known = catalogue.texts.values(need.texts)
    return value[found.offer], known[found.offer]


def _award(need: Need, catalogue: Catalogue, found: Screen) -> tuple[Ints, Bools]:
    wanted, offered = AWARDS.index(need.award), catalogue.columns.award[found.offer]
    if wanted == 0:
        return _certain(np.full(len(offered), VALUE_TOP, dtype=np.int64))
    known = offered != UNKNOWN
    return np.where(known, np.where(offered >= wanted, 1000, 0), NEUTRAL), known


def _load(catalogue: Catalogue, found: Screen) -> tuple[Ints, Bools]:
    free, total = catalogue.slots.free[found.rows], catalogue.slots.total[found.rows]
    known = (free != UNKNOWN) & (total > 0)
    return np.where(known, np.minimum(VALUE_TOP, 1000 * free // np.maximum(1, total)), NEUTRAL), known


def _newcomer(catalogue: Catalogue, policy: Policy, found: Screen) -> tuple[Ints, Bools]:
    most = policy.newcomer_deliveries
    left = np.maximum(0, most - catalogue.columns.deliveries[found.offer])
    return _certain(VALUE_TOP * left // most)
