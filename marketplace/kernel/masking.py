"""Keys that open doors have no place in logs, wherever a text of ours or of a library would put them."""

import logging
import re
from typing import Any

KEY = re.compile(r"\b(gmg[a-z]?_[A-Za-z0-9]{4})[A-Za-z0-9_-]{8,}")


def masked(value: Any) -> Any:
    """Give a value with the keys in its texts cut off after their first letters."""
    if isinstance(value, str):
        return KEY.sub(r"\1…", value)
    if isinstance(value, dict):
        return {name: masked(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(masked(one) for one in value)
    return value


class MaskKeys(logging.Filter):
    """Masks keys in what a handler writes."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask message and arguments; every record passes."""
        record.msg = masked(record.msg)
        if record.args:
            record.args = masked(record.args)
        return True
