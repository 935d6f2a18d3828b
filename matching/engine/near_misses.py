"""Near misses: offers that fail little, each with the smallest changes that would make it eligible."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from matching.engine.catalogue import SlotKind
from matching.engine.concepts import Relation
from matching.engine.constraints import Fail, codes_of
from matching.engine.criteria import evaluate
from matching.engine.rates import to_amount, to_cents
from matching.engine.relaxation import Setting, not_only_online, popcount, with_line
from matching.engine.results import Change, NearMiss
from matching.engine.scoring import score_line, take, tie_hash
from matching.engine.sentences import Param, Sentence
from matching.engine.slots import Screen
from matching.engine.types import Need, Offer, PlaceWish, SessionSlot

REQUESTER, PROVIDER, SECRETARIAT = "requester", "provider", "secretariat"
# No small change helps; what is not published is nobody's business; and who refused is not asked again.
HOPELESS = (
    Fail.THEME_OTHER_FIELD
    | Fail.CONFLICT_OF_INTEREST
    | Fail.OFFERING_NOT_PUBLISHED
    | Fail.NOT_BOOKABLE
    | Fail.TURNED_DOWN
)


def near_misses(setting: Setting, found: Screen) -> tuple[NearMiss, ...]:
    """Return the offers nearest to being eligible: fewest constraints failed, then the better score.

    An offer that has an eligible slot is none. Where the requester alone can act, the changes are applied and tested
    here; one that would not help is left out.
    """
    eligible = np.zeros(len(setting.catalogue.offers), dtype=np.bool_)
    eligible[found.offer[found.bits == 0]] = True
    counts = popcount(found.bits)
    few = counts <= setting.policy.near_miss_constraints
    helpable = (found.bits & np.int64(HOPELESS)) == 0
    nearest = take(found, np.flatnonzero(few & helpable & ~eligible[found.offer]))
    score = evaluate(setting.need, setting.line, setting.catalogue, setting.policy, nearest).scores(setting.policy)
    failed = popcount(nearest.bits)

    def order(position: int) -> tuple[int, int, int, int]:
        offer = setting.catalogue.offers[int(nearest.offer[position])]
        tie = tie_hash(setting.policy, setting.need, offer.id)
        return int(failed[position]), -int(score[position]), tie, int(nearest.rows[position])

    results: list[NearMiss] = []
    seen: set[int] = set()
    for position in sorted(range(len(nearest.rows)), key=order):
        offer = int(nearest.offer[position])
        if offer in seen:
            continue
        entry = _near_miss(setting, nearest, position)
        if entry is not None:
            seen.add(offer)
            results.append(entry)
        if len(results) == setting.policy.near_misses:
            break
    return tuple(results)


def _near_miss(setting: Setting, found: Screen, position: int) -> NearMiss | None:
    mask = int(found.bits[position])
    offer = setting.catalogue.offers[int(found.offer[position])]
    changes: list[Change] = []
    for fail in Fail:
        if mask & fail:
            changes += WRITERS[fail](setting, found, position)
    days = sum(_number(change, "days") for change in changes if "days" in change.params)
    if days > setting.policy.near_miss_days:
        return None
    score: int | None = None
    if all(change.actor == REQUESTER for change in changes):
        score = _score_after(setting, found, position, changes)
        if score is None:
            return None
    return NearMiss(offer.id, offer.provider, setting.line.number, codes_of(mask), mask, tuple(changes), score)


def _score_after(setting: Setting, found: Screen, position: int, changes: list[Change]) -> int | None:
    need = setting.need
    for change in changes:
        need = apply_change(need, setting.line.number, change)
    line = need.line(setting.line.number)
    slots = np.flatnonzero(setting.catalogue.slots.offer == found.offer[position])
    scored = score_line(need, line, setting.catalogue, setting.policy, setting.screened(need, line, slots))
    return int(scored.score[scored.best[0]]) if scored.best else None


# --- the smallest change for each constraint -----------------------------------------------------------------------


def _change(code: str, actor: str, **params: Param) -> Change:
    return Change(code, actor, params, Sentence(f"change.{code}", params))


def _offer(setting: Setting, found: Screen, position: int) -> Offer:
    return setting.catalogue.offers[int(found.offer[position])]


def _theme(setting: Setting, found: Screen, position: int) -> list[Change]:
    scheme, line = setting.catalogue.scheme, setting.line
    asked = scheme.index(line.theme)
    near = [
        t
        for t in _offer(setting, found, position).themes
        if scheme.relation(asked=asked, offered=scheme.index(t)) is not Relation.NONE
    ]
    nearest = min(near, key=lambda theme: (-int(scheme.closeness[asked, scheme.index(theme)]), theme))
    return [_change("accept_theme", REQUESTER, theme=nearest)]


def _language(setting: Setting, found: Screen, position: int) -> list[Change]:
    offer, line, need = _offer(setting, found, position), setting.line, setting.need
    if offer.interpretation and setting.policy.accept_interpretation and not need.interpretation_allowed:
        return [_change("allow_interpretation", REQUESTER, language=line.language or "")]
    spoken = setting.catalogue.slots.slots[int(found.rows[position])].languages
    if not spoken:
        return []
    best = min(spoken, key=lambda code: (code not in need.languages_may, code not in need.texts, code))
    return [_change("accept_language", REQUESTER, language=best)]


def _country(setting: Setting, _found: Screen, _position: int) -> list[Change]:
    if setting.line.country is not None:
        return [_change("serve_country", PROVIDER, country=setting.line.country)]
    return [_change("serve_region", PROVIDER, region=setting.line.region or "001")]


def _window(setting: Setting, found: Screen, position: int) -> list[Change]:
    """Return by how many days the window must begin earlier and end later for this slot."""
    opens, closes = setting.need.window_start.toordinal(), setting.need.window_end.toordinal()
    slot = setting.catalogue.slots.slots[int(found.rows[position])]
    spare = setting.policy.window_tolerance_days
    if slot.kind is SlotKind.SESSION and slot.precise:
        return _moved(opens - spare - slot.start, slot.end - closes - spare)
    if slot.kind is SlotKind.SESSION:
        return _moved(opens - slot.end, slot.start - closes)
    offer = _offer(setting, found, position)
    row = int(found.offer[position])
    duration = int(setting.catalogue.columns.duration[row]) if slot.kind is not SlotKind.OPEN_ACCESS else 1
    if offer.customisable:
        duration = -(-duration // 2)
    begin = min(int(found.start[position]), slot.end - duration + 1)
    return _moved(opens - begin, begin + duration - 1 - closes)


def _moved(earlier: int, later: int) -> list[Change]:
    changes = []
    if earlier > 0:
        changes.append(_change("start_earlier", REQUESTER, days=earlier))
    if later > 0:
        changes.append(_change("end_later", REQUESTER, days=later))
    return changes


def _schedule(setting: Setting, _found: Screen, _position: int) -> list[Change]:
    return [_change("schedule_session", PROVIDER, participants=setting.line.maximum)]


def _short(_setting: Setting, found: Screen, position: int) -> list[Change]:
    return [_change("lower_minimum", REQUESTER, participants=int(found.available[position]))]


def _group(setting: Setting, found: Screen, position: int) -> list[Change]:
    slot, offer = setting.catalogue.slots.slots[int(found.rows[position])], _offer(setting, found, position)
    enough = slot.group_min
    if slot.kind is not SlotKind.SESSION:
        enough = max(enough, -(-setting.line.maximum // offer.participants_max) * slot.group_min)
    return [_change("raise_maximum", REQUESTER, participants=enough)]


def _cost(setting: Setting, found: Screen, position: int) -> list[Change]:
    budget = setting.need.budget
    ceiling = to_cents(budget.ceiling) if budget.ceiling is not None else 0
    permille = 1000 + setting.policy.cost_tolerance_permille
    missing = -(-int(found.floor_cost[position]) * 1000 // permille) - ceiling
    currency = budget.currency or setting.policy.currency
    return [_change("raise_ceiling", REQUESTER, amount=f"{to_amount(missing)} {currency}", cents=missing)]


def _fixed(code: str, actor: str) -> Callable[[Setting, Screen, int], list[Change]]:
    def write(_setting: Setting, _found: Screen, _position: int) -> list[Change]:
        return [_change(code, actor)]

    return write


def _of_offer(
    code: str, actor: str, name: str, read: Callable[[Setting, Offer], Param]
) -> Callable[[Setting, Screen, int], list[Change]]:
    def write(setting: Setting, found: Screen, position: int) -> list[Change]:
        return [_change(code, actor, **{name: read(setting, _offer(setting, found, position))})]

    return write


WRITERS: dict[Fail, Callable[[Setting, Screen, int], list[Change]]] = {
    Fail.THEME_MISMATCH: _theme,
    Fail.LANGUAGE_NOT_DELIVERABLE: _language,
    Fail.COUNTRY_NOT_SERVED: _country,
    Fail.AUDIENCE_MISMATCH: _of_offer("admit_audience", PROVIDER, "audience", lambda setting, _: setting.line.audience),
    Fail.LEVEL_MISMATCH: _of_offer("accept_level", REQUESTER, "level", lambda _, offer: offer.level or ""),
    Fail.FORM_MISMATCH: _of_offer("accept_form", REQUESTER, "form", lambda _, offer: offer.form),
    Fail.MODALITY_MISMATCH: _of_offer("accept_modality", REQUESTER, "modality", lambda _, offer: offer.modality),
    Fail.PLACE_MISMATCH: _fixed("give_up_place", REQUESTER),
    Fail.NOT_SCHEDULED: _schedule,
    Fail.WINDOW_MISSED: _window,
    Fail.CAPACITY_NONE: _schedule,
    Fail.CAPACITY_SHORT: _short,
    Fail.GROUP_TOO_SMALL: _group,
    Fail.COST_OVER_CEILING: _cost,
    Fail.AWARD_UNAVAILABLE: _of_offer("accept_award", REQUESTER, "award", lambda _, offer: offer.award or "none"),
    Fail.VETTING_EXPIRED: _fixed("renew_vetting", SECRETARIAT),
    Fail.PROVIDER_NOT_IN_STANDING: _fixed("verify_provider", SECRETARIAT),
    Fail.EXCLUDED_BY_REQUESTER: _of_offer(
        "lift_exclusion", REQUESTER, "parties", lambda _, offer: tuple(sorted(offer.organizations | {offer.provider}))
    ),
    Fail.NOT_VISIBLE: _fixed("widen_visibility", REQUESTER),
}


# --- applying ------------------------------------------------------------------------------------------------------


def apply_change(need: Need, number: int, change: Change) -> Need:
    """Apply a change of the requester to one line of the need. Raises KeyError for a change of somebody else."""
    return NEED_CHANGES[change.code](need, number, change)


def apply_offer_change(offer: Offer, need: Need, number: int, change: Change, *, as_of: date) -> Offer:
    """Apply a change of the provider or the secretariat to the offer. Raises KeyError for a change of the requester."""
    return OFFER_CHANGES[change.code](offer, need, number, as_of)


def _number(change: Change, name: str) -> int:
    value = change.params[name]
    if not isinstance(value, int):
        raise TypeError(name)
    return value


def _word(change: Change, name: str) -> str:
    return str(change.params[name])


def _parties(change: Change) -> frozenset[str]:
    value = change.params["parties"]
    return frozenset(value) if isinstance(value, tuple) else frozenset()


def _raised(need: Need, change: Change) -> Need:
    ceiling = to_cents(need.budget.ceiling) if need.budget.ceiling is not None else 0
    return replace(need, budget=replace(need.budget, ceiling=to_amount(ceiling + _number(change, "cents"))))


NEED_CHANGES: dict[str, Callable[[Need, int, Change], Need]] = {
    "accept_theme": lambda need, n, c: with_line(
        need, replace(need.line(n), also_themes=need.line(n).also_themes | {_word(c, "theme")})
    ),
    "accept_language": lambda need, n, c: with_line(need, replace(need.line(n), language=_word(c, "language"))),
    "allow_interpretation": lambda need, _n, _c: replace(need, interpretation_allowed=True),
    "accept_level": lambda need, n, c: with_line(need, replace(need.line(n), level=_word(c, "level"))),
    "accept_form": lambda need, _n, c: replace(need, forms=need.forms | {_word(c, "form")}),
    "accept_modality": lambda need, _n, c: replace(
        need,
        modalities=need.modalities | {_word(c, "modality")} if need.modalities else need.modalities,
        place=not_only_online(need.place),
    ),
    "give_up_place": lambda need, _n, _c: replace(need, place=PlaceWish()),
    "start_earlier": lambda need, _n, c: replace(need, window_start=need.window_start - timedelta(_number(c, "days"))),
    "end_later": lambda need, _n, c: replace(need, window_end=need.window_end + timedelta(_number(c, "days"))),
    "lower_minimum": lambda need, n, c: with_line(need, replace(need.line(n), minimum=_number(c, "participants"))),
    "raise_maximum": lambda need, n, c: with_line(need, replace(need.line(n), maximum=_number(c, "participants"))),
    "raise_ceiling": lambda need, _n, c: _raised(need, c),
    "accept_award": lambda need, _n, c: replace(need, award=_word(c, "award")),
    "lift_exclusion": lambda need, _n, c: replace(need, excluded=need.excluded - _parties(c)),
    "widen_visibility": lambda need, _n, _c: replace(need, visible_to=None),
}


def _scheduled(offer: Offer, need: Need, number: int, as_of: date) -> Offer:
    line = need.line(number)
    begin = max(need.window_start, as_of + timedelta(1))
    seats = max(line.maximum, offer.participants_min)
    session = SessionSlot(
        code=f"{offer.id}:proposed",
        start=begin,
        end=need.window_end,
        precision="month",
        languages=offer.languages,
        country=need.place.country or line.country,
        city=need.place.city,
        seats_total=seats,
        seats_free=seats,
        seats_min=1,
    )
    return replace(offer, sessions=(*offer.sessions, session))


OFFER_CHANGES: dict[str, Callable[[Offer, Need, int, date], Offer]] = {
    "serve_country": lambda offer, need, n, _: replace(offer, countries=offer.countries | {need.line(n).country or ""}),
    "serve_region": lambda offer, need, n, _: replace(offer, regions=offer.regions | {need.line(n).region or "001"}),
    "admit_audience": lambda offer, need, n, _: replace(offer, audiences=offer.audiences | {need.line(n).audience}),
    "schedule_session": _scheduled,
    "renew_vetting": lambda offer, _need, _n, as_of: replace(offer, vetted_until=as_of + timedelta(365)),
    "verify_provider": lambda offer, _need, _n, _: replace(offer, provider_verified=True, provider_verified_until=None),
}
