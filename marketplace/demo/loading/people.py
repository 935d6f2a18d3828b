"""The accounts of the demo: people with their roles, and one integrating system. Secrets are made elsewhere."""

from marketplace.accounts import operations, queries
from marketplace.accounts.models import Membership, ServiceClient, User
from marketplace.demo.loading.context import Load


def load_people(load: Load) -> None:
    """Load users (without a usable password) and their memberships."""
    known = set(User.objects.values_list("username", flat=True))
    for row in load.rows("users"):
        if row["id"] not in known:
            User.objects.create_user(row["id"], email=row["email"], name=row["name"], locale=row["locale"])
            load.new["users"] += 1
    _load_memberships(load)


def _load_memberships(load: Load) -> None:
    held = set(Membership.objects.values_list("user__username", "organization__code", "role"))
    for row in load.rows("memberships"):
        if (row["user"], row["organization"], row["role"]) in held:
            continue
        starts = load.calendar.day(row["valid_from"])
        operations.save_membership(
            actor=load.actor,
            at=load.calendar.morning(starts),
            user=User.objects.get(username=row["user"]),
            organization=queries.organization_by_code(row["organization"]),
            role=row["role"],
            valid_from=starts,
        )
        load.new["memberships"] += 1


def load_service_clients(load: Load) -> None:
    """Load the integrating system."""
    known = set(ServiceClient.objects.values_list("client_id", flat=True))
    for row in load.rows("service_clients"):
        if row["client_id"] not in known:
            operations.save_service_client(
                actor=load.actor,
                at=load.calendar.now,
                client_id=row["client_id"],
                name=row["name"],
                organization=queries.organization_by_code(row["organization"]),
                scopes=row["scopes"],
            )
            load.new["service_clients"] += 1
