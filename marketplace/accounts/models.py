"""People, organizations, the systems that act for them, and the programmes they work in."""

from datetime import datetime
from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from marketplace.accounts.roles import ROLES_OF_PEOPLE, Permission
from marketplace.kernel.ids import new_public_id
from marketplace.records.fields import CodeListField, LanguageMapField, PeriodColumns, period_is_ordered
from marketplace.records.models import EventScope, Record


class User(AbstractUser):
    """A person who signs in; rights come from memberships, not from this row."""

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    name = models.CharField(max_length=200, blank=True)
    locale = models.CharField(max_length=10, default="en")

    class Meta:
        ordering = ["username"]

    def __str__(self) -> str:
        return self.name or self.username


class Organization(Record):
    """An agency, centre, authority, funder ... that takes part."""

    resource: ClassVar[str] = "organization"

    code = models.CharField(max_length=40, unique=True)
    names = LanguageMapField()
    kind = models.CharField(max_length=40)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    country = models.CharField(max_length=3, blank=True)
    crs_channel = models.CharField(max_length=10, blank=True)
    historical = models.BooleanField(default=False)
    provenance = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["code"]
        # What a guardian grant on this organization can give; the same enum as the roles.
        permissions = [(permission.codename, permission.value) for permission in Permission]
        constraints = [
            models.CheckConstraint(condition=~Q(parent=F("id")), name="organization_not_own_parent"),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def reference_text(self) -> str:
        """The organization code."""
        return self.code

    @property
    def organization_for_audit(self) -> str:
        """The organization itself."""
        return self.code

    def event_scope(self, *, at: datetime) -> EventScope:
        """The list of organizations is open to whoever is signed in."""
        return EventScope("public")


class OrganizationAlias(models.Model):
    """Another name or acronym, in any language (OIM, FNUAP, HCR)."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="aliases")
    text = models.CharField(max_length=200)
    language = models.CharField(max_length=10, blank=True)

    class Meta:
        ordering = ["text"]
        constraints = [models.UniqueConstraint(fields=["organization", "text"], name="alias_once_per_organization")]

    def __str__(self) -> str:
        return self.text


class OrganizationRole(models.Model):
    """What an organization is in the group, for a time."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="roles")
    role = models.CharField(max_length=20)
    valid_from = models.DateField(null=True, blank=True)
    valid_to = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["role", "valid_from"]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_from__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="organization_role_validity_ordered",
            )
        ]

    def __str__(self) -> str:
        return f"{self.organization_id}: {self.role}"


class OrganizationTree(models.Model):
    """Every (ancestor, descendant) pair, each organization with itself at depth 0: tree questions become joins."""

    ancestor = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="descent")
    descendant = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="ascent")
    depth = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ancestor", "descendant"], name="tree_pair_once")]

    def __str__(self) -> str:
        return f"{self.ancestor_id} > {self.descendant_id}"


class GrantTerms(Record):
    """By whom, why and until when a right on an organization is given. Ended ones stay, for the record."""

    resource: ClassVar[str] = "grant"

    given_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )  # null: system
    reason = models.CharField(max_length=500, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)  # null: until it is taken back
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class OrganizationUserGrant(GrantTerms, UserObjectPermissionBase):
    """A guardian grant of one person on one organization (direct foreign key)."""

    content_object = models.ForeignKey(Organization, on_delete=models.CASCADE)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "permission", "content_object"],
                condition=Q(ended_at__isnull=True),
                name="user_grant_once_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("created_at")),
                name="user_grant_expires_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} on {self.content_object_id}"

    @property
    def organization_for_audit(self) -> str:
        """The organization over whose things it gives a right."""
        return self.content_object.code

    def event_scope(self, *, at: datetime) -> EventScope:
        """The organization that it is about."""
        return EventScope("organizations", frozenset({self.content_object_id}))

    def event_data(self) -> dict[str, object]:
        """Whom and what it is about."""
        return {"organization": self.content_object.code, "person": str(self.user.public_id)}


class OrganizationGroupGrant(GrantTerms, GroupObjectPermissionBase):
    """A guardian grant of a group of people on one organization (direct foreign key)."""

    content_object = models.ForeignKey(Organization, on_delete=models.CASCADE)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["group", "permission", "content_object"],
                condition=Q(ended_at__isnull=True),
                name="group_grant_once_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("created_at")),
                name="group_grant_expires_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group_id} on {self.content_object_id}"


