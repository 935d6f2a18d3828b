"""The best plan for an instance read from a file; the format is described in `docs/engine.md`."""

from time import perf_counter
from typing import Any

from matching.engine import plan_document, read_portfolio, solve
from matching.management.instances import InstanceCommand


class Command(InstanceCommand):
    """`manage.py solve_portfolio FILE.json`."""

    help = (
        "Find the best plan for all needs of an instance, and print it as JSON with the objectives, their bounds and gaps, "
        "and timings. Exit code 0: answered, even if no plan keeps all limits; 2: the instance is bad."
    )

    def answer(self, content: bytes) -> Any:
        """Read and solve."""
        begun = perf_counter()
        instance, settings = read_portfolio(content)
        timings = {"reading": perf_counter() - begun}
        solution = solve(instance, settings, timings=timings)
        return plan_document(instance, solution, timings)
