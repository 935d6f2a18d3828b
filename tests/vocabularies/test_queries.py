"""Reading: codes, labels, themes, places, rates and service levels, all without a query."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.kernel.money import Money, convert
from marketplace.vocabularies import queries
from marketplace.vocabularies.operations import record_rate

pytestmark = pytest.mark.django_db
NOVEMBER = date(2026, 11, 21)


@pytest.fixture
def no_query() -> Iterator[None]:
    queries.codes("audiences")
    with CaptureQueriesContext(connection) as captured:
        yield
    assert [query["sql"] for query in captured] == []


# --- codes --------------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("no_query")
def test_label_known_code_is_given_in_the_language() -> None:
    assert queries.label("audiences", "academia", "fr") == "Milieux universitaires"
    assert queries.label("countries", "VNM", "en") == "Viet Nam"
    assert queries.label("regions", "202", "fr") == "Afrique subsaharienne"
    assert queries.label("themes", "diaspora", "en") == "Diaspora and transnational communities"
    assert queries.label("service_levels", "request.match", "fr") == "Appariement"


@pytest.mark.usefixtures("no_query")
def test_label_other_language_falls_back_to_english_and_unknown_code_to_itself() -> None:
    assert queries.label("audiences", "academia", "sw") == "Academia"
    assert queries.label("audiences", "nobody-knows", "en") == "nobody-knows"
    assert queries.label("no_such_scheme", "x", "en") == "x"


@pytest.mark.usefixtures("no_query")
def test_terms_come_in_the_order_of_the_list() -> None:
    assert [term.code for term in queries.terms("levels")] == ["introductory", "intermediate", "advanced"]
    assert list(queries.labels("levels")) == ["introductory", "intermediate", "advanced"]


@pytest.mark.usefixtures("no_query")
def test_check_code_known_gives_nothing() -> None:
    assert queries.check_code("forms", "workshop", "/form") is None


@pytest.mark.usefixtures("no_query")
def test_check_code_unknown_names_pointer_and_allowed_values() -> None:
    error = queries.check_code("levels", "expert", "/lines/0/level")
    assert error is not None
    assert (error.pointer, error.code) == ("/lines/0/level", "unknown_code")
    assert error.allowed == ("introductory", "intermediate", "advanced")
    assert error.detail % error.params == "`expert` is not in the list levels."


@pytest.mark.usefixtures("no_query")
def test_check_codes_points_at_the_wrong_place_in_the_list() -> None:
    errors = queries.check_codes("languages", ["en", "tlh", "fr"], "/languages/must")
    assert [error.pointer for error in errors] == ["/languages/must/1"]


@pytest.mark.usefixtures("no_query")
def test_check_code_country_that_is_not_offered_is_refused() -> None:
    assert queries.check_code("countries", "ATA", "/country") is not None
    assert queries.check_code("countries", "MLI", "/country") is None


@pytest.mark.usefixtures("no_query")
def test_schemes_say_where_they_come_from() -> None:
    found = {scheme.code: scheme for scheme in queries.schemes()}
    assert found["countries"].licence == "Unicode-3.0"
    assert "73/195" in found["gcm"].source
    assert queries.scheme("themes") == found["themes"]
    assert queries.scheme("no_such_scheme") is None


@pytest.mark.usefixtures("no_query")
def test_every_code_of_every_vocabulary_has_english_and_french() -> None:
    for scheme in queries.schemes():
        for code, texts in queries.labels(scheme.code).items():
            assert texts.get("en"), (scheme.code, code)
            assert texts.get("fr"), (scheme.code, code)


# --- concepts -----------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("no_query")
def test_concept_ancestors_go_up_to_the_top() -> None:
    assert queries.concept_ancestors("trafficking-victims") == ("trafficking", "protection")
    assert queries.concept_ancestors("protection") == ()
    assert queries.concept_ancestors("unheard-of") == ()


@pytest.mark.usefixtures("no_query")
def test_concept_descendants_go_down_all_levels() -> None:
    found = queries.concept_descendants("protection")
    assert {"trafficking", "trafficking-victims", "trafficking-prosecution"} <= set(found)
    assert found.index("trafficking") < found.index("trafficking-victims")
    assert "protection" not in found


@pytest.mark.usefixtures("no_query")
def test_theme_rows_hold_the_core_scheme_only() -> None:
    rows = {row.code: row.broader for row in queries.theme_scheme_rows()}
    assert len(rows) == 80
    assert rows["migration-governance"] is None
    assert rows["trafficking-victims"] == "trafficking"


@pytest.mark.usefixtures("no_query")
def test_core_themes_of_mapped_concept_are_its_matches() -> None:
    assert queries.core_themes_of("cifal-environmental-sustainability") == ("environmental-sustainability",)
    assert queries.core_themes_of("diaspora") == ("diaspora",)
    assert queries.core_themes_of("unheard-of") == ()


@pytest.mark.usefixtures("no_query")
@pytest.mark.parametrize(
    ("text", "language", "first"),
    [
        ("Integration", "en", "integration"),
        ("education", "fr", "education"),  # accents aside: Éducation
        ("traite", "fr", "trafficking"),
        ("TRAITE DES PERSONNES", "fr", "trafficking"),
        ("main d'oeuvre", "fr", "labour-migration"),
        ("remitt", "en", "remittances"),
        ("climate", "en", "climate-change"),
        ("migration policy", "en", "migration-governance"),  # an alternative label
        ("remittances", "ru", "remittances"),  # English helps where a language has no labels
    ],
)
def test_suggest_concepts_finds_by_label_accents_and_case_aside(text: str, language: str, first: str) -> None:
    assert queries.suggest_concepts(text, language)[0].code == first


@pytest.mark.usefixtures("no_query")
@pytest.mark.parametrize("text", ["", "  ", "zz", "blockchain"])
def test_suggest_concepts_without_a_hit_gives_nothing(text: str) -> None:
    assert queries.suggest_concepts(text, "en") == []


@pytest.mark.usefixtures("no_query")
def test_suggest_concepts_gives_no_more_than_asked() -> None:
    assert len(queries.suggest_concepts("migration", "en", limit=3)) == 3


# --- places -------------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("no_query")
def test_regions_of_country_go_from_the_nearest_to_the_world() -> None:
    assert queries.places().regions_of("MLI") == ("011", "202", "002", "001")
    assert queries.places().regions_of("KOR") == ("030", "142", "001")
    assert queries.places().regions_of("XXX") == ()


@pytest.mark.usefixtures("no_query")
def test_countries_in_region_hold_all_depths() -> None:
    places = queries.places()
    assert {"MLI", "EGY", "MUS"} <= places.countries_in("002")
    assert "EGY" not in places.countries_in("202")
    assert places.countries_in("999") == frozenset()


@pytest.mark.usefixtures("no_query")
@pytest.mark.parametrize(
    ("wider", "place", "expected"),
    [
        ("011", "MLI", True),
        ("001", "MLI", True),
        ("MLI", "MLI", True),
        ("142", "MLI", False),
        ("002", "011", True),
        ("011", "002", False),
        ("MLI", "011", False),
    ],
)
def test_contains_country_and_area(wider: str, place: str, *, expected: bool) -> None:
    assert queries.places().contains(wider, place) is expected


@pytest.mark.usefixtures("no_query")
def test_is_place_knows_countries_and_areas_that_may_be_chosen() -> None:
    assert queries.is_place("MLI")
    assert queries.is_place("034")
    assert not queries.is_place("TWN")
    assert not queries.is_place("XYZ")


@pytest.mark.usefixtures("no_query")
def test_country_tells_its_groups_and_languages() -> None:
    mali = queries.country("MLI")
    assert mali is not None
    assert (mali.is_ldc, mali.is_lldc, mali.is_sids) == (True, True, False)
    assert queries.country("XXX") is None


# --- rates --------------------------------------------------------------------------------------------------------
def test_rate_latest_of_the_day_counts(at: datetime) -> None:
    record_rate(currency="EUR", usd_per_unit=Decimal("1.2"), valid_on=date(2026, 12, 1), origin="test", at=at)
    november, december = queries.rate("EUR", NOVEMBER), queries.rate("EUR", date(2026, 12, 24))
    assert november is not None
    assert december is not None
    assert (november.usd_per_unit, december.usd_per_unit) == (Decimal("1.1"), Decimal("1.2"))


@pytest.mark.usefixtures("no_query")
def test_rate_before_the_first_or_of_another_currency_is_none() -> None:
    assert queries.rate("EUR", date(2025, 1, 1)) is None
    assert queries.rate("AFN", NOVEMBER) is None


@pytest.mark.usefixtures("no_query")
def test_rates_convert_money() -> None:
    assert convert(Money(Decimal(1000), "EUR"), "USD", queries.rates(NOVEMBER)) == Money(Decimal("1100.00"), "USD")
    assert convert(Money(Decimal(1000), "AFN"), "USD", queries.rates(NOVEMBER)) is None


def test_record_rate_same_day_replaces(at: datetime) -> None:
    for value in ("1.3", "1.4"):
        record_rate(currency="AFN", usd_per_unit=Decimal(value), valid_on=NOVEMBER, origin="test", at=at)
    assert [one.usd_per_unit for one in queries.rate_history() if one.currency == "AFN"] == [Decimal("1.4")]


@pytest.mark.parametrize(
    ("currency", "value", "code"),
    [("XXX", "1", ErrorCode.UNKNOWN_REFERENCE), ("EUR", "0", ErrorCode.RULE_BROKEN)],
)
def test_record_rate_wrong_input_is_refused(currency: str, value: str, code: ErrorCode) -> None:
    with pytest.raises(DomainError) as caught:
        record_rate(
            currency=currency,
            usd_per_unit=Decimal(value),
            valid_on=NOVEMBER,
            origin="test",
            at=datetime(2026, 11, 21, tzinfo=UTC),
        )
    assert caught.value.code is code
