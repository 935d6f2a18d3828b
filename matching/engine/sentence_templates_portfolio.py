# ruff: noqa: RUF001  (the apostrophe of French print is meant)
"""Templates of what is said of a plan of all needs: fairness, alternates, prices, shortages, the difference from greedy."""

from collections.abc import Mapping

PORTFOLIO: Mapping[str, Mapping[str, str]] = {}