class Programme(Record, PeriodColumns):
    """A dated frame with parent, funders and members."""

    resource: ClassVar[str] = "programme"

    code = models.CharField(max_length=40, unique=True)
    names = LanguageMapField()
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    lead = models.ForeignKey(Organization, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    members = models.ManyToManyField(Organization, blank=True, related_name="+")
    funders = models.ManyToManyField(Organization, blank=True, related_name="+")
    countries = CodeListField()
    original_period = models.JSONField(null=True, blank=True)
    provenance = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["code"]
        constraints = [period_is_ordered("programme_period_ordered")]

    def __str__(self) -> str:
        return self.code

    @property
    def reference_text(self) -> str:
        """The programme code."""
        return self.code

    def event_scope(self, *, at: datetime) -> EventScope:
        """Programmes are open to whoever is signed in."""
        return EventScope("public")


class ContextEvent(Record, PeriodColumns):
    """A forum, dialogue or conference that needs are tied to."""

    resource: ClassVar[str] = "context_event"

    code = models.CharField(max_length=40, unique=True)
    names = LanguageMapField()
    host_country = models.CharField(max_length=3, blank=True)
    original_period = models.JSONField(null=True, blank=True)
    provenance = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["code"]
        constraints = [period_is_ordered("context_event_period_ordered")]

    def __str__(self) -> str:
        return self.code


class Membership(Record):
    """A person's role in an organization, for a time, perhaps for some countries and programmes only."""

    resource: ClassVar[str] = "membership"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=30)
    valid_from = models.DateField(null=True, blank=True)
    valid_to = models.DateField(null=True, blank=True)
    countries = CodeListField()  # empty = all
    programmes = CodeListField()  # programme codes; empty = all
    # The one who stands in while the member is away.
    delegate = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="delegated_memberships"
    )
    delegated_from = models.DateField(null=True, blank=True)
    delegated_to = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["user_id", "organization_id", "role"]
        constraints = [
            models.UniqueConstraint(fields=["user", "organization", "role"], name="membership_once"),
            models.CheckConstraint(condition=Q(role__in=list(ROLES_OF_PEOPLE)), name="membership_role_known"),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_from__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="membership_validity_ordered",
            ),
            models.CheckConstraint(
                condition=Q(delegate__isnull=True)
                | Q(delegated_from__isnull=False, delegated_to__isnull=False, delegated_to__gte=F("delegated_from")),
                name="membership_delegation_dated",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role} {self.organization_id}"

    @property
    def organization_for_audit(self) -> str:
        """The organization in which the role is held."""
        return self.organization.code

    def event_scope(self, *, at: datetime) -> EventScope:
        """The organization in which the role is held."""
        return EventScope("organizations", frozenset({self.organization_id}))


class ServiceClient(Record):
    """An integrating system of one organization."""

    resource: ClassVar[str] = "service_client"

    client_id = models.CharField(max_length=60, unique=True)
    name = models.CharField(max_length=200)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="service_clients")
    scopes = CodeListField()
    active = models.BooleanField(default=True)
    # All that it writes is test data (docs/adr/0025-test-mode.md); said when it is made, and for good.
    test_mode = models.BooleanField(default=False, db_default=False)
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)  # None: what all clients have

    class Meta:
        ordering = ["client_id"]

    def __str__(self) -> str:
        return self.client_id


class AccessToken(Record):
    """A personal access token of a user or of a service client; only a hash of its secret is kept."""

    resource: ClassVar[str] = "access_token"

    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64)  # SHA-256 of 256 random bits: no slow hash is needed
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="access_tokens")
    client = models.ForeignKey(
        ServiceClient, null=True, blank=True, on_delete=models.CASCADE, related_name="access_tokens"
    )
    # The token with which people made it for themselves, and with which it ends; None: a session, or somebody else.
    made_with = models.ForeignKey(
        "self", null=True, blank=True, db_index=False, on_delete=models.CASCADE, related_name="heirs"
    )
    scopes = CodeListField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["made_with"], condition=Q(made_with__isnull=False), name="token_by_maker")]
        constraints = [
            models.CheckConstraint(condition=Q(user__isnull=True) ^ Q(client__isnull=True), name="token_has_one_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}…"
