"""Made-up needs: columns of a request and of its lines, without keys."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from math import log
from random import Random
from typing import Any

from marketplace.demo.synthetic import weights
from marketplace.demo.synthetic.draws import Draw, World, generator, low, months
from marketplace.demo.synthetic.supply import PROVENANCE, Columns, dates

MODALITIES = (["in_person", "blended", "online"], ["in_person", "blended"], ["online"])
STEP = timedelta(days=4)  # between drafting, submission and opening


@dataclass(frozen=True, slots=True)
class NeedFacts:
    """A request: who asks, where it stands, since when, and its columns."""

    agency: str
    state: str
    drafted_at: datetime
    columns: Columns
    lines: list[Columns]

    def after(self, steps: int, now: datetime) -> datetime:
        """Give when the n-th step after drafting was taken."""
        return min(self.drafted_at + steps * STEP, now)


class Demand:
    """Draws needs for the year after ``today``."""

    def __init__(self, world: World, *, seed: int, today: date) -> None:
        self._world = world
        self._seed = seed
        self._today = today
        self._level, self._state = Draw(weights.LEVELS), Draw(weights.STATES)

    def need(self, number: int) -> NeedFacts:
        """Give one need; a few repeat an earlier one for another agency."""
        rng = generator(self._seed, "request", number)
        if number > 200 and rng.random() < weights.NEAR_DUPLICATES:
            twin = number - rng.randrange(1, 200)
            first = self._need(generator(self._seed, "request", twin))
            return self._numbered(replace(first, agency=self._world.agency(rng)), number)
        return self._numbered(self._need(rng), number)

    def _numbered(self, facts: NeedFacts, number: int) -> NeedFacts:
        place, year = facts.lines[0]["country"], facts.drafted_at.year
        reference = None if facts.state == "draft" else f"SYN-{place}-{year}-{number + 1:07d}"
        columns = {**facts.columns, "reference": reference, "external_id": f"SYN-R{number + 1:07d}"}
        return replace(facts, columns=columns)

    def _need(self, rng: Random) -> NeedFacts:
        world = self._world
        country, group = world.country(rng), world.wanted_theme(rng)
        people = _people(rng, weights.PARTICIPANTS_MEDIAN, weights.PARTICIPANTS_SIGMA)
        lines = self._lines(rng, country, group, people)
        state = self._state(rng)
        drafted_on = self._today - timedelta(days=rng.randrange(20, 300))
        columns: dict[str, Any] = {
            **self._texts(lines[0], country, people),
            "language": "fr" if any(line["language"] == "fr" for line in lines) else "en",
            "languages_must": sorted({line["language"] for line in lines}),
            "forms": [] if rng.random() < 0.4 else rng.sample(weights.NEED_FORMS, rng.randrange(2, 5)),
            "modalities": rng.choices(MODALITIES, (60, 25, 15))[0],
            **dates(months(self._today.year + 1, world.month(rng), rng.choice((3, 6, 9, 12)))),
            "place_preference": rng.choices(("any", "in_country", "regional"), (55, 35, 10))[0],
            "place_country": country,
            **_budget(rng, people),
            "award": rng.choice(("participation", "completion")),
            "visibility": "group",
            "channel": "import",
            "provenance": PROVENANCE,
        }
        drafted_at = datetime.combine(drafted_on, time(9), tzinfo=UTC)
        return NeedFacts(world.agency(rng), state, drafted_at, columns, lines)

    def _lines(self, rng: Random, country: str, group: str, people: int) -> list[Columns]:
        world, found = self._world, []
        count = rng.choices((1, 2, 3), (70, 21, 9))[0]
        for number in range(1, count + 1):
            if number > 1 and rng.random() < 0.4:
                group = world.wanted_theme(rng)
            where = country if number == 1 or rng.random() < 0.85 else world.country(rng)
            most = max(8, people // count)
            audience = world.audience[group](rng)
            local = audience == "local_regional_authorities"
            found.append(
                {
                    "number": number,
                    "theme": rng.choice(weights.THEMES[group][1]),
                    "audience": audience,
                    "country": where,
                    "language": rng.choice(world.languages_of(where)),
                    "participants_min": max(5, most * 6 // 10),
                    "participants_max": most,
                    "governance_level": rng.choice(("regional", "municipal")) if local else "national",
                    "level": self._level(rng),
                }
            )
        return found

    def _texts(self, line: Columns, country: str, people: int) -> Columns:
        world = self._world
        theme = {language: world.theme_label(line["theme"], language) for language in ("en", "fr")}
        who = {language: low(world.audience_label(line["audience"], language)) for language in ("en", "fr")}
        name = {language: world.country_name(country, language) for language in ("en", "fr")}
        return {
            "title": {
                "en": f"{theme['en']}: {who['en']}, {name['en']}",
                "fr": f"{theme['fr']} : {who['fr']}, {name['fr']}",
            },
            "need_statement": {
                "en": f"{people} people in {name['en']} need training on {low(theme['en'])}.",
                "fr": f"{people} personnes ({name['fr']}) ont besoin d\u2019une formation : {low(theme['fr'])}.",
            },
        }


def _people(rng: Random, median: int, sigma: float) -> int:
    return max(8, round(rng.lognormvariate(log(median), sigma)))


def _budget(rng: Random, people: int) -> Columns:
    funding = rng.choices(("none", "sought", "secured"), (55, 30, 15))[0]
    ceiling = Decimal(round(people * rng.uniform(250, 1200), -3)).quantize(Decimal("0.01"))
    if funding == "none":
        return {"funding_state": "none"}
    return {"funding_state": funding, "budget_ceiling": ceiling, "budget_currency": "USD"}
