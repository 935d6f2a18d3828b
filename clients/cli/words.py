"""The reader's language: what we say ourselves in it, and what we ask the marketplace to answer in."""

import argparse
import gettext as catalogues
import os
from functools import cache
from io import BytesIO
from pathlib import Path

LOCALE = Path(__file__).parents[2] / "locale"  # in a checkout, and in the one file that `make clients` makes
LANGUAGES = ("en", "fr")
VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")  # in the order in which POSIX looks at them

_chosen = {"language": "en"}


def preferred() -> str:
    """Give the reader's language as the environment has it, English where it is none of ours."""
    value = next((os.environ[name] for name in VARIABLES if os.environ.get(name)), "")
    return value[:2] if value[:2] in LANGUAGES else "en"


def speak(language: str) -> None:
    """Speak ``language`` from now on; so does the parser, whose own words nobody ships in other languages."""
    _chosen["language"] = language
    for name, spoken in (("_", gettext), ("ngettext", ngettext)):
        setattr(argparse, name, spoken)


def language() -> str:
    """Give the language that is spoken."""
    return _chosen["language"]


def gettext(text: str) -> str:
    """Translate ``text``; where the catalogue was not taken along it stays English."""
    return _catalogue(language()).gettext(text)


def ngettext(one: str, many: str, number: int) -> str:
    """Translate ``one`` or ``many``, as ``number`` asks for."""
    return _catalogue(language()).ngettext(one, many, number)


@cache
def _catalogue(language: str) -> catalogues.NullTranslations:
    """Read a catalogue by what has loaded this very file: from a folder, or from an archive."""
    file = LOCALE / language / "LC_MESSAGES" / "django.mo"
    try:
        return catalogues.GNUTranslations(BytesIO(globals()["__loader__"].get_data(str(file))))
    except OSError:
        return catalogues.NullTranslations()


def said_in(texts: object) -> str:
    """Pick the reader's language of a language map; anything else as it is."""
    if not isinstance(texts, dict):
        return "" if texts is None else str(texts)
    for choice in (language(), "en", *sorted(texts)):
        if texts.get(choice):
            return str(texts[choice])
    return ""
