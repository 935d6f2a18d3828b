"""What offerings, sessions and capacity windows are called, for those who name a few of many; they may be past or gone."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Q

from providers.models import CapacityWindow, Offering, Session


@dataclass(frozen=True, slots=True)
class NamedSession:
    """A session with the day that tells it from others."""

    public_id: UUID
    start_on: date


@dataclass(frozen=True, slots=True)
class NamedWindow:
    """A capacity window with the days that tell it from others."""

    public_id: UUID
    start_on: date
    end_on: date


@dataclass(frozen=True, slots=True)
class NamedOffer:
    """An offering by what people call it, with those of its sessions and its provider's windows that were asked for."""

    code: str
    provider_code: str
    titles: Mapping[str, str]
    sessions: tuple[NamedSession, ...]
    windows: tuple[NamedWindow, ...]


def named_offers(
    offers: Collection[str], *, sessions: Collection[str] = (), windows: Collection[str] = ()
) -> dict[str, NamedOffer]:
    """Give the offerings of these public ids, and of these sessions and windows, by public id; three queries.

    A window belongs to all offerings of its provider: where none of them is asked for, the provider's first carries it.
    """
    days = Session.objects.filter(public_id__in=sessions).values_list("offering", "public_id", "start_on")
    spans = CapacityWindow.objects.filter(public_id__in=windows)
    dated = [(owner, NamedSession(name, start)) for owner, name, start in days if start]
    held = [
        (owner, NamedWindow(name, start, end))
        for owner, name, start, end in spans.values_list("provider", "public_id", "start_on", "end_on")
        if start and end
    ]
    owners, providers = {owner for owner, _ in dated}, {owner for owner, _ in held}
    rows = Offering.objects.filter(Q(public_id__in=offers) | Q(pk__in=owners) | Q(provider__in=providers)).order_by(
        "pk"
    )
    found: dict[str, NamedOffer] = {}
    carried: set[int] = set()
    columns = ("pk", "public_id", "code", "provider", "provider__code", "titles")
    for pk, public_id, code, provider, provider_code, titles in rows.values_list(*columns):
        asked = str(public_id) in offers or pk in owners
        if not asked and provider in carried:
            continue
        carried.add(provider)
        found[str(public_id)] = NamedOffer(
            code=code,
            provider_code=provider_code,
            titles=titles,
            sessions=tuple(session for owner, session in dated if owner == pk),
            windows=tuple(window for owner, window in held if owner == provider),
        )
    return found
