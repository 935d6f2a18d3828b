"""Course catalogues of others, read into drafts: what changed here and there, and what can go wrong on either side."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from rdflib.plugins.shared.jsonld.context import Context

from marketplace.audit.models import AuditRecord
from marketplace.formats.courses import CatalogueError, read_courses
from marketplace.kernel.errors import ErrorCode as C
from marketplace.webhooks.transport import fetch
from marketplace.work.loop import run_until_idle
from marketplace.work.models import Job
from providers import operations, tasks
from providers.models import Harvest, HarvestedCourse, Offering, Provider
from tests.factories.providers import HarvestFactory, OfferingFactory, ProviderFactory, SessionFactory
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.people import SYSTEM, SmallGroup, small_group

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def clock(db: None, at: datetime) -> Any:
    with time_machine.travel(at, tick=False):
        yield


@pytest.fixture
def group(at: datetime) -> SmallGroup:
    return small_group(at)


@pytest.fixture
def centre(group: SmallGroup) -> Provider:
    return ProviderFactory.create(code="CENTRE", organization=group.provider)


@pytest.fixture
def harvest(centre: Provider) -> Harvest:
    return HarvestFactory.create(provider=centre)


def course(key: str = "course-1", **members: Any) -> dict[str, Any]:
    return {
        "@type": "Course",
        "@id": f"https://courses.example.org/{key}",
        "identifier": key,
        "name": {"@value": "Interviewing with care", "@language": "en"},
        "description": "<p>For  officers.</p>",
        "inLanguage": ["fr", "en"],
        "timeRequired": "PT14H",
        "about": ["Migration governance and policy", "Basket weaving"],
        "hasCourseInstance": {"@type": "CourseInstance", "courseMode": "onsite"},
        **members,
    }


def catalogue(*courses: dict[str, Any]) -> bytes:
    return json.dumps({"@context": "https://schema.org", "@graph": list(courses)}).encode()


def run(harvest: Harvest, document: bytes, at: datetime) -> dict[str, Any]:
    reading = operations.read_document(document, language="en")
    done = operations.take_in(harvest_id=harvest.pk, reading=reading, at=at)
    assert done.problem == ""
    report: dict[str, Any] = done.report
    return report


def some(report: dict[str, Any]) -> dict[str, int]:
    return {sort: count for sort, count in report["counts"].items() if count}


# --- what is read ---------------------------------------------------------------------------------------------------
def test_course_becomes_a_draft_with_provenance(harvest: Harvest, at: datetime) -> None:
    report = run(harvest, catalogue(course()), at)
    assert some(report) == {"created": 1, "unknown_words": 1}
    assert report["unknown_words"][0]["word"] == "Basket weaving"
    offering = Offering.objects.get()
    assert (offering.state, offering.source, offering.external_id) == ("draft", "website", "course-1")
    assert offering.titles == {"en": "Interviewing with care"}
    assert offering.summaries == {"en": "For officers."}
    assert offering.languages == ["en", "fr"]
    assert (offering.modality, offering.duration_hours) == ("in_person", 14)
    assert offering.themes == ["migration-governance"]
    assert offering.provenance["harvest"] == str(harvest.public_id)
    assert offering.provenance["course"] == "https://courses.example.org/course-1"
    assert AuditRecord.objects.filter(resource="offering", action="created", actor_kind="system").count() == 1


def test_our_own_export_can_be_harvested(harvest: Harvest, tmp_path: Path, at: datetime) -> None:
    told = OfferingFactory.create(published=True, objectives={"en": ["Tell fair from unfair"]})
    SessionFactory.create(offering=told)
    file = tmp_path / "catalogue.jsonld"
    call_command("export_course_catalogue", output=file, stdout=StringIO())
    run(harvest, file.read_bytes(), at)
    made = Offering.objects.get(source="website")
    for column in ("titles", "summaries", "objectives", "themes", "languages", "modality", "level", "duration_hours"):
        assert getattr(made, column) == getattr(told, column), column


def test_second_run_changes_nothing(harvest: Harvest, at: datetime) -> None:
    run(harvest, catalogue(course()), at)
    version = Offering.objects.get().version
    assert some(run(harvest, catalogue(course()), at + DAY))["unchanged"] == 1
    assert Offering.objects.get().version == version


# --- what changed here and there --------------------------------------------------------------------------------------
def test_change_there_comes_into_the_draft(harvest: Harvest, at: datetime) -> None:
    run(harvest, catalogue(course()), at)
    report = run(harvest, catalogue(course(timeRequired="PT21H")), at + DAY)
    assert report["changed"][0]["columns"] == ["duration_hours"]
    assert Offering.objects.get().duration_hours == 21


def test_change_here_stays(harvest: Harvest, at: datetime) -> None:
    run(harvest, catalogue(course()), at)
    edit(duration_hours=16)
    assert some(run(harvest, catalogue(course()), at + DAY))["unchanged"] == 1
    assert Offering.objects.get().duration_hours == 16


def test_change_on_both_sides_is_told_until_they_agree(harvest: Harvest, at: datetime) -> None:
    run(harvest, catalogue(course()), at)
    edit(duration_hours=16)
    there = catalogue(course(timeRequired="PT21H", description="For judges."))
    for day in (1, 2):  # told again as long as it lasts
        report = run(harvest, there, at + day * DAY)
        (clash,) = report["conflicts"]
        assert (clash["column"], clash["was"], clash["here"], clash["there"]) == ("duration_hours", 14, 16, 21)
        assert Offering.objects.get().duration_hours == 16
    assert Offering.objects.get().summaries == {"en": "For judges."}  # the rest of the course is taken over
    edit(duration_hours=21)
    assert "conflicts" not in run(harvest, there, at + 3 * DAY)


def test_what_is_no_draft_any_more_is_left_to_its_provider(harvest: Harvest, at: datetime) -> None:
    run(harvest, catalogue(course()), at)
    Offering.objects.update(state="in_vetting")
    report = run(harvest, catalogue(course(timeRequired="PT21H")), at + DAY)
    assert report["waiting"][0]["columns"] == ["duration_hours"]
    assert Offering.objects.get().duration_hours == 14
    Offering.objects.update(state="draft")  # returned to the provider: then it comes
    assert some(run(harvest, catalogue(course(timeRequired="PT21H")), at + 2 * DAY))["changed"] == 1


def test_course_that_disappears_leaves_its_draft(harvest: Harvest, at: datetime) -> None:
    run(harvest, catalogue(course(), course("course-2")), at)
    for day in (1, 2):
        report = run(harvest, catalogue(course("course-2")), at + day * DAY)
        assert report["missing"][0]["since"] == (at + DAY).isoformat()
    assert Offering.objects.count() == 2
    assert some(run(harvest, catalogue(course(), course("course-2")), at + 3 * DAY))["returned"] == 1
    assert not HarvestedCourse.objects.exclude(missing_since=None).exists()


def test_offering_that_the_provider_had_filed_is_not_made_twice(harvest: Harvest, at: datetime) -> None:
    OfferingFactory.create(provider=harvest.provider, source="website", external_id="course-1")
    assert some(run(harvest, catalogue(course()), at))["adopted"] == 1
    assert Offering.objects.get().titles["en"] == "Fair recruitment in practice"  # the provider's own word stays
    assert some(run(harvest, catalogue(course()), at + DAY))["unchanged"] == 1


# --- told for the first time --------------------------------------------------------------------------------------------
SILENT: dict[str, Any] = {"timeRequired": [], "educationalLevel": []}
LATE: dict[str, Any] = {"timeRequired": "PT21H", "educationalLevel": "advanced"}


def test_what_is_told_late_does_not_take_the_place_of_what_the_provider_said(harvest: Harvest, at: datetime) -> None:
    run(harvest, catalogue(course(**SILENT)), at)
    assert Offering.objects.get().duration_hours is None
    edit(duration_hours=16)
    for day in (1, 2):  # told again as long as it lasts
        report = run(harvest, catalogue(course(**LATE)), at + day * DAY)
        (clash,) = report["conflicts"]
        assert (clash["column"], clash["was"], clash["here"], clash["there"]) == ("duration_hours", None, 16, 21)
        found = Offering.objects.get()
        assert (found.duration_hours, found.level) == (16, "advanced")  # where nothing stood, it is taken over
    edit(duration_hours=None)
    assert run(harvest, catalogue(course(**LATE)), at + 3 * DAY)["changed"][0]["columns"] == ["duration_hours"]
    assert Offering.objects.get().duration_hours == 21


def test_what_is_told_late_is_taken_over_where_nothing_stands(harvest: Harvest, at: datetime) -> None:
    bare = {"@type": "Course", "identifier": "course-1", "name": "Interviewing with care"}
    run(harvest, catalogue(bare), at)
    late: dict[str, Any] = {"teaches": "Listen", "coursePrerequisites": "None", "inLanguage": "fr"}
    report = run(harvest, catalogue(course(**LATE, **late)), at + DAY)
    assert some(report) == {"changed": 1, "unknown_words": 1}
    found = Offering.objects.get()
    assert (found.objectives, found.prerequisites) == ({"en": ["Listen"]}, {"en": "None"})
    assert (found.languages, found.themes) == (["fr"], ["migration-governance"])
    assert (found.modality, found.level, found.duration_hours) == ("in_person", "advanced", 21)


def test_what_is_told_late_of_an_adopted_offering_leaves_the_word_of_its_provider(
    harvest: Harvest, at: datetime
) -> None:
    OfferingFactory.create(provider=harvest.provider, source="website", external_id="course-1", level="")
    run(harvest, catalogue(course(**SILENT)), at)
    report = run(harvest, catalogue(course(**LATE)), at + DAY)
    (clash,) = report["conflicts"]
    assert (clash["column"], clash["was"], clash["here"], clash["there"]) == ("duration_hours", None, 14, 21)
    assert report["changed"][0]["columns"] == ["level"]
    assert (Offering.objects.get().duration_hours, Offering.objects.get().level) == (14, "advanced")


# --- tags of regions ----------------------------------------------------------------------------------------------------
def tagged(**texts: str) -> list[dict[str, str]]:
    return [{"@language": tag.replace("_", "-"), "@value": text} for tag, text in texts.items()]


REGIONAL = tagged(fr_FR="Entretiens", en_GB="Interviews")
OLD = {"fr-fr": "Entretiens", "en-gb": "Interviews"}  # as they were kept until 1 December 2026


def test_texts_of_a_region_are_read_by_everybody_who_reads_the_language(
    harvest: Harvest, group: SmallGroup, at: datetime
) -> None:
    run(harvest, catalogue(course(name=REGIONAL)), at)
    assert Offering.objects.get().titles == {"fr": "Entretiens", "en": "Interviews"}
    staff = ApiClient.of(group.provider_staff, at)
    feed = staff.get("/offerings?format=jsonld").body["itemListElement"]
    assert {one["@language"] for one in feed[0]["name"]} == {"en", "fr"}


def as_before(**columns: Any) -> None:
    """Make the only course one that was harvested when tags of regions were kept."""
    row = HarvestedCourse.objects.get()
    row.told |= columns
    row.save()
    Offering.objects.update(**columns)


def test_texts_that_were_taken_over_with_tags_of_regions_get_those_of_languages(harvest: Harvest, at: datetime) -> None:
    run(harvest, catalogue(course(name=REGIONAL)), at)
    as_before(titles=OLD)
    report = run(harvest, catalogue(course(name=REGIONAL)), at + DAY)
    assert report["changed"][0]["columns"] == ["titles"]
    assert Offering.objects.get().titles == {"fr": "Entretiens", "en": "Interviews"}
    assert some(run(harvest, catalogue(course(name=REGIONAL)), at + 2 * DAY)) == {"unchanged": 1, "unknown_words": 1}


def test_texts_with_tags_of_regions_that_the_provider_changed_are_no_conflict_until_the_catalogue_changes(
    harvest: Harvest, at: datetime
) -> None:
    run(harvest, catalogue(course(name=REGIONAL)), at)
    as_before(titles=OLD)
    own = {**OLD, "en-gb": "Talks"}
    edit(titles=own)
    assert some(run(harvest, catalogue(course(name=REGIONAL)), at + DAY)) == {"unchanged": 1, "unknown_words": 1}
    assert Offering.objects.get().titles == own
    (clash,) = run(harvest, catalogue(course(name="Care")), at + 2 * DAY)["conflicts"]
    assert (clash["was"], clash["here"], clash["there"]) == (
        {"fr": "Entretiens", "en": "Interviews"},
        own,
        {"en": "Care"},
    )


def test_texts_with_tags_of_regions_change_with_the_catalogue_where_nobody_else_did(
    harvest: Harvest, at: datetime
) -> None:
    run(harvest, catalogue(course(name=REGIONAL)), at)
    for here in (
        OLD,
        {"fr": "Entretiens", "en": "Interviews"},
    ):  # as it was taken over, or as the provider put it right
        as_before(titles=OLD)
        Offering.objects.update(titles=here)
        assert "conflicts" not in run(harvest, catalogue(course(name="Care")), at + DAY)
        assert Offering.objects.get().titles == {"en": "Care"}


def test_published_texts_with_tags_of_regions_wait_for_their_provider(harvest: Harvest, at: datetime) -> None:
    run(harvest, catalogue(course(name=REGIONAL)), at)
    as_before(titles=OLD)
    Offering.objects.update(state="in_vetting")
    for day in (1, 2):
        report = run(harvest, catalogue(course(name=REGIONAL)), at + day * DAY)
        assert "conflicts" not in report
        assert report["waiting"][0]["columns"] == ["titles"]
    Offering.objects.update(state="draft")
    assert some(run(harvest, catalogue(course(name=REGIONAL)), at + 3 * DAY))["changed"] == 1


def edit(**facts: Any) -> None:
    operations.change_offering(
        actor=SYSTEM, at=Offering.objects.get().updated_at, offering_id=Offering.objects.get().pk, facts=facts
    )


# --- what is wrong ----------------------------------------------------------------------------------------------------
def test_wrong_courses_keep_no_other_out(harvest: Harvest, at: datetime) -> None:
    nameless = {"@type": "Course", "name": "No key"}
    report = run(harvest, catalogue(course(), nameless, course("course-3", timeRequired="next week")), at)
    assert some(report)["created"] == 2
    assert report["refused"] == [{"course": "", "problem": "no_identifier"}]


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (b"<html>", "not_json"),
        (b"", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"7", "not_linked_data"),
        (b"{}", "no_course"),
        (b'{"@context": "http://169.254.169.254/context", "@type": "Course"}', "foreign_context"),
        (b'{"@context": {"@import": "http://127.0.0.1/"}, "@type": "Course"}', "foreign_context"),
        (b'{"a": {"@context": ["file:///etc/passwd"]}}', "foreign_context"),
        (b'{"a":' * 60 + b"1" + b"}" * 60, "too_deep"),
        (b"[" * 5000 + b"]" * 5000, "not_json"),
        (b"[" + b"1," * 200_001 + b"1]", "too_large"),
        (catalogue(*(course(f"c{number}") for number in range(2_001))), "too_many_courses"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_document_that_cannot_be_read_says_why(document: bytes, problem: str) -> None:
    with pytest.raises(CatalogueError, match=problem):
        read_courses(document, language="en")


INSIDE = "http://169.254.169.254/latest"
COURSE = {"@type": "Course", "@id": "https://x.example/1", "name": "x"}
FETCHING = {
    "a list in a list": {"@context": [[INSIDE]], **COURSE},
    "a list in a list beside another": {"@context": [{"@vocab": "https://schema.org/"}, [[INSIDE]]], **COURSE},
    "a context in a context": {"@context": {"@context": INSIDE}, **COURSE},
    "a list of lists in a context": {"@context": {"@context": [[INSIDE]]}, **COURSE},
    "the context of a property": {
        "@context": {"name": {"@id": "https://schema.org/name", "@context": [[INSIDE]]}},
        **COURSE,
    },
    "the context of a type": {
        "@context": {"Course": {"@id": "https://schema.org/Course", "@context": [[INSIDE]]}},
        **COURSE,
    },
    "an import in a list": {"@context": [[{"@import": INSIDE}]], **COURSE},
    "the context of a node": {"@context": "https://schema.org", "@graph": [{"@context": [[INSIDE]], **COURSE}]},
}


@pytest.mark.parametrize("name", FETCHING)
def test_no_document_has_anything_else_fetched(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library of linked data follows addresses of contexts by itself, past the guard of calls."""
    fetched: list[object] = []
    monkeypatch.setattr(Context, "_fetch_context", lambda self, source, *_: fetched.append(source))
    with pytest.raises(CatalogueError, match="foreign_context"):
        read_courses(json.dumps(FETCHING[name]).encode(), language="en")
    assert not fetched


