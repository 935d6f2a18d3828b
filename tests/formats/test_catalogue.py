"""The catalogue in the formats of the field, read and checked by rdflib, pySHACL, icalendar, feedparser and libxml2."""

from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import feedparser
import orjson
import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from icalendar import Calendar
from rdflib import Literal, Namespace, URIRef
from rdflib.namespace import RDF

from marketplace.formats import checks
from marketplace.formats.linked import graph_of
from marketplace.kernel.errors import ErrorCode as C
from providers import operations
from providers.models import Offering, Provider, Session
from tests.factories.providers import OfferingFactory, ProviderFactory, SessionFactory
from tests.kit.api import ApiClient, check_problem
from tests.kit.people import SYSTEM, SmallGroup, small_group, token_of

SCHEMA = Namespace("https://schema.org/")
API = "http://testserver/api/v1"


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
def course(centre: Provider) -> Offering:
    return OfferingFactory.create(provider=centre, published=True, objectives={"en": ["Tell fair from unfair"]})


@pytest.fixture
def session(course: Offering) -> Session:
    return SessionFactory.create(offering=course)


@pytest.fixture
def viewer(group: SmallGroup, at: datetime) -> ApiClient:
    return ApiClient.of(group.viewer, at)


def test_offering_is_a_course_with_its_instance(viewer: ApiClient, course: Offering, session: Session) -> None:
    answer = viewer.get(f"/offerings/{course.public_id}", Accept="application/ld+json")
    assert answer["Content-Type"] == "application/ld+json"
    assert checks.catalogue(answer.content) == []
    graph, this = graph_of(answer.content), URIRef(f"{API}/offerings/{course.public_id}")
    assert (this, RDF.type, SCHEMA.Course) in graph
    assert set(graph.objects(this, SCHEMA.name)) == {Literal(text, tag) for tag, text in course.titles.items()}
    assert set(graph.objects(this, SCHEMA.about)) == {URIRef(f"{API}/vocabularies/themes#fair-recruitment")}
    assert set(graph.objects(this, SCHEMA.teaches)) == {Literal("Tell fair from unfair", "en")}
    run = URIRef(f"{API}/sessions/{session.public_id}")
    assert set(graph.objects(this, SCHEMA.hasCourseInstance)) == {run}
    assert str(graph.value(run, SCHEMA.startDate)) == "2027-03-08"
    assert str(graph.value(run, SCHEMA.courseMode)) == "onsite"
    place = graph.value(graph.value(run, SCHEMA.location), SCHEMA.address)
    assert str(graph.value(place, SCHEMA.addressCountry)) == "SN"


def test_imprecise_dates_stay_imprecise(viewer: ApiClient, course: Offering) -> None:
    session = SessionFactory.create(
        offering=course, start_on=date(2027, 4, 1), end_on=date(2027, 6, 30), precision="quarter"
    )
    answer = viewer.get(f"/sessions/{session.public_id}?format=jsonld")
    assert checks.catalogue(answer.content) == []
    graph, this = graph_of(answer.content), URIRef(f"{API}/sessions/{session.public_id}")
    assert str(graph.value(this, SCHEMA.startDate)) == "2027-04"
    assert str(graph.value(this, SCHEMA.endDate)) == "2027-06"
    (event,) = Calendar.from_ical(viewer.get("/sessions?format=ics").content).walk("VEVENT")
    assert (str(event["STATUS"]), str(event["TRANSP"])) == ("TENTATIVE", "TRANSPARENT")


@pytest.mark.parametrize("precision", ["day", "month", "quarter"])
def test_cancelled_session_is_cancelled_however_exact_its_days_were(
    precision: str, viewer: ApiClient, course: Offering
) -> None:
    SessionFactory.create(offering=course, state="cancelled", precision=precision)
    (event,) = Calendar.from_ical(viewer.get("/sessions?format=ics").content).walk("VEVENT")
    assert (str(event["STATUS"]), str(event["TRANSP"])) == ("CANCELLED", "TRANSPARENT")


