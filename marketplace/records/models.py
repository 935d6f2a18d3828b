"""Abstract rows: a record with an outward id, and a record with a life cycle."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

from django.db import models

from marketplace.kernel.ids import new_public_id
from marketplace.kernel.lifecycle import Lifecycle, Party, Step

AUDIENCES = ("private", "secretariat", "organizations", "group", "public")  # each wider than the one before it


@dataclass(frozen=True, slots=True)
class EventScope:
    """Who may learn of what happens to a record: nobody, the secretariat, named organizations too, the group, everybody."""

    audience: str  # of AUDIENCES; private: drafts, which are in no feed
    organization_ids: frozenset[int] = frozenset()
    # Code of the programme that the record is in, empty where it is in none: a membership may be limited to some of them.
    # None where that makes no difference.
    programme: str | None = None
    # Countries that the record is about: a membership in the organization whose it is (key), or in one above it, may be
    # limited to some of them. None where that makes no difference.
    countries: frozenset[str] | None = None
    organization_id: int | None = None

    def or_wider(self, other: "EventScope | None") -> "EventScope":
        """Add those who may learn of the record by another scope; its programme and countries are this one's."""
        if other is None:
            return self
        audience = max(self.audience, other.audience, key=AUDIENCES.index)
        return replace(self, audience=audience, organization_ids=self.organization_ids | other.organization_ids)


class Record(models.Model):
    """A stored thing: bigint inside, UUIDv7 outside, and a version that counts the changes of the aggregate."""

    resource: ClassVar[str]  # stable name in events, audit and problem details

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(editable=False)
    updated_at = models.DateTimeField(editable=False)

    class Meta:
        abstract = True

    @property
    def reference_text(self) -> str:
        """What a person calls this thing; the public id where it has no name of its own."""
        return str(self.public_id)

    @property
    def root(self) -> "Record":
        """The aggregate whose version counts a change of this record."""
        return self

    def event_scope(self, *, at: datetime) -> EventScope:
        """Say who may learn of a change; the secretariat alone unless a model says otherwise."""
        return EventScope("secretariat")

    def parts_scope(self, *, at: datetime) -> EventScope:
        """Say who may learn of what belongs to the record: as of the record unless some learn of it in summary alone."""
        return self.event_scope(at=at)

    def party_ids(self, *, at: datetime) -> frozenset[int]:
        """Give the organizations to which a document for the parties is open."""
        return self.event_scope(at=at).organization_ids

    def event_data(self) -> dict[str, Any]:
        """Give what an event carries besides the ids: nothing private."""
        return {}

    @property
    def organization_for_audit(self) -> str:
        """Code of the organization in whose name the record stands."""
        return ""


class LifecycleRecord(Record):
    """A record with a state, and who owes the next step by when (domain rule 6)."""

    lifecycle: ClassVar[Lifecycle]

    state = models.CharField(max_length=32, db_index=True, editable=False)
    step = models.CharField(max_length=40, blank=True, editable=False)
    waiting_for = models.CharField(
        max_length=32, default=Party.NOBODY.value, editable=False, choices=[(p.value, p.value) for p in Party]
    )
    due_at = models.DateTimeField(null=True, editable=False, db_index=True)
    remind_at = models.DateTimeField(null=True, editable=False)
    reminded_at = models.DateTimeField(null=True, editable=False)
    escalated_at = models.DateTimeField(null=True, editable=False)
    step_balance = models.JSONField(default=dict, editable=False)  # working days left of paused steps: {step: days}

    class Meta:
        abstract = True

    STATE_COLUMNS: ClassVar[tuple[str, ...]] = (
        "state",
        "step",
        "waiting_for",
        "due_at",
        "remind_at",
        "reminded_at",
        "escalated_at",
        "step_balance",
        "version",
        "updated_at",
    )

    def usual_step(self) -> Step | None:
        """Give the step that the present state opens: the table's, unless the record itself knows who owes what."""
        return self.lifecycle.steps.get(self.state)


def state_is_known(lifecycle: Lifecycle, name: str) -> models.CheckConstraint:
    """Give the constraint that ``state`` is one of the table's."""
    return models.CheckConstraint(condition=models.Q(state__in=lifecycle.states), name=name)
