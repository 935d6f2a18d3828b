"""What is known of holes is told; what could not be asked is told louder."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tooling import audit

WELL = {"name": "django", "version": "5.2.19", "vulns": []}
HOLED = {"name": "six", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1", "2.0"]}]}
UNKNOWN = {"name": "rich", "skip_reason": "Dependency not found on PyPI and could not be audited"}


@pytest.mark.parametrize(
    ("packages", "code"),
    [([WELL], 0), ([WELL, HOLED], 1), ([WELL, UNKNOWN], 2), ([HOLED, UNKNOWN], 1)],
)
def test_exit_code_tells_holes_from_silence(packages: list[dict[str, Any]], code: int) -> None:
    assert audit.read({"dependencies": packages}).code == code


def test_hole_is_named_with_what_mends_it() -> None:
    assert audit.read({"dependencies": [HOLED]}).holes == ("six 1.0: PYSEC-1, mended in 1.1, 2.0",)


def test_program_that_ends_without_a_report_is_no_clean_bill(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.CompletedProcess([], 1, stdout="", stderr="Traceback\nConnectionError: no network\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: ended)
    outcome = audit.ask(Path("requirements/base.txt"))
    assert (outcome.code, outcome.unasked) == (2, "ConnectionError: no network")


def test_silence_is_told_in_capitals(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.dumps({"dependencies": [WELL, UNKNOWN]})
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, stdout=told))
    assert audit.main() == 2
    assert capsys.readouterr().out == "KNOWN HOLES WERE NOT LOOKED UP: NOTHING COULD BE LEARNT ABOUT 1 OF 2 PACKAGES\n"