def test_text_that_nobody_can_take_the_markup_out_of_makes_the_document_unreadable() -> None:
    nested = {"@context": "https://schema.org", **COURSE, "description": "<a" * 100_000 + "<!--" * 10_000}
    with pytest.raises(CatalogueError, match="not_linked_data"):
        read_courses(json.dumps(nested).encode(), language="en")


def test_source_that_fails_changes_nothing_and_is_given_up_after_ten_times(harvest: Harvest, at: datetime) -> None:
    run(harvest, catalogue(course()), at)
    report = Harvest.objects.get().report
    for number in range(1, 11):
        done = operations.take_in(harvest_id=harvest.pk, reading=operations.Reading(problem="timeout"), at=at + DAY)
        assert (done.failures, done.problem, done.report) == (number, "timeout", report)
        assert done.active == (number < 10)
    assert Offering.objects.count() == 1
    assert not HarvestedCourse.objects.exclude(missing_since=None).exists()


def test_run_that_breaks_in_the_middle_has_not_happened(
    harvest: Harvest, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(harvest, catalogue(course()), at)

    def killed(**_: object) -> None:
        raise SystemExit

    monkeypatch.setattr("providers.operations.harvesting.change_offering", killed)
    reading = operations.read_document(catalogue(course("course-0"), course(timeRequired="PT21H")), language="en")
    with pytest.raises(SystemExit):
        operations.take_in(harvest_id=harvest.pk, reading=reading, at=at + DAY)
    assert list(HarvestedCourse.objects.values_list("key", flat=True)) == ["course-1"]
    assert Offering.objects.count() == 1
    assert Harvest.objects.get().ran_at == at
    monkeypatch.undo()
    assert some(run(harvest, catalogue(course("course-0"), course(timeRequired="PT21H")), at + DAY))["changed"] == 1


# --- fetching ---------------------------------------------------------------------------------------------------------
Serve = Callable[[bytes, int], str]


@pytest.fixture
def served() -> Iterator[Serve]:
    servers: list[ThreadingHTTPServer] = []

    def serve(document: bytes, status: int = 200) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.send_header("Content-Length", str(len(document)))
                self.end_headers()
                self.wfile.write(document)

            def log_message(self, *args: object) -> None:
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_address[1]}/catalogue"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_job_fetches_and_takes_in(harvest: Harvest, served: Serve, at: datetime) -> None:
    Harvest.objects.update(url=served(catalogue(course()), 200), every_hours=24, next_at=at)
    tasks.due_harvests({}, at=at)
    tasks.due_harvests({}, at=at)  # asked twice, read once
    (job,) = Job.objects.filter(kind="providers.harvest")
    reading = tasks.read_catalogue(job.payload, at=at)
    tasks.harvest(job.payload, at=at, prepared=reading)
    harvest.refresh_from_db()
    assert (harvest.problem, harvest.next_at) == ("", at + DAY)
    assert Offering.objects.count() == 1