@pytest.mark.parametrize("start", [date(2027, 3, 8), date.max - timedelta(days=1), date.max])
def test_session_until_the_last_day_there_is_leaves_the_calendar_whole(
    start: date, group: SmallGroup, viewer: ApiClient, session: Session, at: datetime
) -> None:
    endless = SessionFactory.create(offering=session.offering, start_on=start, end_on=date.max)
    key = token_of(group.provider_staff, at, "catalogue:read")
    for answer in (viewer.get("/sessions?format=ics"), ApiClient().get(f"/calendars/{key}.ics")):
        assert checks.as_calendar(answer.content) == []
        events = {str(event["UID"]): event for event in Calendar.from_ical(answer.content).walk("VEVENT")}
        assert len(events) == 2
        event = events[f"session-{endless.public_id}@gmg-training-marketplace"]
        assert event.decoded("DTSTART") == start
        assert event.get("DTEND") is None if start == date.max else event.decoded("DTEND") == date.max


def test_queries_of_a_list_of_courses_do_not_grow(viewer: ApiClient, centre: Provider) -> None:
    def asked() -> int:
        viewer.get("/offerings?format=jsonld")
        with CaptureQueriesContext(connection) as seen:
            answer = viewer.get("/offerings?format=jsonld&page_size=50")
        assert checks.catalogue(answer.content) == []
        found = list(graph_of(answer.content).subjects(RDF.type, SCHEMA.CourseInstance))
        assert len(found) == 2 * Offering.objects.count()
        return len(seen)

    SessionFactory.create_batch(2, offering=OfferingFactory.create(provider=centre, published=True))
    few = asked()
    for _ in range(5):
        SessionFactory.create_batch(2, offering=OfferingFactory.create(provider=centre, published=True))
    assert asked() == few


def test_search_and_filters_hold_in_other_formats(viewer: ApiClient, course: Offering) -> None:
    other = operations.change_offering(
        actor=SYSTEM,
        at=course.created_at,
        offering_id=OfferingFactory.create(provider=course.provider, published=True).pk,
        facts={"titles": {"en": "Zebra crossing"}},
    )
    (entry,) = feedparser.parse(viewer.get("/offerings?format=atom&q=zebra").content).entries
    assert entry.id == f"urn:uuid:{other.public_id}"
    assert feedparser.parse(viewer.get("/offerings?format=atom&theme=data-evidence").content).entries == []


def test_pages_go_on_in_the_same_format(viewer: ApiClient, centre: Provider) -> None:
    OfferingFactory.create_batch(3, provider=centre, published=True)
    url = ""
    for form in ("jsonld", "atom"):
        first = viewer.get(f"/offerings?format={form}&page_size=2")
        url = first["Link"].split(">")[0].removeprefix("<")
        second = viewer.get(url)
        assert first["Content-Type"] == second["Content-Type"]
        assert b'"results"' not in second.content
    assert url == feedparser.parse(viewer.get("/offerings?format=atom&page_size=2").content).feed.links[1].href


def test_drafts_are_told_to_their_own_people_and_to_nobody_else(
    group: SmallGroup, viewer: ApiClient, centre: Provider, at: datetime
) -> None:
    draft = OfferingFactory.create(provider=centre, titles={"en": "Canary"})
    staff, path = ApiClient.of(group.provider_staff, at), f"/offerings/{draft.public_id}?format=jsonld"
    answer = staff.get(path)
    assert checks.catalogue(answer.content) == []
    assert str(graph_of(answer.content).value(None, None, Literal("draft"))) != ""
    check_problem(viewer.get(path), C.NOT_FOUND)
    for form in ("jsonld", "atom"):
        assert b"Canary" not in viewer.get(f"/offerings?format={form}").content
    assert b"Canary" not in staff.get("/offerings?format=atom").content  # a feed is of what is published
    check_problem(ApiClient().get("/offerings?format=atom"), C.NOT_AUTHENTICATED)


