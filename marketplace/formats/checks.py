"""Whether a document is what it says it is, by tools that are not ours (`pip install` with the extra `checks`)."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType

import orjson
from icalendar import Calendar
from rdflib import Graph

from marketplace.formats.linked import graph_of

DATA = Path(__file__).parent / "data"
MOST_TOLD = 20  # complaints


class ToolMissingError(Exception):
    """The tool that a check needs is not installed."""


def _tool(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ToolMissingError(f"{error.name} is not installed: it comes with the extra `checks`.") from None


def by_shapes(graph: Graph, shapes: Path) -> list[str]:
    """List what SHACL shapes complain of (pySHACL)."""
    pyshacl = _tool("pyshacl")
    if not len(graph):
        return ["the document says nothing"]
    conforms, _, text = pyshacl.validate(graph, shacl_graph=Graph().parse(shapes), advanced=False)
    return [] if conforms else str(text).splitlines()[:MOST_TOLD]


def by_xml_schema(document: bytes, schema: Path) -> list[str]:
    """List what an XML Schema complains of (libxml2)."""
    etree = _tool("lxml.etree")
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    rules = etree.XMLSchema(etree.parse(str(schema), parser))
    try:
        rules.validate(etree.fromstring(document, parser))
    except etree.XMLSyntaxError as error:
        return [str(error)]
    return [f"line {entry.line}: {entry.message}" for entry in rules.error_log][:MOST_TOLD]


def by_json_schema(document: bytes, schema: Path) -> list[str]:
    """List what a JSON Schema complains of in each item of a list (jsonschema)."""
    jsonschema = _tool("jsonschema")
    validator = jsonschema.Draft202012Validator(
        orjson.loads(schema.read_bytes()), format_checker=jsonschema.FormatChecker()
    )
    found = orjson.loads(document)
    items = found.get("trainings", [found])
    return [
        f"{place}/{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for place, item in enumerate(items)
        for error in validator.iter_errors(item)
    ][:MOST_TOLD]


def as_calendar(document: bytes) -> list[str]:
    """List what icalendar's reader complains of, events without what RFC 5545 asks of them among it."""
    try:
        calendar = Calendar.from_ical(document)
    except ValueError as error:
        return [str(error)]
    found = [f"{name}: {text}" for name, text in calendar.errors]
    for event in calendar.walk("VEVENT"):
        missing = [name for name in ("UID", "DTSTAMP", "DTSTART") if name not in event]
        found += [f"{event.get('UID', 'an event')} has no {name}" for name in missing]
        found += [f"{event.get('UID')}: {name}: {text}" for name, text in event.errors]
    return found[:MOST_TOLD]


SHAPES: Mapping[str, Path] = {"course": DATA / "course.shapes.ttl", "themes": DATA / "themes.shapes.ttl"}
Check = Callable[[bytes], list[str]]


def catalogue(document: bytes) -> list[str]:
    """List what is wrong with a course catalogue of schema.org."""
    return by_shapes(graph_of(document), SHAPES["course"])


def themes(document: bytes) -> list[str]:
    """List what is wrong with a SKOS scheme."""
    return by_shapes(graph_of(document), SHAPES["themes"])


def feed(document: bytes) -> list[str]:
    """List what is wrong with an Atom feed, by a schema of ours after RFC 4287."""
    return by_xml_schema(document, DATA / "atom.xsd")


def activities(document: bytes) -> list[str]:
    """List what is wrong with IATI activities, by a schema of ours: the part of IATI 2.03 that we write."""
    return by_xml_schema(document, DATA / "iati-activities-part.xsd")


def trainings(document: bytes) -> list[str]:
    """List what is wrong with ReliefWeb payloads, by a schema of ours after the Post API's list of members."""
    return by_json_schema(document, DATA / "reliefweb-training.schema.json")
