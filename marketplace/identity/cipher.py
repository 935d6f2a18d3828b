"""Encryption of the few secrets that must be read again: keys of authenticator apps, seeds of recovery codes, webhooks' keys."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

SECOND_FACTORS = "second factors"  # each purpose has a key of its own


def _cipher(purpose: str) -> MultiFernet:
    """Make the cipher of SECRET_KEY; what was written under one of SECRET_KEY_FALLBACKS can still be read."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = (
        hashlib.blake2b(purpose.encode(), key=hashlib.sha512(key.encode()).digest(), digest_size=32) for key in keys
    )
    return MultiFernet([Fernet(base64.urlsafe_b64encode(one.digest())) for one in digests])


def encrypt(text: str, *, purpose: str = SECOND_FACTORS) -> str:
    """Write ``text`` so that only this installation reads it."""
    return _cipher(purpose).encrypt(text.encode()).decode()


def decrypt(text: str, *, purpose: str = SECOND_FACTORS) -> str:
    """Read what ``encrypt`` wrote for the same purpose. Raises ValueError where the key it was written under is gone."""
    try:
        return _cipher(purpose).decrypt(text.encode()).decode()
    except InvalidToken as error:
        raise ValueError("written under another SECRET_KEY; list that one in SECRET_KEY_FALLBACKS") from error