def test_sessions_are_a_calendar(viewer: ApiClient, session: Session) -> None:
    cancelled = SessionFactory.create(offering=session.offering, state="cancelled")
    answer = viewer.get("/sessions", Accept="text/calendar", Accept_Language="fr")
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert checks.as_calendar(answer.content) == []
    calendar = Calendar.from_ical(answer.content)
    events = {str(event["UID"]): event for event in calendar.walk("VEVENT")}
    event = events[f"session-{session.public_id}@gmg-training-marketplace"]
    assert event.decoded("DTSTART") == date(2027, 3, 8)
    assert event.decoded("DTEND") == date(2027, 3, 10) + timedelta(days=1)
    assert str(event["SUMMARY"]) == "Le recrutement équitable en pratique"
    assert str(event["LOCATION"]) == "Dakar, Sénégal"
    assert str(event["STATUS"]) == "CONFIRMED"
    assert str(events[f"session-{cancelled.public_id}@gmg-training-marketplace"]["STATUS"]) == "CANCELLED"
    assert all(len(line) <= 75 for line in answer.content.split(b"\r\n"))


def test_title_cannot_break_out_of_a_calendar_or_a_feed(viewer: ApiClient, centre: Provider) -> None:
    title = "Recruitment\r\nEND:VEVENT; <b>&amp;, \\n \x0b ]]>"
    course = OfferingFactory.create(provider=centre, published=True, titles={"en": title}, summaries={})
    SessionFactory.create(offering=course)
    (event,) = Calendar.from_ical(viewer.get("/sessions?format=ics").content).walk("VEVENT")
    assert "END:VEVENT; <b>&amp;" in str(event["SUMMARY"])
    feed = viewer.get("/offerings?format=atom").content
    assert checks.feed(feed) == []
    assert "END:VEVENT; <b>&amp;" in feedparser.parse(feed).entries[0].title  # text, not markup


def test_published_offerings_are_a_feed(viewer: ApiClient, course: Offering) -> None:
    answer = viewer.get("/offerings?format=atom", Accept_Language="fr")
    assert answer["Content-Type"] == "application/atom+xml"
    assert checks.feed(answer.content) == []
    read = feedparser.parse(answer.content)
    assert not read.bozo
    assert read.version == "atom10"
    (entry,) = read.entries
    assert entry.id == f"urn:uuid:{course.public_id}"
    assert entry.title == course.titles["fr"]
    assert entry.author == course.provider.names["fr"]
    assert entry.links[0].href == f"{API}/offerings/{course.public_id}"
    assert [tag.term for tag in entry.tags] == ["fair-recruitment"]


def test_texts_of_a_feed_say_their_own_languages(viewer: ApiClient, centre: Provider) -> None:
    OfferingFactory.create(
        provider=centre, published=True, titles={"fr": "Entretiens"}, summaries={"en": "For labour officers."}
    )
    feed = viewer.get("/offerings?format=atom", Accept_Language="en").content
    assert checks.feed(feed) == []
    (entry,) = feedparser.parse(feed).entries
    assert (entry.title_detail.value, entry.title_detail.language) == ("Entretiens", "fr")
    assert (entry.summary_detail.value, entry.summary_detail.language) == ("For labour officers.", "en")


def test_text_in_neither_language_of_the_product_is_tagged_with_its_own(viewer: ApiClient, centre: Provider) -> None:
    course = OfferingFactory.create(
        provider=centre, published=True, titles={}, summaries={"pt-BR": "Para os agentes."}, code="JEJU-1"
    )
    (entry,) = feedparser.parse(viewer.get("/offerings?format=atom", Accept_Language="fr").content).entries
    assert (entry.title, entry.title_detail.language) == (course.code, "fr")  # a reference is in no language
    assert entry.summary_detail.language == "pt-BR"


def test_title_of_an_event_says_its_own_language(viewer: ApiClient, session: Session) -> None:
    def spoken(reader: str) -> str:
        answer = viewer.get("/sessions?format=ics", Accept_Language=reader)
        assert checks.as_calendar(answer.content) == []
        (event,) = Calendar.from_ical(answer.content).walk("VEVENT")
        return f"{event['SUMMARY'].params['LANGUAGE']}: {event['SUMMARY']}"

    assert spoken("fr") == "fr: Le recrutement équitable en pratique"
    Offering.objects.update(titles={"en": "Fair recruitment in practice"})
    assert spoken("fr") == spoken("en") == "en: Fair recruitment in practice"
    Offering.objects.update(titles={})
    assert spoken("fr") == f"fr: {session.reference_text}"


