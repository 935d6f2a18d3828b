"""A folder of vocabulary files that a test may spoil."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from marketplace.vocabularies.datafiles import SHIPPED

Edit = Callable[[str, str, str], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped files."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "data"))


@pytest.fixture
def edit(folder: Path) -> Edit:
    """Replace a text, which must be there, in one of the copied files."""

    def replace(file: str, old: str, new: str) -> None:
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return replace


@pytest.fixture
def drop_term(folder: Path) -> Callable[[str, str], None]:
    """Take one code out of a copied code list."""

    def drop(scheme: str, code: str) -> None:
        path = folder / "codelists.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        terms = next(found["terms"] for found in content["lists"] if found["code"] == scheme)
        terms.remove(next(term for term in terms if term["code"] == code))
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")

    return drop
