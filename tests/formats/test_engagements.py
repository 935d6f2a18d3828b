"""Engagements, needs and personal calendars in the formats of the field: libxml2, icalendar and feedparser read them."""

import logging
from datetime import date, datetime
from decimal import Decimal
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
from lxml import etree

from fulfilment.models import Engagement
from marketplace.accounts.models import AccessToken
from marketplace.formats import checks
from marketplace.kernel.errors import ErrorCode as C
from marketplace.kernel.masking import masked
from providers.models import Offering
from requests_app.models import PostingConsent, TrainingRequest
from tests.factories.fulfilment import CostShareFactory, DeliveryFactory, EngagementFactory, EngagementPartyFactory
from tests.factories.providers import OfferingFactory, ProviderFactory, SessionFactory
from tests.factories.requests import RequestLineFactory, TrainingRequestFactory
from tests.kit.api import ApiClient, check_problem
from tests.kit.people import SmallGroup, small_group, token_of


@pytest.fixture(autouse=True)
def clock(db: None, at: datetime) -> Any:
    with time_machine.travel(at, tick=False):
        yield


@pytest.fixture
def group(at: datetime) -> SmallGroup:
    return small_group(at)


@pytest.fixture
def engagement(group: SmallGroup) -> Engagement:
    made = EngagementFactory.create(
        request__requesting_organization=group.requester,
        lead_organization=group.provider,
        budget_amount=Decimal(24000),
        budget_currency="USD",
    )
    EngagementPartyFactory.create(engagement=made, organization=group.provider, role="lead")
    EngagementPartyFactory.create(engagement=made, organization=group.requester, role="requester")
    centre = ProviderFactory.create(organization=group.provider)
    for place, (country, city) in enumerate((("SEN", "Dakar"), ("MLI", "Bamako"), ("MLI", "Kayes")), start=1):
        offering = OfferingFactory.create(provider=centre, published=True)
        DeliveryFactory.create(engagement=made, number=place, offering=offering, country=country, city=city)
    return made


@pytest.fixture
def funded(engagement: Engagement) -> Engagement:
    CostShareFactory.create(engagement=engagement, amount=Decimal("12000.00"))
    CostShareFactory.create(engagement=engagement, kind="in_kind", amount=Decimal("700.00"))
    CostShareFactory.create(
        engagement=engagement, state="received", amount=Decimal("5000.00"), actual_amount=Decimal("4950.00")
    )
    return engagement


def test_funded_engagement_is_an_activity(group: SmallGroup, funded: Engagement, at: datetime) -> None:
    answer = ApiClient.of(group.focal_point, at).get(f"/engagements/{funded.reference}?format=iati")
    assert answer["Content-Type"] == "application/vnd.iati.activities+xml"
    assert checks.activities(answer.content) == []
    (activity,) = etree.fromstring(answer.content).findall("iati-activity")
    assert activity.findtext("iati-identifier") == f"XM-EXAMPLE-GMG-{funded.reference}"
    assert activity.find("activity-status").get("code") == "1"
    shares = {one.get("code"): Decimal(one.get("percentage")) for one in activity.findall("recipient-country")}
    assert shares == {"ML": Decimal("66.67"), "SN": Decimal("33.33")}
    given = [(t.find("transaction-type").get("code"), t.findtext("value")) for t in activity.findall("transaction")]
    assert given == [("13", "12000.00"), ("1", "4950.00")]  # what is in kind is no transaction
    assert {one.get("role") for one in activity.findall("participating-org")} == {"2", "4"}


def test_engagement_without_money_is_no_activity(group: SmallGroup, engagement: Engagement, at: datetime) -> None:
    client = ApiClient.of(group.focal_point, at)
    assert client.get(f"/engagements/{engagement.reference}").status_code == 200
    check_problem(client.get(f"/engagements/{engagement.reference}?format=iati"), C.NOT_FOUND)
    listed = client.get("/engagements?format=iati")
    assert etree.fromstring(listed.content).findall("iati-activity") == []
    assert checks.activities(listed.content) != []  # IATI wants at least one


