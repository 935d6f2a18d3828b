"""The training request, its former contents and the counter of its references."""

from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from marketplace.kernel.lifecycle import Lifecycle, Step
from marketplace.kernel.money import Money
from marketplace.records.fields import CodeListField, LanguageMapField, PeriodColumns, money_or_none, period_is_ordered
from marketplace.records.marked import MarkedAsTest
from marketplace.records.models import EventScope, LifecycleRecord, state_is_known
from requests_app.lifecycle import CALL_STEP, CHOICE_STEP, REQUEST, TEST_STATES


class TrainingRequest(MarkedAsTest, LifecycleRecord, PeriodColumns):
    """A need for training that an agency asks the group to meet; the period columns are the window of its dates."""

    resource: ClassVar[str] = "training_request"
    lifecycle: ClassVar[Lifecycle] = REQUEST

    reference = models.CharField(max_length=40, null=True, unique=True, editable=False)  # noqa: DJ001  unique once given
    external_id = models.CharField(max_length=100, blank=True)
    external_client = models.ForeignKey(
        "accounts.ServiceClient", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    requesting_organization = models.ForeignKey("accounts.Organization", on_delete=models.PROTECT, related_name="+")
    drafted_by = models.ForeignKey("accounts.User", null=True, on_delete=models.SET_NULL, related_name="+")
    co_requesters = models.ManyToManyField("accounts.Organization", blank=True, related_name="+")
    beneficiaries = models.ManyToManyField("accounts.Organization", blank=True, related_name="+")
    excluded_organizations = models.ManyToManyField("accounts.Organization", blank=True, related_name="+")

    title = LanguageMapField()
    need_statement = LanguageMapField()
    language = models.CharField(max_length=10, default="en")  # in which title and need were written
    languages_must = CodeListField()
    languages_may = CodeListField()
    forms = CodeListField()  # acceptable; empty = any
    modalities = CodeListField()  # acceptable; empty = any
    original_window = models.JSONField(null=True, blank=True)
    place_preference = models.CharField(max_length=20, default="any")
    place_country = models.CharField(max_length=3, blank=True)
    place_city = models.CharField(max_length=100, blank=True)
    budget_ceiling = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    budget_currency = models.CharField(max_length=3, blank=True)
    funding_state = models.CharField(max_length=20, default="none")
    funder = models.ForeignKey(
        "accounts.Organization", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    lead_required = models.BooleanField(default=False, db_default=False)  # one partner must accept to lead
    award = models.CharField(max_length=20, default="none")
    context_event = models.ForeignKey(
        "accounts.ContextEvent", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    programme = models.ForeignKey(
        "accounts.Programme", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    priority_facts = CodeListField()
    visibility = models.CharField(max_length=10, default="agency")
    channel = models.CharField(max_length=20, default="focal_point")
    parent_request = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="child_requests"
    )
    parent_relation = models.CharField(max_length=20, blank=True)
    provenance = models.JSONField(default=dict, blank=True)

    content_version = models.PositiveIntegerField(default=1, editable=False)  # counts the edits that matter
    submitted_at = models.DateTimeField(null=True, editable=False)
    opened_at = models.DateTimeField(null=True, editable=False)
    reason_code = models.CharField(max_length=40, blank=True, editable=False)  # of the present state
    reason_text = models.TextField(blank=True, editable=False)
    conflicts = CodeListField(editable=False)  # constraints that nobody could meet together
    merged_into = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="merged_requests", editable=False
    )
    ranked_at = models.DateTimeField(null=True, editable=False)  # when the engine last answered for this content
    called_at = models.DateTimeField(null=True, editable=False)
    call_ends_at = models.DateTimeField(null=True, editable=False)
    call_ended_at = models.DateTimeField(null=True, editable=False)  # when the clock found it over
    call_waived_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["requesting_organization", "state"], name="request_of_organization"),
            models.Index(fields=["visibility", "state"], name="request_by_visibility"),
            models.Index(fields=["created_at", "id"], name="request_by_creation"),
            models.Index(fields=["updated_at", "id"], name="request_by_change"),
            models.Index(
                fields=["requesting_organization", "created_at"], name="request_in_test_mode", condition=Q(is_test=True)
            ),
            # For who looks for needs: the newest that are open, among many more that are not.
            models.Index(fields=["opened_at", "id"], condition=Q(state="open"), name="open_request_by_opening"),
        ]
        constraints = [
            state_is_known(REQUEST, "request_state_known"),
            models.CheckConstraint(
                condition=Q(is_test=False) | Q(state__in=sorted(TEST_STATES)), name="request_test_goes_no_further"
            ),
            period_is_ordered("request_window_ordered"),
            models.CheckConstraint(
                condition=Q(state="draft", reference__isnull=True)
                | Q(state="withdrawn")
                | (Q(reference__isnull=False) & ~Q(state="draft")),
                name="request_reference_from_submission",
            ),
            models.CheckConstraint(
                condition=Q(reference__isnull=True, submitted_at__isnull=True)
                | Q(reference__isnull=False, submitted_at__isnull=False),
                name="request_reference_with_date",
            ),
            models.CheckConstraint(
                condition=Q(state="merged", merged_into__isnull=False)
                | (~Q(state="merged") & Q(merged_into__isnull=True)),
                name="request_merged_into_something",
            ),
            models.CheckConstraint(condition=~Q(merged_into=F("id")), name="request_not_merged_into_itself"),
            models.CheckConstraint(
                condition=Q(called_at__isnull=True, call_ends_at__isnull=True) | Q(call_ends_at__gte=F("called_at")),
                name="request_call_has_an_end",
            ),
            models.CheckConstraint(
                condition=Q(call_ended_at__isnull=True) | Q(called_at__isnull=False), name="request_call_ends_after_it"
            ),
            models.CheckConstraint(
                condition=Q(budget_ceiling__isnull=True) | (Q(budget_ceiling__gte=0) & ~Q(budget_currency="")),
                name="request_ceiling_has_currency",
            ),
            models.CheckConstraint(
                condition=Q(visibility__in=["agency", "group", "public"]), name="request_visibility_known"
            ),
            models.UniqueConstraint(
                fields=["external_client", "external_id"],
                condition=Q(external_client__isnull=False) & ~Q(external_id=""),
                name="request_external_id_once_per_client",
            ),
            models.UniqueConstraint(
                fields=["requesting_organization", "external_id"],
                condition=Q(external_client__isnull=True) & ~Q(external_id=""),
                name="request_external_id_once_per_organization",
            ),
        ]

    def __str__(self) -> str:
        return self.reference_text

    @property
    def reference_text(self) -> str:
        """The reference; the public id before submission."""
        return self.reference or str(self.public_id)

    @property
    def is_private(self) -> bool:
        """Tell whether it was never submitted: nobody outside the organization may learn that it exists."""
        return self.reference is None

    @property
    def organization_for_audit(self) -> str:
        """The requesting organization."""
        return self.requesting_organization.code

    @property
    def budget(self) -> Money | None:
        """The ceiling; None where funding is to be found."""
        return money_or_none(self.budget_ceiling, self.budget_currency)

    def usual_step(self) -> Step | None:
        """While open: providers during a call, the secretariat once the engine has answered, else the engine."""
        if self.state == "open" and self.called_at is not None and self.call_ended_at is None:
            return CALL_STEP
        if self.state == "open" and (self.ranked_at is not None or self.called_at is not None):
            return CHOICE_STEP
        return super().usual_step()

    @property
    def programme_code(self) -> str:
        """The code of its programme; empty where it has none."""
        return self.programme.code if self.programme is not None else ""

    def event_scope(self, *, at: datetime) -> EventScope:
        """Requester's side, its funder, those it is shared with; wider as its visibility says; nobody before submission."""
        scope = self._scope(at)
        is_listed = scope.audience == "group" and self.visibility == "public"
        if is_listed and self.consents.filter(withdrawn_at__isnull=True).exists():
            return replace(scope, audience="public")
        return scope

    def parts_scope(self, *, at: datetime) -> EventScope:
        """Those who read its body: a share of the summary and a listing in public tell nothing of lines and documents."""
        return self._scope(at, sees__in=("body", "documents"))

    def party_ids(self, *, at: datetime) -> frozenset[int]:
        """Requester's side, and those to whom its documents are shown."""
        return self._side() | self._shown_to(at, sees="documents")

    def _scope(self, at: datetime, **shown: object) -> EventScope:
        if self.is_private:
            return EventScope("private")
        funder = {self.funder_id} if self.funder_id else set()
        ids = self._side() | self._shown_to(at, **shown) | funder
        return EventScope("organizations" if self.visibility == "agency" else "group", ids, self.programme_code)

    def _side(self) -> frozenset[int]:
        return frozenset({self.requesting_organization_id, *self.co_requesters.values_list("pk", flat=True)})

    def _shown_to(self, at: datetime, **shown: object) -> frozenset[int]:
        current = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
        return frozenset(
            self.shares.filter(current, ended_at__isnull=True, **shown).values_list("organization_id", flat=True)
        )

    def event_data(self) -> dict[str, Any]:
        """The organization and which edition of the content it is."""
        return {"organization": self.requesting_organization.code, "content_version": self.content_version}


