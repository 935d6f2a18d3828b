"""The best team for an instance read from a file; the format is described in `docs/engine.md`."""

from time import perf_counter
from typing import Any

from matching.engine import find_team, read_team_instance, team_document
from matching.management.instances import InstanceCommand


class Command(InstanceCommand):
    """`manage.py find_team FILE.json`."""

    help = (
        "Find the smallest team that covers the most cells of an instance, and print it as JSON with objective, bound, "
        "gap and timings. Exit code 0: answered; 2: the instance is bad."
    )

    def answer(self, content: bytes) -> Any:
        """Read and search."""
        begun = perf_counter()
        instance = read_team_instance(content)
        read = perf_counter()
        team = find_team(instance)
        timings = {"reading": (read - begun) * 1000, "searching": (perf_counter() - read) * 1000}
        return team_document(team, timings)
