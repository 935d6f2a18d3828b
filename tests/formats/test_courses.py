"""What sites really write: catalogues of schema.org with relative names, a byte order mark, entities, language tags."""

import codecs
import json
from typing import Any

import pytest

from marketplace.formats.courses import Course, read_courses
from providers.operations.harvesting import facts_of

BASE = "https://centre.example/catalogue/courses.jsonld?lang=en"


def read(*courses: dict[str, Any], base: str = BASE, before: bytes = b"") -> list[Course]:
    told = [{"@type": "Course", "name": "Interviewing with care", **course} for course in courses]
    document = json.dumps({"@context": "https://schema.org", "@graph": told}).encode()
    return read_courses(before + document, language="en", base=base)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("#c1", f"{BASE}#c1"),
        ("/courses/12", "https://centre.example/courses/12"),
        ("12", "https://centre.example/catalogue/12"),
        ("../courses/12?v=2", "https://centre.example/courses/12?v=2"),
        ("https://other.example/12", "https://other.example/12"),
    ],
)
def test_relative_name_is_read_from_the_address_of_the_document(name: str, key: str) -> None:
    (found,) = read({"@id": name})
    assert (found.key, found.url) == (key, key)


def test_base_that_the_document_names_comes_first() -> None:
    context = {"@vocab": "https://schema.org/", "@base": "https://other.example/"}
    document = json.dumps({"@context": context, "@type": "Course", "@id": "12", "name": "x"}).encode()
    (found,) = read_courses(document, language="en", base=BASE)
    assert found.key == "https://other.example/12"


def test_document_without_an_address_loses_no_course() -> None:
    found = read({"@id": "#c1"}, {"@id": "/courses/12"}, {"@id": "#c2", "identifier": "C-2"}, base="")
    assert [one.key for one in found] == ["#c1", "C-2", "courses/12"]


def test_theme_by_a_relative_name_is_read() -> None:
    (found,) = read({"identifier": "c1", "about": {"@id": "#fair-recruitment"}})
    assert found.themes == ("fair-recruitment",)


def test_byte_order_mark_is_no_fault() -> None:
    assert [one.key for one in read({"identifier": "c1"}, before=codecs.BOM_UTF8)] == ["c1"]


def test_identifier_may_be_a_property_with_a_value() -> None:
    def of_value(value: object) -> dict[str, Any]:
        return {"@type": "PropertyValue", "propertyID": "code", "value": value}

    two = [of_value("K-9"), of_value("K-10"), {"@type": "PropertyValue"}]
    for _ in range(3):  # the library numbers nodes anew in each run
        assert [one.key for one in read({"identifier": two}, {"identifier": of_value(7)})] == ["7", "K-10"]
    assert read({"identifier": ["C-1", of_value("A")]})[0].key == "C-1"
    assert read({"identifier": {"@type": "PropertyValue"}, "courseCode": "X"})[0].key == "X"


def test_entities_are_characters_in_texts_and_stay_in_addresses_and_keys() -> None:
    (found,) = read(
        {
            "name": "Caf&eacute; &amp; care",
            "description": "<p>Less&nbsp;than &lt;5&#160;days&#10;and\tmore&#7;&#x202e;</p>",
            "about": [{"@type": "Thing", "name": "Law &amp; order"}, "Q &amp; A"],
            "identifier": "a&copy=1",
            "url": "https://centre.example/?a=1&copy=2",
        }
    )
    assert found.titles == {"en": "Café & care"}
    assert found.summaries == {"en": "Less than <5 days\nand more"}
    assert set(found.themes) == {"Law & order", "Q & A"}
    assert (found.key, found.url) == ("a&copy=1", "https://centre.example/?a=1&copy=2")


@pytest.mark.django_db
def test_language_of_a_region_is_the_language() -> None:
    (found,) = read({"identifier": "c1", "inLanguage": ["en-US", "en-GB", "pt_BR", "tlh-Latn"]})
    facts, unknown = facts_of(found)
    assert facts["languages"] == ["en", "pt"]
    assert unknown == ["tlh-latn"]


def tagged(*texts: tuple[str, str]) -> list[dict[str, str]]:
    return [{"@language": tag, "@value": text} for tag, text in texts]


@pytest.mark.django_db
def test_text_of_a_region_is_one_of_the_language() -> None:
    (found,) = read(
        {
            "identifier": "c1",
            "name": tagged(("fr-FR", "Entretiens"), ("en-GB", "Interviews")),
            "description": tagged(("zh-Hant", "訪談"), ("nds-DE", "Snacken")),
            "teaches": tagged(("pt-BR", "Ouvir"), ("pt-BR", "Falar")),
            "coursePrerequisites": tagged(("es-419", "Ninguno")),
        }
    )
    facts, unknown = facts_of(found)
    assert facts["titles"] == {"fr": "Entretiens", "en": "Interviews"}
    assert facts["summaries"] == {"zh": "訪談", "nds": "Snacken"}
    assert facts["objectives"] == {"pt": ["Falar", "Ouvir"]}
    assert facts["prerequisites"] == {"es": "Ninguno"}
    assert unknown == []


@pytest.mark.django_db
def test_text_in_the_language_itself_comes_before_those_of_its_regions() -> None:
    (found,) = read(
        {
            "identifier": "c1",
            "name": tagged(("en-GB", "Organisations"), ("en", "Interviews"), ("en-US", "Organizations")),
            "description": tagged(("en-US", "Organizations"), ("en-GB", "Organisations")),
            "teaches": tagged(("fr-CA", "Écouter"), ("fr", "Parler")),
        }
    )
    facts, _unknown = facts_of(found)
    assert facts["titles"] == {"en": "Interviews"}
    assert facts["summaries"] == {"en": "Organisations"}  # the same one in every run
    assert facts["objectives"] == {"fr": ["Parler"]}
