"""The demo data in the database: whole, once, with its references, states and history."""

import builtins
import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from fulfilment.models import Engagement, Evaluation, OutcomeStory
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import ContextEvent, Membership, Organization, Programme, ServiceClient, User
from marketplace.audit.models import AuditRecord
from marketplace.demo.loading import load_demo
from marketplace.demo.models import LoadedDemo
from marketplace.events.models import OutboxEvent
from providers.models import CapacityHold, CapacityWindow, Offering, Provider, Session, TrackRecordEntry
from requests_app import operations
from requests_app.models import Endorsement, LineClaim, RequestShare, TrainingRequest

COUNTS = {
    Organization: 47,
    User: 10,
    Membership: 11,
    ServiceClient: 1,
    Programme: 10,
    ContextEvent: 5,
    Provider: 15,
    Offering: 51,
    Session: 51,
    CapacityWindow: 25,
    TrainingRequest: 37,
    Engagement: 14,
    Evaluation: 5,
    OutcomeStory: 6,
}


def counted() -> dict[str, int]:
    return {model.__name__: model._default_manager.count() for model in (*COUNTS, AuditRecord, OutboxEvent)}


def requests_by_key() -> dict[str, TrainingRequest]:
    return {row.external_id.removeprefix("demo:"): row for row in TrainingRequest.objects.all()}


