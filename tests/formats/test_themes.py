"""Vocabularies as SKOS: read by rdflib, held against SHACL shapes by pySHACL."""

from datetime import datetime
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from rdflib import Graph, Literal, URIRef
from rdflib.namespace import SKOS

from marketplace.formats import checks
from marketplace.formats.linked import graph_of
from marketplace.kernel.errors import ErrorCode as C
from marketplace.vocabularies import queries
from tests.kit.api import ApiClient, check_problem
from tests.kit.people import small_group

ROOT = "http://testserver/api/v1/vocabularies"


pytestmark = pytest.mark.django_db


@pytest.fixture
def client(at: datetime) -> ApiClient:
    return ApiClient.of(small_group(at).viewer, at)


def test_themes_are_the_same_graph_in_both_forms(client: ApiClient) -> None:
    jsonld = client.get("/vocabularies/themes?format=jsonld")
    turtle = client.get("/vocabularies/themes", Accept="text/turtle")
    assert jsonld["Content-Type"] == "application/ld+json"
    assert turtle["Content-Type"] == "text/turtle; charset=utf-8"
    first, second = graph_of(jsonld.content), Graph().parse(data=turtle.content)
    assert set(first) == set(second)
    concepts = set(first.subjects(predicate=SKOS.inScheme, object=URIRef(f"{ROOT}/themes")))
    assert len(concepts) == len(queries.concepts("themes")) > 50
    assert checks.themes(jsonld.content) == []


def test_theme_keeps_labels_broader_and_matches(client: ApiClient) -> None:
    graph = Graph().parse(data=client.get("/vocabularies/themes?format=turtle").content)
    theme = URIRef(f"{ROOT}/themes#consultation-monitoring")
    assert Literal("Consultation, monitoring and evaluation mechanisms", "en") in set(
        graph.objects(theme, SKOS.prefLabel)
    )
    assert set(graph.objects(theme, SKOS.broader)) == {URIRef(f"{ROOT}/themes#mainstreaming")}
    assert set(graph.objects(theme, SKOS.closeMatch)) == {URIRef(f"{ROOT}/sdg#sdg:16.7")}


def test_every_concept_scheme_and_a_plain_list_hold_the_shapes(client: ApiClient) -> None:
    schemes = {row.code for row in queries.schemes() if queries.concepts(row.code)} | {"audiences"}
    assert {"themes", "gcm", "sdg"} < schemes
    for scheme in sorted(schemes):
        answer = client.get(f"/vocabularies/{scheme}?format=jsonld")
        assert checks.themes(answer.content) == [], scheme


def test_shapes_see_a_theme_without_a_label(client: ApiClient) -> None:
    document = client.get("/vocabularies/themes?format=jsonld").content
    broken = document.replace(b'"skos:prefLabel"', b'"skos:hiddenLabel"')
    assert checks.themes(broken) != []


def test_other_formats_are_refused_with_those_that_there_are(client: ApiClient) -> None:
    body = check_problem(client.get("/vocabularies/themes?format=xml"), C.NOT_ACCEPTABLE)
    assert body["errors"][0]["parameter"] == "format"
    assert body["errors"][0]["allowed"] == ["json", "jsonld", "turtle"]
    body = check_problem(client.get("/vocabularies/themes", Accept="application/xml"), C.NOT_ACCEPTABLE)
    assert body["errors"][0]["header"] == "Accept"
    assert body["errors"][0]["allowed"] == ["application/json", "application/ld+json", "text/turtle"]
    check_problem(client.get("/vocabularies/nowhere?format=turtle"), C.NOT_FOUND)
    check_problem(client.get("/vocabularies?format=turtle"), C.UNKNOWN_PARAMETER)


def test_known_tag_saves_the_answer(client: ApiClient) -> None:
    tag = client.get("/vocabularies/themes?format=turtle")["ETag"]
    assert client.get("/vocabularies/themes?format=turtle", If_None_Match=tag).status_code == 304
    assert client.get("/vocabularies/themes?format=jsonld", If_None_Match=tag).status_code == 200


@pytest.mark.parametrize("form", ["jsonld", "turtle"])
def test_export_writes_and_checks(form: str, tmp_path: Path) -> None:
    file, text = tmp_path / "themes", StringIO()
    call_command("export_themes", format=form, output=file, root="https://gmg.example", stdout=text)
    graph = graph_of(file.read_bytes()) if form == "jsonld" else Graph().parse(data=file.read_bytes(), format="turtle")
    assert (URIRef("https://gmg.example/api/v1/vocabularies/themes"), None, None) in graph
    call_command("export_themes", format=form, check=True, stdout=text)
    assert "no complaint" in text.getvalue()


def test_export_of_an_unknown_scheme_names_the_known(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="themes"):
        call_command("export_themes", scheme="nowhere")
