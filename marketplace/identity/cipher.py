"""Encryption of the few secrets that must be read again: keys of authenticator apps, seeds of recovery codes, webhooks' keys."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

SECOND_FACTORS = "second factors"  # each purpose has a key of its own


def _cipher(purpose: str) -> MultiFernet:
    """Make the cipher of SECRET_KEY; what was written under one of SECRET_KEY_FALLBACKS can still be read."""
    return MultiFernet([_of_key(key, purpose) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _of_key(key: str, purpose: str) -> Fernet:
    digest = hashlib.blake2b(purpose.encode(), key=hashlib.sha512(key.encode()).digest(), digest_size=32).digest()
    return Fernet(base64.urlsafe_b64encode(digest))


def encrypt(text: str, *, purpose: str = SECOND_FACTORS) -> str:
    """Write ``text`` so that only this installation reads it."""
    return _cipher(purpose).encrypt(text.encode()).decode()


def decrypt(text: str, *, purpose: str = SECOND_FACTORS) -> str:
    """Read what ``encrypt`` wrote for the same purpose. Raises ValueError where the key it was written under is gone."""
    try:
        return _cipher(purpose).decrypt(text.encode()).decode()
    except InvalidToken as error:
        raise ValueError("written under another SECRET_KEY; list that one in SECRET_KEY_FALLBACKS") from error


def renew(text: str, *, purpose: str = SECOND_FACTORS) -> str:
    """Give ``text`` as it would lie under SECRET_KEY: unchanged where it does. Raises ValueError as ``decrypt`` does."""
    try:
        _of_key(settings.SECRET_KEY, purpose).decrypt(text.encode())
    except InvalidToken:
        return encrypt(decrypt(text, purpose=purpose), purpose=purpose)
    return text
