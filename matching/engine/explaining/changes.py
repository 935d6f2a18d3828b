"""Changes that a person can make, as data and as functions: what is stated is applied by the very function here.

A change of the requester turns a need into another need, a change of the provider or the secretariat an offer into
another offer. Amounts and days are the smallest that are enough.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from matching.engine.explaining.relaxation import not_only_online, with_line
from matching.engine.reference.rates import to_amount, to_cents
from matching.engine.results import Change
from matching.engine.sentences import Param, Sentence
from matching.engine.types import CapacitySlot, Cost, Need, Offer, PlaceWish, SessionSlot

REQUESTER, PROVIDER, SECRETARIAT = "requester", "provider", "secretariat"


def change(code: str, actor: str, **params: Param) -> Change:
    """Return a change with its sentence."""
    return Change(code, actor, params, Sentence(f"change.{code}", params))


def changed(need: Need, offer: Offer, number: int, changes: Iterable[Change], *, as_of: date) -> tuple[Need, Offer]:
    """Apply several changes: first those of the requester, then those of the others to what the need has become."""
    listed = list(changes)
    for entry in listed:
        if entry.actor == REQUESTER:
            need = apply_change(need, number, entry)
    for entry in listed:
        if entry.actor != REQUESTER:
            offer = apply_offer_change(offer, need, number, entry, as_of=as_of)
    return need, offer


def apply_change(need: Need, number: int, change: Change) -> Need:
    """Apply a change of the requester to one line of the need. Raises KeyError for a change of somebody else."""
    return NEED_CHANGES[change.code](need, number, change)


def apply_offer_change(offer: Offer, need: Need, number: int, change: Change, *, as_of: date) -> Offer:
    """Apply a change of the provider or the secretariat to the offer. Raises KeyError for a change of the requester."""
    return OFFER_CHANGES[change.code](offer, need, number, as_of, change)


def number_of(change: Change, name: str) -> int:
    """Return a figure of a change. Raises TypeError where it is none."""
    value = change.params[name]
    if not isinstance(value, int):
        raise TypeError(name)
    return value


def _word(change: Change, name: str) -> str:
    return str(change.params[name])


def _parties(change: Change) -> frozenset[str]:
    value = change.params["parties"]
    return frozenset(value) if isinstance(value, tuple) else frozenset()


def _admitting(need: Need, parties: frozenset[str]) -> Need:
    """Return the need with nothing said against these organizations, alone or together."""
    apart = frozenset(pair for pair in need.kept_apart if not parties >= set(pair))
    return replace(need, excluded=need.excluded - parties, kept_apart=apart)


def _raised(need: Need, change: Change) -> Need:
    ceiling = to_cents(need.budget.ceiling) if need.budget.ceiling is not None else 0
    return replace(need, budget=replace(need.budget, ceiling=to_amount(ceiling + number_of(change, "cents"))))


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
    "start_earlier": lambda need, _n, c: replace(
        need, window_start=need.window_start - timedelta(number_of(c, "days"))
    ),
    "end_later": lambda need, _n, c: replace(need, window_end=need.window_end + timedelta(number_of(c, "days"))),
    "lower_minimum": lambda need, n, c: with_line(need, replace(need.line(n), minimum=number_of(c, "participants"))),
    "raise_maximum": lambda need, n, c: with_line(need, replace(need.line(n), maximum=number_of(c, "participants"))),
    "raise_ceiling": lambda need, _n, c: _raised(need, c),
    "accept_award": lambda need, _n, c: replace(need, award=_word(c, "award")),
    "lift_exclusion": lambda need, _n, c: _admitting(need, _parties(c)),
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


def _priced(offer: Offer, change: Change) -> Offer:
    """Set the price of one delivery; participants cost nothing on top."""
    figure, _, currency = _word(change, "price").partition(" ")
    return replace(offer, cost=Cost(Decimal(figure), Decimal(0), currency))


def _spoken(offer: Offer, change: Change) -> Offer:
    language = _word(change, "language")
    sessions = (replace(s, languages=s.languages | {language}) if s.languages else s for s in offer.sessions)
    return replace(offer, languages=offer.languages | {language}, sessions=tuple(sessions))


def _of_session(offer: Offer, change: Change, alter: Callable[[SessionSlot], SessionSlot]) -> Offer:
    code = _word(change, "session")
    return replace(offer, sessions=tuple(alter(slot) if slot.code == code else slot for slot in offer.sessions))


def _of_window(offer: Offer, change: Change, alter: Callable[[CapacitySlot], CapacitySlot]) -> Offer:
    code = _word(change, "window")
    return replace(offer, capacity=tuple(alter(slot) if slot.code == code else slot for slot in offer.capacity))


def _fixed_days(offer: Offer, change: Change) -> Offer:
    start, end = (date.fromisoformat(_word(change, name)) for name in ("start", "end"))
    return _of_session(offer, change, lambda slot: replace(slot, start=start, end=end, precision="day"))


def _more_seats(offer: Offer, change: Change) -> Offer:
    more = number_of(change, "seats")
    return _of_session(
        offer,
        change,
        lambda slot: replace(slot, seats_free=slot.seats_free + more, seats_total=slot.seats_total + more),
    )


def _closing_later(offer: Offer, change: Change) -> Offer:
    later = timedelta(number_of(change, "days"))
    return _of_session(
        offer,
        change,
        lambda slot: replace(slot, enrolment_deadline=(slot.enrolment_deadline or slot.start) + later),
    )


def _declared(offer: Offer, change: Change) -> Offer:
    start, end = (date.fromisoformat(_word(change, name)) for name in ("start", "end"))
    days = number_of(change, "trainer_days")
    window = CapacitySlot(code=f"{offer.id}:declared", start=start, end=end, total=days, free=days)
    return replace(offer, capacity=(*offer.capacity, window))


OFFER_CHANGES: dict[str, Callable[[Offer, Need, int, date, Change], Offer]] = {
    "serve_country": lambda offer, need, n, _, _c: replace(
        offer, countries=offer.countries | {need.line(n).country or ""}
    ),
    "serve_region": lambda offer, need, n, _, _c: replace(
        offer, regions=offer.regions | {need.line(n).region or "001"}
    ),
    "admit_audience": lambda offer, need, n, _, _c: replace(offer, audiences=offer.audiences | {need.line(n).audience}),
    "teach_level": lambda offer, _need, _n, _, c: replace(offer, level=_word(c, "level")),
    "name_government_level": lambda offer, _need, _n, _, c: replace(
        offer, governance_levels=offer.governance_levels | {_word(c, "government_level")}
    ),
    "give_language": lambda offer, _need, _n, _, c: _spoken(offer, c),
    "give_award": lambda offer, _need, _n, _, c: replace(offer, award=_word(c, "award")),
    "lower_price": lambda offer, _need, _n, _, c: _priced(offer, c),
    "state_price": lambda offer, _need, _n, _, c: _priced(offer, c),
    "fix_days": lambda offer, _need, _n, _, c: _fixed_days(offer, c),
    "declare_capacity": lambda offer, _need, _n, _, c: _declared(offer, c),
    "add_seats": lambda offer, _need, _n, _, c: _more_seats(offer, c),
    "close_later": lambda offer, _need, _n, _, c: _closing_later(offer, c),
    "open_earlier": lambda offer, _need, _n, _, c: _of_window(
        offer, c, lambda slot: replace(slot, start=slot.start - timedelta(number_of(c, "days")))
    ),
    "shorten_lead_time": lambda offer, _need, _n, _, c: replace(
        offer, lead_time_days=offer.lead_time_days - number_of(c, "days")
    ),
    "schedule_session": lambda offer, need, n, as_of, _c: _scheduled(offer, need, n, as_of),
    "renew_vetting": lambda offer, _need, _n, as_of, _c: replace(offer, vetted_until=as_of + timedelta(365)),
    "verify_provider": lambda offer, _need, _n, _, _c: replace(
        offer, provider_verified=True, provider_verified_until=None
    ),
}
