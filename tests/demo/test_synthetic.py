"""Made-up records: valid, found, the same for the same seed, and gone without a trace."""

from datetime import datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization
from marketplace.audit.models import AuditRecord
from marketplace.demo.synthetic import load_synthetic, remove_synthetic
from marketplace.search.models import SearchDocument
from matching import operations as matching
from matching.engine import rank
from matching.operations import policies
from matching.queries import inputs
from providers import queries as providers
from providers.models import CapacityWindow, Offering, OfferingFacet, Provider, Session
from requests_app import queries as requests
from requests_app.models import RequestLine, TrainingRequest

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")
NUMBERS: dict[str, int] = {"request_count": 60, "offering_count": 120, "provider_count": 10, "seed": 7}


@pytest.fixture
def made(at: datetime) -> dict[str, int]:
    return load_synthetic(at=at, **NUMBERS)


def test_so_many_are_made_as_were_asked_for(made: dict[str, int]) -> None:
    counted = {"requests": 60, "offerings": 120, "providers": 10, "organizations": 21}
    assert {kind: made[kind] for kind in counted} == counted
    assert TrainingRequest.objects.count() == 60
    assert made["sessions"] == Session.objects.count()
    assert CapacityWindow.objects.count() == 20


@pytest.mark.usefixtures("made")
def test_rows_are_what_the_models_allow() -> None:
    for model in (Organization, Provider, Offering, Session, CapacityWindow, TrainingRequest, RequestLine):
        for row in model._default_manager.all()[:40]:
            empty = {field.name for field in model._meta.fields if not getattr(row, field.attname)}
            row.full_clean(exclude=empty)


@pytest.mark.usefixtures("made")
def test_open_steps_are_due_ahead_and_references_stand_from_submission(at: datetime) -> None:
    for row in TrainingRequest.objects.all():
        assert (row.reference is None) == (row.state == "draft")
        assert row.due_at is None or row.due_at > at
        assert bool(row.step) == (row.waiting_for != "nobody")
    assert {row.step for row in TrainingRequest.objects.filter(state="open")} == {"request.match"}


@pytest.mark.usefixtures("made")
def test_facets_and_words_find_them(at: datetime) -> None:
    offering = Offering.objects.filter(state="published").first()
    assert offering is not None
    facets = set(OfferingFacet.objects.filter(offering=offering, facet="theme").values_list("code", flat=True))
    assert facets == set(offering.themes)
    need = TrainingRequest.objects.filter(state="open").first()
    assert need is not None
    assert need.reference
    found = requests.search_requests(requests.requests_visible_to(SYSTEM, at=at), q=need.reference, language="en")
    assert need in found
    assert providers.offerings_visible_to(SYSTEM, at=at).count() == 120


@pytest.mark.usefixtures("made")
def test_engine_ranks_a_made_up_need(at: datetime) -> None:
    policy = policies.engine_policy(policies.current_policy(at=at))
    market = inputs.market(at=at)
    outcomes = {
        rank(inputs.need(pk, at=at), market.catalogue, policy, as_of=at.date(), rates=market.rates).outcome
        for pk in requests.requests_to_rank()
    }
    assert "complete" in outcomes


def snapshot() -> list[Any]:
    columns = ("external_id", "reference", "state", "title", "start_on", "budget_ceiling")
    needs = list(TrainingRequest.objects.order_by("external_id").values_list(*columns))
    return needs + list(Offering.objects.order_by("code").values_list("code", "themes", "cost_per_delivery", "state"))


def test_same_seed_makes_the_same(made: dict[str, int], at: datetime) -> None:
    first = snapshot()
    remove_synthetic()
    load_synthetic(at=at, **NUMBERS)
    assert snapshot() == first
    remove_synthetic()
    load_synthetic(at=at, **{**NUMBERS, "seed": 8})
    assert snapshot() != first


def test_first_records_do_not_depend_on_the_totals(made: dict[str, int], at: datetime) -> None:
    needs = [row for row in snapshot() if row[0].startswith("SYN-R")][:20]
    remove_synthetic()
    load_synthetic(at=at, **{**NUMBERS, "request_count": 20, "offering_count": 5})
    assert [row for row in snapshot() if row[0].startswith("SYN-R")] == needs


def test_making_them_twice_is_refused(made: dict[str, int], at: datetime) -> None:
    with pytest.raises(ValueError, match="already"):
        load_synthetic(at=at, **NUMBERS)
    with pytest.raises(CommandError, match="--remove"):
        call_command("load_synthetic")


def test_removal_leaves_nothing_even_after_a_run(made: dict[str, int], at: datetime) -> None:
    matching.request_run(actor=SYSTEM, at=at, request_id=requests.requests_to_rank()[0])
    removed = remove_synthetic()
    assert removed["TrainingRequest"] == 60
    for model in (Organization, Provider, Offering, OfferingFacet, Session, CapacityWindow, TrainingRequest):
        assert not model._default_manager.exists()
    assert not SearchDocument.objects.exists()


def test_no_audit_record_tells_of_them(made: dict[str, int]) -> None:
    assert not AuditRecord.objects.exists()
