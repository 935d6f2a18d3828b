"""Near misses: offers that fail little, each with the smallest sets of changes that would make it eligible.

For every constraint failed there are one or more ways out, by the requester or by the provider; a set takes one for
each constraint of one of the offer's slots. Sets are not believed but tried: the changes are applied to need and offer,
and only a set that makes the offer eligible, and of which no smaller part does, is named.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import combinations, product

import numpy as np

from matching.engine.catalogue import UNKNOWN, Catalogue, SlotKind, build_catalogue
from matching.engine.explaining.changes import PROVIDER, REQUESTER, SECRETARIAT, change, changed, number_of
from matching.engine.explaining.relaxation import Setting, popcount
from matching.engine.reference.concepts import Relation
from matching.engine.reference.rates import to_amount, to_cents
from matching.engine.results import Change, ChangeSet, NearMiss
from matching.engine.scoring import score_line, take, tie_hash
from matching.engine.scoring.criteria import evaluate
from matching.engine.screening.constraints import Fail, codes_of
from matching.engine.screening.pricing import ceiling_cents
from matching.engine.screening.slots import Screen
from matching.engine.sentences import Sentence
from matching.engine.types import Offer

# No small change helps; what is not published is nobody's business; and who refused is not asked again.
HOPELESS = (
    Fail.THEME_OTHER_FIELD
    | Fail.CONFLICT_OF_INTEREST
    | Fail.OFFERING_NOT_PUBLISHED
    | Fail.NOT_BOOKABLE
    | Fail.TURNED_DOWN
)
MOST_WAYS = 6  # sets named for one offer
MOST_CHANGES = 3  # in one set
MOST_SLOTS = 4  # of one offer that are looked at
TRIED_FOR_EACH = 3  # offers tried for each near miss wanted

Key = tuple[str, tuple[tuple[str, object], ...]]
Writer = Callable[[Setting, Screen, int], list[tuple[Change, ...]]]


def near_misses(setting: Setting, found: Screen) -> tuple[NearMiss, ...]:
    """Return the offers nearest to being eligible: fewest constraints failed, then the better score.

    An offer that has an eligible slot is none.
    """
    eligible = np.zeros(len(setting.catalogue.offers), dtype=np.bool_)
    eligible[found.offer[found.bits == 0]] = True
    counts = popcount(found.bits)
    few = counts <= setting.policy.near_miss_constraints
    helpable = (found.bits & np.int64(HOPELESS)) == 0
    nearest = take(found, np.flatnonzero(few & helpable & ~eligible[found.offer]))
    results: list[NearMiss] = []
    for positions in _nearest_first(setting, nearest):
        entry = _near_miss(setting, nearest, positions[:MOST_SLOTS])
        if entry is not None:
            results.append(entry)
        if len(results) == setting.policy.near_misses:
            break
    return tuple(results)


def _nearest_first(setting: Setting, nearest: Screen) -> list[list[int]]:
    """Return the positions of each offer to try, best first: fewest constraints failed, then score, then the hash of ties.

    Hashes are asked for only where the offer can be among those tried.
    """
    wanted, failed = TRIED_FOR_EACH * setting.policy.near_misses, popcount(nearest.bits)
    score = evaluate(setting.need, setting.line, setting.catalogue, setting.policy, nearest).scores(setting.policy)
    rough = np.lexsort((-score, failed))
    first = np.sort(np.unique(nearest.offer[rough], return_index=True)[1])
    chosen = np.arange(len(rough))
    if 0 < wanted < len(first):
        last = rough[first[wanted - 1]]
        early = (failed < failed[last]) | ((failed == failed[last]) & (score >= score[last]))
        chosen = np.flatnonzero(np.isin(nearest.offer, nearest.offer[early]))

    def order(position: int) -> tuple[int, int, int, int]:
        offer = setting.catalogue.offers[int(nearest.offer[position])]
        tie = tie_hash(setting.policy, setting.need, offer.id)
        return int(failed[position]), -int(score[position]), tie, int(nearest.rows[position])

    by_offer: dict[int, list[int]] = {}
    for position in sorted(chosen.tolist(), key=order):
        by_offer.setdefault(int(nearest.offer[position]), []).append(position)
    return list(by_offer.values())[:wanted]


def _near_miss(setting: Setting, found: Screen, positions: list[int]) -> NearMiss | None:
    row = int(found.offer[positions[0]])
    ways = _ways(setting, Trial(setting, row), found, positions)
    if not ways:
        return None
    offer, first = setting.catalogue.offers[row], ways[0]
    mask = int(found.bits[positions[0]])
    score = _score_after(setting, row, first) if set(first.actors) == {REQUESTER} else None
    return NearMiss(
        offer.id, offer.provider, setting.line.number, codes_of(mask), mask, first.changes, score, tuple(ways)
    )


class Trial:
    """One offer alone with the need: whether a set of changes makes it eligible."""

    def __init__(self, setting: Setting, row: int) -> None:
        # What an offer is called rules nothing out, and reading it takes longest.
        self.setting, self.offer = setting, replace(setting.catalogue.offers[row], texts={})
        self.others = setting.others[row : row + 1]
        self.known: dict[frozenset[Key], bool] = {}
        self.as_it_is = self._catalogue(self.offer)

    def _catalogue(self, offer: Offer) -> Catalogue:
        return build_catalogue([offer], self.setting.catalogue.scheme, self.setting.catalogue.places)

    def opens(self, changes: tuple[Change, ...]) -> bool:
        """Tell whether the offer is eligible once all the changes are made."""
        keys = frozenset(map(_key, changes))
        if keys not in self.known:
            self.known[keys] = self._opens(changes)
        return self.known[keys]

    def _opens(self, changes: tuple[Change, ...]) -> bool:
        setting = self.setting
        number = setting.line.number
        need, offer = changed(setting.need, self.offer, number, changes, as_of=setting.as_of)
        catalogue = self.as_it_is if offer is self.offer else self._catalogue(offer)
        alone = replace(setting, catalogue=catalogue, others=self.others)
        return bool((alone.screened(need, need.line(number)).bits == 0).any())

    def is_minimal(self, changes: tuple[Change, ...]) -> bool:
        """Tell whether the changes make the offer eligible and no part of them does."""
        parts = (part for size in range(1, len(changes)) for part in combinations(changes, size))
        return self.opens(changes) and not any(self.opens(part) for part in parts)


def _ways(setting: Setting, trial: Trial, found: Screen, positions: Iterable[int]) -> list[ChangeSet]:
    """Return the minimal sets: fewest changes first, then those of the requester alone, then in the order of constraints."""
    sets: dict[frozenset[Key], tuple[Change, ...]] = {}
    for position in positions:
        for changes in _combined(setting, found, position):
            sets.setdefault(frozenset(map(_key, changes)), changes)
    ways: list[ChangeSet] = []
    for changes in sorted(sets.values(), key=lambda entry: (len(entry), {c.actor for c in entry} != {REQUESTER})):
        days = sum(number_of(entry, "days") for entry in changes if "days" in entry.params)
        if len(changes) > MOST_CHANGES or days > setting.policy.near_miss_days or not trial.is_minimal(changes):
            continue
        ways.append(ChangeSet(changes, tuple(dict.fromkeys(entry.actor for entry in changes)), _said(changes)))
        if len(ways) == MOST_WAYS:
            break
    return ways


def _combined(setting: Setting, found: Screen, position: int) -> Iterator[tuple[Change, ...]]:
    """Give every choice of one way out for each constraint that a slot fails."""
    mask = int(found.bits[position])
    options = [WRITERS[fail](setting, found, position) for fail in Fail if mask & fail]
    for choice in product(*options):
        together = {_key(entry): entry for way in choice for entry in way}
        yield tuple(together.values())


def _key(entry: Change) -> Key:
    return entry.code, tuple(sorted(entry.params.items()))


def _said(changes: tuple[Change, ...]) -> Sentence:
    who = {entry.actor for entry in changes}
    return Sentence(f"way.{who.pop()}" if len(who) == 1 else "way.together", {"changes": len(changes)})


def _score_after(setting: Setting, row: int, way: ChangeSet) -> int | None:
    """Return the score of an offer after changes that the requester alone makes; all else stays as it is."""
    offer, number = setting.catalogue.offers[row], setting.line.number
    need, _ = changed(setting.need, offer, number, way.changes, as_of=setting.as_of)
    slots = np.flatnonzero(setting.catalogue.slots.offer == row)
    line = need.line(number)
    scored = score_line(need, line, setting.catalogue, setting.policy, setting.screened(need, line, slots))
    return int(scored.score[scored.best[0]]) if scored.best else None


# --- the ways out of each constraint, the smallest that are enough --------------------------------------------------


def _offer(setting: Setting, found: Screen, position: int) -> Offer:
    return setting.catalogue.offers[int(found.offer[position])]


def _theme(setting: Setting, found: Screen, position: int) -> list[tuple[Change, ...]]:
    scheme, line = setting.catalogue.scheme, setting.line
    asked = scheme.index(line.theme)
    near = [
        t
        for t in _offer(setting, found, position).themes
        if scheme.relation(asked=asked, offered=scheme.index(t)) is not Relation.NONE
    ]
    nearest = min(near, key=lambda theme: (-int(scheme.closeness[asked, scheme.index(theme)]), theme))
    return [(change("accept_theme", REQUESTER, theme=nearest),)]


def _language(setting: Setting, found: Screen, position: int) -> list[tuple[Change, ...]]:
    offer, line, need = _offer(setting, found, position), setting.line, setting.need
    asked = line.language or ""
    ways: list[tuple[Change, ...]] = []
    if offer.interpretation and setting.policy.accept_interpretation and not need.interpretation_allowed:
        ways.append((change("allow_interpretation", REQUESTER, language=asked),))
    spoken = setting.catalogue.slots.slots[int(found.rows[position])].languages
    if spoken:
        best = min(spoken, key=lambda code: (code not in need.languages_may, code not in need.texts, code))
        ways.append((change("accept_language", REQUESTER, language=best),))
    return [*ways, (change("give_language", PROVIDER, language=asked),)]


def _country(setting: Setting, _found: Screen, _position: int) -> list[tuple[Change, ...]]:
    if setting.line.country is not None:
        return [(change("serve_country", PROVIDER, country=setting.line.country),)]
    return [(change("serve_region", PROVIDER, region=setting.line.region or "001"),)]


def _level(setting: Setting, found: Screen, position: int) -> list[tuple[Change, ...]]:
    offered = _offer(setting, found, position).level or ""
    return [
        (change("accept_level", REQUESTER, level=offered),),
        (change("teach_level", PROVIDER, level=setting.line.level or ""),),
    ]


def _place(setting: Setting, _found: Screen, _position: int) -> list[tuple[Change, ...]]:
    return [(change("give_up_place", REQUESTER),), _scheduled(setting)]


def _window(setting: Setting, found: Screen, position: int) -> list[tuple[Change, ...]]:
    """Return by how many days the window must begin earlier and end later for this slot; or a session of its own."""
    opens, closes = setting.need.window_start.toordinal(), setting.need.window_end.toordinal()
    slot = setting.catalogue.slots.slots[int(found.rows[position])]
    spare = setting.policy.window_tolerance_days
    if slot.kind is SlotKind.SESSION and slot.precise:
        return _moved(setting, opens - spare - slot.start, slot.end - closes - spare)
    if slot.kind is SlotKind.SESSION:
        return _moved(setting, opens - slot.end, slot.start - closes)
    offer = _offer(setting, found, position)
    row = int(found.offer[position])
    duration = int(setting.catalogue.columns.duration[row]) if slot.kind is not SlotKind.OPEN_ACCESS else 1
    if offer.customisable:
        duration = -(-duration // 2)
    begin = min(int(found.start[position]), slot.end - duration + 1)
    return _moved(setting, opens - begin, begin + duration - 1 - closes)


def _moved(setting: Setting, earlier: int, later: int) -> list[tuple[Change, ...]]:
    changes = []
    if earlier > 0:
        changes.append(change("start_earlier", REQUESTER, days=earlier))
    if later > 0:
        changes.append(change("end_later", REQUESTER, days=later))
    return [tuple(changes), _scheduled(setting)] if changes else [_scheduled(setting)]


def _scheduled(setting: Setting) -> tuple[Change, ...]:
    return (change("schedule_session", PROVIDER, participants=setting.line.maximum),)


def _schedule(setting: Setting, _found: Screen, _position: int) -> list[tuple[Change, ...]]:
    return [_scheduled(setting)]


def _short(setting: Setting, found: Screen, position: int) -> list[tuple[Change, ...]]:
    fewer = int(found.available[position])
    return [(change("lower_minimum", REQUESTER, participants=fewer),), _scheduled(setting)]


def _group(setting: Setting, found: Screen, position: int) -> list[tuple[Change, ...]]:
    slot, offer = setting.catalogue.slots.slots[int(found.rows[position])], _offer(setting, found, position)
    enough = slot.group_min
    if slot.kind is not SlotKind.SESSION:
        enough = max(enough, -(-setting.line.maximum // offer.participants_max) * slot.group_min)
    return [(change("raise_maximum", REQUESTER, participants=enough),), _scheduled(setting)]


def _cost(setting: Setting, found: Screen, position: int) -> list[tuple[Change, ...]]:
    budget = setting.need.budget
    ceiling = to_cents(budget.ceiling) if budget.ceiling is not None else 0
    permille = 1000 + setting.policy.cost_tolerance_permille
    whole = int(found.floor_cost[position]) + to_cents(budget.committed or Decimal(0))
    missing = -(-whole * 1000 // permille) - ceiling
    currency = budget.currency or setting.policy.currency
    ways: list[tuple[Change, ...]] = [
        (change("raise_ceiling", REQUESTER, amount=f"{to_amount(missing)} {currency}", cents=missing),)
    ]
    limit, deliveries = ceiling_cents(setting.need, setting.policy), int(found.deliveries[position])
    if limit is not None and int(found.cost[position]) != UNKNOWN:
        price = limit // deliveries
        less = f"{to_amount(int(found.cost[position]) - price * deliveries)} {currency}"
        ways.append((change("lower_price", PROVIDER, amount=less, price=f"{to_amount(price)} {currency}"),))
    return ways


def _award(setting: Setting, found: Screen, position: int) -> list[tuple[Change, ...]]:
    given = _offer(setting, found, position).award or "none"
    return [
        (change("accept_award", REQUESTER, award=given),),
        (change("give_award", PROVIDER, award=setting.need.award),),
    ]


def _fixed(code: str, actor: str) -> Writer:
    def write(_setting: Setting, _found: Screen, _position: int) -> list[tuple[Change, ...]]:
        return [(change(code, actor),)]

    return write


def _accepted(code: str, name: str, read: Callable[[Offer], str | tuple[str, ...]]) -> Writer:
    def write(setting: Setting, found: Screen, position: int) -> list[tuple[Change, ...]]:
        return [(change(code, REQUESTER, **{name: read(_offer(setting, found, position))}),)]

    return write


def _audience(setting: Setting, _found: Screen, _position: int) -> list[tuple[Change, ...]]:
    return [(change("admit_audience", PROVIDER, audience=setting.line.audience),)]


WRITERS: dict[Fail, Writer] = {
    Fail.THEME_MISMATCH: _theme,
    Fail.LANGUAGE_NOT_DELIVERABLE: _language,
    Fail.COUNTRY_NOT_SERVED: _country,
    Fail.AUDIENCE_MISMATCH: _audience,
    Fail.LEVEL_MISMATCH: _level,
    Fail.FORM_MISMATCH: _accepted("accept_form", "form", lambda offer: offer.form),
    Fail.MODALITY_MISMATCH: _accepted("accept_modality", "modality", lambda offer: offer.modality),
    Fail.PLACE_MISMATCH: _place,
    Fail.NOT_SCHEDULED: _schedule,
    Fail.WINDOW_MISSED: _window,
    Fail.CAPACITY_NONE: _schedule,
    Fail.CAPACITY_SHORT: _short,
    Fail.GROUP_TOO_SMALL: _group,
    Fail.COST_OVER_CEILING: _cost,
    Fail.AWARD_UNAVAILABLE: _award,
    Fail.VETTING_EXPIRED: _fixed("renew_vetting", SECRETARIAT),
    Fail.PROVIDER_NOT_IN_STANDING: _fixed("verify_provider", SECRETARIAT),
    Fail.EXCLUDED_BY_REQUESTER: _accepted("lift_exclusion", "parties", lambda offer: tuple(sorted(offer.parties))),
    Fail.NOT_VISIBLE: _fixed("widen_visibility", REQUESTER),
}
