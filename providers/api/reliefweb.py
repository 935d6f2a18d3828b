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
from marketplace.kernel.text import pick
from marketplace.vocabularies import queries as vocabularies
from providers import queries

Shown = Mapping[str, Any]
MEDIA_TYPE = "application/vnd.reliefweb.training.v2+json"
NAMESPACE = UUID("8e27a998-c362-5d1f-b152-d474e1d36af2")  # in which ReliefWeb wants the UUID of an address
SHIPPED = Path(__file__).parent.parent / "data" / "reliefweb.json"
TITLE_LENGTH, MOST_LANGUAGES = 255, 10
LANGUAGES = ("en", "fr", "es")  # a payload is written in one of those that ReliefWeb is read in


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
    language = telling.language if telling.language in LANGUAGES else "en"
    with override(language):
        words = {name: gettext(text) for name, text in WORDS.items()}
    payloads = (orjson.dumps(_payload(session, telling, language, known, words)) for session in sessions)
    if telling.single:
        yield next(payloads)
        return
    yield b'{"trainings":['
    before = b""
    for payload in payloads:
        yield before + payload
        before = b","
    yield b"]}"


def _payload(
    session: Shown,
    telling: Telling,
    language: str,
    known: Mapping[str, Mapping[str, int]],
    words: Mapping[str, str],
) -> dict[str, Any]:
    offering, period = session["offering"], session["period"]
    address = telling.address(f"sessions/{session['id']}")
    title = " ".join(pick(offering["titles"], language)[0].split())
    country = known["countries"].get(session["country"])
    return without_nothing(
        {
            "url": address,
            "uuid": str(uuid5(NAMESPACE, address)),
            "title": title[:TITLE_LENGTH],
            "source": _numbers(known["sources"], [offering["provider_code"]]),
            "language": _numbers(known["languages"], [language]),
            "training_language": _numbers(known["languages"], session["languages"])[:MOST_LANGUAGES],
            "training_format": _numbers(known["formats"], [session["modality"]])[:1],
            "country": [country] if country else [],
            "city": session["city"] if country else "",
            "training_date_start": _moment(period["start"]),
            "training_date_end": _moment(period["end"]),
            "registration_deadline": _moment(session["enrolment_deadline"]),
            "event_url": address,
            "fee_information": _fee(offering, words),
            "body": _body(offering, language),
            "how_to_register": words["register"] % address,
        }
    ) | {"career_categories": []}  # left to ReliefWeb, as its schema allows


def _numbers(known: Mapping[str, int], codes: Iterable[str]) -> list[int]:
    return [known[code] for code in codes if code in known]


def _moment(day: Any) -> str | None:
    return f"{date.fromisoformat(str(day)).isoformat()}T00:00:00+00:00" if day else None


def _fee(offering: Shown, words: Mapping[str, str]) -> str:
    price = offering["cost_per_participant"]
    if price is None:
        return ""
    return words["fee"] % {"price": price, "currency": offering["currency"]}


def _body(offering: Shown, language: str) -> str:
    parts = [pick(offering["summaries"], language)[0] or pick(offering["titles"], language)[0]]
    parts += [f"- {one}" for one in offering["objectives"].get(language, ())]
    parts += [vocabularies.label("themes", code, language) for code in offering["themes"]]
    return "\n".join(" ".join(part.split()) for part in parts if part.strip())


WORDS = {
    "register": "Registration goes through your organization's focal point for the training marketplace: %s",
    "fee": "For each participant: %(price)s %(currency)s.",
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