def test_activities_are_for_those_who_see_the_engagement(group: SmallGroup, funded: Engagement, at: datetime) -> None:
    outsider = ApiClient.of(group.outsider, at)
    check_problem(outsider.get(f"/engagements/{funded.reference}?format=iati"), C.NOT_FOUND)
    assert funded.reference.encode() not in outsider.get("/engagements?format=iati").content


def test_schema_sees_a_wrong_order_and_a_wrong_code(group: SmallGroup, funded: Engagement, at: datetime) -> None:
    document = ApiClient.of(group.focal_point, at).get("/engagements?format=iati").content
    tree = etree.fromstring(document)
    activity = tree.find("iati-activity")
    activity.append(activity.find("iati-identifier"))
    assert checks.activities(etree.tostring(tree)) != []
    assert checks.activities(document.replace(b'<transaction-type code="13"', b'<transaction-type code="99"')) != []
    assert checks.activities(document[:-20]) != []


def test_export_of_activities_asks_for_a_reporter(funded: Engagement, tmp_path: Path, settings: Any) -> None:
    with pytest.raises(CommandError, match="IATI_REPORTING_ORG"):
        call_command("export_iati", check=True)
    settings.IATI_REPORTING_ORG = "XM-DAC-99999"
    file, text = tmp_path / "activities.xml", StringIO()
    call_command("export_iati", output=file, stdout=text)
    assert etree.parse(file).findtext(".//iati-identifier") == f"XM-DAC-99999-{funded.reference}"
    call_command("export_iati", check=True, stdout=text)
    assert "no complaint" in text.getvalue()
    strict = tmp_path / "nothing.xsd"
    strict.write_text('<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="other"/></xs:schema>')
    with pytest.raises(CommandError, match="complaints"):
        call_command("export_iati", check=True, schema=strict, stderr=StringIO())


def test_deliveries_are_a_calendar(group: SmallGroup, engagement: Engagement, at: datetime) -> None:
    DeliveryFactory.create(engagement=engagement, number=4, start_on=None, end_on=None)
    answer = ApiClient.of(group.focal_point, at).get(f"/engagements/{engagement.reference}/deliveries?format=ics")
    assert checks.as_calendar(answer.content) == []
    events = Calendar.from_ical(answer.content).walk("VEVENT")
    assert len(events) == 3  # the fourth has no days yet
    assert events[0].decoded("DTEND") == date(2027, 3, 11)
    check_problem(
        ApiClient.of(group.outsider, at).get(f"/engagements/{engagement.reference}/deliveries?format=ics"), C.NOT_FOUND
    )


def test_title_of_a_delivery_says_its_own_language(group: SmallGroup, engagement: Engagement, at: datetime) -> None:
    Offering.objects.update(titles={"en": "Fair recruitment in practice"})
    api = ApiClient.of(group.focal_point, at)
    answer = api.get(f"/engagements/{engagement.reference}/deliveries?format=ics", Accept_Language="fr")
    titles = [event["SUMMARY"] for event in Calendar.from_ical(answer.content).walk("VEVENT")]
    assert {(str(title), title.params["LANGUAGE"]) for title in titles} == {("Fair recruitment in practice", "en")}


@pytest.mark.parametrize(
    "path", ["/engagements?format=iati", "/requests?format=atom", "/sessions?format=ics", "/sessions?format=jsonld"]
)
def test_queries_of_other_formats_do_not_grow(path: str, group: SmallGroup, funded: Engagement, at: datetime) -> None:
    client = ApiClient.of(group.officer, at)

    def more() -> None:
        made = EngagementFactory.create(request__requesting_organization=group.requester)
        EngagementPartyFactory.create(engagement=made, role="lead")
        CostShareFactory.create_batch(2, engagement=made)
        DeliveryFactory.create(engagement=made, number=1, country="MLI")
        SessionFactory.create(offering=OfferingFactory.create(published=True))
        PostingConsent.objects.create(request=need(group.requester, at), given_at=at, given_by="somebody")

    def asked() -> int:
        client.get(path)
        with CaptureQueriesContext(connection) as seen:
            assert client.get(path).status_code == 200
        return len(seen)

    more()
    few = asked()
    for _ in range(4):
        more()
    assert asked() == few


