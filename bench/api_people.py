"""Whom the benchmark of the API calls as: somebody of one organization, who sees a tenth of the needs or less.

The rows are made up (`manage.py load_synthetic`), in a database of the benchmark's own. What the person sees is spread
evenly over all rows, so that neither the first page nor a late one is lucky.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from marketplace.accounts import operations
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization, User
from marketplace.accounts.operations import OrganizationFacts, RoleSpan
from marketplace.accounts.roles import SCOPES

CODE, LOGIN = "BENCH", "bench.reader"
SEEN = 10_000  # needs that the person sees
COPIED = (
    "start_on, end_on, precision, version, updated_at, state, step, waiting_for, due_at, step_balance, title, need_statement,"
    "language, languages_must, languages_may, forms, modalities, place_preference, place_country, place_city, budget_ceiling,"
    "budget_currency, funding_state, award, priority_facts, channel, parent_relation, provenance, content_version,"
    "submitted_at, opened_at, reason_code, reason_text, conflicts"
)
GROW = f"""
INSERT INTO requests_app_trainingrequest
  (public_id, created_at, reference, external_id, requesting_organization_id, visibility, {COPIED})
SELECT gen_random_uuid(), t.created_at + n * interval '1 second', t.reference || '-' || n, '',
  t.requesting_organization_id, 'group', {COPIED}
FROM requests_app_trainingrequest t CROSS JOIN generate_series(1, %s) n
WHERE t.reference IS NOT NULL AND t.reference NOT LIKE '%%-%%-%%-%%-%%' AND t.requesting_organization_id <> %s
"""


@dataclass(frozen=True, slots=True)
class Reader:
    """A person of one organization, with a token."""

    user: User
    organization: Organization
    token: str


def reader(*, at: datetime) -> Reader:
    """Make the person and their organization, or find them again; the token is new each time."""
    actor = Actor.system("bench")
    facts = OrganizationFacts(
        CODE, {"en": "Bench (synthetic)"}, "university", None, roles=[RoleSpan("requester", None)]
    )
    organization = Organization.objects.filter(code=CODE).first()
    organization = organization or operations.save_organization(facts, actor=actor, at=at)
    user = User.objects.filter(username=LOGIN).first() or User.objects.create_user(LOGIN, password="")
    operations.save_membership(actor=actor, at=at, user=user, organization=organization, role="focal_point")
    _, token = operations.issue_token(
        actor=actor, at=at, name="bench", scopes=sorted(SCOPES), lifetime=timedelta(days=1), user=user
    )
    return Reader(user, organization, token)


def officer(*, at: datetime) -> str:
    """Give the token of somebody who sees everything."""
    actor = Actor.system("bench")
    facts = OrganizationFacts(
        f"{CODE}-OFFICE",
        {"en": "Bench office (synthetic)"},
        "member_agency",
        None,
        roles=[RoleSpan("secretariat", None)],
    )
    organization = Organization.objects.filter(code=facts.code).first()
    organization = organization or operations.save_organization(facts, actor=actor, at=at)
    login = f"{LOGIN}.officer"
    user = User.objects.filter(username=login).first() or User.objects.create_user(login, password="")
    operations.save_membership(actor=actor, at=at, user=user, organization=organization, role="secretariat_officer")
    _, token = operations.issue_token(
        actor=actor, at=at, name="bench", scopes=sorted(SCOPES), lifetime=timedelta(days=1), user=user
    )
    return token


def give_needs(organization_id: int) -> int:
    """Let every n-th need be the organization's, so that it sees SEEN of them; give how many needs there are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM requests_app_trainingrequest")
        total = int(cursor.fetchone()[0])
        cursor.execute(
            "WITH nth AS (SELECT id, row_number() OVER (ORDER BY created_at, id) AS n FROM requests_app_trainingrequest)"
            " UPDATE requests_app_trainingrequest t SET requesting_organization_id = %s, visibility = 'agency'"
            " FROM nth WHERE nth.id = t.id AND nth.n %% %s = 0 AND t.requesting_organization_id <> %s",
            [organization_id, max(1, total // SEEN), organization_id],
        )
        cursor.execute("COMMIT")
        cursor.execute("VACUUM ANALYZE")
    return total
