"""How much is done: the full profile (`make faults`) and the one for every change (`make faults-short`)."""

import random
from dataclasses import dataclass

from tests.faults.kinds import Kind, of_shape
from tests.faults.shapes import EMBEDDED, PRODUCTION

SEED = 20_261_128


@dataclass(frozen=True)
class Profile:
    """How often each kind comes, under how much load, with how much quiet between."""

    name: str
    rounds: dict[str, int]  # of every kind, by shape
    tellers: dict[str, int]  # threads that live stories, by shape
    calm_seconds: float  # between a recovery and the next fault
    absence_seconds: float  # of Redis, where it is away for longer
    frozen_seconds: float  # of processes that work
    over_by: dict[str, float]  # seconds after the start of the run at which no further fault begins, by shape
    side_by_side: bool = False  # the shapes at once, which is quicker and makes recoveries longer
    goal_seconds: float = 10.0  # recovery, 95 of 100
    only: tuple[str, ...] = ()  # kinds, where not all are wanted

    def schedule(self, shape: str, seed: int) -> list[Kind]:
        """Draw the order of the faults; the same seed gives the same."""
        kinds = [kind for kind in of_shape(shape) if not self.only or kind.name in self.only] * self.rounds[shape]
        random.Random(f"{seed}/{shape}/schedule").shuffle(kinds)
        if (
            self.rounds[shape] == 1
        ):  # what was loaded before is brought first: by the end, receivers are called all the time
            kinds.sort(key=lambda kind: kind.name.startswith("receiver_"))
        return kinds


FULL = {PRODUCTION: 3_000.0, EMBEDDED: 3_600.0}
SHORT = {PRODUCTION: 480.0, EMBEDDED: 480.0}  # three minutes where nothing else runs; a slow machine has time to end it
PROFILES = {
    profile.name: profile
    for profile in (
        Profile("full", {PRODUCTION: 5, EMBEDDED: 2}, {PRODUCTION: 4, EMBEDDED: 2}, 1.5, 30.0, 18.0, FULL),
        Profile("short", {PRODUCTION: 1, EMBEDDED: 1}, {PRODUCTION: 2, EMBEDDED: 1}, 0.5, 8.0, 4.0, SHORT, True, 20.0),
    )
}
