"""Texts in the cells of a spreadsheet: none of them may be taken for a formula, and each comes back as it was.

A text that begins like a formula is given an apostrophe in front (OWASP, "CSV Injection"). So is one that begins with
apostrophes followed by such a beginning: thus taking one apostrophe away gives back exactly what was written.
"""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last: full width
MARK = "'"


def neutral_text(text: str) -> str:
    """Write a text so that no spreadsheet takes it for a formula."""
    return f"{MARK}{text}" if text.lstrip(MARK).startswith(FORMULA_STARTS) else text


def plain_text(cell: str) -> str:
    """Read what `neutral_text` wrote."""
    return cell[1:] if cell.startswith(MARK) and cell.lstrip(MARK).startswith(FORMULA_STARTS) else cell
