"""Handing a letter to the mail server, and what its answer means: taken, refused for good, or to be tried again."""

import re
import smtplib
from collections.abc import Mapping
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email

from marketplace.notifications.subjects import Outcome

REASON_LENGTH = 300  # characters of what the server said
# "Sign in first", "no relaying for you": it is this installation that is refused, not the address (RFC 4954, RFC 3463).
OURS = frozenset({530, 534, 535, 538})
POLICY = re.compile(r"^\s*5\.7\.\d")


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a letter; ``address`` where it says something of the address itself."""

    outcome: Outcome
    reason: str = ""
    address: str = ""


def hand_over(letter: EmailMessage) -> Result:
    """Give the letter to the server; raises SMTPException or OSError where it may be taken later."""
    address = letter.to[0]
    try:
        validate_email(address)
    except ValidationError:
        return Result(Outcome.REFUSED, "not_an_address", address)
    try:
        letter.send()
    except smtplib.SMTPRecipientsRefused as error:
        return _judged(error, *_first(error.recipients), address)
    except smtplib.SMTPDataError as error:  # about this letter, which says little about the address
        return _judged(error, error.smtp_code, _words(error.smtp_error), "")
    return Result(Outcome.SENT, address=address)


def _first(recipients: Mapping[str, tuple[int, bytes]]) -> tuple[int, str]:
    code, said = next(iter(recipients.values()))
    return code, _words(said)


def _words(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said


def _judged(error: smtplib.SMTPException, code: int, said: str, address: str) -> Result:
    for_good = 500 <= code < 600 and code not in OURS and not POLICY.match(said)
    if not for_good:
        raise error
    return Result(Outcome.REFUSED, f"{code} {' '.join(said.split())}"[:REASON_LENGTH], address)
