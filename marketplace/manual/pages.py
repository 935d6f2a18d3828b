"""From Markdown to a page: headings get anchors, parts that the code knows best are written from the code."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from django.conf import settings
from django.utils.text import slugify
from django.utils.translation import override
from markdown_it import MarkdownIt
from markdown_it.token import Token

from marketplace.manual import generated

FOLDER = Path(__file__).resolve().parent / "data"
LANGUAGES: Mapping[str, str] = {"en": "English", "fr": "Français"}
# In the order in which one reads them.
NAMES = (
    *("index", "quick-start", "authentication", "lists", "errors", "events", "webhooks", "needs", "formats", "bulk"),
    *("versions", "changelog"),
)
# The changes of the API lie with its description, where those who change it write them down.
ELSEWHERE: Mapping[tuple[str, str], str] = {
    ("changelog", "en"): "openapi/CHANGELOG.md",
    ("changelog", "fr"): "openapi/CHANGELOG.fr.md",
}
GENERATED: Mapping[str, Callable[[], str]] = {
    "errors": generated.errors,
    "scopes": generated.scopes,
    "event-types": generated.event_types_table,
}
MARK = re.compile(r"^\[\[([a-z-]+)\]\]$", re.MULTILINE)
ROOT_MARK = "{{root}}"
SHOWN = 200  # rendered pages kept: as many as there are, for each name of this installation


@dataclass(frozen=True, slots=True)
class Heading:
    """A second-level heading: its anchor and its words."""

    anchor: str
    words: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page, ready to be shown; ``html`` is made by the renderer alone, which lets no markup of the text through."""

    name: str
    title: str
    html: str
    headings: tuple[Heading, ...]


def source_of(name: str, language: str) -> str:
    """Read the Markdown of a page, with the parts that are written from the code."""
    elsewhere = ELSEWHERE.get((name, language))
    path = settings.BASE_DIR / elsewhere if elsewhere else FOLDER / f"{name}.{language}.md"
    text = path.read_text("utf-8")
    with override(language):
        return MARK.sub(lambda found: GENERATED[found.group(1)](), text)


@lru_cache(maxsize=SHOWN)
def page_of(name: str, language: str, root: str) -> Page:
    """Render a page; ``root`` is the address of this installation, without a slash at the end."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(source_of(name, language).replace(ROOT_MARK, root))
    headings = _anchored(tokens)
    _made_reachable(tokens)
    title = next(words for level, _anchor, words in headings if level == "h1")
    below = tuple(Heading(anchor, words) for level, anchor, words in headings if level == "h2")
    return Page(name, title, reader.renderer.render(tokens, reader.options, {}), below)


@lru_cache(maxsize=len(LANGUAGES))
def titles(language: str) -> tuple[tuple[str, str], ...]:
    """Give names and titles of all pages, in their order."""
    return tuple((name, page_of(name, language, "").title) for name in NAMES)


def _anchored(tokens: list[Token]) -> list[tuple[str, str, str]]:
    """Give each heading an anchor of its own; level, anchor and words of each."""
    found: list[tuple[str, str, str]] = []
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open":
            continue
        words = "".join(one.content for one in inline.children or ())
        anchor, taken = slugify(words), {one for _level, one, _words in found}
        if anchor in taken:
            anchor = f"{anchor}-{len(found)}"
        opening.attrSet("id", anchor)
        found.append((opening.tag, anchor, words))
    return found


def _made_reachable(tokens: list[Token]) -> None:
    """Say of each cell of a table's head what it heads."""
    for token in tokens:
        if token.type == "th_open":
            token.attrSet("scope", "col")