# --- a calendar with an address of its own ------------------------------------------------------------------------------
CALENDAR_SCOPES = ("catalogue:read", "engagements:read")


def test_person_reads_own_calendar_by_its_address(group: SmallGroup, engagement: Engagement, at: datetime) -> None:
    centre = engagement.deliveries.first().provider  # type: ignore[union-attr]
    own = SessionFactory.create(offering=OfferingFactory.create(provider=centre))
    others = SessionFactory.create()
    made = ApiClient.of(group.provider_staff, at).post(
        "/me/tokens", {"name": "calendar", "scopes": list(CALENDAR_SCOPES)}
    )
    answer = ApiClient().get(f"/calendars/{made.body['token']}.ics")
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer["Cache-Control"] == "no-store"
    assert checks.as_calendar(answer.content) == []
    uids = {str(event["UID"]).split("@")[0] for event in Calendar.from_ical(answer.content).walk("VEVENT")}
    assert f"session-{own.public_id}" in uids
    assert f"session-{others.public_id}" not in uids
    assert len(uids) == 4
    ApiClient.of(group.provider_staff, at).post(f"/me/tokens/{made.body['id']}/revoke")
    check_problem(ApiClient().get(f"/calendars/{made.body['token']}.ics"), C.NOT_FOUND)


def test_scope_decides_what_a_calendar_shows(group: SmallGroup, engagement: Engagement, at: datetime) -> None:
    SessionFactory.create(offering=OfferingFactory.create(provider=engagement.deliveries.first().provider))  # type: ignore[union-attr]
    for scope, expected in (("catalogue:read", {"session"}), ("engagements:read", {"delivery"})):
        answer = ApiClient().get(f"/calendars/{token_of(group.provider_staff, at, scope)}")
        events = Calendar.from_ical(answer.content).walk("VEVENT")
        assert {str(event["UID"]).split("-")[0] for event in events} == expected


@pytest.mark.parametrize("scopes", [(), ("requests:read",), (*CALENDAR_SCOPES, "requests:read")])
def test_mighty_tokens_open_no_calendar(scopes: tuple[str, ...], group: SmallGroup, at: datetime) -> None:
    check_problem(ApiClient().get(f"/calendars/{token_of(group.focal_point, at, *scopes)}"), C.NOT_FOUND)


def test_no_other_key_opens_a_calendar(group: SmallGroup, at: datetime) -> None:
    token = token_of(group.focal_point, at, "catalogue:read")
    for key in (token[:-1], f"{token}x", "gmg_", "nothing", "gmg_é_x"):
        check_problem(ApiClient().get(f"/calendars/{key}"), C.NOT_FOUND)
    check_problem(ApiClient().get(f"/calendars/{token_of(group.client, at, 'catalogue:read')}"), C.NOT_FOUND)
    over = AccessToken.objects.get(user=group.focal_point).expires_at
    with time_machine.travel(over, tick=False):
        check_problem(ApiClient().get(f"/calendars/{token}"), C.NOT_FOUND)


def test_keys_stay_out_of_logs(group: SmallGroup, at: datetime) -> None:
    token = token_of(group.focal_point, at, "catalogue:read")
    formatter = logging.getLogger().handlers[0].formatter or logging.Formatter()
    [secret, error] = token.split("_", maxsplit=2)[2], ValueError(f"of {token}")
    for said in ({"request": f"GET /api/v1/calendars/{token}"}, "called %s"):
        record = logging.LogRecord(
            "x", 40, "", 0, said, (token,) if isinstance(said, str) else (), (ValueError, error, None)
        )
        line = formatter.format(record)
        assert secret not in line
        assert "gmg_" in line
        assert "ValueError" in line
    assert masked("offering_gmg_x") == "offering_gmg_x"


# --- needs --------------------------------------------------------------------------------------------------------------
def need(organization: Any, at: datetime, **facts: Any) -> TrainingRequest:
    made: TrainingRequest = TrainingRequestFactory.create(
        submitted=True,
        requesting_organization=organization,
        need_statement={"en": "Canary of the body"},
        **{"title": {"en": "Interview skills"}, "state": "open", "visibility": "public", **facts},
    )
    RequestLineFactory.create(request=made, country="MLI", theme="mainstreaming")
    return made


