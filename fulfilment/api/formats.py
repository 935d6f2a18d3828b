"""What is agreed in the formats of the field: deliveries as a calendar, funded engagements as IATI activities."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils.translation import gettext, override

from fulfilment import queries
from marketplace.formats.calendars import MEDIA_TYPE as CALENDAR
from marketplace.formats.calendars import Happening, write_calendar
from marketplace.formats.registry import Representation, Telling
from marketplace.formats.xml import Element, element, filled, write_within
from marketplace.kernel.text import pick
from marketplace.vocabularies import queries as vocabularies

Shown = Mapping[str, Any]


# --- iCalendar ------------------------------------------------------------------------------------------------------
def happening(delivery: Shown, telling: Telling) -> Happening:
    """Make the event of a calendar of a delivery whose days are known."""
    period, place = delivery["period"], delivery["place"]
    exact = period["precision"] == "day"
    title, language = pick(delivery["title"], telling.language)
    country = vocabularies.country(place["country"]) if place["country"] else None
    where = (place["venue"], place["city"], pick(country.labels, telling.language)[0] if country else "")
    text = [f"{delivery['engagement']}/{delivery['number']}", delivery["organization"]["name"]]
    if not exact:
        text.append(gettext("The days are not settled yet."))
    return Happening(
        uid=f"delivery-{delivery['id']}@gmg-training-marketplace",
        title=title or delivery["engagement"],
        language=language,
        start=date.fromisoformat(str(period["start"])),
        end=date.fromisoformat(str(period["end"])),
        changed_at=datetime.fromisoformat(delivery["updated_at"]),
        sequence=delivery["version"],
        status="CANCELLED" if delivery["state"] == "cancelled" else "CONFIRMED" if exact else "TENTATIVE",
        exact=exact,
        place=", ".join(part for part in where if part),
        text="\n".join(text),
        url=telling.address(f"engagements/{delivery['engagement']}"),
    )


def write_delivery_calendar(deliveries: Iterable[Shown], telling: Telling) -> Iterator[bytes]:
    """Write the deliveries whose days are known as a calendar."""
    with override(telling.language):
        events = [happening(delivery, telling) for delivery in deliveries if delivery["period"]]
        return write_calendar(events, name=gettext("Deliveries of training"), language=telling.language)


# --- IATI -----------------------------------------------------------------------------------------------------------
# Codes of the code lists of IATI 2.03.
VERSION = "2.03"
MULTILATERAL = "40"  # OrganisationType
ROLES = {"funder": "1", "requester": "2", **dict.fromkeys(("lead", "co_lead", "member", "facilitator", "host"), "4")}
STATUS = {
    "planned": "1",
    "agreed": "1",
    "in_delivery": "2",
    "delivered": "3",
    "evaluating": "3",
    "closed": "4",
    "cancelled": "5",
    "on_hold": "6",
}
PLANNED, BEGUN, ENDED = ("1", "3"), ("2", "3"), ("2", "4")  # ActivityDateType of start and end
DATES = {"in_delivery": BEGUN, "delivered": ENDED, "evaluating": ENDED, "closed": ENDED}
MIGRATION = "15190"  # Sector: facilitation of orderly, safe, regular and responsible migration and mobility (DAC)
TECHNICAL_ASSISTANCE = "D02"  # AidType
TRANSACTIONS = {"pledged": "13", "confirmed": "11", "received": "1"}  # incoming pledge, commitment, funds
HUNDRED = Decimal(100)


def write_activities(engagements: Iterable[Shown], telling: Telling) -> Iterator[bytes]:
    """Write funded engagements as activities."""
    root = element("iati-activities", version=VERSION, generated_datetime=telling.updated)
    return write_within(root, (_activity(engagement, telling) for engagement in engagements))


def _activity(engagement: Shown, telling: Telling) -> Element:
    start, end = str(engagement["period"]["start"]), str(engagement["period"]["end"])
    first, last = DATES.get(engagement["state"], PLANNED)
    reporter, reference = settings.IATI_REPORTING_ORG, engagement["reference"]
    titles: Mapping[str, str] = next((one["title"] for one in engagement["deliveries"] if one["title"]), {})
    parts = [
        element("iati-identifier", f"{reporter}-{reference}"),
        filled("reporting-org", [_narrative(settings.IATI_REPORTING_NAME)], ref=reporter, type=MULTILATERAL),
        filled("title", _narratives(titles) or [_narrative(reference)]),
        filled("description", [_narrative(_description(engagement, titles))], type="1"),
        *(_party(party) for party in engagement["parties"]),
        element("activity-status", code=STATUS[engagement["state"]]),
        element("activity-date", type=first, iso_date=start),
        element("activity-date", type=last, iso_date=end),
        *_countries(engagement["deliveries"]),
        element("sector", vocabulary="1", code=MIGRATION),
        element("default-aid-type", code=TECHNICAL_ASSISTANCE),
        _budget(engagement, start, end),
        *(
            _transaction(share)
            for share in engagement["cost_shares"]
            if share["kind"] == "cash" and share["state"] in TRANSACTIONS
        ),
    ]
    return filled(
        "iati-activity", parts, lang="en", last_updated_datetime=engagement["updated_at"], default_currency="USD"
    )


def _narrative(text: str, language: str | None = None) -> Element:
    return element("narrative", text, lang=language)


def _narratives(texts: Mapping[str, str]) -> list[Element]:
    return [_narrative(text, language) for language, text in sorted(texts.items()) if text]


def _description(engagement: Shown, titles: Mapping[str, str]) -> str:
    with override("en"):
        words = gettext("Training on migration in answer to request %s: ")
    return f"{words % engagement['request']}{pick(titles, 'en')[0] or engagement['reference']}"


def _party(party: Shown) -> Element:
    return filled("participating-org", [_narrative(party["organization"]["name"])], role=ROLES[party["role"]])


def _countries(deliveries: Iterable[Shown]) -> list[Element]:
    """Share the activity among the countries by the number of deliveries; the last one takes what rounding leaves."""
    counted = Counter(one["place"]["country"] for one in deliveries if one["state"] != "cancelled")
    known = {code: country.alpha2 for code in sorted(counted) if code and (country := vocabularies.country(code))}
    total, left, found = sum(counted[code] for code in known), HUNDRED, []
    for code, alpha2 in known.items():
        part = (HUNDRED * counted[code] / total).quantize(Decimal("0.01")) if code != list(known)[-1] else left
        left -= part
        found.append(element("recipient-country", code=alpha2, percentage=str(part)))
    return found


def _budget(engagement: Shown, start: str, end: str) -> Element | None:
    money = engagement["budget"]
    if not money:
        return None
    parts = [
        element("period-start", iso_date=start),
        element("period-end", iso_date=end),
        element("value", money["amount"], currency=money["currency"], value_date=start),
    ]
    return filled("budget", parts, type="1", status="2")


def _transaction(share: Shown) -> Element:
    money = share["actual"] or share["money"] if share["state"] == "received" else share["money"]
    day = share["updated_at"][:10]
    parts = [
        element("transaction-type", code=TRANSACTIONS[share["state"]]),
        element("transaction-date", iso_date=day),
        element("value", money["amount"], currency=money["currency"], value_date=day),
        filled("provider-org", [_narrative(share["organization"]["name"])]),
    ]
    return filled("transaction", parts)


DELIVERY_CALENDAR = Representation("ics", CALENDAR, "ics", "a calendar (iCalendar)", write_delivery_calendar)
ACTIVITIES = Representation(
    "iati",
    "application/vnd.iati.activities+xml",
    "xml",
    "activities of IATI 2.03, of engagements with a share of the cost in cash",
    write_activities,
    expand=("deliveries", "cost_shares"),
    of=queries.funded,
)
