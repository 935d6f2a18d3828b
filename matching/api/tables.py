"""Reports as tables and pictures: headers and labels in the reader's language."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time

from django.utils.translation import gettext

from marketplace.api.charts import HeatMap
from marketplace.api.tables import Table, Tables, Value
from marketplace.kernel.text import gettext_noop as _
from marketplace.vocabularies import queries as vocabularies
from matching.engine import CRITERIA, Criterion
from matching.queries.reports import Count, GapReport, OverrideReport

GAP_TABLES = ("cells", "offerings")
CLASSES = (1, 2, 3, 4)  # of priority

CELL_HEADERS = (
    _("Theme (code)"),
    _("Theme"),
    _("Region (M49)"),
    _("Region"),
    _("Language"),
    _("Forms accepted"),
    _("Lines asked"),
    _("Participants asked"),
    _("Lines unmet"),
    _("Participants unmet"),
    _("Why unmet"),
    _("Lines not ranked yet"),
    _("Offerings that match"),
)
OFFERING_HEADERS = (
    _("Rank"),
    _("Theme"),
    _("Language"),
    _("Region"),
    _("Form"),
    _("Modality"),
    _("Level"),
    _("Audiences"),
    _("Lines it would close"),
    _("Requests concerned"),
    _("Participants"),
    _("Lines of class 1"),
    _("Lines of class 2"),
    _("Lines of class 3"),
    _("Lines of class 4"),
)
OVERRIDE_HEADERS = (
    _("Request"),
    _("Decided on"),
    _("Role"),
    _("Origin"),
    _("Reason"),
    _("Rank"),
    _("Score"),
    _("Score of the first"),
    _("Loss"),
)
WEIGHT_HEADERS = (
    _("Criterion"),
    _("Chosen was better"),
    _("Equal"),
    _("Chosen was worse"),
    _("Mean difference"),
    _("Present weight"),
    _("Suggested weight"),
)
CRITERION_NAMES = {
    Criterion.THEME: _("theme"),
    Criterion.PLACE: _("place"),
    Criterion.AUDIENCE: _("audience"),
    Criterion.LANGUAGE: _("language"),
    Criterion.DATES: _("dates"),
    Criterion.GROUP: _("group size"),
    Criterion.COST: _("cost"),
    Criterion.TRACK_RECORD: _("track record"),
    Criterion.LEAD_TIME: _("lead time"),
    Criterion.TEXT: _("text"),
    Criterion.AWARD: _("award"),
    Criterion.LOAD: _("load"),
    Criterion.NEWCOMER: _("newcomer"),
}


def gap_tables(report: GapReport, language: str, *, first: str) -> Tables:
    """Give cells and hypothetical offerings, the one named ``first`` in front."""
    both = {
        "cells": Table(gettext(_("Gaps")), _headers(CELL_HEADERS), _cell_rows(report, language)),
        "offerings": Table(
            gettext(_("Offerings wanted")), _headers(OFFERING_HEADERS), _offering_rows(report, language)
        ),
    }
    others = tuple(table for name, table in both.items() if name != first)
    return Tables(both[first], others, at=_midnight(report.basis.as_of))


def override_tables(report: OverrideReport, language: str, *, on: date) -> Tables:
    """Give the overrides, and criteria with the weights in force and suggested."""
    headers = [*_headers(OVERRIDE_HEADERS), *(gettext(CRITERION_NAMES[criterion]) for criterion in CRITERIA)]
    rows: list[list[Value]] = [
        [
            row.request,
            row.decided_at.date(),
            vocabularies.label("membership_roles", row.role, language),
            row.origin,
            vocabularies.label("decline_reasons", row.reason_code, language) if row.reason_code else "",
            row.rank,
            row.score,
            row.best_score,
            row.loss,
            *(row.differences.get(criterion) for criterion in CRITERIA),
        ]
        for row in report.rows
    ]
    weights = Table(gettext(_("Criteria and weights")), _headers(WEIGHT_HEADERS), _weight_rows(report))
    return Tables(Table(gettext(_("Overrides")), headers, rows), (weights,), at=_midnight(on))


def gap_picture(report: GapReport, language: str) -> HeatMap:
    """Draw the unmet lines by theme and region; themes and regions without any are left out."""
    unmet = [cell for cell in report.cells if cell.demand.unmet.lines]
    counts: dict[tuple[str, str], int] = {}
    for cell in unmet:
        key = (cell.theme, cell.region)
        counts[key] = counts.get(key, 0) + cell.demand.unmet.lines
    themes = _by_label("themes", {cell.theme for cell in unmet}, language)
    regions = _by_label("regions", {cell.region for cell in unmet}, language)
    total = report.total.unmet.lines
    description = gettext(
        _(
            "Unmet lines of needs on %(day)s: %(lines)s with %(participants)s participants, by theme (rows) and region (columns)."
        )
    ) % {
        "day": report.basis.as_of.isoformat(),
        "lines": total,
        "participants": report.total.unmet.participants,
    }
    return HeatMap(
        title=gettext(_("Needs not yet met, by theme and region")),
        description=description,
        language=language,
        rows=[label for _code, label in themes],
        columns=[label for _code, label in regions],
        values=[[counts.get((theme, region), 0) for region, _label in regions] for theme, _label in themes],
        cell_text=gettext(_("%(row)s, %(column)s: %(value)s unmet")),
        total=gettext(_("Total")),
    )


def _by_label(scheme: str, codes: set[str], language: str) -> list[tuple[str, str]]:
    named = [(code, vocabularies.label(scheme, code, language)) for code in codes]
    return sorted(named, key=lambda entry: (entry[1].casefold(), entry[0]))


def _headers(texts: Sequence[str]) -> list[str]:
    return [gettext(text) for text in texts]


def _midnight(day: date) -> datetime:
    """Date a table by its day, so that the same content is the same file."""
    return datetime.combine(day, time.min, tzinfo=UTC)


def _cell_rows(report: GapReport, language: str) -> list[list[Value]]:
    any_of = gettext(_("any"))
    return [
        [
            cell.theme,
            vocabularies.label("themes", cell.theme, language),
            cell.region,
            vocabularies.label("regions", cell.region, language),
            _labels("languages", [cell.language] if cell.language else [], language, any_of),
            _labels("forms", cell.forms, language, any_of),
            cell.demand.asked.lines,
            cell.demand.asked.participants,
            cell.demand.unmet.lines,
            cell.demand.unmet.participants,
            "; ".join(_reason(reason, count, language) for reason, count in cell.demand.reasons),
            cell.demand.unranked,
            cell.supply,
        ]
        for cell in report.cells
    ]


def _reason(reason: str, count: Count, language: str) -> str:
    return f"{vocabularies.label('unmet_reasons', reason, language)} ({count.lines})"


def _offering_rows(report: GapReport, language: str) -> list[list[Value]]:
    any_of = gettext(_("any"))
    return [
        [
            number,
            vocabularies.label("themes", closing.offering.theme, language),
            vocabularies.label("languages", closing.offering.language, language),
            vocabularies.label("regions", closing.offering.region, language),
            vocabularies.label("forms", closing.offering.form, language),
            vocabularies.label("modalities", closing.offering.modality, language),
            _labels("levels", [closing.offering.level] if closing.offering.level else [], language, any_of),
            _labels("audiences", closing.audiences, language, any_of),
            len(closing.lines),
            closing.needs,
            closing.participants,
            *(closing.by_class.get(priority, 0) for priority in CLASSES),
        ]
        for number, closing in enumerate(report.ranking.singles, start=1)
    ]


def _weight_rows(report: OverrideReport) -> list[list[Value]]:
    found = {entry.criterion: entry for entry in report.by_criterion}
    suggestion = report.suggestion
    return [
        [
            gettext(CRITERION_NAMES[criterion]),
            found[criterion].better,
            found[criterion].equal,
            found[criterion].worse,
            found[criterion].mean_difference,
            suggestion.present[criterion],
            suggestion.suggested[criterion] if suggestion.enough else None,
        ]
        for criterion in CRITERIA
    ]


def _labels(scheme: str, codes: Sequence[str], language: str, none: str) -> str:
    return ", ".join(vocabularies.label(scheme, code, language) for code in codes) or none
