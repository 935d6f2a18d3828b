"""Engagements for superusers to look at: writes go through the operations, never past audit and events."""

from django.contrib import admin
from django.http import HttpRequest

from fulfilment.models import Change, CostShare, Delivery, Engagement, Evaluation, Milestone, OutcomeStory


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic for the type checker only
    """Shows rows and changes none."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Refuse."""
        return False


@admin.register(Engagement)
class EngagementAdmin(ReadOnlyAdmin):
    """Engagements by reference."""

    list_display = ("reference", "state", "lead_organization", "start_on", "waiting_for", "due_at")
    list_filter = ("state", "origin")
    list_select_related = ("lead_organization",)
    search_fields = ("reference", "external_id")


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """Deliveries by engagement."""

    list_display = ("reference_text", "state", "form", "start_on", "country", "seats", "confirmation")
    list_filter = ("state", "form")
    list_select_related = ("engagement",)


@admin.register(Milestone)
class MilestoneAdmin(ReadOnlyAdmin):
    """Milestones by deadline."""

    list_display = ("engagement", "kind", "owner", "state", "due_at")
    list_filter = ("state", "owner")
    list_select_related = ("engagement",)


@admin.register(Change)
class ChangeAdmin(ReadOnlyAdmin):
    """Changes of what was agreed."""

    list_display = ("engagement", "state", "proposed_side", "waiting_for", "due_at")
    list_select_related = ("engagement",)


@admin.register(CostShare)
class CostShareAdmin(ReadOnlyAdmin):
    """Who bears how much."""

    list_display = ("engagement", "organization", "kind", "amount", "currency", "state")
    list_select_related = ("engagement", "organization")


@admin.register(Evaluation)
class EvaluationAdmin(ReadOnlyAdmin):
    """What was measured."""

    list_display = ("engagement", "level", "source", "value", "answered", "collected_on")
    list_select_related = ("engagement",)


@admin.register(OutcomeStory)
class OutcomeStoryAdmin(ReadOnlyAdmin):
    """What engagements led to."""

    list_display = ("engagement", "kind")
    list_select_related = ("engagement",)
