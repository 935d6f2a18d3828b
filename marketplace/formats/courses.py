"""Reading what others offer: a course catalogue of schema.org in JSON-LD, as found, without fetching anything else."""

import codecs
import html
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from django.core.exceptions import SuspiciousOperation
from django.utils.html import strip_tags
from rdflib import Graph, Literal, URIRef
from rdflib.namespace import RDF
from rdflib.plugins.parsers.jsonld import to_rdf
from rdflib.term import Node

MOST_COURSES = 2_000
MOST_VALUES, DEEPEST = 200_000, 40
MOST_TEXT, MOST_NAME = 20_000, 200  # characters
SCHEMA = ("https://schema.org/", "http://schema.org/")
CONTEXT = {"@vocab": SCHEMA[0]}
NOWHERE = "https://nowhere.invalid/"  # the address of a document that has none; without any, the library drops names
DURATION = re.compile(r"^P(?:T)(\d{1,4})H")
MODES = {"online": "online", "onsite": "in_person", "in person": "in_person", "blended": "blended"}


class CatalogueError(Exception):
    """The document is no course catalogue that can be read; its text is the code that says why."""


PROBLEMS = ("not_json", "too_deep", "too_large", "foreign_context", "not_linked_data", "no_course", "too_many_courses")


@dataclass(frozen=True, slots=True)
class Course:
    """A course as its provider tells it: texts by language, and words for themes that are not codes of ours yet."""

    key: str  # by which the provider knows it; empty where it has none
    titles: Mapping[str, str]
    summaries: Mapping[str, str]
    objectives: Mapping[str, list[str]]
    prerequisites: Mapping[str, str]
    languages: tuple[str, ...]
    themes: tuple[str, ...]  # fragments of addresses, or words
    modality: str  # empty where it is not told, or differs from run to run
    level: str
    duration_hours: int | None
    url: str = ""


def read_courses(document: bytes, *, language: str, base: str = "") -> list[Course]:
    """Read the courses of a document, ordered by key; texts without a language are in ``language``. Raises CatalogueError.

    ``base`` is the address of the document: what it names by a part of an address is named from there.
    """
    graph = Graph()
    try:
        to_rdf(_prepared(document), graph, base=base or NOWHERE)
    except CatalogueError:
        raise
    except Exception:  # whatever a strange document makes of the library is the document's fault
        raise CatalogueError("not_linked_data") from None
    nodes = {node for base in SCHEMA for node in graph.subjects(RDF.type, URIRef(f"{base}Course"))}
    if not nodes:
        raise CatalogueError("no_course")
    if len(nodes) > MOST_COURSES:
        raise CatalogueError("too_many_courses")
    courses = [_course(_Told(graph, node), language) for node in nodes]
    return sorted(courses, key=lambda course: (course.key, sorted(course.titles.items())))


def _prepared(document: bytes) -> Any:
    """Put the context of schema.org inside, and refuse what is too large or names another context by its address."""
    try:
        found = orjson.loads(document.removeprefix(codecs.BOM_UTF8))
    except orjson.JSONDecodeError:
        raise CatalogueError("not_json") from None
    if not isinstance(found, dict | list):
        raise CatalogueError("not_linked_data")
    if isinstance(found, list):
        found = {"@context": CONTEXT, "@graph": found}
    seen, waiting = 0, list[tuple[Any, int]]([(found, 0)])
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        if seen > MOST_VALUES:
            raise CatalogueError("too_large")
        if depth > DEEPEST:
            raise CatalogueError("too_deep")
        if isinstance(value, dict):
            _settle_context(value)
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting += [(one, depth + 1) for one in inner]
    return found


def _settle_context(value: dict[str, Any]) -> None:
    """Leave nothing that the library would fetch: it follows an address however deep it lies in lists of contexts."""
    given = value.get("@context")
    if given is None:
        return
    contexts = given if isinstance(given, list) else [given]
    settled = [CONTEXT if _is_schema(one) else one for one in contexts]
    if not all(one is None or (isinstance(one, dict) and "@import" not in one) for one in settled):
        raise CatalogueError("foreign_context")
    value["@context"] = settled


