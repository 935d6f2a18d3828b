"""How many examples a property is tried with: few each time the suite runs, since each run draws others; many on request."""

import os

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "default")
FEWEST = 6  # below this a property says too little


def examples(number: int) -> int:
    """Return how many examples of `number`, a night's work, the profile of this run allows: a quarter, or all of them."""
    return number if PROFILE == "thorough" else max(FEWEST, number // 4)
