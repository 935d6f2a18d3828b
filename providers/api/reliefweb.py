"""Sessions as payloads of ReliefWeb's Post API (version 2, resource training), to be sent by whoever has a key of theirs.

ReliefWeb numbers sources, countries and the like in its own way. The numbers that we know are in `data/reliefweb.json`, with their
source; those of organizations and countries are given by `RELIEFWEB_NUMBERS`, a file of the same form. What has no number is left
out: `export_reliefweb --check` tells what ReliefWeb will miss.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import orjson
from django.conf import settings
from django.utils.translation import gettext, override

from marketplace.formats.linked import without_nothing
from marketplace.formats.registry import Representation, Telling
from marketplace.kernel.text import gettext_noop as _
from marketplace.kernel.text import pick
from marketplace.vocabularies import queries as vocabularies
from providers import queries

Shown = Mapping[str, Any]
MEDIA_TYPE = "application/vnd.reliefweb.training.v2+json"
NAMESPACE = UUID("8e27a998-c362-5d1f-b152-d474e1d36af2")  # in which ReliefWeb wants the UUID of an address
SHIPPED = Path(__file__).parent.parent / "data" / "reliefweb.json"
TITLE_LENGTH, MOST_LANGUAGES = 255, 10
LANGUAGES = ("en", "fr", "es")  # in which a payload is worded: those that ReliefWeb is read in
NONE_OF_THEIRS = "en"  # in which it is worded where its title is in none of them


@cache
def numbers(file: str) -> Mapping[str, Mapping[str, int]]:
    """Read the numbers of ReliefWeb by kind and code: those shipped, and those of ``file`` where one is named."""
    found: dict[str, dict[str, int]] = orjson.loads(SHIPPED.read_bytes())["numbers"]
    if file:
        for kind, codes in orjson.loads(Path(file).read_bytes()).items():
            found[kind] = {**found.get(kind, {}), **codes}
    return found


def write_trainings(sessions: Iterable[Shown], telling: Telling) -> Iterator[bytes]:
    """Write sessions as payloads: one as it is sent, several as the list `trainings`."""
    known = numbers(settings.RELIEFWEB_NUMBERS)
    words = {language: _worded(language) for language in LANGUAGES}
    payloads = (orjson.dumps(_payload(session, telling, known, words)) for session in sessions)
    if telling.single:
        yield next(payloads)
        return
    yield b'{"trainings":['
    before = b""
    for payload in payloads:
        yield before + payload
        before = b","
    yield b"]}"


def _worded(language: str) -> dict[str, str]:
    with override(language):
        return {name: gettext(text) for name, text in WORDS.items()}


def _payload(
    session: Shown,
    telling: Telling,
    known: Mapping[str, Mapping[str, int]],
    words_by_language: Mapping[str, Mapping[str, str]],
) -> dict[str, Any]:
    """Make the payload in the language of the title: the reader's, or one that there is."""
    offering, period = session["offering"], session["period"]
    address = telling.address(f"sessions/{session['id']}")
    title, language = pick(offering["titles"], telling.language)
    body, language_of_body = _body(offering, language or telling.language)
    words = words_by_language.get(_primary(language)) or words_by_language[NONE_OF_THEIRS]
    country = known["countries"].get(session["country"])
    return without_nothing(
        {
            "url": address,
            "uuid": str(uuid5(NAMESPACE, address)),
            "title": " ".join(title.split())[:TITLE_LENGTH],
            "source": _numbers(known["sources"], [offering["provider_code"]]),
            "language": _numbers(known["languages"], dict.fromkeys(map(_primary, (language, language_of_body)))),
            "training_language": _numbers(known["languages"], session["languages"])[:MOST_LANGUAGES],
            "training_format": _numbers(known["formats"], [session["modality"]])[:1],
            "country": [country] if country else [],
            "city": session["city"] if country else "",
            "training_date_start": _moment(period["start"]),
            "training_date_end": _moment(period["end"]),
            "registration_deadline": _moment(session["enrolment_deadline"]),
            "event_url": address,
            "fee_information": _fee(offering, words),
            "body": body,
            "how_to_register": words["register"] % address,
        }
    ) | {"career_categories": []}  # left to ReliefWeb, as its schema allows


def _primary(tag: str) -> str:
    return tag.partition("-")[0]


def _numbers(known: Mapping[str, int], codes: Iterable[str]) -> list[int]:
    return [known[code] for code in codes if code in known]


def _moment(day: Any) -> str | None:
    return f"{date.fromisoformat(str(day)).isoformat()}T00:00:00+00:00" if day else None


def _fee(offering: Shown, words: Mapping[str, str]) -> str:
    price = offering["cost_per_participant"]
    if price is None:
        return ""
    return words["fee"] % {"price": price, "currency": offering["currency"]}


def _body(offering: Shown, language: str) -> tuple[str, str]:
    """Give what the offering is about, and the language of its summary; of its title where it has none."""
    summary, spoken = pick(offering["summaries"], language)
    if not summary:
        summary, spoken = pick(offering["titles"], language)
    parts = [summary]
    parts += [f"- {one}" for one in offering["objectives"].get(language, ())]
    parts += [vocabularies.label("themes", code, language) for code in offering["themes"]]
    return "\n".join(" ".join(part.split()) for part in parts if part.strip()), spoken


WORDS = {
    "register": _("Registration goes through your organization's focal point for the training marketplace: %s"),
    "fee": _("For each participant: %(price)s %(currency)s."),
}
TRAININGS = Representation(
    "reliefweb",
    MEDIA_TYPE,
    "json",
    "payloads of ReliefWeb's Post API, of sessions in the public catalogue that take bookings",
    write_trainings,
    expand=("offering",),
    of=queries.open_to_all,
)
