"""Every link in the documents leads somewhere, and a function that a link names is in the file it leads to."""

import re
from pathlib import Path

import pytest

from tests.guards import house

LINK = re.compile(r"\[(?P<text>[^\]\n]+)\]\((?P<target>[^)\s]+)\)")
NAME = re.compile(r"`([^`]+)`")
ELSEWHERE = ("http://", "https://", "mailto:")


def pages() -> list[Path]:
    return sorted(
        [*house.ROOT.glob("*.md"), *(house.ROOT / "docs").rglob("*.md"), *(house.ROOT / "openapi").rglob("*.md")]
    )


def broken(page: Path, text: str) -> list[str]:
    """List what is wrong with the links of a page, read as ``text``."""
    found = []
    for link in LINK.finditer(text):
        target = link["target"].partition("#")[0]
        if not target or target.startswith(ELSEWHERE):
            continue
        path = (page.parent / target).resolve()
        if not path.exists():
            found.append(f"{target} is not there")
        elif path.suffix == ".py":
            code = path.read_text("utf-8")
            names = [name.rpartition(".")[2] for name in NAME.findall(link["text"]) if "/" not in name]
            found += [f"{target} has no {name}" for name in names if not re.search(rf"\b{re.escape(name)}\b", code)]
    return found


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(house.ROOT).as_posix())
def test_links_of_page_lead_to_what_they_name(page: Path) -> None:
    assert broken(page, page.read_text("utf-8")) == []


def test_planted_broken_links_are_seen() -> None:
    page = house.ROOT / "docs" / "map.md"
    assert broken(page, "[gone](nowhere.md)") == ["nowhere.md is not there"]
    assert broken(page, "[`vanish`](../manage.py)") == ["../manage.py has no vanish"]
    assert broken(page, "[`main`](../manage.py), [the web](https://example.org), [here](#part)") == []
