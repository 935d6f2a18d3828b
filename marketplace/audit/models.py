"""The audit trail and its chain. The database itself refuses to change or delete a row (`triggers`)."""

import json
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models import Q

from marketplace.audit.canonical import ERASABLE
from marketplace.kernel.ids import new_public_id

DIGEST_LENGTH = 64  # SHA-256 in hexadecimal


def pseudonym(public_id: str) -> str:
    """Give what an erased person is called: the random part of the public id, which leads to nobody any more."""
    return f"erased-{public_id[-12:]}"


class ActorKind(models.TextChoices):
    """Who acted."""

    USER = "user", "user"
    CLIENT = "client", "client"
    SYSTEM = "system", "system"
    ANONYMOUS = "anonymous", "anonymous"


class AuditRecord(models.Model):
    """One act, in codes and references of its time; no foreign keys, so that nothing else can be in its way or change it.

    Here is nothing that would have to be erased one day: names, addresses and free texts stand in `ErasableValues`, and
    ``seals`` holds a salted digest of each of them. The place in the chain is told by `ChainLink`.
    """

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=10, choices=ActorKind.choices)
    actor_id = models.CharField(max_length=64, blank=True)  # public id of the person or system
    organization_code = models.CharField(max_length=40, blank=True)  # in whose name
    resource = models.CharField(max_length=40)
    resource_id = models.UUIDField()
    reference = models.CharField(max_length=80, blank=True)
    action = models.CharField(max_length=60)
    from_state = models.CharField(max_length=32, blank=True)
    to_state = models.CharField(max_length=32, blank=True)
    reason_code = models.CharField(max_length=60, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    seals = models.JSONField(default=dict, blank=True)  # {"field": digest}

    class Meta:
        constraints = [
            models.CheckConstraint(name="audit_actor_kind_known", condition=Q(actor_kind__in=ActorKind.values)),
            models.CheckConstraint(name="audit_action_named", condition=~Q(action="") & ~Q(resource="")),
        ]
        indexes = [
            models.Index(fields=["resource", "resource_id", "id"], name="audit_of_resource"),
            models.Index(fields=["organization_code", "id"], name="audit_of_organization"),
            models.Index(fields=["actor_id", "id"], name="audit_of_actor", condition=~Q(actor_id="")),
            models.Index(fields=["at", "id"], name="audit_in_time"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor_label}: {self.resource}.{self.action} {self.reference}"

    def _said(self, field: str) -> Any:
        try:
            kept = self.erasable.sealed.get(field)
        except ObjectDoesNotExist:
            return None
        return json.loads(kept["text"]) if kept else None

    @property
    def actor_label(self) -> str:
        """The actor's name of that time, or a pseudonym once it was erased."""
        if "actor_label" in self.erased:
            return pseudonym(self.actor_id)
        return self._said("actor_label") or ""

    @property
    def acting_for(self) -> str:
        """The person or office in whose name a system wrote."""
        return self._said("acting_for") or ""

    @property
    def reason_text(self) -> str:
        """Why, in the actor's own words."""
        return self._said("reason_text") or ""

    @property
    def changes(self) -> dict[str, Any]:
        """What changed: ``{"field": [before, after]}``."""
        return self._said("changes") or {}

    @property
    def client_address(self) -> str | None:
        """The address the call came from."""
        address: str | None = self._said("client_address")
        return address

    @property
    def erased(self) -> list[str]:
        """Names of the values that were erased."""
        try:
            return sorted(self.erasable.erased)
        except ObjectDoesNotExist:
            return []


class ErasableValues(models.Model):
    """The values of one record that may have to be erased. They are never changed; erasing takes value and salt away.

    ``sealed`` is ``{"field": {"salt": hex, "text": canonical JSON}}``, ``erased`` is ``{"field": public id of the act of
    erasing}``. Without its salt a seal leads back to nothing.
    """

    record = models.OneToOneField(
        AuditRecord, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="erasable"
    )
    sealed = models.JSONField(default=dict)
    erased = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.record_id}: {', '.join(name for name in ERASABLE if name in self.sealed)}"


class PendingRecord(models.Model):
    """A record that is not in the chain yet. The database writes the row itself, with its own clock (`triggers`)."""

    record = models.OneToOneField(
        AuditRecord, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="pending"
    )
    since = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.record_id)


class ChainLink(models.Model):
    """The place of one record in the chain; ``digest`` covers the record, its place and all that stands before it."""

    position = models.PositiveBigIntegerField(primary_key=True)
    record = models.OneToOneField(AuditRecord, on_delete=models.DO_NOTHING, db_constraint=False, related_name="link")
    linked_at = models.DateTimeField()
    digest = models.CharField(max_length=DIGEST_LENGTH)

    class Meta:
        indexes = [models.Index(fields=["linked_at"], name="audit_linked_in_time")]

    def __str__(self) -> str:
        return f"{self.position}: {self.digest[:12]}…"


class ChainHead(models.Model):
    """The one row that says where the chain ends, so that a shortened chain shows."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    position = models.PositiveBigIntegerField()
    digest = models.CharField(max_length=DIGEST_LENGTH)
    linked_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(name="audit_one_head", condition=Q(id=1))]

    def __str__(self) -> str:
        return f"{self.position}: {self.digest[:12]}…"


class Verification(models.Model):
    """What a walk along the chain found."""

    at = models.DateTimeField()  # when it began: what was changed later it may not have seen
    first = models.PositiveBigIntegerField()  # positions, both included
    last = models.PositiveBigIntegerField()
    digest = models.CharField(max_length=DIGEST_LENGTH, blank=True)  # at ``last``
    findings = models.PositiveIntegerField()
    compared = models.BooleanField(default=False, db_default=False)  # with digests that were kept of the chain
    detail = models.JSONField(default=list, blank=True)  # the first of them, in words

    class Meta:
        indexes = [models.Index(fields=["at"], name="audit_verified_in_time")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.first}-{self.last}: {self.findings} findings"
