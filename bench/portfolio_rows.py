"""Plans of 10,000 needs over 2,000 sessions with 30 pairs each, against SciPy's HiGHS on the linear relaxation of the same.

`portfolio_rows()` returns the rows for `bench/matching.py`, each measured in a fresh process of its own; alone:
`.venv/bin/python -m bench.portfolio_rows`. Times are CPU seconds, of the process and of the process that it starts for
mixed-integer programs; building the instance and the matrix counts for neither side. Every row is of the kind "at least
the goal": where something may be at most so much, the ratio is what is allowed to what was seen, and the goal is 1.
"""

import json
import math
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # the engine is imported in the fresh process only
    from matching.engine.portfolio import Instance

ROOT = Path(__file__).resolve().parent.parent
NEEDS, SESSIONS, PAIRS, SEED = 10_000, 2_000, 30, 1
MEAN_UNITS = 17  # of a session that a need takes where needs take unequal amounts
REPEATS = 5
FASTER, MAX_MIN_TIMES, BUDGET_TIMES, MEGABYTES, GROWTH_SLACK = 10.0, 6.0, 3.0, 250.0, 1.0
AT_MOST = 1.0
# The faster of the two methods of HiGHS by far: the simplex, its default here, takes minutes.
METHOD = "highs-ipm"


class Row(NamedTuple):
    """One line of the table: what, our figures in words, a ratio, and the least it must be."""

    name: str
    figure: str
    ratio: float
    goal: float


def arrays(needs: int, sessions: int, seed: int = SEED) -> tuple[NDArray[Any], ...]:
    """Make the pairs (need, session, score), the seats of each session and the cents of each pair: sessions differ in quality, and there are a tenth more seats than needs."""
    chance = np.random.default_rng(seed)
    need = np.repeat(np.arange(needs), PAIRS)
    session = np.concatenate([chance.choice(sessions, PAIRS, replace=False) for _ in range(needs)])
    quality = chance.normal(0, 80_000, sessions)
    score = np.clip(600_000 + quality[session] + chance.normal(0, 120_000, len(need)), 0, 10**6).astype(np.int64)
    seats = np.maximum(1, chance.poisson(1.1 * needs / sessions, sessions)).astype(np.int64)
    cents = chance.integers(100_000, 2_000_000, len(need)) + score
    return need, session, score, seats, cents


def instance(needs: int, sessions: int, cents_each: int | None = None, *, unequal: bool = False) -> "Instance":
    """Build the instance, with a total budget of so many cents for each need or without one.

    A need takes one unit of a session, or, where they take unequal amounts, 5 to 30 of a session that has 17 times as many.
    """
    from matching.engine.portfolio import BudgetLimit, Capacity, NeedEntry, PairColumns, build_instance_from_columns

    need, session, score, seats, cents = arrays(needs, sessions)
    count = len(need) if cents_each else 0
    columns = PairColumns(
        need=need,
        candidate=[f"s{number:05}" for number in session],
        score=score,
        use_pair=np.arange(len(need)),
        use_capacity=session,
        use_amount=np.random.default_rng(SEED).integers(5, 31, len(need)) if unequal else np.ones(len(need), np.int64),
        cost_pair=np.arange(count),
        cost_budget=np.zeros(count, dtype=np.int64),
        cost_amount=cents[:count],
        previous=np.zeros(len(need), dtype=np.bool_),
        tie=np.random.default_rng(SEED).integers(0, 1 << 60, len(need)),
    )
    return build_instance_from_columns(
        [NeedEntry(f"n{number:05}") for number in range(needs)],
        [Capacity(f"s{number:05}", int(seats[number]) * (MEAN_UNITS if unequal else 1)) for number in range(sessions)],
        columns,
        budgets=[BudgetLimit("total", cents_each * needs)] if cents_each else [],
    )


