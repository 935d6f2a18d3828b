"""Reports over HTTP: what is not met, and what people decided otherwise than the engine."""

from datetime import date
from typing import Any, ClassVar

from django.utils.dateparse import parse_date
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.roles import Permission
from marketplace.api.charts import SvgRenderer
from marketplace.api.contracts import Contract
from marketplace.api.parameters import TEXT, query
from marketplace.api.renderers import OrjsonRenderer
from marketplace.api.reports import ReportView, format_parameter, invalid_choice
from marketplace.api.tables import CsvRenderer, XlsxRenderer
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.text import gettext_noop
from marketplace.vocabularies import queries as vocabularies
from matching import queries
from matching.api import tables
from matching.api.serializers.reports import GapOut, OverridesOut
from matching.engine import DEFAULT_POLICY, Policy
from matching.operations.policies import engine_policy
from matching.queries import reports

MOST_OFFERINGS = 50
CSV, XLSX, SVG = CsvRenderer.media_type, XlsxRenderer.media_type, SvgRenderer.media_type
DAY = {"type": "string", "format": "date"}


class MatchingReportView(ReportView):
    """What both reports share."""

    tag = "Matching"

    def policy(self) -> Policy:
        """Give the policy in force; the engine's own where none was published yet."""
        found = queries.policy_in_force()
        return DEFAULT_POLICY if found is None else engine_policy(found)

    def chosen(self, name: str, allowed: list[str]) -> str | None:
        """Read a parameter that names one of the codes. Raises DomainError(invalid_input)."""
        value = self.request.query_params.get(name)
        if value is not None and value not in allowed:
            raise invalid_choice(name, value, allowed)
        return value

    def day(self, name: str) -> date | None:
        """Read a day. Raises DomainError(invalid_input)."""
        text = self.request.query_params.get(name)
        if text is None:
            return None
        try:
            found = parse_date(text)
        except ValueError:
            found = None
        if found is None:
            detail = gettext_noop("A day is written as YYYY-MM-DD.")
            raise DomainError(ErrorCode.INVALID_INPUT, errors=[FieldError(f"?{name}", "invalid", detail)])
        return found


class GapView(MatchingReportView):
    """`/reports/gap`."""

    file_name = "gap"
    renderer_classes = (OrjsonRenderer, CsvRenderer, XlsxRenderer, SvgRenderer)
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "Report what is not met, and which offerings would close most of it",
            (Permission.REPORTS_READ, Permission.REQUESTS_READ),
            description="Demand, supply and unmet lines by theme, region, language and forms: of a plan, or of the open "
            "lines and their latest rankings. Everybody gets the same report over the requests that they may read: the "
            "secretariat over all, an agency over its own and those shared with the group; titles and texts of requests "
            "are never in it. The ranking of hypothetical offerings says how many unmet lines each would close alone "
            "(exact), and which few close most together (greedy, each step with a bound). XLSX has two sheets; "
            "`table` chooses which of them the CSV is; SVG is a heat map of unmet lines by theme and region.",
            out=GapOut,
            operation_id="reports_gap",
            errors=(ErrorCode.INVALID_INPUT, ErrorCode.UNKNOWN_REFERENCE),
            media_types=("application/json", CSV, XLSX, SVG),
            parameters=(
                format_parameter("json", "csv", "xlsx", "svg"),
                query("run", f"Id of a finished plan, or `{reports.OPEN}`; else the latest plan that you see.", TEXT),
                query("theme", "Only this theme and its narrower ones.", TEXT),
                query("region", "Only this area (M49) or country (alpha-3) and what lies in it.", TEXT),
                query("language", "Only lines that ask for this language.", TEXT),
                query("form", "Only lines that accept this form.", TEXT),
                query(
                    "offerings",
                    "How many hypothetical offerings to rank.",
                    {"type": "integer", "minimum": 1, "maximum": MOST_OFFERINGS, "default": 10},
                ),
                query(
                    "table", "Of the CSV.", {**TEXT, "enum": list(tables.GAP_TABLES), "default": tables.GAP_TABLES[0]}
                ),
            ),
        )
    }

    def get(self, request: Request) -> Response:
        """Give the report."""
        table = self.chosen("table", list(tables.GAP_TABLES)) or tables.GAP_TABLES[0]
        filters, offerings = self._filters(), self._offerings()
        report = reports.gap_report(
            actor=self.request.actor,
            at=self.request.at,
            policy=self.policy(),
            run=request.query_params.get("run"),
            filters=filters,
            offerings=offerings,
        )
        language = self.request.language
        return self.shown(
            data=lambda: GapOut(report, context=self.shape_context()).data,
            tables=lambda: tables.gap_tables(report, language, first=table),
            picture=lambda: tables.gap_picture(report, language),
        )

    def _filters(self) -> reports.Filters:
        region = self.request.query_params.get("region")
        if region is not None and not vocabularies.is_place(region):
            raise invalid_choice("region", region, sorted(vocabularies.places().regions))
        return reports.Filters(
            theme=self.chosen("theme", [row.code for row in vocabularies.concepts()]),
            region=region,
            language=self.chosen("language", sorted(vocabularies.codes("languages"))),
            form=self.chosen("form", sorted(vocabularies.codes("forms"))),
        )

    def _offerings(self) -> int:
        text = self.request.query_params.get("offerings", "10")
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= MOST_OFFERINGS):
            detail = gettext_noop("A whole number from 1 to %(limit)s.")
            error = FieldError("?offerings", "invalid", detail, params={"limit": MOST_OFFERINGS})
            raise DomainError(ErrorCode.INVALID_INPUT, errors=[error])
        return int(text)


class OverridesView(MatchingReportView):
    """`/reports/overrides`."""

    file_name = "overrides"
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "Report decisions against the engine's first, and the weights that would have agreed more often",
            Permission.REPORTS_READ,
            description="An override is an approval, not taken back, of another proposal than the engine's first; its "
            "loss is the exact difference of the scores. People are shown by their role. The weights are only a "
            "suggestion, with what they are worth on decisions held out of the fit beside the present ones; with too few "
            "decisions nothing is suggested. A person publishes a new version by `POST /matching-policies`.",
            out=OverridesOut,
            operation_id="reports_overrides",
            errors=(ErrorCode.INVALID_INPUT,),
            media_types=("application/json", CSV, XLSX),
            parameters=(
                format_parameter("json", "csv", "xlsx"),
                query("since", "Decided on this day or later.", dict[str, Any](DAY)),
                query("until", "Decided on this day or earlier.", dict[str, Any](DAY)),
            ),
        )
    }

    def get(self, request: Request) -> Response:
        """Give the report."""
        since, until = self.day("since"), self.day("until")
        actor, at = self.request.actor, self.request.at
        report = reports.override_report(actor=actor, at=at, policy=self.policy(), since=since, until=until)
        language = self.request.language
        return self.shown(
            data=lambda: OverridesOut(report, context=self.shape_context()).data,
            tables=lambda: tables.override_tables(report, language, on=at.date()),
        )
