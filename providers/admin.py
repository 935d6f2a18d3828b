"""The catalogue for superusers to look at: writes go through the operations, never past audit and events."""

from django.contrib import admin
from django.http import HttpRequest

from providers.models import CapacityHold, CapacityWindow, Harvest, Offering, Provider, Session, TrackRecordEntry


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


@admin.register(Provider)
class ProviderAdmin(ReadOnlyAdmin):
    """Providers by code and standing."""

    list_display = ("code", "state", "verified_on", "verification_expires_on")
    list_filter = ("state",)
    search_fields = ("code",)


@admin.register(Offering)
class OfferingAdmin(ReadOnlyAdmin):
    """Offerings by provider and state."""

    list_display = ("reference_text", "provider", "form", "state", "vetting_expires_on")
    list_filter = ("state", "form")
    list_select_related = ("provider",)
    search_fields = ("code", "external_id")


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    """Sessions by date."""

    list_display = ("reference_text", "start_on", "country", "state", "seats_total", "seats_held", "seats_confirmed")
    list_filter = ("state",)


@admin.register(CapacityWindow)
class CapacityWindowAdmin(ReadOnlyAdmin):
    """Capacity by provider and period."""

    list_display = ("reference_text", "provider", "unit", "start_on", "end_on", "quantity", "held", "confirmed")
    list_select_related = ("provider",)


@admin.register(CapacityHold)
class CapacityHoldAdmin(ReadOnlyAdmin):
    """Holds by holder."""

    list_display = ("holder", "quantity", "state", "expires_at")
    list_filter = ("state",)


@admin.register(TrackRecordEntry)
class TrackRecordEntryAdmin(ReadOnlyAdmin):
    """What deliveries were worth."""

    list_display = ("provider", "level", "value", "answered", "source", "happened_at")
    list_select_related = ("provider",)


@admin.register(Harvest)
class HarvestAdmin(ReadOnlyAdmin):
    """Harvests by provider and how the last run ended."""

    list_display = ("provider", "source", "url", "active", "ran_at", "problem")
    list_filter = ("active", "problem")
