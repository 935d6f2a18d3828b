"""The audit trail. The database itself refuses to change or delete a row (triggers, migration 0002)."""

from django.db import models
from django.db.models import Q

from marketplace.kernel.ids import new_public_id


class ActorKind(models.TextChoices):
    """Who acted."""

    USER = "user", "user"
    CLIENT = "client", "client"
    SYSTEM = "system", "system"
    ANONYMOUS = "anonymous", "anonymous"


class AuditRecord(models.Model):
    """One act, in words and codes of its time; no foreign keys, so that nothing else can be in its way or change it.

    Whatever is to be said about a record later (its place in a chain, an erased personal value) is said in another
    table that names its ``public_id``.
    """

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=10, choices=ActorKind.choices)
    actor_id = models.CharField(max_length=64, blank=True)  # public id of the person or system
    actor_label = models.CharField(max_length=200, blank=True)
    acting_for = models.CharField(max_length=200, blank=True)
    organization_code = models.CharField(max_length=40, blank=True)  # in whose name
    resource = models.CharField(max_length=40)
    resource_id = models.UUIDField()
    reference = models.CharField(max_length=80, blank=True)
    action = models.CharField(max_length=60)
    from_state = models.CharField(max_length=32, blank=True)
    to_state = models.CharField(max_length=32, blank=True)
    reason_code = models.CharField(max_length=60, blank=True)
    reason_text = models.TextField(blank=True)
    changes = models.JSONField(default=dict, blank=True)  # {"field": [before, after]}
    request_id = models.CharField(max_length=64, blank=True)
    client_address = models.GenericIPAddressField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="audit_actor_kind_known", condition=Q(actor_kind__in=ActorKind.values)),
            models.CheckConstraint(name="audit_action_named", condition=~Q(action="") & ~Q(resource="")),
        ]
        indexes = [
            models.Index(fields=["resource", "resource_id", "id"], name="audit_of_resource"),
            models.Index(fields=["organization_code", "id"], name="audit_of_organization"),
            models.Index(fields=["at", "id"], name="audit_in_time"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor_label}: {self.resource}.{self.action} {self.reference}"
