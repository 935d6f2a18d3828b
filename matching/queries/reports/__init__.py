"""Reports of the matching room: what is not met, and what people decided otherwise than the engine proposed."""

from matching.queries.reports.demand import OPEN, Basis, DemandLine, Filters, demand
from matching.queries.reports.gap import Count, GapCell, GapReport, gap_report
from matching.queries.reports.overrides import OverrideReport, override_report

__all__ = [
    "OPEN",
    "Basis",
    "Count",
    "DemandLine",
    "Filters",
    "GapCell",
    "GapReport",
    "OverrideReport",
    "demand",
    "gap_report",
    "override_report",
]
