"""What mutmut found is counted, compared with what is explained, and told by the exit code."""

import json
from pathlib import Path
from typing import Any

import pytest

from tooling import mutation
from tooling.mutation import Change, Tally

FILE = "marketplace/kernel/lifecycle.py"
EVEN = Change("marketplace.kernel.lifecycle.move", "- a\n+ b")
ODD = Change("marketplace.kernel.lifecycle.Lifecycle.find", "- c\n+ d")
ELSEWHERE = Change("marketplace.kernel.lifecycles.move", "- a\n+ b")
DIFF = "--- lifecycle.py\n+++ lifecycle.py\n@@ -1,3 +1,3 @@\n def move():\n-    return a\n+    return b\n"
WELL = Tally(FILE, {"killed": 8, "timeout": 1, "survived": 1})


@pytest.mark.parametrize(
    ("code", "word"),
    [(1, "killed"), (3, "killed"), (0, "survived"), (5, "no test"), (33, "no test"), (-24, "timeout"), (None, "other")],
)
def test_outcome_is_read_off_the_exit_code(code: int | None, word: str) -> None:
    assert mutation.outcome_of(code) == word


def test_share_counts_what_hangs_as_killed_and_what_nothing_reaches_as_alive() -> None:
    found = dict(enumerate(("killed", "timeout", "survived", "no test")))
    tally = mutation.tally(FILE, {str(number): word for number, word in found.items()})
    assert (tally.total, tally.noticed, tally.share) == (4, 2, 0.5)
    assert Tally(FILE, {}).share == 1.0


def test_change_is_known_by_its_lines_and_not_by_its_number() -> None:
    assert mutation.changed_lines(DIFF) == "- return a\n+ return b"


def test_table_has_a_row_for_each_file_and_one_for_all() -> None:
    rows = mutation.table([WELL, Tally("b.py", {"no test": 10})]).splitlines()
    assert rows[2:] == [
        f"| {FILE} | 10 | 8 | 1 | 1 | 0 | 0 | 90.0% |",
        "| b.py | 10 | 0 | 0 | 0 | 10 | 0 | 0.0% |",
        "| all | 20 | 8 | 1 | 1 | 10 | 0 | 45.0% |",
    ]


@pytest.mark.parametrize(
    ("tallies", "survivors", "reasons", "said"),
    [
        ([WELL], [EVEN], {EVEN: "why"}, []),
        ([WELL], [EVEN], {EVEN: "why", ELSEWHERE: "of a file that was not looked at"}, []),
        ([WELL], [ODD, EVEN], {EVEN: "why"}, ["survives unexplained"]),
        ([WELL], [], {EVEN: "why"}, ["is explained and does not survive"]),
        ([Tally(FILE, {"killed": 84, "survived": 16})], [EVEN], {EVEN: "why"}, ["84 of 100 mutants were killed"]),
        ([Tally(FILE, {"killed": 85, "survived": 15})], [EVEN], {EVEN: "why"}, []),
        ([], [], {}, ["0 of 0 mutants were killed"]),
    ],
)
def test_complaints_are_of_few_kills_unexplained_survivors_and_stale_explanations(
    tallies: list[Tally], survivors: list[Change], reasons: dict[Change, str], said: list[str]
) -> None:
    found = mutation.complaints(tallies, survivors, reasons)
    assert [told[: len(start)] for told, start in zip(found, said, strict=True)] == said


@pytest.mark.parametrize("why", ["", "  "])
def test_explanation_without_a_reason_is_refused(why: str) -> None:
    entry = f'[[survivor]]\nfunction = "a.b"\nwhy = "{why}"\nchanges = ["- a\\n+ b"]\n'
    with pytest.raises(ValueError, match="not at all"):
        mutation.explained(entry)


def test_explanations_of_the_repository_can_be_read_and_name_functions_of_the_files() -> None:
    paths = mutation.chosen(mutation.ROOT, [])
    reasons = mutation.explained(mutation.EXPLAINED.read_text("utf-8"))
    modules = tuple(f"{mutation.module(path)}." for path in paths)
    assert reasons
    assert [change.function for change in reasons if not change.function.startswith(modules)] == []


def test_every_file_that_is_changed_exists() -> None:
    assert [path for path in mutation.chosen(mutation.ROOT, []) if not (mutation.ROOT / path).is_file()] == []


def test_file_that_is_not_listed_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert mutation.main(["manage.py"]) == 2
    assert "manage.py: not among only_mutate" in capsys.readouterr().err


def test_run_that_mutmut_could_not_end_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mutation, "run_afresh", lambda *_: False)
    assert mutation.main([FILE]) == 2
    assert "MUTMUT DID NOT COME TO ITS END" in capsys.readouterr().err


def test_run_afresh_forgets_what_was_and_run_again_tries_what_was_alive(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[list[str]] = []

    def run(_: Path, names: list[str]) -> bool:
        asked.append(list(names))
        return True

    monkeypatch.setattr(mutation, "run", run)
    keep(tmp_path, [1, 0, 33, None, -24])
    reached = tmp_path / "mutants" / "mutmut-stats.json"
    reached.touch()
    assert mutation.run_again(tmp_path, [FILE])
    assert not reached.exists()
    assert mutation.run_afresh(tmp_path, [FILE])
    assert mutation.run_again(tmp_path, [FILE])  # nothing is known any more, nothing to be done
    assert asked == [["m1", "m2", "m3"], ["marketplace.kernel.lifecycle.*"]]


def keep(root: Path, codes: list[int | None]) -> None:
    """Leave behind what mutmut leaves behind."""
    kept: dict[str, Any] = {"exit_code_by_key": {f"m{number}": code for number, code in enumerate(codes)}}
    meta = root / "mutants" / f"{FILE}.meta"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps(kept))


@pytest.mark.parametrize(("codes", "exit_code"), [([1] * 9 + [0], 0), ([1] * 8 + [0] * 2, 1), ([1] * 10, 1)])
def test_main_tells_by_its_exit_code_how_it_went(
    codes: list[int],
    exit_code: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    keep(tmp_path, [*codes])
    (tmp_path / "pyproject.toml").write_text(f'[tool.mutmut]\nonly_mutate = ["{FILE}", "b.py"]')
    listed = tmp_path / "survivors.toml"
    listed.write_text(f'[[survivor]]\nfunction = "{EVEN.function}"\nwhy = "why"\nchanges = ["""\n- a\n  + b\n"""]\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mutation, "ROOT", tmp_path)
    monkeypatch.setattr(mutation, "EXPLAINED", listed)
    monkeypatch.setattr(mutation, "run_afresh", lambda *_: True)
    monkeypatch.setattr(mutation, "change_of", lambda *_: EVEN)
    assert mutation.main([FILE]) == exit_code
    assert f"| all | 10 | {codes.count(1)} |" in capsys.readouterr().out
