"""Looking at rows in the admin; nothing is changed there, because every change goes through an operation."""

from django.contrib import admin
from django.http import HttpRequest

from matching.models import Counter, Decision, MatchingPolicy, MatchProposal, MatchRun, ProposalPart


class LookOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows to be read: no adding, changing or deleting."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Refuse."""
        return False


admin.site.register([MatchingPolicy, MatchRun, MatchProposal, ProposalPart, Counter, Decision], LookOnly)
