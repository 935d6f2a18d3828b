"""Writing offerings."""

from collections.abc import Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from marketplace.accounts import queries as accounts
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode, unknown_reference
from marketplace.lifecycles import operations as lifecycles
from providers.models import Offering, OfferingFacet, OfferingPartner, Provider
from providers.operations.access import check_offering
from providers.operations.facts import Facts, check_codes, put
from providers.operations.indexing import index_new_offerings, index_offering
from providers.operations.rules import check_offering_facts
from providers.queries import offering_by_reference

# What a provider says of an offering. `programme` and `series` are references, `partners` is [{organization, role}].
COLUMNS = (
    "titles",
    "summaries",
    "objectives",
    "prerequisites",
    "language_of_record",
    "themes",
    "scheme_concepts",
    "form",
    "modality",
    "components",
    "sequence",
    "is_umbrella",
    "series",
    "programme",
    "languages",
    "interpretation_possible",
    "audiences",
    "level",
    "governance_levels",
    "customisable",
    "accepts_lead",
    "scope",
    "countries_served",
    "regions_served",
    "places",
    "in_country_on_request",
    "on_request",
    "lead_time_days",
    "duration_hours",
    "workload_hours_per_week",
    "participants_min",
    "participants_max",
    "cost_per_delivery",
    "cost_per_participant",
    "currency",
    "cost_includes",
    "cost_items",
    "award",
    "accreditor",
    "reach",
    "provenance",
)
CODED = {
    "language_of_record": "languages",
    "themes": "themes",
    "form": "forms",
    "modality": "modalities",
    "languages": "languages",
    "audiences": "audiences",
    "level": "levels",
    "governance_levels": "governance_levels",
    "scope": "reach",
    "countries_served": "countries",
    "regions_served": "regions",
    "currency": "currencies",
    "award": "awards",
}
FACETS = {
    "theme": "themes",
    "language": "languages",
    "audience": "audiences",
    "country": "countries_served",
    "region": "regions_served",
    "governance_level": "governance_levels",
}
CLOSED = ("retired",)
BATCH = 2_000  # narrow rows in one statement


@transaction.atomic
def create_offering(
    *,
    actor: Actor,
    at: datetime,
    provider_id: int,
    facts: Facts,
    code: str = "",
    external_id: str = "",
    source: str = "",
) -> Offering:
    """Draft an offering; ``facts`` takes COLUMNS and ``partners`` ([{"organization": code, "role": code}]).

    ``external_id`` with ``source`` is the key under which an integrating system knows it, once for each provider.
    Raises DomainError(permission_denied, unknown_reference, rule_broken, duplicate, not_found).
    """
    provider = Provider.objects.select_related("organization").filter(pk=provider_id).first()
    if provider is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    offering = Offering(provider=provider, code=code, external_id=external_id, source=source, is_test=actor.is_test)
    fill_draft(offering, facts, actor=actor, at=at)
    try:
        with transaction.atomic():
            lifecycles.create(offering, actor=actor, at=at)
    except IntegrityError:
        raise DomainError(ErrorCode.DUPLICATE, field="code" if code else "external_id") from None
    if "partners" in facts:
        _replace_partners(offering, facts["partners"])
    _follow(offering)
    return offering


@transaction.atomic
def change_offering(
    *, actor: Actor, at: datetime, offering_id: int, facts: Facts, expected_version: int | None = None
) -> Offering:
    """Change some COLUMNS or the partners of an offering that is not retired; nothing happens where nothing differs.

    The event names what changed, so that matching ranks anew. Raises DomainError(permission_denied, wrong_state,
    precondition_failed, unknown_reference, rule_broken).
    """
    offering = lock_offering(offering_id, expected_version)
    if offering.state in CLOSED and "partners" in facts and _pairs(offering) != _pairs_said(facts["partners"]):
        raise lifecycles.wrong_state(offering, "change")
    changes = change_in_memory(offering, facts, actor=actor, at=at)
    if "partners" in facts:
        changes |= _replace_partners(offering, facts["partners"])
    if changes:
        data = {"changed": sorted(changes)}
        lifecycles.record_change(offering, "changed", actor=actor, at=at, changes=changes, data=data)
        _follow(offering)
    return offering


@transaction.atomic
def save_offering(
    *,
    actor: Actor,
    at: datetime,
    provider_id: int,
    source: str,
    external_id: str,
    facts: Facts,
    expected_version: int | None = None,
) -> tuple[Offering, bool]:
    """Create or change the offering that ``source`` of the provider knows as ``external_id``; tells whether it is new.

    Repeating the call changes nothing. Raises what `create_offering` and `change_offering` raise, precondition_failed also
    where a version is expected of what is not there.
    """
    rows = accounts.things_of_mode(Offering, actor).filter(
        provider_id=provider_id, source=source, external_id=external_id
    )
    known = rows.values_list("pk", flat=True).first()
    if known is None:
        if expected_version is not None:
            raise DomainError(ErrorCode.PRECONDITION_FAILED)
        created = create_offering(
            actor=actor, at=at, provider_id=provider_id, facts=facts, external_id=external_id, source=source
        )
        return created, True
    changed = change_offering(actor=actor, at=at, offering_id=known, facts=facts, expected_version=expected_version)
    return changed, False