def test_worker_reads_what_was_asked_for(
    group: SmallGroup, centre: Provider, served: Serve, settings: Any, at: datetime
) -> None:
    staff = ApiClient.of(group.provider_staff, at)
    made = staff.post("/harvests", {**NEW, "url": served(catalogue(course()), 200), "every_hours": 0})
    staff.post(f"/harvests/{made.body['id']}/run")
    assert run_until_idle(worker="test", clock=lambda: at) >= 1
    shown = staff.get(f"/harvests/{made.body['id']}").body
    assert (shown["ran_at"], shown["problem"], shown["report"]["counts"]["created"]) == (
        "2026-11-23T09:00:00Z",
        "",
        1,
    )
    (draft,) = staff.get("/offerings?source=website").body["results"]
    assert (draft["state"], draft["external_id"]) == ("draft", "course-1")


@pytest.mark.parametrize(("status", "problem"), [(404, "status"), (302, "status"), (500, "status")])
def test_answer_that_is_no_catalogue_is_a_problem(status: int, problem: str, served: Serve, harvest: Harvest) -> None:
    Harvest.objects.update(url=served(b"away", status))
    reading = tasks.read_catalogue({"harvest": str(harvest.public_id)}, at=harvest.created_at)
    assert reading == operations.Reading(problem=problem)


