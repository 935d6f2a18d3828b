"""Saved searches of needs: who sees them, and what they find in one need."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from marketplace.accounts.actors import Actor
from marketplace.accounts.permissions import is_secretariat, organization_ids
from marketplace.accounts.reach import rights_of_organizations
from matching.engine import Policy
from matching.models import FITS, NeedWatch, ToldNeed
from matching.queries import serving
from requests_app.queries import NeedCriteria

PER_HUNDRED = 10_000  # of the score 0..10^6


def watches_visible_to(actor: Actor, *, at: datetime) -> QuerySet[NeedWatch]:
    """Give the saved searches of one's own organizations' providers; all of them for the secretariat."""
    rows = NeedWatch.objects.all()
    if is_secretariat(actor, at):
        return rows
    if actor.kind == "anonymous":
        return rows.none()
    return rows.filter(provider__organization_id__in=organization_ids(actor, at, "catalogue"))


def watches_to_tell(request_id: int) -> list[int]:
    """Give the keys of the active searches that have not been told of a need yet, in order."""
    told = ToldNeed.objects.filter(request_id=request_id).values("watch_id")
    return list(NeedWatch.objects.filter(active=True).exclude(pk__in=told).order_by("pk").values_list("pk", flat=True))


def untold(watch_ids: Iterable[int], request_id: int) -> QuerySet[NeedWatch]:
    """Give those of the searches that are active and have not been told of a need, in order, with their providers."""
    told = ToldNeed.objects.filter(request_id=request_id).values("watch_id")
    rows = NeedWatch.objects.filter(pk__in=list(watch_ids), active=True).exclude(pk__in=told)
    return rows.select_related("provider__organization").order_by("pk")


def criteria_of(watch: NeedWatch) -> NeedCriteria:
    """Give what a search asks for."""
    return NeedCriteria(
        themes=tuple(watch.themes),
        countries=tuple(watch.countries),
        regions=tuple(watch.regions),
        languages=tuple(watch.languages),
        forms=tuple(watch.forms),
        modalities=tuple(watch.modalities),
        window_from=watch.window_from,
        window_to=watch.window_to,
        q=watch.words,
    )


def speaker_of(watch: NeedWatch, *, at: datetime) -> Actor:
    """Make the actor that sees what a system of the provider's organization would see at ``at``, and no more."""
    organization, day = watch.provider.organization, at.date()
    actor = Actor(kind="client", name=watch.reference_text)
    actor.learn(day, tuple(rights_of_organizations([organization], day).values()), ())
    return actor


def met_by(
    watches: Iterable[NeedWatch], request_id: int, policy: Policy, *, at: datetime
) -> list[tuple[NeedWatch, serving.FoundNeed]]:
    """Give the searches that one need meets, each with its best line: visible to the provider's organization and near enough."""
    found = []
    for watch in watches:
        met = _met(watch, request_id, policy, at)
        if met is not None:
            found.append((watch, met))
    return found


def _met(watch: NeedWatch, request_id: int, policy: Policy, at: datetime) -> serving.FoundNeed | None:
    supply = serving.provider_supply(watch.provider_id, at=at)
    places = serving.places_of_needs(
        supply,
        criteria_of(watch),
        policy,
        actor=speaker_of(watch, at=at),
        at=at,
        fits=FITS[: FITS.index(watch.minimum_fit) + 1],
        only=request_id,
    )
    near = [place for place in places if place.fit != serving.ELIGIBLE or place.score >= _least(watch)]
    told = serving.found_needs(supply, near, policy, provider_id=watch.provider_id, at=at)
    return told[0] if told else None


def _least(watch: NeedWatch) -> int:
    return watch.minimum_score * PER_HUNDRED
