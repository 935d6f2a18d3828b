"""Who may do what: one enum of permissions, roles as data, scopes of tokens."""

from collections.abc import Mapping
from enum import StrEnum


class Permission(StrEnum):
    """Every right of the product, sorted; checked against an organization unless the role is group-wide."""

    AUDIT_READ = "audit.read"
    CATALOGUE_READ = "catalogue.read"
    CATALOGUE_VET = "catalogue.vet"
    CATALOGUE_WRITE = "catalogue.write"
    ENGAGEMENTS_CONFIRM = "engagements.confirm"
    ENGAGEMENTS_DELIVER = "engagements.deliver"
    ENGAGEMENTS_MANAGE = "engagements.manage"
    ENGAGEMENTS_READ = "engagements.read"
    EVALUATIONS_WAIVE = "evaluations.waive"
    EVALUATIONS_WRITE = "evaluations.write"
    EVENTS_READ = "events.read"
    GRANTS_GIVE = "grants.give"
    MATCHING_POLICY = "matching.policy"
    MATCHING_RUN = "matching.run"
    MEMBERSHIPS_APPOINT = "memberships.appoint"
    MEMBERSHIPS_DELEGATE = "memberships.delegate"
    METRICS_READ = "metrics.read"
    OFFERS_MAKE = "offers.make"
    ORGANIZATIONS_MANAGE = "organizations.manage"
    ORGANIZATIONS_READ = "organizations.read"
    PROPOSALS_ANSWER = "proposals.answer"
    PROPOSALS_CONSULT = "proposals.consult"
    PROPOSALS_DECIDE = "proposals.decide"
    PROPOSALS_OVERRULE = "proposals.overrule"
    PROPOSALS_READ = "proposals.read"
    REPORTS_READ = "reports.read"
    REQUESTS_READ = "requests.read"
    REQUESTS_SCREEN = "requests.screen"
    REQUESTS_WRITE = "requests.write"
    SERVICE_LEVELS_MANAGE = "service_levels.manage"
    WEBHOOKS_MANAGE = "webhooks.manage"
    WORK_MANAGE = "work.manage"

    @property
    def codename(self) -> str:
        """The name under which Django's permission table knows it (guardian grants)."""
        return self.value.replace(".", "_")

    @property
    def room(self) -> str:
        """What it is about: the word before the dot."""
        return self.value.partition(".")[0]


P = Permission

_READ_ALL = frozenset(
    {P.CATALOGUE_READ, P.ENGAGEMENTS_READ, P.EVENTS_READ, P.ORGANIZATIONS_READ, P.PROPOSALS_READ, P.REQUESTS_READ}
)
_PERSON = _READ_ALL | {P.MEMBERSHIPS_DELEGATE}
_OFFICER = _PERSON | {
    P.CATALOGUE_VET,
    P.CATALOGUE_WRITE,
    P.ENGAGEMENTS_MANAGE,
    P.EVALUATIONS_WAIVE,
    P.EVALUATIONS_WRITE,
    P.GRANTS_GIVE,
    P.MATCHING_RUN,
    P.METRICS_READ,
    P.ORGANIZATIONS_MANAGE,
    P.PROPOSALS_DECIDE,
    P.REPORTS_READ,
    P.REQUESTS_SCREEN,
    P.WEBHOOKS_MANAGE,
    P.WORK_MANAGE,
}