def _is_schema(context: object) -> bool:
    return isinstance(context, str) and re.fullmatch(r"https?://(www\.)?schema\.org/?", context) is not None


class _Told:
    """What a document tells of a node."""

    def __init__(self, graph: Graph, node: Node) -> None:
        self.graph, self.node = graph, node

    def all(self, name: str) -> list[Node]:
        """Give the values of a property, in an order that does not hang on the document's."""
        found = {value for base in SCHEMA for value in self.graph.objects(self.node, URIRef(f"{base}{name}"))}
        return sorted(found, key=str)

    def text(self, name: str) -> str:
        """Give the first value that is a text, an empty one where there is none."""
        return next((_bare(str(value)) for value in self.all(name) if isinstance(value, Literal)), "")

    def texts(self, name: str, language: str, most: int) -> dict[str, str]:
        """Give a text for each language."""
        return {tag: texts[0][:most] for tag, texts in self.lists(name, language).items()}

    def lists(self, name: str, language: str) -> dict[str, list[str]]:
        """Give texts by language."""
        found: dict[str, list[str]] = {}
        for value in self.all(name):
            text = _plain(str(value)) if isinstance(value, Literal) else ""
            if text and isinstance(value, Literal):
                found.setdefault((value.language or language).lower(), []).append(text[:MOST_TEXT])
        return found

    def inner(self, name: str) -> Iterator["_Told"]:
        """Give the nodes that a property leads to."""
        return (_Told(self.graph, value) for value in self.all(name) if not isinstance(value, Literal))


def _plain(text: str) -> str:
    """Take markup out of a text for people, entities too, and tidy it."""
    return _tidy(html.unescape(_unmarked(text)))


def _bare(text: str) -> str:
    """Take markup out of a key, an address or a code, and tidy it; `&copy=` in an address is no entity."""
    return _tidy(_unmarked(text))


def _unmarked(text: str) -> str:
    try:
        return strip_tags(text)
    except SuspiciousOperation:  # brackets in brackets, meant to keep whoever takes them out busy
        raise CatalogueError("not_linked_data") from None


def _tidy(text: str) -> str:
    """Take control characters out of a text, and fold white space within lines."""
    lines = text.replace("\r", "\n").split("\n")
    return "\n".join(filter(None, map(_folded, lines)))


def _folded(line: str) -> str:
    words = ("".join(filter(str.isprintable, word)) for word in line.split())
    return " ".join(filter(None, words))


def _course(told: _Told, language: str) -> Course:
    address = str(told.node).removeprefix(NOWHERE) if isinstance(told.node, URIRef) else ""
    modes = {MODES.get(one.text("courseMode").lower(), "") for one in told.inner("hasCourseInstance")}
    duration = DURATION.match(told.text("timeRequired"))
    return Course(
        key=(_identifier(told) or told.text("courseCode") or address)[:MOST_NAME],
        titles=told.texts("name", language, MOST_NAME),
        summaries=told.texts("description", language, MOST_TEXT),
        objectives=told.lists("teaches", language),
        prerequisites=told.texts("coursePrerequisites", language, MOST_TEXT),
        languages=tuple(str(one).lower() for one in told.all("inLanguage") if isinstance(one, Literal)),
        themes=tuple(_words(told.all("about"), told.inner("about"))),
        modality=modes.pop() if len(modes) == 1 else "",
        level=told.text("educationalLevel").lower(),
        duration_hours=int(duration[1]) or None if duration else None,
        url=(told.text("url") or address)[:2_000],
    )


def _identifier(told: _Told) -> str:
    """Give the identifier: a text, or the first value of its `PropertyValue`s, the same in every run."""
    values = (one.text("value") for one in told.inner("identifier"))
    return told.text("identifier") or min(filter(None, values), default="")


def _words(values: Iterable[Node], nodes: Iterable[_Told]) -> Iterator[str]:
    """Give what a course is about, as words: texts, names of things, the ends of addresses."""
    yield from (_plain(str(value)) for value in values if isinstance(value, Literal))
    for node in nodes:
        name = _plain(node.text("name"))
        end = str(node.node).rpartition("#")[2] if isinstance(node.node, URIRef) and "#" in str(node.node) else ""
        if name or end:
            yield name or end