def test_fetching_is_guarded_and_bounded(served: Serve, settings: Any) -> None:
    url = served(b"x" * 5_000, 200)
    assert fetch(url, headers={}, seconds=5, most_bytes=10_000).content == b"x" * 5_000
    assert fetch(url, headers={}, seconds=5, most_bytes=4_000).problem == "answer_too_large"
    assert fetch("http://127.0.0.1:1/", headers={}, seconds=5, most_bytes=10).problem == "unreachable"
    settings.WEBHOOKS_TO_LOOPBACK = False
    assert (
        fetch(url.replace("http:", "https:"), headers={}, seconds=5, most_bytes=10_000).problem == "address_forbidden"
    )
    assert fetch("file:///etc/passwd", headers={}, seconds=5, most_bytes=10).problem == "address_forbidden"


def test_catalogue_that_was_switched_off_meanwhile_is_not_read(harvest: Harvest, at: datetime) -> None:
    Harvest.objects.update(active=False)
    payload = {"harvest": str(harvest.public_id)}
    assert tasks.read_catalogue(payload, at=at) is None
    tasks.harvest(payload, at=at, prepared=None)
    harvest.refresh_from_db()
    assert harvest.ran_at is None


# --- over HTTP --------------------------------------------------------------------------------------------------------
NEW = {"provider": "CENTRE", "source": "website", "url": "https://courses.example.org/c.jsonld", "every_hours": 24}