# Roles are those of Membership plus the one of a service client, which never approves, accepts or confirms.
ROLES: Mapping[str, frozenset[Permission]] = {
    "focal_point": _PERSON
    | {
        P.ENGAGEMENTS_CONFIRM,
        P.EVALUATIONS_WRITE,
        P.GRANTS_GIVE,
        P.PROPOSALS_CONSULT,
        P.REQUESTS_WRITE,
        P.WEBHOOKS_MANAGE,
    },
    "provider_staff": _PERSON
    | {
        P.CATALOGUE_WRITE,
        P.ENGAGEMENTS_DELIVER,
        P.EVALUATIONS_WRITE,
        P.GRANTS_GIVE,
        P.OFFERS_MAKE,
        P.PROPOSALS_ANSWER,
        P.WEBHOOKS_MANAGE,
    },
    "viewer": _PERSON,
    "secretariat_officer": _OFFICER,
    "secretariat_head": _OFFICER
    | {P.AUDIT_READ, P.MATCHING_POLICY, P.MEMBERSHIPS_APPOINT, P.PROPOSALS_OVERRULE, P.SERVICE_LEVELS_MANAGE},
    "auditor": _PERSON | {P.AUDIT_READ, P.REPORTS_READ},
    "service_client": _READ_ALL
    | {P.CATALOGUE_WRITE, P.EVALUATIONS_WRITE, P.METRICS_READ, P.REQUESTS_WRITE, P.WEBHOOKS_MANAGE},
}
GROUP_WIDE_ROLES = frozenset(
    {"secretariat_officer", "secretariat_head"}
)  # only in an organization with the role `secretariat`
GROUP_READER_ROLES = frozenset({"auditor"})  # reads everything, within the programmes of the membership
OFFICES = GROUP_WIDE_ROLES | GROUP_READER_ROLES  # given and ended by who has `memberships.appoint`
ROLES_OF_PEOPLE = tuple(sorted(ROLES.keys() - {"service_client"}))

# What a grant on one organization may give: rights over its things. Those of the group cannot be lent one by one.
GRANTABLE = frozenset(
    {
        P.CATALOGUE_READ,
        P.CATALOGUE_WRITE,
        P.ENGAGEMENTS_CONFIRM,
        P.ENGAGEMENTS_DELIVER,
        P.ENGAGEMENTS_READ,
        P.EVALUATIONS_WRITE,
        P.EVENTS_READ,
        P.OFFERS_MAKE,
        P.PROPOSALS_ANSWER,
        P.PROPOSALS_CONSULT,
        P.PROPOSALS_READ,
        P.REQUESTS_READ,
        P.REQUESTS_WRITE,
    }
)

# Scope of a token that a right needs. A token without scopes can do nothing.
SCOPES: Mapping[str, frozenset[Permission]] = {
    "audit:read": frozenset({P.AUDIT_READ}),
    "catalogue:read": frozenset({P.CATALOGUE_READ}),
    "catalogue:write": frozenset({P.CATALOGUE_VET, P.CATALOGUE_WRITE}),
    "engagements:read": frozenset({P.ENGAGEMENTS_READ}),
    "engagements:write": frozenset(
        {P.ENGAGEMENTS_CONFIRM, P.ENGAGEMENTS_DELIVER, P.ENGAGEMENTS_MANAGE, P.EVALUATIONS_WAIVE, P.EVALUATIONS_WRITE}
    ),
    "events:read": frozenset({P.EVENTS_READ}),
    "matching:read": frozenset({P.PROPOSALS_READ}),
    "matching:write": frozenset(
        {
            P.MATCHING_POLICY,
            P.MATCHING_RUN,
            P.OFFERS_MAKE,
            P.PROPOSALS_ANSWER,
            P.PROPOSALS_CONSULT,
            P.PROPOSALS_DECIDE,
            P.PROPOSALS_OVERRULE,
        }
    ),
    "metrics:read": frozenset({P.METRICS_READ}),
    "organizations:read": frozenset({P.ORGANIZATIONS_READ}),
    "organizations:write": frozenset(
        {
            P.GRANTS_GIVE,
            P.MEMBERSHIPS_APPOINT,
            P.MEMBERSHIPS_DELEGATE,
            P.ORGANIZATIONS_MANAGE,
            P.SERVICE_LEVELS_MANAGE,
            P.WORK_MANAGE,
        }
    ),
    "reports:read": frozenset({P.REPORTS_READ}),
    "requests:read": frozenset({P.REQUESTS_READ}),
    "requests:write": frozenset({P.REQUESTS_SCREEN, P.REQUESTS_WRITE}),
    "webhooks:write": frozenset({P.WEBHOOKS_MANAGE}),
}
SCOPE_OF: Mapping[Permission, str] = {
    permission: scope for scope, permissions in SCOPES.items() for permission in permissions
}
