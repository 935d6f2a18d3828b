"""Writing made-up records in bulk: past the operations for speed, but as rows that any operation would accept.

What the operations would add is added here: states with their open steps, facets, the search index, the tree of organizations.
What they would leave behind is not: no audit record and no event tells of a made-up record, and nobody is notified.
The models of the apps are asked for by name: their rooms are closed to others, and this is the one door, for this purpose.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from django.apps import apps
from django.db import models, transaction

from marketplace.accounts.models import Organization, OrganizationRole, OrganizationTree
from marketplace.demo.synthetic import weights
from marketplace.demo.synthetic.demand import Demand, NeedFacts
from marketplace.demo.synthetic.draws import World
from marketplace.demo.synthetic.supply import PROVENANCE, Columns, Supply
from marketplace.kernel.periods import add_working_days
from marketplace.records.models import LifecycleRecord
from marketplace.search import operations as search
from marketplace.vocabularies import queries as vocabularies
from providers import operations as providers
from requests_app import operations as requests
from requests_app import queries as request_queries

Totals = Counter[str]
T = TypeVar("T")
BATCH = 500
PREFIX = "SYN-"
FACETS = {
    "theme": "themes",
    "language": "languages",
    "audience": "audiences",
    "region": "regions_served",
    "governance_level": "governance_levels",
}
UNMET = {"reason_code": "no_theme"}


def _model(label: str) -> "type[models.Model]":
    return apps.get_model(label)


def is_loaded() -> bool:
    """Tell whether this database holds made-up records."""
    return Organization.objects.filter(code__startswith=PREFIX).exists()


def load_synthetic(*, at: datetime, request_count: int, offering_count: int, provider_count: int, seed: int) -> Totals:
    """Write so many made-up records, in batches of their own transactions; memory does not grow with the numbers.

    Raises ValueError where made-up records are there already.
    """
    if is_loaded():
        raise ValueError("made-up records are there already")
    world, done = World(), Totals()
    supply = Supply(world, seed=seed, providers=provider_count, today=at.date())
    demand = Demand(world, seed=seed, today=at.date())
    with transaction.atomic():
        organizations = _load_organizations(supply, at)
        provider_ids = _load_providers(supply, organizations, at)
    done.update(organizations=len(organizations), providers=len(provider_ids))
    for numbers in _batches(range(offering_count)):
        with transaction.atomic():
            done.update(_load_offerings(supply, numbers, provider_ids, at))
    for numbers in _batches(range(request_count)):
        with transaction.atomic():
            done.update(_load_needs(demand, numbers, organizations, at))
    providers.reindex_catalogue()
    return done


def _batches(rows: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    waiting = iter(rows)
    while some := list(islice(waiting, size)):
        yield some


def _row(label: str, at: datetime, columns: Mapping[str, Any]) -> Any:
    return _model(label)(created_at=at, updated_at=at, **columns)


def _insert(label: str, rows: Iterable[Any]) -> list[Any]:
    return list(_model(label)._default_manager.bulk_create(rows, batch_size=BATCH))


def _stand(label: str, state: str, at: datetime, columns: Mapping[str, Any], *, since: datetime | None = None) -> Any:
    """Make a row in a state, with the step that the state opens counted from ``at``, created ``since``."""
    row: LifecycleRecord = _row(label, since or at, {**columns, "state": state})
    step = row.usual_step()
    if step is not None:
        level = vocabularies.service_level(step.code)
        row.step, row.waiting_for = step.code, step.party.value
        row.due_at = add_working_days(at, max(1, level.working_days))
        if level.remind_before is not None:
            row.remind_at = max(at, add_working_days(row.due_at, -level.remind_before))
    return row


# --- who asks and who offers --------------------------------------------------------------------------------------


def _load_organizations(supply: Supply, at: datetime) -> dict[str, int]:
    agencies = [
        Organization(
            code=f"{PREFIX}{code}",
            names={"en": f"{code} (synthetic)", "fr": f"{code} (synthétique)"},
            kind="member_agency",
            provenance=PROVENANCE,
            created_at=at,
            updated_at=at,
        )
        for code in weights.AGENCIES
    ]
    offering = [
        Organization(
            code=provider.code,
            names=supply.organization_names(provider),
            kind=provider.kind,
            country=provider.country,
            provenance=PROVENANCE,
            created_at=at,
            updated_at=at,
        )
        for provider in supply.providers
    ]
    made = Organization.objects.bulk_create([*agencies, *offering], batch_size=BATCH)
    OrganizationTree.objects.bulk_create(
        (OrganizationTree(ancestor=row, descendant=row, depth=0) for row in made), batch_size=BATCH
    )
    roles = [(row, role) for row in agencies for role in ("member", "requester")]
    roles += [(row, "provider") for row in offering]
    OrganizationRole.objects.bulk_create(
        (OrganizationRole(organization=row, role=role) for row, role in roles), batch_size=BATCH
    )
    return {row.code: row.pk for row in made}


def _load_providers(supply: Supply, organizations: Mapping[str, int], at: datetime) -> dict[str, int]:
    rows = [
        _stand(
            "providers.Provider",
            provider.state,
            at,
            {**supply.provider_columns(provider), "organization_id": organizations[provider.code]},
        )
        for provider in supply.providers
    ]
    ids = {row.code: row.pk for row in _insert("providers.Provider", rows)}
    windows = (
        _row("providers.CapacityWindow", at, {**columns, "provider_id": ids[provider.code]})
        for provider in supply.providers
        for columns in supply.windows(provider)
    )
    _insert("providers.CapacityWindow", windows)
    return ids


# --- what is offered ----------------------------------------------------------------------------------------------


def _load_offerings(supply: Supply, numbers: list[int], provider_ids: Mapping[str, int], at: datetime) -> Totals:
    drawn = [supply.offering(number) for number in numbers]
    rows = [
        _stand("providers.Offering", state, at, {**columns, "provider_id": provider_ids[provider.code]})
        for provider, state, columns, _sessions in drawn
    ]
    offerings = _insert("providers.Offering", rows)
    facet = _model("providers.OfferingFacet")
    _insert(
        "providers.OfferingFacet",
        (
            facet(offering_id=row.pk, facet=name, code=code)
            for row in offerings
            for name, column in FACETS.items()
            for code in dict.fromkeys(getattr(row, column))
        ),
    )
    sessions = [
        _session(columns, row.pk, at)
        for row, (_provider, _state, _columns, sessions) in zip(offerings, drawn, strict=True)
        for columns in sessions
    ]
    _insert("providers.Session", sessions)
    return Totals(offerings=len(offerings), sessions=len(sessions))


def _session(columns: Columns, offering_id: int, at: datetime) -> Any:
    return _stand("providers.Session", columns["state"], at, {**columns, "offering_id": offering_id})


# --- what is asked ------------------------------------------------------------------------------------------------


def _load_needs(demand: Demand, numbers: list[int], organizations: Mapping[str, int], at: datetime) -> Totals:
    drawn = [demand.need(number) for number in numbers]
    needs = _insert("requests_app.TrainingRequest", [_need(facts, organizations, at) for facts in drawn])
    lines = [
        _line(columns, need.pk, facts.state, facts.drafted_at)
        for need, facts in zip(needs, drawn, strict=True)
        for columns in facts.lines
    ]
    _insert("requests_app.RequestLine", lines)
    requests.reindex_requests([need.pk for need in needs])
    return Totals(requests=len(needs), request_lines=len(lines))


def _need(facts: NeedFacts, organizations: Mapping[str, int], at: datetime) -> Any:
    submitted = facts.state != "draft"
    opened = facts.state in ("open", "unmet")
    columns = {
        **facts.columns,
        "requesting_organization_id": organizations[f"{PREFIX}{facts.agency}"],
        "submitted_at": facts.after(1, at) if submitted else None,
        "opened_at": facts.after(2, at) if opened else None,
        **(UNMET if facts.state == "unmet" else {}),
    }
    return _stand("requests_app.TrainingRequest", facts.state, at, columns, since=facts.drafted_at)


def _line(columns: Columns, need_id: int, state: str, at: datetime) -> Any:
    line_state = "unmet" if state == "unmet" else "open"
    return _stand("requests_app.RequestLine", line_state, at, {**columns, "request_id": need_id})


# --- taking it all away -------------------------------------------------------------------------------------------

# Children before parents; where a run or a proposal knows of a made-up need, it goes first.
CHILDREN = (
    ("matching.Decision", "proposal__request__requesting_organization__code"),
    ("matching.MatchProposal", "request__requesting_organization__code"),
    ("matching.MatchRun", "request__requesting_organization__code"),
    ("requests_app.RequestLine", "request__requesting_organization__code"),
    ("requests_app.TrainingRequest", "requesting_organization__code"),
    ("providers.OfferingFacet", "offering__provider__code"),
    ("providers.Session", "offering__provider__code"),
    ("providers.Offering", "provider__code"),
    ("providers.CapacityWindow", "provider__code"),
    ("providers.Provider", "code"),
    ("accounts.OrganizationTree", "descendant__code"),
    ("accounts.OrganizationRole", "organization__code"),
    ("accounts.Organization", "code"),
)
INDEXED = {
    "providers.Offering": ("offering",),
    "providers.Provider": ("provider",),
    "requests_app.TrainingRequest": (request_queries.FULL_TEXT, request_queries.SUMMARY_TEXT),
}


@transaction.atomic
def remove_synthetic() -> Totals:
    """Take the made-up records away, all or none.

    Raises django.db.models.ProtectedError where something real has come to stand on them, such as an engagement.
    """
    done = Totals()
    for label, path in CHILDREN:
        rows = _model(label)._default_manager.filter(**{f"{path}__startswith": PREFIX}).order_by("pk")
        while keys := list(rows.values_list("pk", flat=True)[:BATCH]):
            for resource in INDEXED.get(label, ()):
                search.index_many(resource, {key: {} for key in keys})
            _model(label)._default_manager.filter(pk__in=keys).delete()
            done[label.partition(".")[2]] += len(keys)
    return done
