
"""Templates of what is said of a plan of all needs: fairness, alternates, prices, shortages, the difference from greedy."""

from collections.abc import Mapping

PORTFOLIO: Mapping[str, Mapping[str, str]] = {}
