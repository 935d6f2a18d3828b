"""Language negotiation: Accept-Language, else the person's own language, else English."""

from django.conf import settings
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header

from marketplace.accounts.actors import Actor


def wanted_language(header: str) -> str | None:
    """Choose the first language of an Accept-Language header that the product speaks; None where it names none."""
    spoken = {code for code, _ in settings.LANGUAGES}
    for tag, _quality in parse_accept_lang_header(header):
        if tag == "*":
            return None
        primary = tag.split("-", maxsplit=1)[0]
        if primary in spoken:
            return primary
    return None


def own_language(actor: Actor) -> str:
    """Give the language that the person set; English for everybody else."""
    spoken = {code for code, _ in settings.LANGUAGES}
    locale = actor.user.locale.split("-", maxsplit=1)[0] if actor.user is not None else ""
    return locale if locale in spoken else settings.LANGUAGE_CODE


def speak(language: str) -> str:
    """Activate ``language`` for this thread and return it; LocaleMiddleware says it in Content-Language."""
    translation.activate(language)
    return language
