"""Words for people: marking of translatable texts and language maps."""

from collections.abc import Mapping

LanguageMap = dict[str, str]


def gettext_noop(message: str) -> str:
    """Mark ``message`` for translation and return it unchanged; it is translated where it is shown."""
    return message


def pick(texts: Mapping[str, str], language: str) -> tuple[str, str]:
    """Choose the text for ``language`` (BCP 47) and return ``(text, language given)``.

    Falls back to the primary subtag, then English, then French, then any; an empty map gives ``("", "")``.
    """
    for candidate in (language, language.split("-", maxsplit=1)[0], "en", "fr", *sorted(texts)):
        if texts.get(candidate):
            return texts[candidate], candidate
    return "", ""
