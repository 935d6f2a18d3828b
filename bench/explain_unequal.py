"""How long a plan takes to be solved and explained when its lines take unequal amounts of what is limited.

`.venv/bin/python -m bench.explain_unequal [needs] [sessions] [seconds]`, by default 10,000 x 2,000 with a limit of 60 seconds. Such
a plan is a packing, for which no fast exact method is known: the limit ends it, and what is said then has its bounds.
"""

import sys
from collections.abc import Callable
from time import perf_counter
from typing import TypeVar

from bench.portfolio_rows import cpu_seconds, instance, megabytes
from matching.engine import Settings, explain_plan, solve

Done = TypeVar("Done")


def timed(name: str, work: Callable[[], Done]) -> Done:
    """Do a piece of work and print the seconds that it took, on the clock and of processors."""
    begun, worked = perf_counter(), cpu_seconds()
    done = work()
    print(f"{name}: {perf_counter() - begun:.1f} s, {cpu_seconds() - worked:.1f} s of processors, {megabytes():.0f} MB")
    return done


def main(needs: int = 10_000, sessions: int = 2_000, seconds: int = 60) -> None:
    """Solve, explain, and print for each objective how far from the best it may be."""
    made, settings = instance(needs, sessions, unequal=True), Settings(time_limit_seconds=float(seconds))
    solution = timed("solved", lambda: solve(made, settings))
    for stage in solution.stages:
        print(f"  {stage.name}: {stage.value:,}, bound {stage.bound:,}, {'proven' if stage.proven else 'not proven'}")
    report = timed("explained", lambda: explain_plan(made, solution, settings))
    print(f"{len(report.served):,} served, {len(report.unmet):,} unmet; changed plans solved: {report.resolves}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
