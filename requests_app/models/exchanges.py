"""What passes between the parties about a request: questions, endorsements, shares."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from marketplace.kernel.lifecycle import Lifecycle
from marketplace.records.models import EventScope, LifecycleRecord, Record, state_is_known
from requests_app.lifecycle import CLARIFICATION, ENDORSEMENT
from requests_app.models.requests import TrainingRequest


class Clarification(LifecycleRecord):
    """A question to the requester, by the secretariat or a provider that was asked, and its answer."""

    resource: ClassVar[str] = "clarification"
    lifecycle: ClassVar[Lifecycle] = CLARIFICATION

    request = models.ForeignKey(TrainingRequest, on_delete=models.CASCADE, related_name="clarifications")
    # Who asks; empty where the secretariat does.
    asking_organization = models.ForeignKey(
        "accounts.Organization", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    question = models.TextField()
    question_language = models.CharField(max_length=10)
    answer = models.TextField(blank=True)
    answer_language = models.CharField(max_length=10, blank=True)
    answered_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            state_is_known(CLARIFICATION, "clarification_state_known"),
            models.CheckConstraint(
                condition=Q(state="answered", answered_at__isnull=False)
                | (~Q(state="answered") & Q(answered_at__isnull=True)),
                name="clarification_answer_dated",
            ),
            models.CheckConstraint(
                condition=~Q(state="answered") | ~Q(answer=""), name="clarification_answer_says_something"
            ),
        ]

    def __str__(self) -> str:
        return f"question on {self.request_id}"

    @property
    def root(self) -> Record:
        """The request."""
        return self.request

    @property
    def organization_for_audit(self) -> str:
        """The requesting organization, which owes the answer."""
        return self.request.organization_for_audit

    def event_scope(self, *, at: datetime) -> EventScope:
        """The requester and who asked: not the group."""
        ids = {self.request.requesting_organization_id}
        if self.asking_organization_id is not None:
            ids.add(self.asking_organization_id)
        return EventScope("organizations", frozenset(ids), self.request.programme_code)

    def event_data(self) -> dict[str, Any]:
        """Which request."""
        return {"request": str(self.request.public_id)}


class Endorsement(LifecycleRecord):
    """A national authority's word on a request; while it is open, partners may answer but nothing is confirmed."""

    resource: ClassVar[str] = "endorsement"
    lifecycle: ClassVar[Lifecycle] = ENDORSEMENT

    request = models.ForeignKey(TrainingRequest, on_delete=models.CASCADE, related_name="endorsements")
    authority = models.ForeignKey("accounts.Organization", on_delete=models.PROTECT, related_name="+")
    letter = models.UUIDField(null=True, blank=True)  # public id of the document
    letter_reference = models.CharField(max_length=200, blank=True)
    decided_on = models.DateField(null=True, blank=True)  # the date of the letter
    valid_until = models.DateField(null=True, blank=True)
    remark = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            state_is_known(ENDORSEMENT, "endorsement_state_known"),
            models.UniqueConstraint(
                fields=["request", "authority"],
                condition=Q(state__in=["pending", "given"]),
                name="endorsement_live_once_per_authority",
            ),
            models.CheckConstraint(
                condition=Q(state="pending", decided_on__isnull=True)
                | (~Q(state="pending") & Q(decided_on__isnull=False)),
                name="endorsement_decision_dated",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.authority_id} on {self.request_id}"

    @property
    def root(self) -> Record:
        """The request."""
        return self.request

    @property
    def organization_for_audit(self) -> str:
        """The requesting organization."""
        return self.request.organization_for_audit

    def event_scope(self, *, at: datetime) -> EventScope:
        """The requester and the authority; nobody before submission."""
        if self.request.is_private:
            return EventScope("private")
        ids = frozenset({self.request.requesting_organization_id, self.authority_id})
        return EventScope("organizations", ids, self.request.programme_code)

    def event_data(self) -> dict[str, Any]:
        """Which request, which authority."""
        return {"request": str(self.request.public_id), "authority": self.authority.code}


SEES = ("summary", "body", "documents")  # each with all before it
MAY = ("read", "comment")


class RequestShare(Record):
    """Another organization that may read one request: because a proposal asks it, or because it was shown."""

    resource: ClassVar[str] = "request_share"

    request = models.ForeignKey(TrainingRequest, on_delete=models.CASCADE, related_name="shares")
    organization = models.ForeignKey("accounts.Organization", on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=20, choices=[("asked", "asked"), ("shared", "shared")])
    sees = models.CharField(
        max_length=10, choices=[(one, one) for one in SEES], default="documents", db_default="documents"
    )
    may = models.CharField(max_length=10, choices=[(one, one) for one in MAY], default="comment", db_default="comment")
    shared_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)  # taken back; its row stays
    # On which terms it was shown before a proposal asked for it, and is again after that; empty where it was not shown.
    former_sees = models.CharField(max_length=10, blank=True, default="", db_default="")
    former_may = models.CharField(max_length=10, blank=True, default="", db_default="")
    former_expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["shared_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "organization"], condition=Q(ended_at__isnull=True), name="share_once_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=models.F("shared_at")),
                name="share_expires_after_it_begins",
            ),
            models.CheckConstraint(condition=Q(sees__in=SEES, may__in=MAY), name="share_scope_known"),
            models.CheckConstraint(
                condition=Q(former_sees="", former_may="", former_expires_at__isnull=True)
                | Q(reason="asked", former_sees__in=SEES, former_may__in=MAY),
                name="share_former_terms_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request_id} to {self.organization_id}"


class PostingConsent(models.Model):
    """The requester's word that a request may be listed in public, by a person; without a current one it is not."""

    request = models.ForeignKey(TrainingRequest, on_delete=models.CASCADE, related_name="consents")
    given_at = models.DateTimeField()
    given_by = models.CharField(max_length=200)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["request"], condition=Q(withdrawn_at__isnull=True), name="posting_consent_once_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, withdrawn_by="")
                | (Q(withdrawn_at__isnull=False) & ~Q(withdrawn_by="")),
                name="posting_consent_withdrawal_has_author",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request_id} by {self.given_by}"
