"""The whole demo, in the order in which one thing needs another."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from marketplace.demo.loading.capacity import load_capacity
from marketplace.demo.loading.context import Load
from marketplace.demo.loading.evaluations import load_stories
from marketplace.demo.loading.offerings import load_offerings, retire_offerings
from marketplace.demo.loading.organizations import load_organizations
from marketplace.demo.loading.people import load_people, load_service_clients
from marketplace.demo.loading.programmes import load_context_events, load_programmes
from marketplace.demo.loading.providers import load_providers
from marketplace.demo.loading.requests import load_requests
from marketplace.demo.loading.sessions import load_sessions
from marketplace.demo.loading.shares import load_shares
from marketplace.demo.models import LoadedDemo
from marketplace.demo.source import Calendar, read, years_since_demo_day
from marketplace.vocabularies import operations as vocabularies

# Surveys of needs are not among these: the data has one, the product has no room for it yet.
KINDS: tuple[Callable[[Load], None], ...] = (
    load_organizations,
    load_people,
    load_programmes,
    load_context_events,
    load_service_clients,
    load_providers,
    load_offerings,
    load_sessions,
    retire_offerings,
    load_capacity,
    load_requests,
    load_shares,
    load_stories,
)


def load_demo(*, at: datetime) -> Counter[str]:
    """Load vocabularies and demo data, and give how many records of each kind were new.

    Every kind is one transaction; what is there already stays as it is, so a load that was cut off goes on where it
    stopped, with the dates it began with.
    """
    vocabularies.load_vocabularies(at=at)
    begun, _ = LoadedDemo.objects.get_or_create(
        pk=1, defaults={"years": years_since_demo_day(at.date()), "begun_at": at}
    )
    load = Load(read(), Calendar(begun.years, at))
    for load_kind in KINDS:
        with transaction.atomic():
            load_kind(load)
    if begun.loaded_at is None:
        begun.loaded_at = at
        begun.save(update_fields=["loaded_at"])
    return load.new