def test_provider_sets_up_runs_and_changes_a_harvest(group: SmallGroup, centre: Provider, at: datetime) -> None:
    staff = ApiClient.of(group.provider_staff, at)
    made = staff.post("/harvests", NEW)
    assert made.status_code == 201
    asked = staff.post(f"/harvests/{made.body['id']}/run")
    assert asked.status_code == 202
    assert Job.objects.filter(kind="providers.harvest").count() == 1
    off = staff.patch(f"/harvests/{made.body['id']}", {"active": False}, If_Match=made["ETag"])
    assert (off.body["active"], off.body["next_at"]) == (False, None)
    check_problem(staff.post(f"/harvests/{made.body['id']}/run"), C.RULE_BROKEN)
    check_problem(staff.post("/harvests", NEW), C.DUPLICATE)


def test_strangers_know_nothing_of_a_harvest(group: SmallGroup, harvest: Harvest, at: datetime) -> None:
    for who in (group.outsider, group.focal_point):
        client = ApiClient.of(who, at)
        assert client.get("/harvests").body["results"] == []
        check_problem(client.get(f"/harvests/{harvest.public_id}"), C.NOT_FOUND)
        check_problem(client.post(f"/harvests/{harvest.public_id}/run"), C.NOT_FOUND)
        check_problem(client.post("/harvests", NEW), C.PERMISSION_DENIED)
    assert ApiClient.of(group.officer, at).get("/harvests").body["results"]


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"url": "ftp://courses.example.org/"}, "/url"),
        ({"url": "https://user:word@courses.example.org/"}, "/url"),
        ({"url": "", "every_hours": 24}, "/url"),
        ({"every_hours": 1}, "/every_hours"),
        ({"source": "No Spaces"}, "/source"),
    ],
)
def test_wrong_harvest_is_refused_with_its_place(
    wrong: dict[str, Any], place: str, group: SmallGroup, centre: Provider, at: datetime
) -> None:
    answer = ApiClient.of(group.provider_staff, at).post("/harvests", {**NEW, **wrong})
    assert place in places(check_problem(answer, C.RULE_BROKEN))


