"""The catalogue in the formats of the field: schema.org, iCalendar, Atom, ReliefWeb. Written from what the JSON shows."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.utils.translation import gettext, override

from marketplace.formats.calendars import MEDIA_TYPE as CALENDAR
from marketplace.formats.calendars import write_calendar
from marketplace.formats.feeds import MEDIA_TYPE as ATOM
from marketplace.formats.feeds import Entry, write_feed
from marketplace.formats.linked import tagged, without_nothing, write_document, write_list
from marketplace.formats.registry import Representation, Telling
from marketplace.kernel.text import pick
from marketplace.vocabularies import queries as vocabularies
from marketplace.vocabularies.queries.skos import concept_address
from providers import queries

Shown = Mapping[str, Any]
CONTEXT = {"@vocab": "https://schema.org/"}
MODES = {"online": "online", "in_person": "onsite", "blended": "blended"}
DIGITS = {"day": 10, "month": 7, "quarter": 7, "year": 4}  # of a date of ISO 8601 that are known


# --- schema.org -----------------------------------------------------------------------------------------------------
def write_courses(offerings: Iterable[Shown], telling: Telling) -> Iterator[bytes]:
    """Write offerings as Courses: one as a document, several as an ItemList."""
    courses = (_course(offering, telling) for offering in offerings)
    if telling.single:
        return write_document(next(courses), context=CONTEXT)
    head = {"@id": telling.url, "@type": "ItemList", "dateModified": telling.updated}
    return write_list(courses, context=CONTEXT, head=head, member="itemListElement")


def _course(offering: Shown, telling: Telling) -> dict[str, Any]:
    address = telling.address(f"offerings/{offering['id']}")
    award = offering["award"]
    instances = [_instance(session, offering, telling) for session in offering["sessions"]]
    return without_nothing(
        {
            "@id": address,
            "@type": "Course",
            "identifier": offering["reference"],
            "url": address,
            "name": tagged(offering["titles"]),
            "description": tagged(offering["summaries"]),
            "teaches": [one for key, texts in offering["objectives"].items() for one in _tagged_all(key, texts)],
            "coursePrerequisites": tagged(offering["prerequisites"]),
            "about": [{"@id": concept_address(telling.root, code, "themes")} for code in offering["themes"]],
            "provider": _organization(offering["provider"], telling),
            "inLanguage": offering["languages"],
            "educationalLevel": offering["level"],
            "audience": [
                {"@type": "EducationalAudience", "educationalRole": tagged(labels)}
                for labels in _labels("audiences", offering["audiences"])
            ],
            "educationalCredentialAwarded": [tagged(labels) for labels in _labels("awards", [award])]
            if award not in ("", "none")
            else None,
            "timeRequired": f"PT{offering['duration_hours']}H" if offering["duration_hours"] else None,
            "offers": _offers(offering),
            "creativeWorkStatus": offering["state"],
            "dateCreated": offering["created_at"],
            "dateModified": offering["updated_at"],
            "hasCourseInstance": instances,
        }
    )


def _tagged_all(language: str, texts: Iterable[str]) -> list[dict[str, str]]:
    return [{"@language": language, "@value": text} for text in texts if text]


def _labels(scheme: str, codes: Iterable[str]) -> list[Mapping[str, str]]:
    known = vocabularies.labels(scheme)
    return [known[code] for code in codes if code in known]


def _organization(provider: Shown, telling: Telling) -> dict[str, Any]:
    return {
        "@id": telling.address(f"providers/{provider['id']}"),
        "@type": "Organization",
        "identifier": provider["code"],
        "name": tagged(provider["names"]) or provider["code"],
    }


def _offers(offering: Shown) -> list[dict[str, Any]]:
    prices = (("delivery", offering["cost_per_delivery"]), ("participant", offering["cost_per_participant"]))
    return [
        {"@type": "Offer", "category": kind, "price": str(price), "priceCurrency": offering["currency"]}
        for kind, price in prices
        if price is not None
    ]


def _instance(session: Shown, offering: Shown, telling: Telling) -> dict[str, Any]:
    period = session["period"]
    digits = DIGITS[period["precision"]]
    address = telling.address(f"sessions/{session['id']}")
    cancelled = session["state"] == "cancelled"
    return without_nothing(
        {
            "@id": address,
            "@type": "CourseInstance",
            "identifier": session["reference"],
            "url": address,
            "name": tagged(offering["titles"]),
            "courseMode": MODES[session["modality"]],
            "startDate": str(period["start"])[:digits],
            "endDate": str(period["end"])[:digits],
            "location": _location(session),
            "inLanguage": session["languages"],
            "eventStatus": {"@id": f"https://schema.org/Event{'Cancelled' if cancelled else 'Scheduled'}"},
            "maximumAttendeeCapacity": session["seats_total"],
            "remainingAttendeeCapacity": session["seats_free"],
        }
    )


def _location(session: Shown) -> dict[str, Any] | None:
    if session["country"]:
        country = vocabularies.country(session["country"])
        address = {
            "@type": "PostalAddress",
            "addressLocality": session["city"],
            "addressCountry": country.alpha2 if country else session["country"],
        }
        name = session["venue"] or session["city"] or session["country"]
        return {"@type": "Place", "name": name, "address": without_nothing(address)}
    return {"@type": "VirtualLocation", "name": "online"} if session["modality"] == "online" else None


def write_sessions(sessions: Iterable[Shown], telling: Telling) -> Iterator[bytes]:
    """Write sessions as CourseInstances: one as a document, several as an ItemList."""
    instances = (
        {
            **_instance(session, session["offering"], telling),
            "superEvent": None,
            "isPartOf": {"@id": telling.address(f"offerings/{session['offering_id']}")},
        }
        for session in sessions
    )
    found = (without_nothing(instance) for instance in instances)
    if telling.single:
        return write_document(next(found), context=CONTEXT)
    head = {"@id": telling.url, "@type": "ItemList", "dateModified": telling.updated}
    return write_list(found, context=CONTEXT, head=head, member="itemListElement")


# --- iCalendar ------------------------------------------------------------------------------------------------------
def write_session_calendar(sessions: Iterable[Shown], telling: Telling) -> Iterator[bytes]:
    """Write sessions as a calendar."""
    with override(telling.language):
        events = [queries.session_happening(session, telling) for session in sessions]
        return write_calendar(events, name=gettext("Training sessions"), language=telling.language)


# --- Atom -----------------------------------------------------------------------------------------------------------
def write_offering_feed(offerings: Iterable[Shown], telling: Telling) -> Iterator[bytes]:
    """Write offerings as an Atom feed."""
    with override(telling.language):
        title = gettext("Training offerings")
    return write_feed((_entry(offering, telling) for offering in offerings), telling, title=title)


def _entry(offering: Shown, telling: Telling) -> Entry:
    title, language = pick(offering["titles"], telling.language)
    summary, language_of_summary = pick(offering["summaries"], language or telling.language)
    return Entry(
        id=str(offering["id"]),
        url=telling.address(f"offerings/{offering['id']}"),
        title=title or offering["reference"],
        title_language=language or telling.language,
        author=pick(offering["provider"]["names"], telling.language)[0] or offering["provider_code"],
        published=offering["created_at"],
        updated=offering["updated_at"],
        summary=summary,
        summary_language=language_of_summary,
        categories={code: vocabularies.label("themes", code, telling.language) for code in offering["themes"]},
    )


COURSES = Representation(
    "jsonld",
    "application/ld+json",
    "jsonld",
    "Course and CourseInstance of schema.org",
    write_courses,
    expand=("provider", "sessions"),
)
INSTANCES = Representation(
    "jsonld", "application/ld+json", "jsonld", "CourseInstance of schema.org", write_sessions, expand=("offering",)
)
SESSION_CALENDAR = Representation(
    "ics", CALENDAR, "ics", "a calendar (iCalendar)", write_session_calendar, expand=("offering",)
)
OFFERING_FEED = Representation(
    "atom",
    ATOM,
    "atom",
    "a feed of what stands in the public catalogue (Atom)",
    write_offering_feed,
    expand=("provider",),
    of=queries.in_catalogue,
    on=frozenset({"list"}),
)