def fill_draft(offering: Offering, facts: Facts, *, actor: Actor, at: datetime) -> None:
    """Put facts on an offering that is not stored yet, as whoever may draft it. Raises as `create_offering` does."""
    _put(offering, facts)
    check_offering(actor, Permission.CATALOGUE_WRITE, offering, at=at)


def change_in_memory(offering: Offering, facts: Facts, *, actor: Actor, at: datetime) -> dict[str, object]:
    """Put facts on a stored offering without saving it, as whoever may change it; give what differs, partners left out.

    Raises as `change_offering` does.
    """
    check_offering(actor, Permission.CATALOGUE_WRITE, offering, at=at)
    if offering.state in CLOSED and _differs(offering, facts):
        raise lifecycles.wrong_state(offering, "change")
    before = offering.programme
    changes = _put(offering, facts)
    if offering.programme != before:  # into a programme that the actor's membership does not reach: refused too
        check_offering(actor, Permission.CATALOGUE_WRITE, offering, at=at)
    return changes


def _differs(offering: Offering, facts: Facts) -> bool:
    try:
        return bool(_put(copy(offering), facts))
    except DomainError:  # whatever is wrong with them, they are others
        return True


def lock_offering(offering_id: int, expected_version: int | None) -> Offering:
    """Lock an offering with its provider at hand. Raises DomainError(not_found, precondition_failed)."""
    rows = Offering.everything.select_related("provider__organization", "programme", "series").filter(pk=offering_id)
    return lifecycles.lock(rows, expected_version=expected_version)


def _put(offering: Offering, facts: Facts) -> dict[str, object]:
    check_codes(facts, CODED)
    resolved = {column: value for column, value in facts.items() if column != "partners"}
    if "programme" in facts:
        code = facts["programme"]
        resolved["programme"] = accounts.programme_by_code(code, "/programme") if code else None
    if "series" in facts:
        resolved["series"] = _series(offering, facts["series"])
    if "places" in facts and _said(facts["places"]) == _said(offering.places):
        del resolved["places"]  # what is left out and what is null are the same
    changes = put(offering, resolved, COLUMNS)
    check_offering_facts(offering)
    return changes


def _said(places: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in place.items() if value is not None} for place in places]


def _series(offering: Offering, reference: str | None) -> Offering | None:
    """Find the umbrella among the provider's own offerings: others' drafts stay unknown."""
    if not reference:
        return None
    series = offering_by_reference(reference, "/series", is_test=offering.is_test)
    if series.provider_id != offering.provider_id:
        raise unknown_reference("/series", reference)
    return series


def _replace_partners(offering: Offering, partners: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    pairs = _pairs_said(partners)
    check_codes({"partners": [role for _, role in pairs]}, {"partners": "partner_roles"})
    organizations = accounts.organizations_by_code([code for code, _ in pairs], "/partners")
    before = _pairs(offering)
    if before == pairs:
        return {}
    offering.partners.all().delete()
    OfferingPartner.objects.bulk_create(
        OfferingPartner(offering=offering, organization=organization, role=role)
        for organization, (_, role) in zip(organizations, pairs, strict=True)
    )
    return {"partners": [[list(pair) for pair in before], [list(pair) for pair in pairs]]}


def _pairs(offering: Offering) -> list[tuple[str, str]]:
    return [(row.organization.code, row.role) for row in offering.partners.select_related("organization")]


def _pairs_said(partners: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((partner["organization"], partner["role"]) for partner in partners))


def facets_of(offering: Offering) -> set[tuple[str, str]]:
    """Give the pairs of facet and code by which filters find an offering."""
    return {(facet, code) for facet, column in FACETS.items() for code in getattr(offering, column)}


def follow_new(offerings: Sequence[Offering]) -> None:
    """Write what is derived from offerings that were just stored, in a few statements."""
    facets = [
        OfferingFacet(offering=offering, facet=facet, code=code)
        for offering in offerings
        for facet, code in sorted(facets_of(offering))
    ]
    OfferingFacet.objects.bulk_create(facets, batch_size=BATCH)
    index_new_offerings(offerings)


def _follow(offering: Offering) -> None:
    """Keep what is derived from an offering in step with it."""
    wanted = facets_of(offering)
    present = {(row.facet, row.code): row.pk for row in offering.facets.all()}
    offering.facets.filter(pk__in=[pk for key, pk in present.items() if key not in wanted]).delete()
    OfferingFacet.objects.bulk_create(
        OfferingFacet(offering=offering, facet=facet, code=code) for facet, code in sorted(wanted - set(present))
    )
    index_offering(offering)
