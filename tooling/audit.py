"""Look up known holes in what we stand on, and say loudly when that could not be done.

`python -m tooling.audit` asks pip-audit about every pin of `requirements/base.txt`. Exit code 0: none is known; 1: some
are; 2: it could not be asked, or not about everything.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 120


@dataclass(frozen=True)
class Outcome:
    """What is known of the pins: a line for each hole, and a sentence where something could not be looked up."""

    holes: tuple[str, ...]
    unasked: str = ""

    @property
    def code(self) -> int:
        """The exit code."""
        return 1 if self.holes else 2 if self.unasked else 0


def ask(lock: Path) -> Outcome:
    """Ask pip-audit about the pins of a lock file."""
    command: list[str | Path] = [
        Path(sys.executable).parent / "pip-audit",
        "--require-hashes",
        "--disable-pip",
        "--format",
        "json",
    ]
    command += ["--progress-spinner", "off", "--requirement", lock]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except FileNotFoundError:
        return Outcome((), "pip-audit is not installed")
    except subprocess.TimeoutExpired:
        return Outcome((), f"no answer within {SECONDS} s")
    try:
        return read(json.loads(done.stdout))
    except ValueError:
        return Outcome((), last_line(done.stderr))


def last_line(text: str) -> str:
    """Give the last words of a program."""
    return next(reversed(text.strip().splitlines()), "pip-audit said nothing")


def read(told: Mapping[str, Any]) -> Outcome:
    """Read pip-audit's report: its holes, and the packages about which it knows nothing."""
    packages: list[dict[str, Any]] = told["dependencies"]
    holes = tuple(
        f"{package['name']} {package['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'no release'}"
        for package in packages
        for hole in package.get("vulns", ())
    )
    passed_over = [package["name"] for package in packages if "skip_reason" in package]
    if not passed_over:
        return Outcome(holes)
    return Outcome(holes, f"nothing could be learnt about {len(passed_over)} of {len(packages)} packages")


def main() -> int:
    """Ask, tell, and return the exit code."""
    outcome = ask(ROOT / "requirements" / "base.txt")
    for hole in outcome.holes:
        print(hole)
    if outcome.unasked:
        print(f"KNOWN HOLES WERE NOT LOOKED UP: {outcome.unasked}".upper())
    elif not outcome.holes:
        print("no hole is known in what we stand on")
    return outcome.code


if __name__ == "__main__":
    raise SystemExit(main())
