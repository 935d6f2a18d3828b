"""Loading: once it creates, twice it does nothing; it deactivates what is gone and leaves alone what people edited."""

import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.apps import AppConfig, apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.vocabularies import queries
from marketplace.vocabularies.handlers import load_after_migrate
from marketplace.vocabularies.models import Concept, ExchangeRate, Revision, Scheme, ServiceLevel, Term
from marketplace.vocabularies.operations import LoadedScheme, change_service_level, load_vocabularies

Edit = Callable[[str, str, str], None]
pytestmark = pytest.mark.django_db


def by_code(results: list[LoadedScheme]) -> dict[str, LoadedScheme]:
    return {result.code: result for result in results}


def test_migrated_database_has_the_vocabularies() -> None:
    assert Term.objects.filter(scheme__code="audiences").count() == 9
    assert Concept.objects.filter(scheme__code="themes").count() == 80


def test_load_second_time_changes_nothing(at: datetime) -> None:
    token = Revision.objects.get().token
    results = load_vocabularies(at=at)
    assert not any(result.changed for result in results)
    assert Revision.objects.get().token == token


def test_load_with_force_compares_rows_and_finds_them_equal(at: datetime) -> None:
    results = load_vocabularies(at=at, force=True)
    assert not any(result.changed for result in results)
    assert sum(result.unchanged for result in results) > 1000


def test_load_with_force_repairs_a_row_that_was_altered_by_hand(at: datetime) -> None:
    Concept.objects.filter(code="diaspora").update(broader="")
    assert not by_code(load_vocabularies(at=at))["themes"].changed
    assert by_code(load_vocabularies(at=at, force=True))["themes"].updated == 1
    assert Concept.objects.get(code="diaspora").broader == "migration-development"


def test_load_into_empty_tables_creates_everything(at: datetime) -> None:
    for model in (Concept, Term, ExchangeRate, ServiceLevel, Scheme):
        model.objects.all().delete()
    results = by_code(load_vocabularies(at=at))
    assert results["themes"].created == 80
    assert results["service_levels"].created == 28
    assert Scheme.objects.get(code="themes").loaded_at == at


def test_load_changed_label_updates_that_row_alone(at: datetime, folder: Path, edit: Edit) -> None:
    edit("codelists.json", "Webinar", "Web seminar")
    result = by_code(load_vocabularies(at=at, folder=folder))["forms"]
    assert (result.created, result.updated, result.unchanged) == (0, 1, 13)
    assert queries.label("forms", "webinar", "en") == "Web seminar"


def test_load_code_that_is_gone_is_deactivated_and_keeps_its_name(
    at: datetime, folder: Path, drop_term: Callable[[str, str], None]
) -> None:
    drop_term("forms", "webinar")
    result = by_code(load_vocabularies(at=at, folder=folder))["forms"]
    assert result.deactivated == 1
    assert "webinar" not in queries.codes("forms")
    assert queries.label("forms", "webinar", "fr") == "Webinaire"


def test_load_code_that_comes_back_is_active_again(
    at: datetime, folder: Path, drop_term: Callable[[str, str], None]
) -> None:
    drop_term("forms", "webinar")
    load_vocabularies(at=at, folder=folder)
    load_vocabularies(at=at + timedelta(hours=1))
    assert "webinar" in queries.codes("forms")


def test_load_edited_service_level_is_kept_and_the_others_follow_the_file(
    at: datetime, folder: Path, edit: Edit
) -> None:
    change_service_level(step="request.screen", changes={"working_days": 7}, by="demo-head", at=at)
    edit("service_levels.json", '"working_days": 5', '"working_days": 6')  # request.screen
    edit("service_levels.json", '"working_days": 30', '"working_days": 35')  # request.endorsement
    result = by_code(load_vocabularies(at=at, folder=folder))["service_levels"]
    assert (result.kept, result.updated) == (1, 1)
    assert queries.service_level("request.screen").working_days == 7
    assert queries.service_level("request.endorsement").working_days == 35


def test_load_new_rate_is_added_and_old_rates_stay(at: datetime, folder: Path) -> None:
    path = folder / "exchange_rates.csv"
    path.write_text(
        "currency,usd_per_unit,valid_on,origin\nEUR,1.200000,2026-12-01,synthetic\n",
        encoding="utf-8",
    )
    assert by_code(load_vocabularies(at=at, folder=folder))["exchange_rates"].created == 1
    assert ExchangeRate.objects.filter(currency="EUR").count() == 2


def test_load_spoiled_file_writes_nothing(at: datetime, folder: Path, edit: Edit) -> None:
    edit("codelists.json", "Webinar", "Web seminar")
    edit("service_levels.json", '"owner": "authority"', '"owner": "king"')
    with pytest.raises(CommandError, match=r"Nothing was loaded\. service_levels\.json, step request\.endorsement"):
        call_command("load_vocabularies", folder=folder)
    assert queries.label("forms", "webinar", "en") == "Webinar"


def test_command_tells_what_changed(folder: Path, edit: Edit) -> None:
    edit("codelists.json", "Webinar", "Web seminar")
    out = io.StringIO()
    call_command("load_vocabularies", folder=folder, stdout=out)
    assert "forms" in out.getvalue()
    assert re.search(r"67 vocabularies with \d+ rows; 1 changed, 66 unchanged\.", out.getvalue())


def test_load_unchanged_files_takes_a_handful_of_queries(at: datetime) -> None:
    with CaptureQueriesContext(connection) as captured:
        load_vocabularies(at=at)
    assert len(captured) <= 4


def test_migrate_to_an_older_schema_loads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marketplace.vocabularies.handlers._is_behind", lambda label, using: True)
    Term.objects.filter(code="webinar").delete()
    Scheme.objects.filter(code="forms").update(checksum="")
    load_after_migrate(_config(), plan=[])
    assert not Term.objects.filter(code="webinar").exists()


def test_flush_which_gives_no_plan_loads_again() -> None:
    Term.objects.filter(code="webinar").delete()
    Scheme.objects.filter(code="forms").update(checksum="")
    load_after_migrate(_config())
    assert Term.objects.filter(code="webinar").exists()


def _config() -> AppConfig:
    return apps.get_app_config("vocabularies")
