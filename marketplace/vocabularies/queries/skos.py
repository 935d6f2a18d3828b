"""Vocabularies as SKOS concept schemes, in JSON-LD and Turtle."""

from collections.abc import Iterable, Iterator
from typing import Any

from marketplace.formats.linked import tagged, without_nothing, write_document, write_turtle
from marketplace.formats.registry import Representation, Telling
from marketplace.vocabularies.queries.codes import scheme, terms
from marketplace.vocabularies.queries.concepts import concept, concepts
from marketplace.vocabularies.queries.snapshot import ConceptRow, SchemeRow

PREFIXES = {"skos": "http://www.w3.org/2004/02/skos/core#", "dct": "http://purl.org/dc/terms/"}
CONTEXT = {
    **PREFIXES,
    **{name: {"@id": f"skos:{name}", "@type": "@id"} for name in ("broader", "related", "inScheme", "hasTopConcept")},
    **{name: {"@id": f"skos:{name}", "@type": "@id"} for name in ("exactMatch", "closeMatch", "narrowMatch")},
}


def scheme_address(root: str, code: str) -> str:
    """Give the address of a vocabulary, which names it as a concept scheme."""
    return f"{root}/api/v1/vocabularies/{code}"


def concept_address(root: str, code: str, of: str) -> str:
    """Give the address that names a concept of the vocabulary ``of``."""
    return f"{scheme_address(root, of)}#{code}"


def write_jsonld(schemes: Iterable[Any], telling: Telling) -> Iterator[bytes]:
    """Write vocabularies as one JSON-LD document."""
    graph = [node for one in schemes for node in _nodes(one["code"], telling.root)]
    return write_document({"@graph": graph}, context=CONTEXT)


def write_skos_turtle(schemes: Iterable[Any], telling: Telling) -> Iterator[bytes]:
    """Write vocabularies as Turtle."""
    return write_turtle(b"".join(write_jsonld(schemes, telling)), PREFIXES)


def _nodes(code: str, root: str) -> Iterator[dict[str, Any]]:
    row = scheme(code)
    if row is None:
        return
    rows = concepts(code) or [_plain(code, term.code, term) for term in terms(code)]
    yield _scheme(row, [one for one in rows if not one.broader], root)
    for one in rows:
        yield _concept(one, root)


def _plain(of: str, code: str, term: Any) -> ConceptRow:
    return ConceptRow(code, of, "", "", term.labels, {}, {}, (), (), (), (), term.active)


def _scheme(row: SchemeRow, top: list[ConceptRow], root: str) -> dict[str, Any]:
    return {
        "@id": scheme_address(root, row.code),
        "@type": "skos:ConceptScheme",
        "skos:prefLabel": tagged(row.labels),
        "skos:notation": row.code,
        "dct:hasVersion": row.version,
        "dct:source": row.source,
        "dct:license": row.licence,
        "hasTopConcept": [concept_address(root, one.code, row.code) for one in top],
    }


def _concept(row: ConceptRow, root: str) -> dict[str, Any]:
    def addresses(codes: Iterable[str]) -> list[str]:
        found = ((code, concept(code)) for code in codes)
        return [concept_address(root, code, target.scheme) for code, target in found if target is not None]

    alternatives = [
        {"@language": language, "@value": text} for language, texts in row.alt_labels.items() for text in texts
    ]
    deprecated = None if row.active else {"@value": True}
    return without_nothing(
        {
            "@id": concept_address(root, row.code, row.scheme),
            "@type": "skos:Concept",
            "inScheme": scheme_address(root, row.scheme),
            "skos:notation": row.code,
            "skos:prefLabel": tagged(row.labels),
            "skos:altLabel": alternatives,
            "skos:scopeNote": tagged(row.scope_notes),
            "broader": addresses([row.broader] if row.broader else []),
            "related": addresses(row.related),
            "exactMatch": addresses(row.exact_match),
            "closeMatch": addresses(row.close_match),
            "narrowMatch": addresses(row.narrow_match),
            "http://www.w3.org/2002/07/owl#deprecated": deprecated,
        }
    )


JSONLD = Representation("jsonld", "application/ld+json", "jsonld", "SKOS as JSON-LD", write_jsonld)
TURTLE = Representation("turtle", "text/turtle", "ttl", "SKOS as Turtle", write_skos_turtle)
