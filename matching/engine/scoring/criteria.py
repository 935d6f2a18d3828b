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
from matching.engine.catalogue.ways import free_share
from matching.engine.policy import CRITERIA, NEUTRAL, VALUE_TOP, Policy
from matching.engine.reference.concepts import Relation
from matching.engine.reference.places import WORLD
from matching.engine.reference.rates import to_cents
from matching.engine.screening.constraints import steps_around
from matching.engine.screening.slots import Dates, Screen, at_place, distinct
from matching.engine.sheet import Sheet
from matching.engine.splicing import joined, starts
from matching.engine.types import AWARDS, LEVELS, Need, NeedLine

NEAR_VALUES = (1000, 850, 700, 600)  # coverage by steps from the country
WORLDWIDE_VALUE = 500
DELIVERED_NEAR = 700
# By level asked and level offered; the last is one that is not known.
LEVEL_VALUES = np.array(
    [
        [(1000, 600, 200)[abs(asked - offered)] for offered in range(len(LEVELS))] + [NEUTRAL]
        for asked in range(len(LEVELS))
    ]
)
DATES_VALUES = np.array([1000, 500, NEUTRAL, 900, NEUTRAL])  # by kind of slot, before slack, shortening and vague dates
# By permille of the ceiling, up to twice the ceiling.
COST_VALUES = np.array(
    [1000] * 500
    + [1000 - (part - 500) * 4 // 5 for part in range(500, 1001)]
    + [600 - part * 3 // 5 for part in range(1, 1001)]
)
SLACK_DAYS = 60
NOTICE_DAYS = 60
# Where each criterion stands in CRITERIA.
THEME, PLACE, AUDIENCE, LANGUAGE, DATES, GROUP, COST = range(7)
TRACK_RECORD, LEAD_TIME, TEXT, AWARD, LOAD, NEWCOMER = range(7, len(CRITERIA))
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
    return np.array(policy.in_order, dtype=np.int64)


def evaluate(need: Need, line: NeedLine, catalogue: Catalogue, policy: Policy, found: Screen) -> Values:
    """Return the values of all criteria for the screened slots of one line."""
    rows = found.rows
    kind, vague, load, load_known = _deliveries(catalogue).take(rows)
    offers, at = distinct(found.offer)
    own, told = _of_offers(need, line, catalogue, policy, offers)
    value, known = own.take(at, axis=1), told.take(at, axis=1)
    value[PLACE] += 3 * delivery_place_value(need, line, catalogue, rows)
    value[PLACE] //= 10
    value[LANGUAGE] = language_value(need, line, catalogue, rows, found.native)
    value[DATES], known[DATES] = dates_value(kind, vague.astype(np.bool_), found)
    value[GROUP] = group_value(line, found.seats)
    value[COST], known[COST] = cost_value(need, found.cost)
    value[LEAD_TIME] = lead_time_value(found.notice)
    value[LOAD], known[LOAD] = load, load_known
    return Values(value.T, known.T)


def _of_offers(need: Need, line: NeedLine, catalogue: Catalogue, policy: Policy, offers: Ints) -> tuple[Ints, Bools]:
    """Return what no slot changes, criteria x offers: values and whether they rest on evidence; of the place its part, tenfold."""
    value = np.empty((len(CRITERIA), len(offers)), dtype=np.int64)
    known = np.ones(value.shape, dtype=np.bool_)
    facts = _facts(catalogue, policy).take(offers)
    value[TRACK_RECORD], known[TRACK_RECORD], value[NEWCOMER], level, award, *themes = facts
    value[THEME] = theme_value(line, catalogue, *themes)
    value[PLACE], known[PLACE] = place_value(line, catalogue, offers)
    value[AUDIENCE], known[AUDIENCE] = audience_value(line, catalogue, offers, level)
    value[TEXT], known[TEXT] = catalogue.texts.values(need.texts, offers)
    value[AWARD], known[AWARD] = award_value(need, award)
    return value, known


def _deliveries(catalogue: Catalogue) -> Sheet:
    """Return of each slot its kind, whether it is a session dated vaguely, and its load; kept with the slots."""

    def made() -> Sheet:
        slots = catalogue.slots
        vague = (slots.kind == SlotKind.SESSION.value) > slots.precise
        return Sheet.of([slots.kind, vague, *free_share(catalogue)])

    return catalogue.slots.memo.get("deliveries", made)


def _facts(catalogue: Catalogue, policy: Policy) -> Sheet:
    """Return of each offer the value of its track record, whether there is one, and how new it is; its level and its award; and
    where its themes begin and how many there are. Kept with the catalogue.
    """

    def made() -> Sheet:
        every, columns = np.arange(len(catalogue.offers)), catalogue.columns
        record, known = track_record_value(catalogue, policy, every)
        own = (columns.level, columns.award, columns.theme_start[:-1], columns.theme_count)
        return Sheet.of([record, known, newcomer_value(catalogue, policy, every), *own])

    key = ("facts", policy.prior_strength, policy.prior_mean, policy.newcomer_deliveries)
    return catalogue.memo.get(key, made)


def group_value(line: NeedLine, seats: Ints) -> Ints:
    """Return the share of the participants wished that find a seat."""
    return np.minimum(VALUE_TOP, VALUE_TOP * seats // line.maximum)


def cost_value(need: Need, cost: Ints) -> tuple[Ints, Bools]:
    """Return the value of an estimate against what is left of the ceiling; neutral without ceiling, cost or rate."""
    left = need.budget.left
    if left is None:
        return np.full(cost.shape, NEUTRAL, dtype=np.int64), np.zeros(cost.shape, dtype=np.bool_)
    ceiling = max(1, to_cents(left))
    known = cost != UNKNOWN
    return np.where(known, COST_VALUES.take(1000 * cost // ceiling, mode="clip"), NEUTRAL), known


def theme_value(line: NeedLine, catalogue: Catalogue, first: Ints, count: Ints) -> Ints:
    """Return how well the themes of offers meet the theme asked; `first` and `count` say where those of each lie."""
    if not len(first):
        return np.zeros(0, dtype=np.int64)
    asked, begins = asked_theme(line, catalogue), starts(count)
    theme = catalogue.columns.theme.take(joined(first, count, begins))
    closeness = np.maximum.reduceat(asked.closeness.take(theme), begins)
    sums = np.add.reduceat(asked.relations.take(theme), begins)
    return asked.value(closeness, sums, count)


def asked_theme(line: NeedLine, catalogue: Catalogue) -> "AskedTheme":
    """Return what each concept is to the theme of a line, kept with the catalogue. Raises EngineError(unknown_concept)."""
    return catalogue.memo.get(("theme", line.theme), lambda: AskedTheme.of(catalogue, line.theme))


@dataclass(frozen=True, slots=True)
class AskedTheme:
    """What each concept is to a theme asked: its closeness, and one sum for three relations, each with its share of the bits.

    `parts`: the number of concepts narrower than the theme.
    """

    closeness: Ints
    relations: Ints
    parts: int

    def value(self, closeness: Ints, sums: Ints, count: Ints) -> Ints:
        """Return the values of sets of themes: the largest closeness in each, the sum of its relations, its number of themes."""
        covered, exact = sums & MOST_COUNTED, sums >> COUNT_BITS & MOST_COUNTED
        broader = sums >> 2 * COUNT_BITS
        if self.parts:
            partly = np.where(covered > 0, 1000 * covered // self.parts, np.where(broader > 0, 500, 0))
            coverage = np.where(exact > 0, 500 + 500 * covered // self.parts, partly)
        else:
            coverage = np.where(exact > 0, VALUE_TOP, np.where(broader > 0, 500, 0))
        focus = 1000 * (covered + exact + broader) // count
        value: Ints = (6 * closeness + 2 * (coverage + focus)) // 10
        return value

    @classmethod
    def of(cls, catalogue: Catalogue, theme: str) -> "AskedTheme":
        """Look the theme up in the scheme. Raises EngineError(unknown_concept)."""
        scheme = catalogue.scheme
        found = scheme.relations(theme)
        one = (
            found[Relation.NARROWER]
            + (found[Relation.EQUAL].astype(np.int64) << COUNT_BITS)
            + (found[Relation.BROADER].astype(np.int64) << 2 * COUNT_BITS)
        )
        return cls(scheme.closeness[scheme.index(theme)], one, int(found[Relation.NARROWER].sum()))


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


def place_value(line: NeedLine, catalogue: Catalogue, offers: Ints) -> tuple[Ints, Bools]:
    """Return what coverage and experience of offers (rows) are worth, tenfold, and whether any experience is known.

    Coverage: how near what is declared is to the beneficiary. Experience: what was delivered there before, or else near, or
    whether the provider is a peer of the region.
    """
    columns, country = catalogue.columns, line.country
    chain = catalogue.places.chain_of(country=country, region=line.region)
    coverage, experience, told = _around(catalogue, chain, country is not None).take(offers)
    if country is not None:
        coverage[columns.countries.has(country, offers)] = 5 * VALUE_TOP
        experience[columns.delivered.has(country, offers)] = 2 * VALUE_TOP
    coverage += experience
    return coverage, told.astype(np.bool_)


def _around(catalogue: Catalogue, chain: tuple[str, ...], of_country: bool) -> Sheet:
    """Return of each offer what its coverage (fivefold) and its experience (twofold) are worth to a region, or to a country in it
    that it does not name, and whether any experience is known. Kept with the catalogue.
    """

    def known() -> Bools:
        return catalogue.columns.delivered.filled() | catalogue.columns.home.filled()

    def made() -> Sheet:
        columns, neighbours = catalogue.columns, catalogue.places.members[chain[0]]
        told = catalogue.memo.get("experience known", known)
        experience = np.where(told, np.int64(200), np.int64(NEUTRAL))
        if chain[0] != WORLD:
            experience[columns.home.has_any(neighbours)] = 600
        experience[columns.delivered.has_any(neighbours)] = DELIVERED_NEAR if of_country else VALUE_TOP
        return Sheet.of([5 * _coverage(catalogue, chain, of_country), 2 * experience, told])

    return catalogue.memo.get(("value around", chain, of_country), made)


def _coverage(catalogue: Catalogue, chain: tuple[str, ...], of_country: bool) -> Ints:
    """Return of each offer what its coverage is worth by steps from the region, or from a country in it that it does not name."""
    world = len(chain) - 1
    table = [NEAR_VALUES[min(step + of_country, len(NEAR_VALUES) - 1)] for step in range(world)]
    table.append(WORLDWIDE_VALUE if world or of_country else VALUE_TOP)
    return np.array([*table, 0], dtype=np.int64).take(
        steps_around(chain, catalogue), mode="wrap"
    )  # -1, not served, is the last


def audience_value(line: NeedLine, catalogue: Catalogue, offers: Ints, offered: Ints) -> tuple[Ints, Bools]:
    """Return how well audience, level (`offered`) and level of government of offers (rows) meet the line."""
    columns = catalogue.columns
    value = np.where(columns.audiences.has(line.audience, offers), 5 * 1000, 5 * 400)
    known = np.ones(len(offers), dtype=np.bool_)
    if line.level is None:
        value += 3 * VALUE_TOP
    else:
        value += 3 * LEVEL_VALUES[LEVELS.index(line.level)].take(offered, mode="wrap")  # -1, not known, is the last
        known &= offered != UNKNOWN
    if line.governance_level is None:
        value += 2 * VALUE_TOP
    else:
        held, filled = columns.governance.has(line.governance_level, offers), columns.governance.filled(offers)
        value += 2 * np.where(held, 1000, np.where(filled, 400, NEUTRAL))
        known &= filled
    return value // 10, known


def language_value(need: Need, line: NeedLine, catalogue: Catalogue, rows: Ints, native: Bools) -> Ints:
    """Return how well the languages of slots (rows) meet the line; `native` are those in the language asked for."""
    welcome = need.languages_may - {line.language}
    value = np.full(len(rows), VALUE_TOP, dtype=np.int64)
    if welcome:
        value = 900 + 100 * catalogue.slots.languages.count(welcome, rows) // len(welcome)
    return np.where(native, value, 400)


def dates_value(kind: Ints, vague: Bools, found: Dates | Screen) -> tuple[Ints, Bools]:
    """Return how well the dates found for slots of these kinds suit; `vague` are sessions that are not dated to the day."""
    value = DATES_VALUES.take(kind) + (kind == SlotKind.CAPACITY.value) * (5 * np.minimum(found.slack, SLACK_DAYS))
    value = np.where(found.shortened, 400, value)
    if vague.any():
        value = np.where(vague, 500 + found.overlap // 2, value)
    return value, kind != SlotKind.ON_REQUEST.value


def lead_time_value(notice: Ints) -> Ints:
    """Return the value of so many days left to ask."""
    return np.minimum(VALUE_TOP, VALUE_TOP * notice // NOTICE_DAYS)


def track_record_value(catalogue: Catalogue, policy: Policy, offers: Ints) -> tuple[Ints, Bools]:
    """Return what others measured of offers (rows), shrunk to the mean of their form and that to the prior."""
    columns, strength, mean = catalogue.columns, policy.prior_strength, policy.prior_mean

    def made() -> tuple[Ints, Bools]:
        form_total, own = columns.form_evaluations, columns.evaluations
        prior = (strength * mean + form_total * columns.form_mean) // (strength + form_total)
        return np.clip((strength * prior + own * columns.record_mean) // (strength + own), 0, VALUE_TOP), own > 0

    value, known = catalogue.memo.get(("track record", strength, mean), made)
    return value.take(offers), known.take(offers)


def award_value(need: Need, offered: Ints) -> tuple[Ints, Bools]:
    """Return whether the awards offered are the one wanted or a higher one."""
    wanted = AWARDS.index(need.award)
    if wanted == 0:
        return np.full(len(offered), VALUE_TOP, dtype=np.int64), np.ones(len(offered), dtype=np.bool_)
    known = offered != UNKNOWN
    return np.where(known, (offered >= wanted) * VALUE_TOP, NEUTRAL), known


def load_value(catalogue: Catalogue, rows: Ints) -> tuple[Ints, Bools]:
    """Return the share of slots (rows) that is free."""
    value, known = free_share(catalogue)
    return value.take(rows), known.take(rows)


def newcomer_value(catalogue: Catalogue, policy: Policy, offers: Ints) -> Ints:
    """Return how new offers (rows) are, by their deliveries."""
    most = policy.newcomer_deliveries
    return VALUE_TOP * np.maximum(0, most - catalogue.columns.deliveries.take(offers)) // most
