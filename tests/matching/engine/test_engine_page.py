"""The page on the engine is true: its examples run, its instances are answered, and no Django is needed."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "engine.md"
# Whatever of the product's machinery the engine might reach for is made impossible to import.
WITHOUT_DJANGO = """
import sys
from importlib.abc import MetaPathFinder

class Refuse(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"django", "rest_framework", "celery", "guardian", "psycopg", "redis"}:
            raise ImportError(f"{name} is not to be had here")

sys.meta_path.insert(0, Refuse())
"""


def python(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT_DJANGO + code, str(PAGE)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def instances() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = re.findall(r"^```json (\w+)\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    return found


def test_engine_is_imported_without_django() -> None:
    child = python("import matching.engine, matching.engine.documents; print(len(matching.engine.__all__))")
    assert child.returncode == 0, child.stderr
    assert int(child.stdout) > 50


def test_what_is_blocked_is_really_blocked() -> None:
    child = python("import matching.models")
    assert child.returncode == 1
    assert "is not to be had here" in child.stderr


def test_examples_of_the_page_run_as_written() -> None:
    child = python(
        "import doctest\n"
        "found = doctest.testfile(sys.argv[1], module_relative=False, encoding='utf-8')\n"
        "print(found.attempted)\n"
        "sys.exit(found.failed != 0)\n"
    )
    assert child.returncode == 0, child.stdout
    assert int(child.stdout.split()[-1]) > 20


@pytest.mark.parametrize(("command", "content"), instances(), ids=[command for command, _ in instances()])
def test_instances_of_the_page_are_answered(command: str, content: str, tmp_path: Path) -> None:
    file = tmp_path / "instance.json"
    file.write_text(content, encoding="utf-8")
    out = io.StringIO()
    call_command(command, str(file), stdout=out)
    assert json.loads(out.getvalue())


def test_page_has_an_instance_for_every_command() -> None:
    assert {command for command, _ in instances()} == {"rank", "find_team", "solve_portfolio"}
