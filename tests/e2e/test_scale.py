"""A page of a list costs the same with ten records as with thousands."""

from datetime import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.demo.synthetic import load_synthetic, remove_synthetic
from marketplace.vocabularies import operations as vocabularies
from tests.kit.api import ApiClient
from tests.kit.people import small_group

FEW = {"request_count": 10, "offering_count": 10, "provider_count": 5}
MANY = {"request_count": 1_000, "offering_count": 5_000, "provider_count": 200}
PAGES = (
    "/requests",
    "/requests?with_count=true&ordering=due_at",
    "/requests?q=migration&page_size=200",
    "/requests?state=open&expand=endorsements",
    "/offerings",
    "/offerings?q=migration&page_size=200",
    "/offerings?expand=sessions",
    "/sessions",
    "/providers",
    "/organizations",
)


@pytest.mark.django_db
def test_pages_of_lists_take_the_same_queries_with_few_and_with_thousands(at: datetime) -> None:
    vocabularies.load_vocabularies(at=at)
    officer = ApiClient.of(small_group(at).officer, at)
    load_synthetic(at=at, seed=1, **FEW)
    few = {page: queries_of(officer, page) for page in PAGES}
    remove_synthetic()
    load_synthetic(at=at, seed=1, **MANY)
    assert {page: queries_of(officer, page) for page in PAGES} == few


def queries_of(caller: ApiClient, page: str) -> int:
    """Count the queries of a page, once what a process remembers has been read."""
    caller.get(page)
    with CaptureQueriesContext(connection) as queries:
        answer = caller.get(page)
    assert answer.status_code == 200, answer.content
    assert answer.body["results"]
    return len(queries)
