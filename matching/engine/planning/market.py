"""The market as a "what if" sees it: other capacities, other weights, offers that nobody has made yet."""

from dataclasses import replace

from matching.engine.catalogue import Catalogue, build_catalogue
from matching.engine.errors import EngineError
from matching.engine.keeping.reading import SupplyInputs
from matching.engine.planning.candidates import Market, fails_of
from matching.engine.planning.snapshot import PlanInputs
from matching.engine.planning.types import MarketChanges
from matching.engine.policy import Policy
from matching.engine.types import CapacitySlot, Offer, SessionSlot


def changed_policy(policy: Policy, changes: MarketChanges) -> Policy:
    """Return the policy with the changed weights. Raises EngineError(bad_weights)."""
    if changes.weights is None:
        return policy
    return replace(policy, weights=dict(changes.weights), version=f"{policy.version}-what-if")


def changed_catalogue(catalogue: Catalogue, changes: MarketChanges) -> Catalogue:
    """Return the catalogue with changed capacities and hypothetical offers; the same one where neither changes.

    Raises EngineError(bad_instance) for a session or window that is not on offer, and what `build_catalogue` raises.
    """
    if not (changes.capacities or changes.offers):
        return catalogue
    free = {change.code: change.free for change in changes.capacities}
    known = {slot.code for offer in catalogue.offers for slot in _slots(offer)}
    for code in sorted(set(free) - known):
        raise EngineError("bad_instance", code, "no such session or capacity window is on offer")
    offers = [_with(offer, free) for offer in catalogue.offers]
    return build_catalogue([*offers, *changes.offers], catalogue.scheme, catalogue.places, catalogue.texts.lexicon)


def _slots(offer: Offer) -> tuple[SessionSlot | CapacitySlot, ...]:
    return (*offer.sessions, *offer.capacity)


def _with(offer: Offer, free: dict[str, int]) -> Offer:
    if not any(slot.code in free for slot in _slots(offer)):
        return offer
    return replace(
        offer,
        sessions=tuple(_session(slot, free) for slot in offer.sessions),
        capacity=tuple(_window(slot, free) for slot in offer.capacity),
    )


def _session(slot: SessionSlot, free: dict[str, int]) -> SessionSlot:
    """Change the free seats; those taken stay taken, so the total moves along."""
    if slot.code not in free:
        return slot
    taken = slot.seats_total - slot.seats_free
    return replace(slot, seats_free=free[slot.code], seats_total=taken + free[slot.code])


def _window(slot: CapacitySlot, free: dict[str, int]) -> CapacitySlot:
    if slot.code not in free:
        return slot
    taken = slot.total - slot.free
    return replace(slot, free=free[slot.code], total=taken + free[slot.code])


def fails_then(inputs: PlanInputs, supply: SupplyInputs, reference: str, line: int, offer: str) -> int | None:
    """Return what an offer failed for a line of a stored plan: a mask, 0 where it served, None where it was not there.

    Only this offer is looked at: what it fails does not depend on the others. Raises KeyError for a request that was
    not planned, EngineError(bad_need) for a line that it does not have.
    """
    entry = {need.reference: need for need in inputs.needs}[reference]
    there = [one for one in (*supply.offers, *inputs.changes.offers) if one.id == offer]
    free = {change.code: change.free for change in inputs.changes.capacities}
    market = Market(
        build_catalogue([_with(one, free) for one in there], supply.scheme, supply.places, supply.lexicon),
        changed_policy(inputs.policy, inputs.changes),
        inputs.rates,
        inputs.as_of,
        inputs.parameters.currency,
    )
    return fails_of(entry, line, offer, market)
