"""Change the code that decides who may do what, where things stand and what is done once, and see that the tests notice.

`python -m tooling.mutation [--survivors] [file ...]` lets mutmut make every small change (a mutant) to the files that
`[tool.mutmut]` of `pyproject.toml` names, or to those given, and runs the tests that reach it; with `--survivors` only those
that lived through the last run are tried again. Exit code 0: enough mutants were killed and every survivor is explained in
`tests/mutation/survivors.toml`; 1: not; 2: mutmut could not run.

A mutant that ran out of time counts as killed (a test that hangs is red), one that no test reaches as a survivor.
"""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EXPLAINED = ROOT / "tests" / "mutation" / "survivors.toml"
LOG = ROOT / "var" / "mutation.log"  # mutmut's progress: megabytes of it
WANTED = 0.85  # of all mutants, over all files
KILLED = {1, 3}  # pytest's exit codes for a red test and for an error of its own
SURVIVED = {0}
UNTESTED = {5, 33}
TIMED_OUT = {-24, 24, 36, 152, 255}
ALIVE = ("survived", "no test", "other")  # other: not run to its end
OUTCOMES = ("killed", "timeout", *ALIVE)
SQLITE_URL = "sqlite:///var/mutation.sqlite3"  # names the engine; each run tests on a file of its own


@dataclass(frozen=True, order=True)
class Change:
    """What a mutant is, whatever its number: lines taken out (`- ...`) and put in (`+ ...`) of one function."""

    function: str
    lines: str


@dataclass(frozen=True)
class Tally:
    """How the mutants of one file fared."""

    path: str
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """All mutants of the file."""
        return sum(self.counts.values())

    @property
    def noticed(self) -> int:
        """Mutants that made a test fail or hang."""
        return self.counts.get("killed", 0) + self.counts.get("timeout", 0)

    @property
    def share(self) -> float:
        """The part that was noticed, 0..1; 1 where there was nothing to change."""
        return self.noticed / self.total if self.total else 1.0


def outcome_of(exit_code: int | None) -> str:
    """Give the word for the exit code that mutmut kept; `other` is what was not run to its end."""
    for word, codes in (("killed", KILLED), ("survived", SURVIVED), ("no test", UNTESTED), ("timeout", TIMED_OUT)):
        if exit_code in codes:
            return word
    return "other"


def chosen(root: Path, files: Sequence[str]) -> list[str]:
    """Give the files to look at: those given, or all of the configuration. Raises ValueError for any other file."""
    with (root / "pyproject.toml").open("rb") as source:
        listed: list[str] = tomllib.load(source)["tool"]["mutmut"]["only_mutate"]
    strange = [path for path in files if path not in listed]
    if strange:
        raise ValueError(f"{', '.join(strange)}: not among only_mutate of [tool.mutmut] in pyproject.toml")
    return [path for path in listed if not files or path in files]


def run(root: Path, names: Sequence[str]) -> bool:
    """Let mutmut try the mutants of these names, which may end in `*`; return whether it came to its end."""
    environment = {**os.environ, "TESTING": "1", "DATABASE_URL": SQLITE_URL, "REDIS_URL": ""}
    workers = os.environ.get("PYTEST_WORKERS", "2")
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("wb") as log:
        command = [sys.executable, "-m", "mutmut", "run", "--max-children", workers, *names]
        return subprocess.run(command, cwd=root, env=environment, stdout=log, stderr=log, check=False).returncode == 0


def run_afresh(root: Path, paths: Iterable[str]) -> bool:
    """Try every mutant of ``paths``; nothing is taken over from an earlier run, whose tests may have been others."""
    shutil.rmtree(root / "mutants", ignore_errors=True)
    return run(root, [f"{module(path)}.*" for path in paths])


def run_again(root: Path, paths: Iterable[str]) -> bool:
    """Try those again that were alive after the last run; what was killed is taken for killed."""
    names = [name for path in paths for name, word in results(root, path).items() if word in ALIVE]
    # Which test reaches what is found out anew: tests and names of functions may have changed since.
    (root / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)
    return not names or run(root, names)


