"""Leaving by one click (RFC 8058): an address that works without signing in, for this one person and purpose alone."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from marketplace.accounts.models import User
from marketplace.notifications import preferences


def _signing() -> Signer:
    return Signer(sep=".", salt="notifications.unsubscribe")


def address_for(user: User) -> str:
    """Give the address that ends e-mail to ``user``; it holds as long as the key that signed it (SECRET_KEY_FALLBACKS)."""
    return f"{settings.PUBLIC_URL}{reverse('unsubscribe', kwargs={'token': _signing().sign(str(user.public_id))})}"


def person_of(token: str) -> User | None:
    """Find the person whom a token was made for; None where it was made by somebody else, or the person is gone."""
    try:
        public_id = UUID(_signing().unsign(token))
    except (BadSignature, ValueError):
        return None
    return User.objects.filter(public_id=public_id, is_active=True).first()


def unsubscribe(user: User, *, at: datetime) -> None:
    """End e-mail to a person; notices inside the product go on."""
    preferences.change(user, at=at, email=False)