@contextmanager
def opened_files() -> Iterator[set[Path]]:
    """Note every file that is opened by name."""
    opened: set[Path] = set()
    usual = io.open

    def noted(file: Any, *args: Any, **options: Any) -> Any:
        if isinstance(file, str | Path):
            opened.add(Path(file).resolve())
        return usual(file, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(io, "open", noted)
        patch.setattr(builtins, "open", noted)
        yield opened


@pytest.mark.usefixtures("loaded")
def test_every_record_of_the_file_is_loaded(data: dict[str, Any]) -> None:
    assert {model: model._default_manager.count() for model in COUNTS} == COUNTS
    assert data["meta"]["counts"]["training_requests"] == COUNTS[TrainingRequest]


def test_loading_again_changes_nothing(taken_back: datetime) -> None:
    before = counted()
    assert load_demo(at=taken_back) == Counter()
    assert counted() == before


def test_load_that_was_cut_off_goes_on(taken_back: datetime) -> None:
    last = requests_by_key()["DRAFT-UNFPA-1"]
    last.lines.all().delete()
    last.delete()
    assert load_demo(at=taken_back) == Counter(training_requests=1)
    assert requests_by_key()["DRAFT-UNFPA-1"].state == "draft"


@pytest.mark.usefixtures("loaded")
def test_requests_have_the_references_and_states_of_the_file(data: dict[str, Any]) -> None:
    stored = {key: (row.reference, row.state) for key, row in requests_by_key().items()}
    assert stored == {row["key"]: (row["reference"], row["state"]) for row in data["training_requests"]}


@pytest.mark.usefixtures("loaded")
def test_requests_walked_their_life_on_the_days_of_the_file(data: dict[str, Any]) -> None:
    keys = {row.public_id: key for key, row in requests_by_key().items()}
    walked: dict[str, list[tuple[str, str]]] = {key: [] for key in keys.values()}
    moves = AuditRecord.objects.filter(resource="training_request").exclude(to_state="").order_by("id")
    for record in moves:
        walked[keys[record.resource_id]].append((record.to_state, f"{record.at:%Y-%m-%dT%H:%M:%SZ}"))
    told = {row["key"]: [(step["state"], step["at"]) for step in row["timeline"]] for row in data["training_requests"]}
    assert walked == told


@pytest.mark.usefixtures("loaded")
def test_engagements_have_the_states_of_the_file_and_hold_their_lines(data: dict[str, Any]) -> None:
    stored = dict(Engagement.objects.values_list("external_id", "state"))
    assert stored == {row["code"]: row["state"] for row in data["engagements"]}
    assert set(Engagement.objects.values_list("origin", "source")) == {("import", "demo")}
    live = LineClaim.objects.filter(released_at__isnull=True)
    assert live.count() == sum(len(row["lines"]) for row in data["engagements"])


@pytest.mark.usefixtures("loaded")
def test_catalogue_has_the_states_of_the_file(data: dict[str, Any]) -> None:
    for model, kind in ((Offering, "offerings"), (Session, "sessions")):
        stored = dict(model._default_manager.values_list("code", "state"))
        assert stored == {row["code"]: row["state"] for row in data[kind]}
    verified = dict(Provider.objects.values_list("code", "state"))
    assert verified == {row["code"]: row["verification"]["state"] for row in data["providers"]}
    assert not CapacityHold.objects.exists()


@pytest.mark.usefixtures("loaded")
def test_track_record_knows_what_participants_measured(data: dict[str, Any]) -> None:
    measured = [row for row in data["evaluations"] if row["value"]]
    assert TrackRecordEntry.objects.count() == len(measured)
    assert Provider.objects.get(code="CIFAL-JEJU").outcome_count == len(measured)


@pytest.mark.usefixtures("loaded")
def test_told_participations_are_reach_of_the_offering() -> None:
    reach = {code: Offering.objects.get(code=code).reach for code in ("IML", "MDS")}
    assert [(fact["measure"], fact["value"], fact["per"]) for fact in reach["IML"]] == [
        ("participants", 250, "since 2007")
    ]
    assert [fact["value"] for fact in reach["MDS"]] == [1000]  # told twice, kept once


@pytest.mark.usefixtures("loaded")
def test_pending_endorsements_are_asked_of_the_authority(data: dict[str, Any]) -> None:
    asked = set(Endorsement.objects.values_list("request__reference", "authority__code", "state"))
    told = {
        (row["reference"], row["endorsement"]["authority"], "pending")
        for row in data["training_requests"]
        if row["endorsement"]["state"] == "pending"
    }
    assert asked == told


@pytest.mark.usefixtures("loaded")
def test_provenance_and_original_periods_are_kept(data: dict[str, Any]) -> None:
    quotes = data["offerings"][0]["provenance"]
    assert Offering.objects.get(code=data["offerings"][0]["code"]).provenance["sources"] == quotes
    row = next(row for row in data["sessions"] if row["original_period"])
    assert Session.objects.get(code=row["code"]).original_period == row["original_period"]
    need = next(row for row in data["training_requests"] if row["original_window"])
    assert requests_by_key()[need["key"]].original_window == need["original_window"]


@pytest.mark.usefixtures("loaded")
def test_providers_outside_the_group_are_shown_invented_needs_alone(data: dict[str, Any]) -> None:
    shared = RequestShare.objects.filter(reason="shared", ended_at__isnull=True)
    stored = set(shared.values_list("request__external_id", "organization__code", "sees", "may"))
    rows = data["shares"]
    assert stored == {(f"demo:{row['request']}", row["organization"], row["sees"], row["may"]) for row in rows}
    invented = {row["key"] for row in data["training_requests"] if row["synthetic_fields"] == ["*"]}
    assert {row["request"] for row in rows} <= invented
    assert {tuple(row["synthetic_fields"]) for row in rows} == {("*",)}
    assert {row["organization"] for row in rows} == {"CIFAL-JEJU", "HMLP"}


def test_share_that_was_taken_back_is_not_given_again(taken_back: datetime) -> None:
    share = RequestShare.objects.filter(reason="shared")[0]
    operations.revoke_share(actor=Actor.system("test"), at=taken_back, share_id=share.pk)
    assert load_demo(at=taken_back) == Counter()
    assert not RequestShare.objects.filter(request=share.request, ended_at__isnull=True).exists()


@pytest.mark.usefixtures("loaded")
def test_spin_off_story_names_the_need_it_led_to() -> None:
    story = OutcomeStory.objects.get(external_id="ST-JEJU-SPINOFF")
    assert story.spin_off_request is not None
    assert story.spin_off_request.reference == "GMG-PAK-2026-0015"


def test_demo_knows_that_it_is_loaded_but_not_yet_ranked(loaded: datetime) -> None:
    mark = LoadedDemo.objects.get()
    assert (mark.years, mark.loaded_at, mark.ready_at) == (0, loaded, None)


@pytest.mark.django_db
def test_loading_years_later_moves_every_date_keeps_the_references_and_reads_nothing_of_others(
    project_root: Path,
) -> None:
    with opened_files() as opened:
        load_demo(at=datetime.fromisoformat("2029-03-01T12:00:00+00:00"))
    data_files = {path for path in opened if path.suffix in (".json", ".csv")}
    assert project_root / "marketplace/demo/data/demo.json" in data_files
    assert all(path.is_relative_to(project_root) for path in data_files)
    need = requests_by_key()["PILOT-MLI"]
    assert (need.reference, str(need.start_on), str(need.submitted_at)[:10]) == (
        "GMG-MLI-2026-0007",
        "2029-01-01",
        "2028-02-09",
    )
    assert str(Session.objects.get(code="JEJU-PROTECTION-2027-03").start_on) == "2029-03-08"
    assert set(Offering.objects.values_list("state", flat=True)) == {"draft", "in_vetting", "published", "retired"}
