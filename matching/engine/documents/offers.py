"""Offerings as `GET /offerings?expand=provider,sessions` shows them, as the engine reads them."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from matching.engine.documents.needs import identity, joined, within
from matching.engine.documents.nodes import Node
from matching.engine.documents.schemes import Known
from matching.engine.errors import EngineError
from matching.engine.types import (
    AWARDS,
    LEVELS,
    PARALLEL_DELIVERIES,
    TRAINER_DAYS,
    CapacitySlot,
    Cost,
    Offer,
    SessionSlot,
    TrackRecord,
)

# Members that are shown and have no part in matching: accepted, so that an answer of the API can be used as it is.
UNREAD = (
    "accreditor",
    "allowed_actions",
    "components",
    "cost_includes",
    "cost_items",
    "created_at",
    "due_at",
    "external_id",
    "form_label",
    "language_of_record",
    "links",
    "prerequisites",
    "programme",
    "provider_id",
    "reach",
    "scheme_concepts",
    "sequence",
    "series",
    "source",
    "step",
    "updated_at",
    "version",
    "waiting_for",
    "workload_hours_per_week",
)
READ = (
    "accepts_lead",
    "audiences",
    "award",
    "cost_per_delivery",
    "cost_per_participant",
    "countries_served",
    "currency",
    "customisable",
    "duration_hours",
    "form",
    "governance_levels",
    "id",
    "in_country_on_request",
    "interpretation_possible",
    "is_umbrella",
    "languages",
    "lead_time_days",
    "level",
    "modality",
    "objectives",
    "on_request",
    "participants_max",
    "participants_min",
    "partners",
    "places",
    "provider",
    "provider_code",
    "reference",
    "regions_served",
    "scope",
    "sessions",
    "state",
    "summaries",
    "themes",
    "titles",
    "track_record",
    "vetting",
)
SESSION_UNREAD = (
    "allowed_actions",
    "created_at",
    "due_at",
    "external_id",
    "is_full",
    "links",
    "modality",
    "offering_id",
    "offering_reference",
    "provider_code",
    "reference",
    "source",
    "step",
    "updated_at",
    "venue",
    "version",
    "waiting_for",
)
SESSION_READ = (
    "city",
    "country",
    "enrolment_deadline",
    "id",
    "languages",
    "period",
    "seats_free",
    "seats_min",
    "seats_total",
    "state",
)
WINDOW = (
    "confirmed",
    "created_at",
    "free",
    "held",
    "id",
    "links",
    "period",
    "provider_code",
    "quantity",
    "reference",
    "unit",
    "updated_at",
    "version",
)
SCOPES = ("global", "listed")
PRECISIONS = ("day", "month", "quarter", "year")
BOOKABLE = ("planned", "open")  # states of sessions that still take bookings
RECORD_TOP = 1000
LEAST = -(10**9)  # more may be booked than there is, where a provider took seats away

Windows = Mapping[str, tuple[CapacitySlot, ...]]


def read_windows(node: Node, as_of: date) -> dict[str, tuple[CapacitySlot, ...]]:
    """Read capacity windows as `GET /capacity-windows` shows them, by provider; those that have ended are left out."""
    found: dict[str, tuple[CapacitySlot, ...]] = {}
    for entry in node.items():
        entry.only(WINDOW)
        start, end, _ = _period(entry.member("period"))
        total = entry.member("quantity").whole(0)
        free = entry.member("free")
        slot = CapacitySlot(
            code=identity(entry),
            start=start,
            end=end,
            total=total,
            free=total if free.is_missing else free.whole(LEAST, total),
            unit=entry.member("unit").code((TRAINER_DAYS, PARALLEL_DELIVERIES)),
        )
        if end >= as_of:
            provider = entry.member("provider_code").text()
            found[provider] = (*found.get(provider, ()), slot)
    return found


def read_offer(node: Node, known: Known, windows: Windows, homes: Mapping[str, str], as_of: date) -> Offer | None:
    """Read an offering; None for one without hours, group size, form or modality, which nobody can plan with.

    Without `provider` the provider counts as verified, without `vetting` the offering as accepted: what is not said is
    taken to be in order. `homes` names the country of organizations by code.
    """
    node.only((*READ, *UNREAD))
    if any(
        node.member(name).is_missing
        for name in ("duration_hours", "participants_min", "participants_max", "form", "modality")
    ):
        return None
    provider = node.member("provider")
    code = node.member("provider_code").text()
    organization = code if provider.is_missing else provider.member("organization").member("code").text()
    most = node.member("participants_max").whole(1)
    try:
        return Offer(
            id=identity(node),
            provider=code,
            themes=_themes(node.member("themes"), known),
            form=node.member("form").code(known.of("forms")),
            modality=node.member("modality").code(known.of("modalities")),
            languages=node.member("languages").codes(known.of("languages")),
            audiences=node.member("audiences").codes(known.of("audiences")),
            hours=node.member("duration_hours").whole(1),
            participants_min=node.member("participants_min").whole(1, most),
            participants_max=most,
            texts=_texts(node),
            published=node.member("state").text_or("published") == "published",
            bookable=not node.member("is_umbrella").truth(default=False),
            vetted_until=_vetted_until(node.member("vetting")),
            provider_verified=provider.is_missing or provider.member("state").text() == "verified",
            provider_verified_until=None
            if provider.is_missing
            else provider.member("verification_expires_on").day_or(None),
            organizations=frozenset({organization, *_partners(node.member("partners"))}),
            interpretation=node.member("interpretation_possible").truth(default=False),
            level=node.member("level").code_or(LEVELS, None),
            governance_levels=node.member("governance_levels").codes(known.of("governance_levels")),
            worldwide=node.member("scope").code_or(SCOPES, "listed") == "global",
            countries=node.member("countries_served").codes(known.places.by_code),
            regions=node.member("regions_served").codes(known.places.parents),
            home_country=homes.get(organization),
            places=_places(node.member("places"), known),
            on_request=node.member("on_request").truth(default=False),
            in_country_on_request=node.member("in_country_on_request").truth(default=False),
            lead_time_days=node.member("lead_time_days").whole_or(0),
            customisable=node.member("customisable").truth(default=False),
            can_lead=node.member("accepts_lead").truth(default=True),
            award=node.member("award").code_or(AWARDS, None),
            cost=_cost(node, known),
            sessions=_sessions(node.member("sessions"), known, as_of),
            capacity=windows.get(code, ()),
            record=_record(node.member("track_record"), provider),
        )
    except EngineError as error:
        raise within(error, node) from error


def _themes(node: Node, known: Known) -> frozenset[str]:
    found = node.codes(known.scheme.position)
    if not found:
        raise node.refuse("expected at least one theme")
    return found


def _texts(node: Node) -> dict[str, str]:
    objectives = {
        language: " ".join(entry.text() for entry in entries.items())
        for language, entries in node.member("objectives").members().items()
    }
    return joined(node.member("titles").texts(), node.member("summaries").texts(), objectives)


def _vetted_until(node: Node) -> date | None:
    if node.is_missing:
        return date.max
    node.only(("panel", "verdict", "vetted_on", "expires_on"))
    expires = node.member("expires_on").day_or(None)
    return expires if node.member("verdict").text_or(None) == "accepted" else None


def _partners(node: Node) -> list[str]:
    return [entry.only(("organization", "role")).member("organization").member("code").text() for entry in node.items()]


def _places(node: Node, known: Known) -> frozenset[tuple[str, str | None]]:
    rows = [entry.only(("city", "country", "venue")) for entry in node.items()]
    return frozenset(
        (row.member("country").code(known.places.by_code), row.member("city").text_or(None))
        for row in rows
        if not row.member("country").is_missing
    )


def _cost(node: Node, known: Known) -> Cost | None:
    """Read what a delivery and a participant cost; without either the cost is not known."""
    each, head = node.member("cost_per_delivery"), node.member("cost_per_participant")
    if each.is_missing and head.is_missing:
        return None
    nothing = Decimal(0)
    currency = node.member("currency").code(known.of("currencies"))
    return Cost(each.amount_or(nothing) or nothing, head.amount_or(nothing) or nothing, currency)


def _sessions(node: Node, known: Known, as_of: date) -> tuple[SessionSlot, ...]:
    return tuple(slot for entry in node.items() if (slot := _session(entry, known, as_of)) is not None)


def _session(node: Node, known: Known, as_of: date) -> SessionSlot | None:
    """Read a session; None for one that is over or no longer takes bookings."""
    node.only((*SESSION_READ, *SESSION_UNREAD))
    start, end, precision = _period(node.member("period"))
    total = node.member("seats_total").whole(0)
    free = node.member("seats_free")
    slot = SessionSlot(
        code=identity(node),
        start=start,
        end=end,
        precision=precision,
        languages=node.member("languages").codes(known.of("languages")),
        country=node.member("country").code_or(known.places.by_code, None),
        city=node.member("city").text_or(None),
        seats_total=total,
        seats_free=total if free.is_missing else free.whole(LEAST, total),
        seats_min=node.member("seats_min").whole_or(0),
        enrolment_deadline=node.member("enrolment_deadline").day_or(None),
    )
    bookable = node.member("state").text_or("open") in BOOKABLE
    return slot if bookable and end >= as_of else None


def _period(node: Node) -> tuple[date, date, str]:
    node.only(("start", "end", "precision"))
    start, end = node.member("start").day(), node.member("end").day()
    if end < start:
        raise node.member("end").refuse("a period ends on or after the day it starts")
    return start, end, node.member("precision").code_or(PRECISIONS, "day") or "day"


def _record(node: Node, provider: Node) -> TrackRecord:
    """Read the offering's record; one that nobody evaluated stands on its provider's."""
    count, mean = _evaluations(node)
    if count == 0 and not provider.is_missing:
        count, mean = _evaluations(provider.member("track_record"))
    return TrackRecord(mean=mean, evaluations=count, deliveries=count)


def _evaluations(node: Node) -> tuple[int, int]:
    if node.is_missing:
        return 0, 0
    node.only(("evaluations", "answers", "mean"))
    mean = node.member("mean")
    return node.member("evaluations").whole_or(0), 0 if mean.is_missing else mean.whole(0, RECORD_TOP)
