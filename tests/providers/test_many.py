"""Offerings are found again by what their provider calls them, many of them by one statement."""

import pytest
from django.db import connection

from marketplace.records.lookups import among
from providers.models import Offering
from providers.operations.many import INDEXED, KEY
from tests.factories.providers import OfferingFactory, ProviderFactory

pytestmark = pytest.mark.django_db


def test_keys_count_as_a_whole() -> None:
    one, other = ProviderFactory.create_batch(2)
    held = [
        OfferingFactory.create(provider=provider, source="lms", external_id=name)
        for provider, name in ((one, "a"), (one, "b"), (other, "a"))
    ]
    wanted = {(one.pk, "lms", "b"), (other.pk, "lms", "a"), (one.pk, "", "a"), (other.pk, "lms", "b")}
    assert set(among(Offering.objects.all(), KEY, wanted, INDEXED)) == set(held[1:])
    assert set(among(Offering.objects.filter(provider=one), KEY, wanted, INDEXED)) == {held[1]}
    assert not among(Offering.objects.all(), KEY, (), INDEXED)


def test_each_key_is_a_look_into_the_index_though_nothing_is_known_of_the_table() -> None:
    provider = ProviderFactory.create()
    Offering.objects.bulk_create(
        OfferingFactory.build(provider=provider, code=f"O{number}", source="lms", external_id=str(number))
        for number in range(1_000)
    )
    keys = [(provider.pk, "lms", str(number)) for number in range(900, 1_400)]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:  # so few rows it would rather read than look up
            cursor.execute(
                "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off"
            )
    plan = among(Offering.objects.order_by(), KEY, keys, INDEXED).values("pk").explain()
    assert "offering_external_id_once" in plan
    [look] = [
        line for line in plan.splitlines() if "external_id" in line and ("Index Cond: " in line or "SEARCH" in line)
    ]
    assert [name for name in KEY if name not in look] == []
