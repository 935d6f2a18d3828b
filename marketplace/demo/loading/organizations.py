"""The group: its members, secretariat, providers, funders and the governments that ask."""

from datetime import UTC, datetime

from marketplace.accounts import operations, queries
from marketplace.accounts.operations import OrganizationFacts, RoleSpan
from marketplace.demo.loading.context import Load
from marketplace.demo.source import Row, provenance

REGISTERED_AT = datetime(2021, 1, 4, 9, tzinfo=UTC)  # before the first need of the data


def load_organizations(load: Load) -> None:
    """Load the organizations, parents first."""
    known = set(queries.organizations_visible_to(load.actor, at=load.calendar.now).values_list("code", flat=True))
    waiting = [row for row in load.rows("organizations") if row["code"] not in known]
    while waiting:
        ready = [row for row in waiting if row["parent"] is None or row["parent"] in known]
        if not ready:
            raise ValueError("organizations of the demo data lie within each other")
        for row in ready:
            operations.save_organization(_facts(row, load), actor=load.actor, at=REGISTERED_AT)
            known.add(row["code"])
            load.new["organizations"] += 1
        waiting = [row for row in waiting if row["code"] not in known]


def _facts(row: Row, load: Load) -> OrganizationFacts:
    return OrganizationFacts(
        code=row["code"],
        names=row["names"],
        kind=row["kind"],
        parent=row["parent"],
        country=row["country"] or "",
        aliases=row["aliases"],
        roles=[_span(role, load) for role in row["roles"]],
        crs_channel=row["crs_channel"] or "",
        historical=bool(row.get("historical")),
        provenance={**provenance(row), "roles": [role for role in row["roles"] if "original_valid_from" in role]},
    )


def _span(role: Row, load: Load) -> RoleSpan:
    calendar = load.calendar
    return RoleSpan(
        role["role"], calendar.day_or_none(role.get("valid_from")), calendar.day_or_none(role.get("valid_to"))
    )
