"""The record of processing: every column that leads to a person, and what becomes of it when the person is erased.

A new model with a link to a person, or a column with a name, address or login in it, is entered here; a test walks all
models of all apps and fails until it is (tests/privacy/test_inventory.py). The audit trail has values of its own
(`erasure`).
"""

from dataclasses import dataclass
from enum import StrEnum


class Holds(StrEnum):
    """How a column leads to the person."""

    PERSON = "person"  # a foreign key
    ITSELF = "itself"  # the row is the person
    LOGIN = "login"
    NAME = "name"  # the person's name as it was then, as text
    NAMES = "names"  # JSON with the name somewhere in it
    KEY = "key"  # "user:" and the public id


class Fate(StrEnum):
    """What becomes of it."""

    DELETED = "deleted"  # the row goes
    ENDED = "ended"  # the row stays, and is over from the day before
    UNLINKED = "unlinked"  # the column is emptied
    RENAMED = "renamed"  # the name gives way to a pseudonym
    KEPT = "kept"  # the link stays and leads to the pseudonym


@dataclass(frozen=True, slots=True)
class Holding:
    """One column of one model.

    A name is a text that its owner chooses: whose it is, the trail knows. ``acts`` are paths to the public ids under which
    it knows acts on the row, ``when`` is the column with the moment of the act that left the name there. In JSON (NAMES),
    ``by`` and ``when`` are the members that hold name and moment, side by side.
    """

    model: str
    column: str
    holds: Holds
    fate: Fate
    why: str  # of what stays, for the person who asks
    acts: tuple[str, ...] = ()
    when: str = ""
    by: str = ""

    @property
    def is_own(self) -> bool:
        """Tell whether the row is about the person alone, and no record of work in which they stand."""
        return self.holds is Holds.ITSELF or self.fate in (Fate.DELETED, Fate.ENDED)


PERSON, NAME = Holds.PERSON, Holds.NAME
ENTRY = "a way in ends at once"
TRIED = "sign-ins are counted for minutes only"
WORK = "a record of official work, kept without the name"
DECIDED = "decisions stay attributable to one and the same, no longer named, person"


def name(model: str, column: str, when: str, *acts: str) -> Holding:
    """Make the entry of a column that holds the name of who acted, and of the one that says when."""
    return Holding(model, column, Holds.NAME, Fate.RENAMED, WORK, acts or ("public_id",), when)


def names(model: str, column: str, by: str, when: str, *acts: str) -> Holding:
    """Make the entry of a column of JSON in which ``by`` holds the name of who acted and ``when`` the moment."""
    return Holding(model, column, Holds.NAMES, Fate.RENAMED, WORK, acts or ("public_id",), when, by)


HOLDINGS = (
    Holding(
        "accounts.User", "id", Holds.ITSELF, Fate.RENAMED, "the row stays as the pseudonym that other rows lead to"
    ),
    # ways in
    Holding("accounts.AccessToken", "user", PERSON, Fate.DELETED, ENTRY),
    Holding("accounts.Membership", "user", PERSON, Fate.ENDED, "who had a role when decides about old decisions"),
    Holding("accounts.Membership", "delegate", PERSON, Fate.UNLINKED, ENTRY),
    Holding("accounts.OrganizationUserGrant", "user", PERSON, Fate.DELETED, ENTRY),
    Holding("accounts.OrganizationUserGrant", "given_by", PERSON, Fate.KEPT, DECIDED),
    Holding("accounts.OrganizationGroupGrant", "given_by", PERSON, Fate.KEPT, DECIDED),
    Holding("identity.BrowserSession", "user", PERSON, Fate.DELETED, ENTRY),
    Holding("account.EmailAddress", "user", PERSON, Fate.DELETED, ENTRY),
    Holding("mfa.Authenticator", "user", PERSON, Fate.DELETED, ENTRY),
    Holding("socialaccount.SocialAccount", "user", PERSON, Fate.DELETED, ENTRY),
    Holding("guardian.UserObjectPermission", "user", PERSON, Fate.DELETED, ENTRY),
    Holding("oauth2_provider.AccessToken", "user", PERSON, Fate.DELETED, ENTRY),
    Holding("oauth2_provider.RefreshToken", "user", PERSON, Fate.DELETED, ENTRY),
    Holding("oauth2_provider.IDToken", "user", PERSON, Fate.DELETED, ENTRY),
    Holding("oauth2_provider.Grant", "user", PERSON, Fate.DELETED, ENTRY),
    Holding("oauth2_provider.DeviceGrant", "user", PERSON, Fate.DELETED, ENTRY),
    Holding("identity.Application", "user", PERSON, Fate.KEPT, "the organization answers for its applications"),
    # what was sent to and kept for the person
    Holding("notifications.Notification", "recipient", PERSON, Fate.DELETED, "of no use to anybody else"),
    Holding("notifications.Mail", "recipient", PERSON, Fate.DELETED, "of no use to anybody else"),
    Holding("notifications.MailPreference", "user", PERSON, Fate.DELETED, "nobody is written to any more"),
    Holding("api.IdempotencyKey", "actor", Holds.KEY, Fate.DELETED, "stored answers to the person's own calls"),
    Holding("axes.AccessAttempt", "username", Holds.LOGIN, Fate.DELETED, TRIED),
    Holding("axes.AccessFailureLog", "username", Holds.LOGIN, Fate.DELETED, TRIED),
    Holding("axes.AccessLog", "username", Holds.LOGIN, Fate.DELETED, TRIED),
    Holding("admin.LogEntry", "user", PERSON, Fate.KEPT, WORK),
    # what the person did
    Holding("requests_app.TrainingRequest", "drafted_by", PERSON, Fate.KEPT, WORK),
    Holding("matching.Decision", "by", PERSON, Fate.KEPT, DECIDED),
    Holding("matching.Decision", "on_behalf_of", PERSON, Fate.KEPT, DECIDED),
    name("matching.Decision", "by_label", "at", "proposal__public_id", "part__public_id"),
    name("matching.MatchingPolicy", "published_by", "published_at"),
    name("matching.MatchRun", "requested_by", "created_at"),
    name("matching.MatchRun", "published_by", "published_at"),
    names("matching.MatchRun", "publication", "asked_by", "asked_at"),
    name("matching.MatchProposal", "approved_by", "approved_at"),
    name("matching.ProposalPart", "answered_by", "answered_at"),
    name("matching.Counter", "made_by", "made_at", "part__public_id"),
    name("requests_app.RequestRevision", "editor", "replaced_at", "request__public_id"),
    name("requests_app.PostingConsent", "given_by", "given_at", "request__public_id"),
    name("requests_app.PostingConsent", "withdrawn_by", "withdrawn_at", "request__public_id"),
    name("fulfilment.Change", "proposed_by", "created_at"),
    names("fulfilment.Change", "agreements", "by", "at"),
    name("files.Document", "added_by", "created_at"),
    Holding("files.StoredFile", "uploaded_by", Holds.KEY, Fate.KEPT, WORK),
    name("files.Document", "removed_by", "removed_at"),
    Holding("bulk.Import", "requested_by", Holds.KEY, Fate.KEPT, WORK),
    name("vocabularies.ServiceLevel", "edited_by", "edited_at"),
    name("events.OutboxEvent", "actor", "at", "resource_id"),
)
# Columns that no export shows: they open doors, or say nothing to anybody.
SECRET = frozenset(
    {"password", "digest", "token", "token_checksum", "code", "code_challenge", "device_code", "session_key"}
    | {"mfa.Authenticator.data"}
)
