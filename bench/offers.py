"""Made-up offers and needs for the engine's benchmarks: 100,000 offerings of 2,000 providers, the same every time."""

import random
from datetime import date, timedelta
from decimal import Decimal

from matching.engine import (
    Budget,
    CapacitySlot,
    Cost,
    Country,
    Need,
    NeedLine,
    Offer,
    PlaceIndex,
    Rate,
    Rates,
    SessionSlot,
    ThemeScheme,
    TrackRecord,
    scheme_from_pairs,
)

TODAY = date(2027, 1, 4)
LANGUAGES, LANGUAGE_WEIGHTS = ("en", "fr", "es", "ar", "ru", "zh"), (60, 35, 20, 15, 8, 6)
FORMS = ("course", "workshop", "study_visit", "online_instructor_led", "online_self_paced", "training_of_trainers")
MODALITIES = ("in_person", "online", "blended")
AUDIENCES = tuple(f"audience-{number}" for number in range(12))
LEVELS = ("introductory", "intermediate", "advanced")
AWARDS = ("none", "participation", "completion", "diploma_credit")
REGIONS = tuple(f"R{number:02}" for number in range(20))
COUNTRIES = tuple(f"C{number:03}" for number in range(200))
WORDS = tuple(f"word{number}" for number in range(4000))
RATES = Rates({"USD": Rate(Decimal(1), TODAY), "EUR": Rate(Decimal("1.1"), TODAY)})


def scheme() -> ThemeScheme:
    """Make 12 fields of 12 themes, three of each divided in two."""
    pairs: list[tuple[str, str | None]] = []
    for top in range(12):
        pairs.append((f"F{top:02}", None))
        for theme in range(12):
            pairs.append((f"F{top:02}-{theme:02}", f"F{top:02}"))
            if theme < 3:
                pairs += [(f"F{top:02}-{theme:02}-{part}", f"F{top:02}-{theme:02}") for part in range(2)]
    return scheme_from_pairs("bench", pairs)


def places() -> PlaceIndex:
    """Make 200 countries in 20 regions of the world."""
    countries = tuple(Country(code, REGIONS[number % len(REGIONS)]) for number, code in enumerate(COUNTRIES))
    return PlaceIndex(countries, {"001": None} | dict.fromkeys(REGIONS, "001"))


def offers(count: int) -> list[Offer]:
    """Make so many offers."""
    chance = random.Random(20_120_209)
    themes = [concept.id for concept in scheme().concepts]
    windows = {number: _windows(chance, number) for number in range(2000)}
    return [_offer(chance, number, themes, windows) for number in range(count)]


def _windows(chance: random.Random, provider: int) -> tuple[CapacitySlot, ...]:
    return tuple(
        CapacitySlot(
            f"W{provider}-{quarter}",
            TODAY + timedelta(90 * quarter),
            TODAY + timedelta(90 * quarter + 89),
            total=(total := chance.randint(5, 40)),
            free=chance.randint(0, total),
        )
        for quarter in range(chance.randint(0, 4))
    )


def _offer(
    chance: random.Random, number: int, themes: list[str], windows: dict[int, tuple[CapacitySlot, ...]]
) -> Offer:
    provider = chance.randrange(2000)
    smallest = chance.choice((5, 8, 10, 12, 15))
    languages = frozenset(chance.choices(LANGUAGES, LANGUAGE_WEIGHTS, k=chance.choice((1, 1, 2, 3))))
    form = chance.choice(FORMS)
    evaluations = chance.choice((0, 0, 0, 3, 8, 20))
    return Offer(
        id=f"O{number:06}",
        provider=f"P{provider:04}",
        themes=frozenset(chance.sample(themes, chance.choice((1, 1, 2, 3)))),
        form=form,
        modality=chance.choice(MODALITIES),
        languages=languages,
        audiences=frozenset(chance.sample(AUDIENCES, chance.randint(1, 4))),
        hours=chance.choice((6, 12, 18, 30, 40, 60)),
        participants_min=smallest,
        participants_max=smallest + chance.choice((10, 15, 25, 35)),
        texts={"en": " ".join(chance.choices(WORDS[:400], k=8) + chance.choices(WORDS, k=16))},
        published=chance.random() < 0.95,
        vetted_until=TODAY + timedelta(chance.choice((-20, 100, 300, 500))),
        provider_verified=chance.random() < 0.97,
        organizations=frozenset({f"P{provider:04}"}),
        interpretation=chance.random() < 0.3,
        level=chance.choice((None, *LEVELS)),
        governance_levels=frozenset(chance.sample(("national", "regional", "local"), chance.randint(0, 2))),
        worldwide=chance.random() < 0.25,
        countries=frozenset(chance.sample(COUNTRIES, chance.randint(0, 12))),
        regions=frozenset(chance.sample(REGIONS, chance.choice((0, 0, 1, 2)))),
        home_country=COUNTRIES[provider % 200],
        on_request=chance.random() < 0.5,
        lead_time_days=chance.choice((14, 30, 60, 90)),
        customisable=chance.random() < 0.3,
        award=chance.choice((None, *AWARDS)),
        cost=None
        if chance.random() < 0.2
        else Cost(
            Decimal(chance.randint(2, 40) * 500),
            Decimal(chance.choice((0, 0, 100, 250))),
            chance.choice(("USD", "EUR")),
        ),
        sessions=tuple(
            _session(chance, f"S{number}-{nth}", languages) for nth in range(chance.choice((0, 0, 1, 1, 2)))
        ),
        capacity=windows[provider],
        record=TrackRecord(chance.randint(400, 950), evaluations, evaluations and chance.randint(1, 9)),
    )


def _session(chance: random.Random, code: str, languages: frozenset[str]) -> SessionSlot:
    start = TODAY + timedelta(chance.randint(-30, 500))
    total = chance.randint(15, 40)
    return SessionSlot(
        code,
        start,
        start + timedelta(chance.randint(0, 9)),
        languages=languages,
        country=chance.choice(COUNTRIES),
        seats_total=total,
        seats_free=chance.randint(0, total),
        enrolment_deadline=start - timedelta(20),
    )


def needs(count: int) -> list[Need]:
    """Make so many needs of one line each, with a secured ceiling, for a theme that is not a whole field."""
    chance = random.Random(7)
    themes = [concept.id for concept in scheme().concepts if concept.broader is not None]
    return [_need(chance, f"N{number:05}", themes) for number in range(count)]


def _need(chance: random.Random, name: str, themes: list[str]) -> Need:
    opens = TODAY + timedelta(chance.randint(30, 90))
    smallest = chance.choice((8, 10, 12))
    line = NeedLine(
        1,
        theme=chance.choice(themes),
        audience=chance.choice(AUDIENCES),
        minimum=smallest,
        maximum=smallest + chance.choice((5, 10, 20)),
        country=chance.choice(COUNTRIES),
        language=chance.choice(LANGUAGES[:3]),
        level=chance.choice((None, *LEVELS)),
    )
    return Need(
        name,
        "U",
        (line,),
        opens,
        opens + timedelta(chance.randint(120, 240)),
        texts={"en": " ".join(chance.choices(WORDS[:400], k=12) + chance.choices(WORDS, k=12))},
        budget=Budget(Decimal(chance.choice((10000, 20000, 30000))), "USD", "secured"),
        award=chance.choice(("none", "participation")),
    )
