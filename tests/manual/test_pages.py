"""The manual is whole in both languages, says what the API does, and can be read by everybody."""

import json
import re
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any
from urllib.parse import urljoin, urlsplit

import jsonschema
import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from lxml import html
from markdown_it import MarkdownIt

from marketplace.kernel.errors import ErrorCode
from marketplace.manual.pages import LANGUAGES, NAMES, source_of
from marketplace.rest.start import description
from tests.guards.house import ROOT
from tests.kit.api import ApiClient

VOID = {"meta", "link", "br", "hr", "img", "input"}
EVERY = [(name, language) for name in NAMES for language in LANGUAGES]
every_page = pytest.mark.parametrize(("name", "language"), EVERY, ids=[f"{name}-{code}" for name, code in EVERY])


def url_of(name: str, language: str) -> str:
    return f"/docs/{language}/{'' if name == 'index' else name}"


def read(name: str, language: str) -> Any:
    answer = Client().get(url_of(name, language))
    assert answer.status_code == 200
    return answer


def tree(name: str, language: str) -> Any:
    return html.fromstring(read(name, language).content.decode())


class Balance(HTMLParser):
    """Sees that each element is closed where it was opened: browsers forgive, other readers do not."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _value in attrs]
        assert len(names) == len(set(names)), self.getpos()
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, self.getpos()


@every_page
def test_page_is_well_formed_html_in_its_language(name: str, language: str) -> None:
    answer = read(name, language)
    text = answer.content.decode()
    assert text.startswith("<!doctype html>")
    reader = Balance()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    assert f'<html lang="{language}">' in text
    assert answer["Content-Language"] == language
    assert "{{" not in text
    assert "[[" not in text


@every_page
def test_page_has_landmarks_and_headings_in_order(name: str, language: str) -> None:
    page = tree(name, language)
    for landmark in ("header", "main", "footer"):
        assert len(page.findall(f".//{landmark}")) == 1
    labels = [nav.get("aria-label") for nav in page.findall(".//nav")]
    assert all(labels)
    assert len(labels) == len(set(labels))
    levels = [int(one.tag[1]) for one in page.xpath("//h1|//h2|//h3|//h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert page.xpath("//a[@class='skip']/@href") == ["#content"]
    assert page.xpath("//main/@id") == ["content"]
    assert page.xpath("//title")[0].text_content().strip()
    assert all(head.get("scope") == "col" for head in page.xpath("//th"))
    assert len(page.xpath("//nav//*[@aria-current='page']")) == 1
    assert all(link.text_content().strip() for link in page.xpath("//a"))
    names = page.xpath("//@id")
    assert len(names) == len(set(names))


@every_page
def test_page_needs_no_script_and_allows_none(name: str, language: str) -> None:
    answer, page = read(name, language), tree(name, language)
    policy = answer["Content-Security-Policy"]
    assert "script-src 'none'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.xpath("//script|//style|//iframe|//form|//@style") == []
    assert not [one for one in page.xpath("//@*") if one.attrname.startswith("on")]
    assert "Set-Cookie" not in answer.headers


@cache  # most pages link to the same places
def reached(path: str) -> tuple[int, set[str]]:
    answer = Client().get(path, headers={"Accept": "*/*"})
    is_page = answer["Content-Type"].startswith("text/html")
    return answer.status_code, set(html.fromstring(answer.content).xpath("//@id")) if is_page else set()


@every_page
@pytest.mark.django_db
def test_links_lead_somewhere(name: str, language: str) -> None:
    here = url_of(name, language)
    for link in tree(name, language).xpath("//a/@href|//link[@rel='alternate']/@href"):
        where = urlsplit(urljoin(f"http://testserver{here}", link))
        if where.netloc != "testserver":
            assert where.scheme == "https", link
            continue
        status, anchors = reached(where.path)
        assert status == 200, link
        assert not where.fragment or where.fragment in anchors, link


def skeleton(name: str, language: str) -> list[str]:
    """Give what must be the same in all languages: kinds of blocks in their order, and code that is no prose."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    return [f"{token.type} {token.tag} {token.info}" for token in reader.parse(source_of(name, language))]


@pytest.mark.parametrize("name", NAMES)
def test_languages_say_the_same(name: str) -> None:
    assert skeleton(name, "en") == skeleton(name, "fr"), "add to the one what was added to the other"
    assert source_of(name, "en") != source_of(name, "fr")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.django_db
def test_type_of_a_refusal_leads_browsers_to_its_anchor(language: str) -> None:
    anchors = set(tree("errors", language).xpath("//h3/@id"))
    assert anchors == {code.value for code in ErrorCode}
    api = ApiClient()
    for code in ErrorCode:
        led = api.get(f"/errors/{code.value}", Accept="text/html,*/*;q=0.8", Accept_Language=language)
        assert (led.status_code, led["Location"]) == (303, f"/docs/{language}/errors#{code.value}")
    assert api.get("/errors", Accept="text/html", Accept_Language=language)["Location"] == f"/docs/{language}/errors"


