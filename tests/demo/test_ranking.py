"""With the loaded rows, the engine puts first what the founding texts make evident (`expected_top`)."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from django.db import transaction

from marketplace.demo import source
from matching.engine import NO_SOLUTION, Ranking, rank
from matching.operations import policies
from matching.queries import inputs
from providers.models import Session
from requests_app.models import LineClaim, RequestLine, TrainingRequest

DATA = source.read()


def ranked(reference: str, as_of: date) -> Ranking:
    at = datetime.combine(as_of, time(9), tzinfo=UTC)
    request = TrainingRequest.objects.get(reference=reference)
    market = inputs.market(at=at)
    policy = policies.engine_policy(policies.current_policy(at=at))
    return rank(inputs.need(request.pk, at=at), market.catalogue, policy, as_of=as_of, rates=market.rates)


def offers_of(ranking: Ranking) -> tuple[list[str], list[str]]:
    """Providers and offering codes of the best proposal."""
    rows = inputs.market(at=datetime(2026, 11, 21, 9, tzinfo=UTC)).rows
    best = ranking.proposals[0]
    return sorted(best.providers), sorted(rows[part.offer].code for part in best.parts)


@pytest.fixture
def as_it_stood(loaded: datetime, case: dict[str, Any]) -> Iterator[None]:
    """For a replay: the need was open, its sessions lay ahead."""
    with transaction.atomic():
        if case["as_of"] < "2026-11-21":
            LineClaim.objects.filter(line__request__reference=case["request"]).delete()
            RequestLine.objects.filter(request__reference=case["request"]).update(state="open", claimed=0)
            Session.objects.filter(start_on__gt=case["as_of"]).update(state="open", version=100)
        yield
        transaction.set_rollback(True)


@pytest.mark.usefixtures("as_it_stood")
@pytest.mark.parametrize("case", DATA["expected_top"], ids=lambda case: str(case["id"]))
def test_expected_offering_comes_first(case: dict[str, Any]) -> None:
    ranking = ranked(case["request"], date.fromisoformat(case["as_of"]))
    providers, offerings = offers_of(ranking)
    named = {code for entry in case["expected"] for code in entry["offerings"]}
    assert set(providers) == {entry["provider"] for entry in case["expected"]}
    if len(ranking.lines) == 1:
        assert set(offerings) <= named
    else:
        assert set(offerings) == named


@pytest.mark.parametrize("case", DATA["cases"]["team_needed"], ids=lambda case: str(case["request"]))
def test_need_that_takes_a_team_gets_it(loaded: datetime, case: dict[str, Any]) -> None:
    providers, _offerings = offers_of(ranked(case["request"], loaded.date()))
    assert providers == sorted(case["team"])


def test_need_that_nobody_can_serve_has_no_solution(loaded: datetime) -> None:
    assert ranked("GMG-KGZ-2026-0027", loaded.date()).outcome == NO_SOLUTION


def test_need_in_many_languages_is_covered_in_part(loaded: datetime) -> None:
    case = DATA["cases"]["partial_only"][0]
    ranking = ranked(case["request"], loaded.date())
    languages = dict(RequestLine.objects.filter(request__reference=case["request"]).values_list("number", "language"))
    assert sorted({languages[number] for number in ranking.uncovered}) == case["uncovered_languages"]