def test_feed_is_named_by_its_filters(viewer: ApiClient, course: Offering) -> None:
    def name(query: str) -> str:
        found: str = feedparser.parse(viewer.get(f"/offerings?{query}").content).feed.id
        return found

    OfferingFactory.create_batch(2, provider=course.provider, published=True)
    centre = f"{API}/offerings?provider=CENTRE"
    assert name("format=atom") == f"{API}/offerings"
    assert name("format=atom&provider=CENTRE") == name("provider=CENTRE&format=atom&level=&page_size=2") == centre
    link = viewer.get("/offerings?format=atom&page_size=2&provider=CENTRE")["Link"]
    assert feedparser.parse(viewer.get(link.split(">")[0].removeprefix("<")).content).feed.id == centre
    both = f"{API}/offerings?level=advanced&provider=CENTRE"
    assert (
        name("level=advanced&provider=CENTRE&format=atom") == name("format=atom&provider=CENTRE&level=advanced") == both
    )


def test_empty_lists_are_whole_documents(viewer: ApiClient) -> None:
    assert checks.feed(viewer.get("/offerings?format=atom").content) == []
    assert checks.as_calendar(viewer.get("/sessions?format=ics").content) == []
    assert orjson.loads(viewer.get("/offerings?format=jsonld").content)["itemListElement"] == []


def test_formats_of_other_routes_are_not_given(viewer: ApiClient, course: Offering) -> None:
    body = check_problem(viewer.get(f"/offerings/{course.public_id}?format=atom"), C.NOT_ACCEPTABLE)
    assert "atom" not in body["errors"][0]["allowed"]  # a feed is of many
    check_problem(viewer.get("/offerings?format=ics"), C.NOT_ACCEPTABLE)
    check_problem(viewer.get("/offerings", Accept="text/calendar"), C.NOT_ACCEPTABLE)
    check_problem(viewer.get("/offerings?format="), C.NOT_ACCEPTABLE)
    check_problem(viewer.post("/offerings?format=jsonld", {}), C.UNKNOWN_PARAMETER)
    assert viewer.get("/offerings?format=json").body["results"]
    assert viewer.get("/offerings", Accept="text/html,*/*;q=0.1").body["results"]


def test_shapes_see_what_is_missing(viewer: ApiClient, course: Offering, session: Session) -> None:
    document = orjson.loads(viewer.get(f"/offerings/{course.public_id}?format=jsonld").content)
    for member in ("name", "provider", "identifier", "creativeWorkStatus"):
        broken = {name: value for name, value in document.items() if name != member}
        assert checks.catalogue(orjson.dumps(broken)) != [], member
    document["hasCourseInstance"][0]["startDate"] = "8 March"
    assert checks.catalogue(orjson.dumps(document)) != []


def test_export_has_the_public_catalogue_and_no_draft(course: Offering, session: Session, tmp_path: Path) -> None:
    OfferingFactory.create(provider=course.provider)
    file, text = tmp_path / "catalogue.jsonld", StringIO()
    call_command("export_course_catalogue", output=file, root="https://gmg.example/", stdout=text)
    graph = graph_of(file.read_bytes())
    found = set(graph.subjects(RDF.type, SCHEMA.Course))
    assert found == {URIRef(f"https://gmg.example/api/v1/offerings/{course.public_id}")}
    assert list(tmp_path.iterdir()) == [file]
    call_command("export_course_catalogue", check=True, stdout=text)
    assert "no complaint" in text.getvalue()


def test_export_check_fails_for_a_catalogue_that_breaks_a_rule(course: Offering, tmp_path: Path) -> None:
    Offering.objects.update(titles={})
    with pytest.raises(CommandError, match="complaints"):
        call_command("export_course_catalogue", check=True, stderr=StringIO())
