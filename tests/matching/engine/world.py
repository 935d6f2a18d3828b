"""A small made-up world for the engine's own tests, and strategies that draw needs and offers from it."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from matching.engine import (
    DEFAULT_POLICY,
    Budget,
    CapacitySlot,
    Catalogue,
    Cost,
    Country,
    Need,
    NeedLine,
    Offer,
    PlaceIndex,
    PlaceWish,
    Policy,
    Ranking,
    Rate,
    Rates,
    SessionSlot,
    TrackRecord,
    build_catalogue,
    rank,
    scheme_from_pairs,
)

TODAY = date(2027, 1, 4)
WINDOW = (date(2027, 3, 1), date(2027, 9, 30))

SCHEME = scheme_from_pairs(
    "test-1",
    [
        ("protection", None),
        ("trafficking", "protection"),
        ("victims", "trafficking"),
        ("prosecution", "trafficking"),
        ("smuggling", "protection"),
        ("labour", None),
        ("recruitment", "labour"),
    ],
)
PLACES = PlaceIndex(
    (
        Country("GHA", "011"),
        Country("MLI", "011", ldc=True, lldc=True),
        Country("TUN", "015"),
        Country("NPL", "034", ldc=True),
    ),
    {"001": None, "002": "001", "202": "002", "011": "202", "015": "002", "142": "001", "034": "142"},
)
RATES = Rates({"USD": Rate(Decimal(1), date(2027, 1, 1)), "EUR": Rate(Decimal("1.1"), date(2027, 1, 1))})


def offer(name: str = "A", **changes: object) -> Offer:
    """A course on trafficking that serves the need of `need()` perfectly, in one session."""
    facts: dict[str, object] = {
        "id": name,
        "provider": f"P-{name}",
        "themes": frozenset({"trafficking"}),
        "form": "course",
        "modality": "in_person",
        "languages": frozenset({"en", "fr"}),
        "audiences": frozenset({"officials"}),
        "hours": 12,
        "participants_min": 10,
        "participants_max": 30,
        "texts": {"en": "Trafficking in persons for officials"},
        "vetted_until": date(2028, 1, 1),
        "organizations": frozenset({f"O-{name}"}),
        "level": "intermediate",
        "governance_levels": frozenset({"national"}),
        "worldwide": True,
        "lead_time_days": 30,
        "award": "completion",
        "cost": Cost(Decimal(10000), Decimal(0), "USD"),
        "sessions": (session(f"S-{name}"),),
    }
    return Offer(**(facts | changes))  # type: ignore[arg-type]  # facts by name


def session(code: str = "S", **changes: object) -> SessionSlot:
    facts: dict[str, object] = {
        "code": code,
        "start": date(2027, 5, 10),
        "end": date(2027, 5, 14),
        "languages": frozenset({"en"}),
        "country": "GHA",
        "city": "Accra",
        "seats_total": 30,
        "seats_free": 30,
        "seats_min": 10,
        "enrolment_deadline": date(2027, 4, 1),
    }
    return SessionSlot(**(facts | changes))  # type: ignore[arg-type]  # facts by name


def window(
    code: str = "C", free: int = 20, start: date = date(2027, 1, 1), end: date = date(2027, 12, 31)
) -> CapacitySlot:
    return CapacitySlot(code, start, end, total=40, free=free)


def line(number: int = 1, **changes: object) -> NeedLine:
    facts: dict[str, object] = {
        "number": number,
        "theme": "trafficking",
        "audience": "officials",
        "minimum": 10,
        "maximum": 20,
        "country": "GHA",
        "language": "en",
        "level": "intermediate",
        "governance_level": "national",
    }
    return NeedLine(**(facts | changes))  # type: ignore[arg-type]  # facts by name


def need(*lines: NeedLine, **changes: object) -> Need:
    facts: dict[str, object] = {
        "id": "R-1",
        "requester": "UNX",
        "lines": lines or (line(),),
        "window_start": WINDOW[0],
        "window_end": WINDOW[1],
        "texts": {"en": "Officials must learn to recognize trafficking"},
        "budget": Budget(Decimal(20000), "USD", "secured"),
        "award": "participation",
    }
    return Need(**(facts | changes))  # type: ignore[arg-type]  # facts by name


def catalogue(*offers: Offer) -> Catalogue:
    return build_catalogue(offers, SCHEME, PLACES)


def ranking(request: Need, *offers: Offer, policy: Policy = DEFAULT_POLICY, as_of: date = TODAY) -> Ranking:
    return rank(request, catalogue(*offers), policy, as_of=as_of, rates=RATES)


def failing(request: Need, one: Offer, policy: Policy = DEFAULT_POLICY) -> tuple[str, ...]:
    """The codes that rule an offer out for the first line; empty when it is a candidate."""
    from matching.engine.explaining.relaxation import popcount
    from matching.engine.screening.constraints import codes_of
    from matching.engine.screening.slots import screen

    found = screen(request, request.lines[0], catalogue(one), policy, as_of=TODAY, rates=RATES)
    return codes_of(int(found.bits[popcount(found.bits).argmin()]))


# --- strategies ---------------------------------------------------------------------------------------------------

themes = st.sampled_from([concept.id for concept in SCHEME.concepts])
languages = st.sampled_from(["en", "fr", "ar"])
audiences = st.sampled_from(["officials", "judges"])
levels = st.sampled_from(["introductory", "intermediate", "advanced"])
forms = st.sampled_from(["course", "workshop", "online_self_paced"])
modalities = st.sampled_from(["in_person", "online", "blended"])
awards = st.sampled_from(["none", "participation", "completion"])
countries = st.sampled_from([country.code for country in PLACES.countries])
days = st.integers(min_value=-60, max_value=500).map(lambda number: TODAY + timedelta(number))


@st.composite
def sessions(draw: st.DrawFn, code: str) -> SessionSlot:
    start = draw(days)
    total = draw(st.integers(1, 40))
    return SessionSlot(
        code=code,
        start=start,
        end=start + timedelta(draw(st.integers(0, 90))),
        precision=draw(st.sampled_from(["day", "month"])),
        languages=frozenset(draw(st.sets(languages, min_size=1, max_size=2))),
        country=draw(st.none() | countries),
        seats_total=total,
        seats_free=draw(st.integers(0, total)),
        seats_min=draw(st.integers(0, 15)),
        enrolment_deadline=draw(st.none() | days),
        bookable=draw(st.sampled_from([True, True, True, False])),
    )


@st.composite
def capacities(draw: st.DrawFn, code: str) -> CapacitySlot:
    start = draw(days)
    total = draw(st.integers(1, 30))
    return CapacitySlot(
        code,
        start,
        start + timedelta(draw(st.integers(0, 200))),
        total,
        draw(st.integers(0, total)),
        draw(st.sampled_from(["trainer_days", "parallel_deliveries"])),
    )


@st.composite
def offers(draw: st.DrawFn, name: str = "A") -> Offer:
    smallest = draw(st.integers(1, 15))
    often = st.sampled_from([True, True, True, True, False])
    return Offer(
        id=name,
        provider=draw(st.sampled_from(["P-1", "P-2", "P-3"])),
        themes=frozenset(draw(st.sets(themes, min_size=1, max_size=3))),
        form=draw(forms),
        modality=draw(modalities),
        languages=frozenset(draw(st.sets(languages, min_size=1))),
        audiences=frozenset(draw(st.sets(audiences, min_size=1))),
        hours=draw(st.integers(1, 60)),
        participants_min=smallest,
        participants_max=smallest + draw(st.integers(0, 40)),
        texts=draw(st.sampled_from([{}, {"en": "trafficking of persons"}, {"fr": "traite des personnes"}])),
        published=draw(often),
        bookable=draw(often),
        vetted_until=TODAY + timedelta(draw(st.integers(-10, 90))),
        provider_verified=draw(often),
        organizations=frozenset({draw(st.sampled_from(["O-1", "O-2"]))}),
        can_lead=draw(st.booleans()),
        interpretation=draw(st.booleans()),
        level=draw(st.none() | levels),
        governance_levels=frozenset({"national"}),
        worldwide=draw(often),
        countries=frozenset(draw(st.sets(countries, max_size=2))),
        on_request=draw(st.booleans()),
        in_country_on_request=draw(st.booleans()),
        lead_time_days=draw(st.integers(0, 120)),
        customisable=draw(st.booleans()),
        award=draw(st.none() | awards),
        cost=draw(
            st.none()
            | st.builds(
                Cost,
                st.integers(0, 30000).map(Decimal),
                st.integers(0, 500).map(Decimal),
                st.sampled_from(["USD", "EUR", "XXX"]),
            )
        ),
        sessions=tuple(draw(sessions(f"{name}-S{number}")) for number in range(draw(st.integers(0, 2)))),
        capacity=tuple(draw(capacities(f"{name}-C{number}")) for number in range(draw(st.integers(0, 2)))),
        record=TrackRecord(draw(st.integers(0, 1000)), draw(st.integers(0, 20)), draw(st.integers(0, 9))),
    )


@st.composite
def lines(draw: st.DrawFn, number: int = 1) -> NeedLine:
    smallest = draw(st.integers(1, 20))
    return NeedLine(
        number=number,
        theme=draw(themes),
        audience=draw(audiences),
        minimum=smallest,
        maximum=smallest + draw(st.integers(0, 40)),
        country=draw(st.none() | countries),
        language=draw(st.none() | languages),
        level=draw(st.none() | levels),
        governance_level="national",
    )


@st.composite
def needs(draw: st.DrawFn, most_lines: int = 1) -> Need:
    start = draw(days)
    return Need(
        id="R-1",
        requester="O-1",
        lines=tuple(draw(lines(number)) for number in range(1, draw(st.integers(1, most_lines)) + 1)),
        window_start=start,
        window_end=start + timedelta(draw(st.integers(0, 300))),
        texts={"en": "people traffic"},
        languages_may=frozenset(draw(st.sets(languages))),
        forms=frozenset(draw(st.sets(forms))),
        modalities=frozenset(draw(st.sets(modalities))),
        place=draw(
            st.builds(
                PlaceWish, st.sampled_from(["any", "in_country", "regional", "fixed", "online"]), st.none() | countries
            )
        ),
        budget=draw(
            st.builds(
                Budget,
                st.none() | st.integers(0, 40000).map(Decimal),
                st.sampled_from([None, "USD", "EUR"]),
                st.sampled_from(["none", "sought", "secured"]),
            )
        ),
        award=draw(awards),
        interpretation_allowed=draw(st.booleans()),
        excluded=frozenset(draw(st.sets(st.sampled_from(["P-1", "O-2"]), max_size=1))),
        conflicts=frozenset(draw(st.sets(st.sampled_from(["P-2"]), max_size=1))),
        kept_apart=frozenset(draw(st.sets(st.sampled_from([("P-1", "P-3"), ("O-2", "P-3")]), max_size=1))),
        lead_required=draw(st.booleans()),
        visible_to=draw(st.none() | st.just(frozenset({"P-1", "P-2"}))),
    )


def catalogues(most: int = 6) -> st.SearchStrategy[list[Offer]]:
    """Lists of offers with ids of their own."""
    return st.integers(0, most).flatmap(lambda size: st.tuples(*(offers(f"offer-{n}") for n in range(size))).map(list))
