"""What may be typed for an option; anything else is refused in the reader's language."""

import argparse
import re
from collections.abc import Callable

from clients.cli.words import gettext as _

MOST_OF_KEY = 200  # as the marketplace takes it
SENDABLE = re.compile(r"[\x21-\x7e]*")  # in a header


def at_least(least: int) -> Callable[[str], int]:
    """Make a reader of whole numbers from ``least`` on. It raises ArgumentTypeError for others."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:  # no number, or one of thousands of digits
            number = least - 1
        if number < least:
            told = _("a whole number from %(least)s on is wanted, not %(value)s")
            raise argparse.ArgumentTypeError(told % {"least": least, "value": text})
        return number

    return read


def seconds(text: str) -> float:
    """Read seconds. Raises ArgumentTypeError for what no clock reaches: less than 0, `nan`, `inf`."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(_("seconds from 0 on are wanted, not %s") % text)
    return number


def key(text: str) -> str:
    """Read a key. Raises ArgumentTypeError for one that cannot be sent; an empty one would be none, and done twice."""
    if not 1 <= len(text) <= MOST_OF_KEY or not is_sendable(text):
        raise argparse.ArgumentTypeError(
            _("1 to %d letters without accents, digits and signs are wanted") % MOST_OF_KEY
        )
    return text


def is_sendable(text: str) -> bool:
    """Tell whether a header can hold ``text`` as it is."""
    return SENDABLE.fullmatch(text) is not None