def module(path: str) -> str:
    """Give the dotted name of a file."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def results(root: Path, path: str) -> dict[str, str]:
    """Read how each mutant of a file fared, by mutmut's name of it; empty where mutmut never came to the file."""
    kept = root / "mutants" / f"{path}.meta"
    if not kept.is_file():
        return {}
    codes: dict[str, int | None] = json.loads(kept.read_text("utf-8"))["exit_code_by_key"]
    return {name: outcome_of(code) for name, code in codes.items()}


def tally(path: str, found: Mapping[str, str]) -> Tally:
    """Count the mutants of one file by outcome."""
    return Tally(path, Counter(found.values()))


def change_of(name: str, path: str) -> Change:
    """Look up what a mutant changes."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant  # reads its configuration when it is imported
    from mutmut.utils.format_utils import orig_function_and_class_names_from_key

    function, owner = orig_function_and_class_names_from_key(name)
    qualified = ".".join(part for part in (module(path), owner, function) if part)
    return Change(qualified, changed_lines(get_diff_for_mutant(name, path=path)))


def changed_lines(diff: str) -> str:
    """Keep of a diff the lines that were taken out or put in, without their indentation."""
    lines = (line for line in diff.splitlines() if line[:1] in {"-", "+"} and line[:3] not in {"---", "+++"})
    return "\n".join(f"{line[0]} {line[1:].strip()}" for line in lines)


def explained(text: str) -> dict[Change, str]:
    """Read the list of explained survivors. Raises ValueError for an entry without a reason, or one that is there twice."""
    reasons: dict[Change, str] = {}
    entries: list[dict[str, Any]] = tomllib.loads(text).get("survivor", [])
    for entry in entries:
        for lines in entry["changes"]:
            change = Change(entry["function"], "\n".join(line.strip() for line in lines.strip().splitlines()))
            if change in reasons or not entry["why"].strip():
                raise ValueError(f"explained twice or not at all: {change.function}\n{change.lines}")
            reasons[change] = entry["why"]
    return reasons


def table(tallies: Sequence[Tally]) -> str:
    """Write the figures as a Markdown table, one row for each file and one for all."""
    whole = Tally("all", sum((Counter(one.counts) for one in tallies), Counter()))
    rows = ["| file | mutants | " + " | ".join(OUTCOMES) + " | share |", "|---|" + "---:|" * (len(OUTCOMES) + 2)]
    for one in (*tallies, whole):
        counts = " | ".join(str(one.counts.get(word, 0)) for word in OUTCOMES)
        rows.append(f"| {one.path} | {one.total} | {counts} | {one.share:.1%} |")
    return "\n".join(rows)


def complaints(tallies: Sequence[Tally], survivors: Iterable[Change], reasons: Mapping[Change, str]) -> list[str]:
    """Say what keeps the run from being well: too few killed, survivors unexplained, explanations of what is dead."""
    here, said = set(survivors), []
    total, noticed = sum(one.total for one in tallies), sum(one.noticed for one in tallies)
    if not total or noticed / total < WANTED:
        said.append(f"{noticed} of {total} mutants were killed; {WANTED:.0%} are wanted")
    said += [f"survives unexplained: {change.function}\n{change.lines}" for change in sorted(here - set(reasons))]
    modules = {module(one.path) for one in tallies}
    looked_at = {change for change in reasons if any(change.function.startswith(f"{name}.") for name in modules)}
    said += [f"is explained and does not survive: {one.function}\n{one.lines}" for one in sorted(looked_at - here)]
    return said


def main(arguments: Sequence[str]) -> int:
    """Run, tell, and return the exit code."""
    begin = run_again if "--survivors" in arguments else run_afresh
    try:
        paths = chosen(ROOT, [word for word in arguments if word != "--survivors"])
        reasons = explained(EXPLAINED.read_text("utf-8"))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if not begin(ROOT, paths):
        print(f"MUTMUT DID NOT COME TO ITS END: SEE {LOG.relative_to(ROOT)}", file=sys.stderr)
        return 2
    os.chdir(ROOT)  # mutmut looks for its work where it is called
    found = {path: results(ROOT, path) for path in paths}
    tallies = [tally(path, names) for path, names in found.items()]
    alive = [(name, path) for path, names in found.items() for name, word in names.items() if word in ALIVE]
    problems = complaints(tallies, [change_of(name, path) for name, path in alive], reasons)
    print(table(tallies))
    print(f"\n{len(alive)} survivors, {len(problems)} complaints\n")
    print("\n\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
