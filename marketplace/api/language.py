"""Language negotiation: Accept-Language, else the person's own language, else English."""

from django.conf import settings
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header

from marketplace.accounts.actors import Actor


def wanted_language(header: str) -> str | None:
    """Choose the language of an Accept-Language header that the product speaks and that weighs most; None where it names none.

    `*` stands for those that it does not name; a weight of 0 is no (RFC 9110, 12.4.2).
    """
    spoken = [code for code, _ in settings.LANGUAGES]
    asked = [(_primary(tag), weight) for tag, weight in parse_accept_lang_header(header)]  # the heaviest first
    named = {primary for primary, _ in asked}
    for primary, weight in asked:
        meant = [primary] if primary != "*" else [code for code in spoken if code not in named]
        if weight and meant and meant[0] in spoken:
            return meant[0]
    return None


def _primary(tag: str) -> str:
    return tag.split("-", maxsplit=1)[0]


def own_language(actor: Actor) -> str:
    """Give the language that the person set; English for everybody else."""
    spoken = {code for code, _ in settings.LANGUAGES}
    locale = _primary(actor.user.locale) if actor.user is not None else ""
    return locale if locale in spoken else settings.LANGUAGE_CODE


def speak(language: str) -> str:
    """Activate ``language`` for this thread and return it; LocaleMiddleware says it in Content-Language."""
    translation.activate(language)
    return language
