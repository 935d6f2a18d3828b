"""What the benchmark of the API asks about: some thing, a new need, a late cursor, a million needs, a change of the catalogue."""

import json
import time
from collections.abc import Callable
from typing import Any, cast

from django.db import connection
from django.utils import timezone

from bench.api_people import GROW, give_needs
from marketplace.api.pagination import Keyset, write_cursor

PAGE = 50


def some_id(page: Callable[[], bytes]) -> str:
    """Give the id of the first thing of a list."""
    return str(json.loads(page())["results"][0]["id"])


def need(organization: str) -> bytes:
    """Give the body of a new need with two lines."""
    line = {
        "audience": "national_government",
        "country": "MLI",
        "language": "fr",
        "participants": {"min": 10, "max": 25},
    }
    return json.dumps(
        {
            "requesting_organization": organization,
            "title": {"en": "Made up by the benchmark"},
            "need_statement": {"en": "Synthetic: officials of two ministries."},
            "lines": [{**line, "theme": "mainstreaming"}, {**line, "theme": "fair-recruitment"}],
        }
    ).encode()  # fmt: skip


def rows_of_needs() -> int:
    """Count the needs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM requests_app_trainingrequest")
        return int(cursor.fetchone()[0])


def grow(rows: int, organization_id: int) -> None:
    """Copy needs, without their lines, until there are so many; some are the organization's, spread evenly."""
    there = rows_of_needs()
    if there < rows:
        with connection.cursor() as cursor:
            cursor.execute(GROW, [rows // 100_000, organization_id])
        give_needs(organization_id)


def cursor_of_page(number: int) -> str:
    """Write the cursor of a late page of the newest needs for somebody who sees all of them."""
    from requests_app.models import TrainingRequest

    rows = TrainingRequest.objects.order_by("-created_at", "-pk").values_list("created_at", "pk")
    place = (number - 1) * PAGE
    last = cast("tuple[Any, ...]", rows[place - 1 : place][0])
    return write_cursor(Keyset(["-created_at"], TrainingRequest), last, backwards=False)


def seconds_until_matching_knows() -> float:
    """Change an offering and give the seconds until the market that matching reads has the change."""
    from matching.queries.market import market
    from providers.models import Offering

    market(at=timezone.now())
    row = Offering.objects.filter(state="published").order_by("pk")[0]
    wanted = row.lead_time_days + 1
    begun = time.perf_counter()
    Offering.objects.filter(pk=row.pk).update(lead_time_days=wanted, version=row.version + 1, updated_at=timezone.now())
    seen = market(at=timezone.now()).rows[str(row.public_id)].lead_time_days
    spent = time.perf_counter() - begun
    if seen != wanted:
        raise RuntimeError("matching does not see the change")
    return spent
