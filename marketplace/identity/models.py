"""OAuth applications and their secrets."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from oauth2_provider.models import AbstractApplication

from marketplace.accounts.models import Organization, ServiceClient, User
from marketplace.records.fields import CodeListField
from marketplace.records.models import Record


class Application(AbstractApplication, Record):
    """An OAuth client: the credentials of a service client, or an app in which people act (docs/adr/0014).

    The toolkit's own `client_secret` stays unused: secrets are rows of `ClientSecret`, so that two can overlap.
    """

    resource: ClassVar[str] = "oauth_application"
    NO_SECRET: ClassVar[str] = "!"  # noqa: S105  matches no hash and is never compared

    # Who registered it.
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    service_client = models.OneToOneField(
        ServiceClient, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    scopes = CodeListField()  # of an app; those of a service client are its own
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["client_id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(service_client__isnull=False, authorization_grant_type="client-credentials")
                | Q(service_client__isnull=True, authorization_grant_type="authorization-code"),
                name="application_grant_fits_kind",
            ),
        ]

    def __str__(self) -> str:
        return str(self.name or self.client_id)

    @property
    def organization_for_audit(self) -> str:
        """The organization that answers for it."""
        return self.organization.code

    @property
    def reach(self) -> frozenset[str]:
        """The scopes that its tokens may have, as of now."""
        return frozenset(self.service_client.scopes if self.service_client else self.scopes)

    def is_usable(self, request: object) -> bool:
        """Tell whether it may get and use tokens (asked by the toolkit, and at each call of the API)."""
        return self.active and (self.service_client is None or self.service_client.active)


class ClientSecret(Record):
    """A secret of an application; several may be valid at once, so that a new one can be rolled out first."""

    resource: ClassVar[str] = "client_secret"

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="secrets")
    name = models.CharField(max_length=100, blank=True)
    prefix = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64)  # SHA-256 of 256 random bits: no slow hash is needed
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.prefix}…"

    @property
    def organization_for_audit(self) -> str:
        """The organization that answers for the application."""
        return self.application.organization_for_audit


class BrowserSession(Record):
    """A session of the desk, so that its owner can see and end it; Django keeps what is in it."""

    resource: ClassVar[str] = "browser_session"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    session_key = models.CharField(max_length=40, unique=True)  # in django_session
    device = models.CharField(max_length=300, blank=True)  # what the browser says it is
    address = models.GenericIPAddressField(null=True, blank=True)
    last_seen_at = models.DateTimeField()

    class Meta:
        ordering = ["-last_seen_at"]

    def __str__(self) -> str:
        return str(self.public_id)
