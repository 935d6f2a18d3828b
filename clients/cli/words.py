"""The reader's language: what we say ourselves in it, and what we ask the marketplace to answer in."""

import gettext as catalogues
import os
from pathlib import Path

LOCALE = Path(__file__).resolve().parents[2] / "locale"
LANGUAGES = ("en", "fr")
VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")  # in the order in which POSIX looks at them

_chosen = {"language": "en"}


def preferred() -> str:
    """Give the reader's language as the environment has it, English where it is none of ours."""
    value = next((os.environ[name] for name in VARIABLES if os.environ.get(name)), "")
    return value[:2] if value[:2] in LANGUAGES else "en"


def speak(language: str) -> None:
    """Speak ``language`` from now on."""
    _chosen["language"] = language


def language() -> str:
    """Give the language that is spoken."""
    return _chosen["language"]


def gettext(text: str) -> str:
    """Translate ``text``; where the catalogue was not taken along it stays English."""
    return catalogues.translation("django", LOCALE, [language()], fallback=True).gettext(text)


def said_in(texts: object) -> str:
    """Pick the reader's language of a language map; anything else as it is."""
    if not isinstance(texts, dict):
        return "" if texts is None else str(texts)
    for choice in (language(), "en", *sorted(texts)):
        if texts.get(choice):
            return str(texts[choice])
    return ""