class KeptApart(models.Model):
    """Two organizations that must not deliver one request together; the pair has no order, so the lower key comes first."""

    request = models.ForeignKey(TrainingRequest, on_delete=models.CASCADE, related_name="kept_apart")
    first = models.ForeignKey("accounts.Organization", on_delete=models.PROTECT, related_name="+")
    second = models.ForeignKey("accounts.Organization", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="kept_apart_two_in_order"),
            models.UniqueConstraint(fields=["request", "first", "second"], name="kept_apart_once"),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} and {self.second_id} on {self.request_id}"

    @property
    def codes(self) -> tuple[str, str]:
        """The codes of the two, sorted."""
        first, second = sorted((self.first.code, self.second.code))
        return first, second


class RequestRevision(models.Model):
    """What a request said before an edit that mattered; never changed afterwards."""

    request = models.ForeignKey(TrainingRequest, on_delete=models.PROTECT, related_name="revisions")
    content_version = models.PositiveIntegerField()
    content = models.JSONField()  # as `operations.content` writes it
    changed = CodeListField()  # names of the fields that the edit changed
    replaced_at = models.DateTimeField()
    editor = models.CharField(max_length=200)

    class Meta:
        ordering = ["content_version"]
        constraints = [
            models.UniqueConstraint(fields=["request", "content_version"], name="revision_once_per_content_version")
        ]

    def __str__(self) -> str:
        return f"{self.request_id} content {self.content_version}"


class ReferenceCounter(models.Model):
    """The last number given to a reference in a year, over the whole group."""

    year = models.PositiveSmallIntegerField(unique=True)
    last = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["year"]

    def __str__(self) -> str:
        return f"{self.year}: {self.last}"