def test_relative_name_stands_for_the_same_course_by_job_and_by_file(
    harvest: Harvest, served: Serve, tmp_path: Path, at: datetime
) -> None:
    relative = course(**{"@id": "#c1"})
    del relative["identifier"]
    url, file = served(catalogue(relative), 200), tmp_path / "catalogue.jsonld"
    Harvest.objects.update(url=url)
    reading = tasks.read_catalogue({"harvest": str(harvest.public_id)}, at=at)
    assert reading is not None
    operations.take_in(harvest_id=harvest.pk, reading=reading, at=at)
    assert Offering.objects.get().external_id == f"{url}#c1"
    assert Offering.objects.get().provenance["course"] == f"{url}#c1"
    file.write_bytes(catalogue(relative))
    text = StringIO()
    call_command("harvest", "CENTRE/website", file=file, stdout=text)
    assert "unchanged 1" in text.getvalue()


def test_command_reads_a_file_and_tells_what_came(harvest: Harvest, tmp_path: Path) -> None:
    file, text = tmp_path / "catalogue.jsonld", StringIO()
    file.write_bytes(catalogue(course()))
    call_command("harvest", "CENTRE/website", file=file, stdout=text)
    assert "created 1" in text.getvalue()
    call_command("harvest", stdout=text)
    assert "Nothing is due." in text.getvalue()
    file.write_bytes(b"<html>")
    with pytest.raises(CommandError, match="could be read"):
        call_command("harvest", "CENTRE/website", file=file, stdout=text)
    assert "not_json" in text.getvalue()
    for arguments, word in ((["CENTRE/other"], "no harvest"), (["CENTRE/website", "--file", "nothing"], "no file")):
        with pytest.raises(CommandError, match=word):
            call_command("harvest", *arguments)