def test_listed_needs_are_a_feed_of_their_summaries(group: SmallGroup, at: datetime) -> None:
    listed, silent = need(group.requester, at), need(group.requester, at)
    PostingConsent.objects.create(request=listed, given_at=at, given_by="somebody")
    closed = need(group.requester, at, state="closed")
    PostingConsent.objects.create(request=closed, given_at=at, given_by="somebody")
    for reader in (group.outsider, group.focal_point):  # whoever may read more finds no more in a feed
        answer = ApiClient.of(reader, at).get("/requests?format=atom")
        assert checks.feed(answer.content) == []
        (entry,) = feedparser.parse(answer.content).entries
        assert entry.id == f"urn:uuid:{listed.public_id}"
        assert entry.title == "Interview skills"
        assert "Mali" in entry.summary
        assert b"Canary" not in answer.content
        assert str(silent.public_id).encode() not in answer.content


@pytest.mark.parametrize(("reader", "words"), [("en", "Participants: 30. Where: Mali."), ("fr", "Lieu : Mali.")])
def test_texts_of_a_feed_of_needs_say_their_own_languages(
    reader: str, words: str, group: SmallGroup, at: datetime
) -> None:
    for title in ({"fr": "Entretiens"}, {"en": "Interviews"}):
        listed = need(group.requester, at, title=title)
        PostingConsent.objects.create(request=listed, given_at=at, given_by="somebody")
    answer = ApiClient.of(group.outsider, at).get("/requests?format=atom", Accept_Language=reader)
    assert checks.feed(answer.content) == []
    entries = feedparser.parse(answer.content).entries
    assert {(entry.title, entry.title_detail.language) for entry in entries} == {
        ("Entretiens", "fr"),
        ("Interviews", "en"),
    }
    for entry in entries:
        assert words in entry.summary
        assert entry.summary_detail.language == reader


@pytest.mark.parametrize(("kind", "count"), [("needs", 1), ("offerings", 3)])
def test_export_of_feeds_writes_and_checks(
    kind: str, count: int, group: SmallGroup, engagement: Engagement, at: datetime, tmp_path: Path
) -> None:
    PostingConsent.objects.create(request=need(group.requester, at), given_at=at, given_by="somebody")
    file, text = tmp_path / "feed.atom", StringIO()
    call_command("export_feed", kind, output=file, language="fr", stdout=text)
    read = feedparser.parse(file.read_bytes())
    assert (read.version, len(read.entries), read.feed.language) == ("atom10", count, "fr")
    assert b"Canary" not in file.read_bytes()
    call_command("export_feed", kind, check=True, stdout=text)
    assert "no complaint" in text.getvalue()


# --- ReliefWeb ----------------------------------------------------------------------------------------------------------
NUMBERS = b'{"sources": {"CENTRE": 1503}, "countries": {"SEN": 192}}'


@pytest.fixture
def numbered(settings: Any, tmp_path: Path) -> None:
    file = tmp_path / "numbers.json"
    file.write_bytes(NUMBERS)
    settings.RELIEFWEB_NUMBERS = str(file)


def test_open_session_is_a_payload(group: SmallGroup, numbered: None, at: datetime) -> None:
    centre = ProviderFactory.create(code="CENTRE", organization=group.provider)
    session = SessionFactory.create(
        offering=OfferingFactory.create(provider=centre, published=True), enrolment_deadline=date(2027, 2, 1)
    )
    client = ApiClient.of(group.viewer, at)
    answer = client.get(f"/sessions/{session.public_id}", Accept="application/vnd.reliefweb.training.v2+json")
    assert checks.trainings(answer.content) == []
    payload = answer.body
    assert payload["source"] == [1503]
    assert payload["country"] == [192]
    assert payload["training_language"] == [268]
    assert payload["registration_deadline"] == "2027-02-01T00:00:00+00:00"
    assert payload["uuid"][14] == "5"
    listed = client.get("/sessions?format=reliefweb")
    assert listed.body["trainings"] == [payload]
    assert checks.trainings(listed.content) == []


