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


def test_keys_are_a_table_that_each_engine_looks_up_and_no_chain_of_conditions() -> None:
    provider = ProviderFactory.create()
    keys = [(provider.pk, "lms", str(number)) for number in range(500)]
    plan = among(Offering.objects.order_by(), KEY, keys, INDEXED).values("pk").explain()
    if connection.vendor == "postgresql":  # which way it joins them depends on what it knows of the table
        assert "Values Scan" in plan
        assert " OR " not in plan
    else:
        looks = ("provider_id=? AND source=? AND external_id=?", "offering_external_id_once")
        assert [words for words in looks if words not in plan] == [], plan
