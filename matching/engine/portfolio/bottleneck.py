"""The best worst-served need: the highest score such that pairs of at least that score serve as many of every class."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from matching.engine.portfolio.instance import Ints
from matching.engine.portfolio.model import Model

Profile = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Threshold:
    """The score below which no pair is needed; None when nobody is served."""

    score: int | None


def threshold(model: Model, best: Profile, profile: Callable[[int], Profile | None]) -> Threshold:
    """Bisect over the distinct scores. `profile(score)` is the best service by pairs of at least the score, or None.

    `best` is the service by all pairs. Sound because a higher threshold leaves fewer pairs: service never grows with it.
    """
    if not any(best):
        return Threshold(None)
    scores = distinct_scores(model)
    low, high = 0, highest(model, best, scores)
    while low < high:
        middle = (low + high + 1) // 2
        if profile(int(scores[middle])) == best:
            low = middle
        else:
            high = middle - 1
    return Threshold(int(scores[low]))


def distinct_scores(model: Model) -> Ints:
    """List the scores that may be the worst, rising: a locked pair makes all above its own score alike."""
    return np.unique(np.minimum(model.score, model.ceiling))


def highest(model: Model, best: Profile, scores: Ints) -> int:
    """Return the place of the highest score that may do: so many needs of each class must have a pair that good."""
    own_best = np.maximum.reduceat(model.score, model.need_start[:-1])
    limit = int(scores[-1])
    # Needs of a class beyond those served stay unserved, so the best pairs of the others set the limit.
    for number, count in zip(np.unique(model.need_class), best, strict=True):
        if count:
            members = np.sort(own_best[model.need_class == number])
            limit = min(limit, int(members[-count]))
    return int(np.searchsorted(scores, limit, side="right")) - 1