def payload_of(group: SmallGroup, at: datetime, reader: str, **texts: Any) -> Any:
    centre = ProviderFactory.create(organization=group.provider)
    course = OfferingFactory.create(provider=centre, published=True, objectives={}, **texts)
    session = SessionFactory.create(offering=course)
    client = ApiClient.of(group.viewer, at)
    return client.get(f"/sessions/{session.public_id}?format=reliefweb", Accept_Language=reader).body


ENGLISH, FRENCH, SPANISH = 267, 268, 269


@pytest.mark.parametrize(
    ("titles", "summaries", "reader", "numbers"),
    [
        (("en", "fr"), ("en", "fr"), "en", [ENGLISH]),
        (("en", "fr"), ("en", "fr"), "fr", [FRENCH]),
        (("en",), ("en",), "fr", [ENGLISH]),
        (("fr",), ("fr",), "en", [FRENCH]),
        (("es-419",), ("es-419",), "fr", [SPANISH]),
        (("fr",), ("en", "fr"), "en", [FRENCH]),  # the body keeps to the language of the title
        (("fr",), ("en",), "fr", [FRENCH, ENGLISH]),
        (("fr",), (), "en", [FRENCH]),
    ],
)
def test_payload_says_in_which_language_its_title_and_body_are(
    titles: tuple[str, ...],
    summaries: tuple[str, ...],
    reader: str,
    numbers: list[int],
    group: SmallGroup,
    at: datetime,
) -> None:
    payload = payload_of(
        group,
        at,
        reader,
        titles={tag: f"The title, told in {tag}" for tag in titles},
        summaries={tag: f"The summary, told in {tag}" for tag in summaries},
    )
    assert payload["language"] == numbers
    assert ("participant : 0.00 USD" in payload["fee_information"]) == (numbers[0] == FRENCH)
    assert ("plateforme de formation" in payload["how_to_register"]) == (numbers[0] == FRENCH)


def test_payload_in_a_language_without_a_number_says_none(group: SmallGroup, settings: Any, at: datetime) -> None:
    arabic = {"titles": {"ar": "التوظيف العادل عمليا"}, "summaries": {"ar": "لموظفي العمل"}}
    payload = payload_of(group, at, "en", **arabic)
    assert "language" not in payload
    assert any("'language' is a required property" in one for one in checks.trainings(orjson.dumps(payload)))


def test_sessions_that_take_no_bookings_are_no_payload(group: SmallGroup, numbered: None, at: datetime) -> None:
    centre = ProviderFactory.create(code="CENTRE", organization=group.provider)
    course = OfferingFactory.create(provider=centre, published=True)
    SessionFactory.create(offering=course, state="cancelled")
    SessionFactory.create(offering=course, start_on=date(2026, 1, 5), end_on=date(2026, 1, 6), state="completed")
    draft = SessionFactory.create(offering=OfferingFactory.create(provider=centre))
    client = ApiClient.of(group.provider_staff, at)
    assert client.get("/sessions?format=reliefweb").body == {"trainings": []}
    assert client.get(f"/sessions/{draft.public_id}").status_code == 200
    check_problem(client.get(f"/sessions/{draft.public_id}?format=reliefweb"), C.NOT_FOUND)


def test_check_names_what_reliefweb_will_miss(group: SmallGroup, settings: Any, tmp_path: Path) -> None:
    centre = ProviderFactory.create(code="CENTRE", organization=group.provider)
    SessionFactory.create(offering=OfferingFactory.create(provider=centre, published=True))
    complaints = StringIO()
    with pytest.raises(CommandError):
        call_command("export_reliefweb", check=True, stderr=complaints)
    assert "'source' is a required property" in complaints.getvalue()
    file, text = tmp_path / "numbers.json", StringIO()
    file.write_bytes(NUMBERS)
    settings.RELIEFWEB_NUMBERS = str(file)
    call_command("export_reliefweb", check=True, stdout=text)
    assert "no complaint" in text.getvalue()
