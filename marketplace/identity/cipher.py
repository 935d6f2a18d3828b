"""Encryption of the few secrets that must be read again: keys of authenticator apps, seeds of recovery codes."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

PURPOSE = b"second factors"


def _cipher() -> MultiFernet:
    """Make the cipher of SECRET_KEY; what was written under one of SECRET_KEY_FALLBACKS can still be read."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = (hashlib.blake2b(PURPOSE, key=hashlib.sha512(key.encode()).digest(), digest_size=32) for key in keys)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(one.digest())) for one in digests])


def encrypt(text: str) -> str:
    """Write ``text`` so that only this installation reads it."""
    return _cipher().encrypt(text.encode()).decode()


def decrypt(text: str) -> str:
    """Read what ``encrypt`` wrote. Raises ValueError where the key it was written under is gone."""
    try:
        return _cipher().decrypt(text.encode()).decode()
    except InvalidToken as error:
        raise ValueError("written under another SECRET_KEY; list that one in SECRET_KEY_FALLBACKS") from error
