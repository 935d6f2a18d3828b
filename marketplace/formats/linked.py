"""Linked data: JSON-LD written piece by piece, Turtle by way of rdflib. Contexts stand inside: nothing is fetched."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
from rdflib import Graph
from rdflib.plugins.parsers.jsonld import to_rdf

Node = Mapping[str, Any]


def tagged(texts: Mapping[str, str]) -> list[dict[str, str]]:
    """Write a language map as strings with their languages."""
    return [{"@language": language, "@value": text} for language, text in sorted(texts.items()) if text]


def without_nothing(node: Node) -> dict[str, Any]:
    """Leave out what is not known: null, empty text, empty list."""
    return {name: value for name, value in node.items() if value is not None and value not in ("", [], {})}


def write_document(node: Node, *, context: Any) -> Iterator[bytes]:
    """Write one node as a document."""
    yield orjson.dumps({"@context": context, **node})


def write_list(nodes: Iterable[Node], *, context: Any, head: Node, member: str) -> Iterator[bytes]:
    """Write a node whose ``member`` has many others, one after the other: memory does not grow with them."""
    yield orjson.dumps({"@context": context, **head})[:-1] + b',"' + member.encode() + b'":['
    before = b""
    for node in nodes:
        yield before + orjson.dumps(node)
        before = b","
    yield b"]}"


def graph_of(document: bytes) -> Graph:
    """Read JSON-LD whose contexts stand inside. Raises ValueError for one that would have to be fetched, or for no JSON."""
    found = orjson.loads(document)
    if _fetches(found):
        raise ValueError("a context is not inside the document")
    graph = Graph()
    to_rdf(found, graph)
    return graph


def _fetches(value: Any) -> bool:
    """Tell whether anything in a document names a context by its address."""
    if isinstance(value, list):
        return any(_fetches(one) for one in value)
    if not isinstance(value, dict):
        return False
    contexts = value.get("@context")
    named = any(isinstance(one, str) for one in (contexts if isinstance(contexts, list) else [contexts]))
    return named or "@import" in value or any(_fetches(one) for one in value.values())


def write_turtle(document: bytes, prefixes: Mapping[str, str]) -> Iterator[bytes]:
    """Write a JSON-LD document as Turtle."""
    graph = graph_of(document)
    for prefix, namespace in prefixes.items():
        graph.bind(prefix, namespace)
    yield graph.serialize(format="turtle", encoding="utf-8")
