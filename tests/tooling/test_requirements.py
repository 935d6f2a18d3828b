"""The locks are compared with what is declared."""

from pathlib import Path

import pytest

from tooling import requirements

PROJECT = """
[project]
dependencies = ["Django>=5.2,<5.3", "psycopg[binary]>=3.2"]
[project.optional-dependencies]
dev = ["pytest>=9"]
"""
BASE = "django==5.2.19 \\\n    --hash=sha256:00\npsycopg[binary]==3.3.0 \\\n    --hash=sha256:00\n"
INSTALL = "uv==0.13.9 \\\n    --hash=sha256:00\n"
DEV = BASE + "pytest==9.2.0 \\\n    --hash=sha256:00\n" + INSTALL


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "requirements" / "base.txt").write_text(BASE)
    (tmp_path / "requirements" / "dev.txt").write_text(DEV)
    (tmp_path / "requirements" / "install.txt").write_text(INSTALL)
    return tmp_path


def test_problems_of_matching_locks_are_none(checkout: Path) -> None:
    assert requirements.problems(checkout) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("base.txt", "5.2.19", "5.1.2", "Django"),
        ("dev.txt", "pytest==9.2.0", "pluggy==1.0", "pytest>=9 is not met by dev.txt (absent)"),
        ("dev.txt", "3.3.0", "3.4.0", "psycopg is 3.3.0 in base.txt and 3.4.0 in dev.txt"),
        ("install.txt", "0.13.9", "0.13.8", "uv is 0.13.8 in install.txt and 0.13.9 in dev.txt"),
        ("base.txt", "--hash=sha256:00\npsycopg", "\npsycopg", "base.txt has packages without a hash"),
        ("base.txt", "django==", "--index-url https://example.org/simple\ndjango==", "address of a registry"),
    ],
)
def test_problems_of_a_planted_difference_name_it(checkout: Path, file: str, old: str, new: str, told: str) -> None:
    path = checkout / "requirements" / file
    path.write_text(path.read_text().replace(old, new, 1))

    assert any(told in line for line in requirements.problems(checkout))
