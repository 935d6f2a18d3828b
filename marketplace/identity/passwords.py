"""A new password ends what the old one opened."""

from django.utils import timezone

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import User
from marketplace.identity import operations


class EndsWhatTheOldOneOpened:
    """Listed among the password validators, because Django tells these of every change: page, command or admin."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Find nothing wrong with any password."""

    def get_help_text(self) -> str:
        """Say nothing about passwords."""
        return ""

    def password_changed(self, password: str, user: User) -> None:
        """End all sessions and tokens of the person, and what applications hold in their name."""
        operations.end_credentials(user, actor=Actor.system("password change"), at=timezone.now())