def cpu_seconds() -> float:
    """Return the CPU time of this process and of those it has ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, kinds))


def megabytes() -> float:
    """Return the peak resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def megabytes_of(process: int | None) -> float:
    """Return the peak resident memory of another process that runs; 0 without one.

    Not from getrusage: a child's figure there begins with the size of the process that started it.
    """
    if process is None:
        return 0.0
    text = Path(f"/proc/{process}/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) / 1024


def solved(case: str, needs: int, sessions: int, repeats: int) -> dict[str, object]:
    """Solve a case so often in this process; return the median CPU seconds, the totals and the memory."""
    from matching.engine.portfolio import Settings, Solution, solve
    from matching.engine.portfolio.mixed_integer import Helper

    settings = {
        "total": Settings(worst_served=False, stability=False, unique=False),
        "max-min": Settings(worst_served=True, stability=False, unique=False),
        "budget": Settings(worst_served=False, stability=False, unique=False),
        "everything": Settings(),
    }[case]
    made = instance(needs, sessions, 1_300_000 if case == "budget" else None)

    def once() -> tuple[float, Solution, float]:
        begun = cpu_seconds()
        with Helper() as helper:
            solution = solve(made, settings, helper=helper)
            helper_megabytes = megabytes_of(helper.process_id())
        spent = cpu_seconds() - begun
        assert solution.status == "optimal"
        return spent, solution, helper_megabytes

    runs = [once() for _ in range(repeats)]
    _, solution, helper_megabytes = runs[-1]
    return {
        "seconds": median(spent for spent, *_ in runs),
        "served": sum(solution.served_by_class.values()),
        "total": solution.total_score,
        "worst": solution.worst_score,
        "own": megabytes(),
        "helper": helper_megabytes,
    }


def relaxed(needs: int, sessions: int, method: str) -> dict[str, object]:
    """Solve the linear relaxation of the best total by HiGHS; serving counts more than any score, as in ours."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

    need, session, score, seats, _ = arrays(needs, sessions)
    pairs = np.arange(len(need))
    matrix = csr_array(
        (np.ones(2 * len(need)), (np.concatenate([need, needs + session]), np.tile(pairs, 2))),
        shape=(needs + sessions, len(need)),
    )
    begun = cpu_seconds()
    # A million for being served is enough here: everybody can be, so the optimum is the same.
    answer = linprog(
        -(score + 1e6), A_ub=matrix, b_ub=np.concatenate([np.ones(needs), seats]), bounds=(0, None), method=method
    )
    spent = cpu_seconds() - begun
    assert answer.status == 0
    return {"seconds": spent, "total": round(-answer.fun - 1e6 * needs), "own": megabytes()}


def measure(case: str, needs: int, sessions: int) -> dict[str, object]:
    """Measure one case in this process."""
    if case.startswith("highs"):
        return relaxed(needs, sessions, case)
    # A small one as often as takes about as long: a few milliseconds are measured well by many only.
    repeats = 1 if case in ("budget", "everything") else REPEATS * max(1, NEEDS // needs)
    return solved(case, needs, sessions, repeats)


def fresh(case: str, needs: int = NEEDS, sessions: int = SESSIONS) -> dict[str, float]:
    """Measure one case in a fresh process."""
    command = [sys.executable, "-m", "bench.portfolio_rows", case, str(needs), str(sessions)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def portfolio_rows() -> list[Row]:
    """Return the rows. Raises RuntimeError where the relaxation and our best total differ."""
    relaxation = fresh(METHOD)
    total, fair, budget, everything = (fresh(case) for case in ("total", "max-min", "budget", "everything"))
    small = fresh("total", NEEDS // 10, SESSIONS // 10)
    if abs(relaxation["total"] - total["total"]) > 1:
        raise RuntimeError("the relaxation of a flow has the same best total; these differ")
    size = f"{NEEDS:,} x {SESSIONS:,}"
    pairs = NEEDS * PAIRS
    growth = 10 * math.log(pairs) / math.log(pairs / 10)
    largest = max(entry["own"] for entry in (total, fair, everything, budget))
    largest = max(largest, budget["helper"])
    return [
        Row(
            f"portfolio {size}, best total against the linear relaxation",
            f"{total['seconds']:.2f} s against {relaxation['seconds']:.1f} s ({METHOD})",
            relaxation["seconds"] / total["seconds"],
            FASTER,
        ),
        Row(
            f"portfolio {size}, max-min then total: at most {MAX_MIN_TIMES:.0f} x best total",
            f"{fair['seconds']:.2f} s, {fair['seconds'] / total['seconds']:.1f} x",
            MAX_MIN_TIMES * total["seconds"] / fair["seconds"],
            AT_MOST,
        ),
        Row(
            f"portfolio {size}, total budget proven: at most {BUDGET_TIMES:.0f} x the linear relaxation without budget",
            f"{budget['seconds']:.1f} s, {budget['seconds'] / relaxation['seconds']:.2f} x",
            BUDGET_TIMES * relaxation["seconds"] / budget["seconds"],
            AT_MOST,
        ),
        Row(
            f"portfolio {size}, peak resident memory of a process, interpreter and instance included: at most {MEGABYTES:.0f} MB",
            f"{largest:.0f} MB (total {total['own']:.0f}, max-min {fair['own']:.0f}, all objectives {everything['own']:.0f}, "
            f"budget {budget['own']:.0f} and {budget['helper']:.0f} in its helper)",
            MEGABYTES / largest,
            AT_MOST,
        ),
        Row(
            f"portfolio, growth from {NEEDS // 10:,} to {NEEDS:,} needs: at most n log n in pairs ({growth:.1f} x)",
            f"{small['seconds'] * 1000:.0f} ms to {total['seconds'] * 1000:.0f} ms, {total['seconds'] / small['seconds']:.1f} x",
            growth * small["seconds"] / total["seconds"],
            GROWTH_SLACK,
        ),
    ]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
    else:
        for row in portfolio_rows():
            print(f"{row.name}: {row.figure}; ratio {row.ratio:,.1f} (goal {row.goal:,.1f})")
