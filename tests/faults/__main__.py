"""`python -m tests.faults [full|short]`: run the kit (`make faults`, `make faults-short`); `check` judges a run again."""

import argparse
import os
import shutil
import signal
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from tests.faults import report, run, side_by_side
from tests.faults.kinds import KINDS
from tests.faults.profiles import PROFILES, SEED
from tests.faults.shapes import ROOT, SHAPES, ShapeError
from tests.kit.servers import ServerUnavailableError, free_port

PAGE = ROOT / "docs" / "faults.md"


def main(words: list[str]) -> int:
    """Run or judge again; returns 0 where everything promised was shown."""
    options = _options(words)
    # Ended by SIGTERM, the processes and servers are still stopped in order.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    console = Console(width=None if sys.stdout.isatty() else 160)
    began = time.monotonic()

    def say(line: str) -> None:
        console.print(f"{time.monotonic() - began:6.0f} s  {line}", highlight=False, markup=False)

    try:
        outcomes = _outcomes(options, say, began)
    except (ShapeError, ServerUnavailableError) as error:
        console.print(f"NOT RUN: {error}", style="red", markup=False)
        return 1
    summary = report.Summary(options.profile, options.seed, outcomes, time.monotonic() - began)
    report.show(console, summary)
    report.write_json(summary, options.folder / f"{options.profile}.json")
    if options.write:
        report.write_page(summary, PAGE)
    return 1 if summary.failures() else 0


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("profile", nargs="?", choices=[*PROFILES, "check"], default="full")
    parser.add_argument("--seed", type=int, default=SEED, help="draws the order of faults and the clients' choices")
    parser.add_argument("--shape", choices=list(SHAPES), action="append", help="this shape only; both by default")
    parser.add_argument("--kind", choices=list(KINDS), action="append", help="this kind only; all by default")
    parser.add_argument("--port", type=int, default=0, help="of the web server; a free one by default")
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "faults", help="logs, history, results")
    parser.add_argument("--write", action="store_true", help=f"write the figures into {PAGE.relative_to(ROOT)}")
    return parser.parse_args(words)


def _outcomes(options: argparse.Namespace, say: run.Say, began: float) -> list[run.Outcome]:
    shapes = options.shape or list(SHAPES)
    if options.profile == "check":
        return [run.judge_again(options.folder / shape, shape) for shape in shapes]
    profile = replace(PROFILES[options.profile], only=tuple(options.kind or ()))
    say(
        f"profile {profile.name}, seed {options.seed}, load average {os.getloadavg()[0]:.1f}; {datetime.now(UTC):%F %T} UTC"
    )
    order = run.Order(
        profile, options.folder.resolve(), options.port or free_port(), options.seed, say=say, began=began
    )
    for shape in shapes:
        _empty(order.folder / shape)
    if profile.side_by_side and len(shapes) > 1:
        return side_by_side.run_all(order, shapes)
    return [run.run_shape(order, shape) for shape in shapes]


def _empty(folder: Path) -> None:
    """Remove what an earlier run left in the folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