@pytest.mark.django_db
def test_manual_is_reached_from_the_root_and_speaks_the_readers_language() -> None:
    link = ApiClient().get("/").body["links"]["manual"]
    for asked, language in (("fr-CH,en;q=0.5", "fr"), ("en", "en"), ("de", "en")):
        for path, end in ((link, ""), ("/docs/", ""), ("/docs/errors", "errors")):
            led = Client().get(path, headers={"Accept-Language": asked})
            assert (led.status_code, led["Location"]) == (302, f"/docs/{language}/{end}")
            assert "Accept-Language" in led["Vary"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/docs/de/", "/docs/en/nonsense", "/docs/nonsense", "/docs/en/index", "/docs/en/errors/"]
)
def test_unknown_pages_are_not_found(path: str) -> None:
    assert Client().get(path).status_code == 404
    assert Client().post("/docs/en/").status_code == 405


def test_known_page_is_not_sent_again() -> None:
    first = read("errors", "en")
    again = Client().get("/docs/en/errors", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


# --- what it says holds -------------------------------------------------------------------------------------------
def fences(name: str, language: str) -> list[tuple[str, str]]:
    tokens = MarkdownIt("commonmark").parse(source_of(name, language))
    return [(token.info, token.content) for token in tokens if token.type == "fence"]


@every_page
def test_bodies_shown_are_what_the_description_asks_for(name: str, language: str) -> None:
    described = description()
    for info, text in fences(name, language):
        kind, _, call = info.partition(" ")
        if kind != "json":
            continue
        body = json.loads(text)
        if call:
            method, path = call.split()
            shape = described["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]["schema"]
        else:
            shape = {"$ref": "#/components/schemas/Problem"}
        jsonschema.Draft202012Validator({**shape, "components": described["components"]}).validate(body)


def test_pages_show_bodies_to_be_validated() -> None:
    shown = [info for name in NAMES for info, _text in fences(name, "en") if info.startswith("json ")]
    assert len(shown) >= 4


def same_place(path: str, known: str) -> bool:
    parts, others = path.strip("/").split("/"), known.strip("/").split("/")
    pairs = zip(parts, others, strict=False)
    return len(parts) == len(others) and all(a == b or b.startswith("{") for a, b in pairs)


@every_page
def test_calls_shown_exist(name: str, language: str) -> None:
    if name == "changelog":
        return
    known = description()["paths"]
    text = source_of(name, language)
    calls = [(verb.lower(), path) for verb, path in re.findall(r"`(GET|POST|PATCH|DELETE) (/api/v1/[^`?]*)", text)]
    for line in re.findall(r"curl [^\n]*(?:\\\n[^\n]*)?", text):
        found = re.search(r"(?:\$api|\{\{root\}\}/api/v1)(/[^\"?\s]*)", line)
        verb = "post" if "-X POST" in line or "--data" in line else "get"
        calls += [(verb, f"/api/v1{found[1]}")] if found else []
    for verb, path in calls:
        assert any(same_place(path, one) and verb in item for one, item in known.items()), (verb, path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_receiver_is_the_one_that_is_run_in_tests(language: str) -> None:
    def lines(text: str) -> list[str]:
        return [line.partition("  # ")[0] for line in text.splitlines()]

    run = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "webhooks.md").read_text("utf-8"), re.DOTALL)
    assert run is not None
    shown = next(text for info, text in fences("webhooks", language) if info == "python")
    assert lines(shown) == lines(run[1])


# --- contrast -----------------------------------------------------------------------------------------------------
def luminance(colour: str) -> float:
    """Give the relative luminance of `#rrggbb` (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_colours_stand_out() -> None:
    path = finders.find("manual/manual.css")
    assert isinstance(path, str)
    with open(path, encoding="utf-8") as file:  # noqa: PTH123  a path as the finder gives it
        sheet = file.read()
    named = dict(re.findall(r"--(\w+):(#[0-9a-f]{3,6})", sheet))
    named = {
        name: value if len(value) == 7 else "#" + "".join(c * 2 for c in value[1:]) for name, value in named.items()
    }
    for ground in ("paper", "ground"):
        for ink in ("ink", "quiet", "blue"):
            assert contrast(named[ink], named[ground]) >= 4.5, (ink, ground)
        assert contrast("#b35900", named[ground]) >= 3, "the ring around what has the focus"
    assert "#b35900" in sheet
    assert contrast("#eef5f8", "#10212c") >= 7
    assert contrast(named["ink"], "#fff3d6") >= 7
