"""What a request says, as one frozen value: read from rows, compared, checked, kept, and written back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date
from decimal import Decimal
from typing import Any

from marketplace.accounts import queries as accounts
from marketplace.accounts.models import Organization
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError, rule_broken
from marketplace.kernel.periods import Period, Precision
from marketplace.kernel.text import gettext_noop as _
from marketplace.vocabularies import queries as vocabularies
from requests_app.models import KeptApart, RequestLine, TrainingRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class LineContent:
    """One line; ``number`` None means a new one. At most one of country (alpha-3) and region (M49)."""

    number: int | None = None
    theme: str = ""
    audience: str = ""
    country: str = ""
    region: str = ""
    language: str = ""
    participants_min: int = 1
    participants_max: int = 1
    divisible: bool = False
    level: str = ""
    governance_level: str = ""


LINE_COLUMNS = tuple(f.name for f in fields(LineContent) if f.name != "number")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContent:
    """Everything that the requester writes; organizations, programme and context event by code, the parent by reference.

    A draft may leave anything out. An empty list of forms or modalities means any; no ceiling means that funding is to
    be found.
    """

    title: Mapping[str, str] = field(default_factory=dict)
    need_statement: Mapping[str, str] = field(default_factory=dict)
    language: str = "en"
    lines: tuple[LineContent, ...] = ()
    languages_must: tuple[str, ...] = ()
    languages_may: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    window: Period | None = None
    original_window: Mapping[str, object] | None = None
    place_preference: str = "any"
    place_country: str = ""
    place_city: str = ""
    budget_ceiling: Decimal | None = None
    budget_currency: str = ""
    funding_state: str = "none"
    funder: str = ""
    award: str = "none"
    context_event: str = ""
    priority_facts: tuple[str, ...] = ()
    programme: str = ""
    visibility: str = "agency"
    channel: str = ""
    parent_request: str = ""
    parent_relation: str = ""
    co_requesters: tuple[str, ...] = ()
    beneficiaries: tuple[str, ...] = ()
    excluded_organizations: tuple[str, ...] = ()
    kept_apart: tuple[tuple[str, str], ...] = ()  # pairs that must not deliver together
    lead_required: bool = False
    provenance: Mapping[str, object] = field(default_factory=dict)


# Plain columns of the same name on the row.
COLUMNS = (
    "language",
    "original_window",
    "place_preference",
    "place_country",
    "place_city",
    "budget_ceiling",
    "budget_currency",
    "funding_state",
    "lead_required",
    "award",
    "visibility",
    "channel",
    "parent_relation",
)
LISTS = ("languages_must", "languages_may", "forms", "modalities", "priority_facts")
TEXTS = ("title", "need_statement", "provenance")
GROUPS = ("co_requesters", "beneficiaries", "excluded_organizations")
# An edit of one of these changes which partner fits: suggestions are made anew, approved partners asked again.
MATERIAL = frozenset(
    {
        "lines",
        "languages_must",
        "languages_may",
        "forms",
        "modalities",
        "window",
        "place_preference",
        "place_country",
        "place_city",
        "budget_ceiling",
        "budget_currency",
        "award",
        "excluded_organizations",
        "kept_apart",
        "lead_required",
    }
)


def content_of(request: TrainingRequest) -> RequestContent:
    """Read what the request says now; dropped lines are left out."""
    lines = request.lines.exclude(state="dropped").order_by("number")
    plain: dict[str, Any] = {name: getattr(request, name) for name in COLUMNS}
    plain |= {name: tuple(getattr(request, name)) for name in LISTS}
    plain |= {name: dict(getattr(request, name)) for name in TEXTS}
    plain |= {name: tuple(getattr(request, name).order_by("code").values_list("code", flat=True)) for name in GROUPS}
    return RequestContent(
        lines=tuple(line_content(line) for line in lines),
        window=request.period,
        funder=request.funder.code if request.funder else "",
        context_event=request.context_event.code if request.context_event else "",
        programme=request.programme.code if request.programme else "",
        parent_request=request.parent_request.reference_text if request.parent_request else "",
        kept_apart=tuple(sorted(pair.codes for pair in request.kept_apart.select_related("first", "second"))),
        **plain,
    )


def line_content(line: RequestLine) -> LineContent:
    """Read one line."""
    return LineContent(number=line.number, **{name: getattr(line, name) for name in LINE_COLUMNS})


def merged(content: RequestContent, changes: Mapping[str, object]) -> RequestContent:
    """Give the content with some fields replaced: names are those of ``RequestContent``.

    Texts by language are merged (None takes one away), ``window`` may be given in parts ``{"start", "end",
    "precision"}``. Raises DomainError(rule_broken) for a window that is incomplete or ends before it starts.
    """
    wanted = dict(changes)
    for name in ("title", "need_statement"):
        if isinstance(given := wanted.get(name), Mapping):
            texts = {**getattr(content, name), **given}
            wanted[name] = {language: text for language, text in texts.items() if text is not None}
    if isinstance(parts := wanted.get("window"), Mapping):
        wanted["window"] = _merged_window(content.window, parts)
    return replace(content, **wanted)  # type: ignore[arg-type]  # the names are checked where they come in


def _merged_window(window: Period | None, parts: Mapping[str, Any]) -> Period:
    start = parts.get("start", window.start if window else None)
    end = parts.get("end", window.end if window else None)
    if start is None or end is None:
        raise rule_broken("/window", "incomplete", _("A window has a first and a last day."))
    if end < start:
        raise rule_broken("/window/end", "order", _("A period ends on or after the day it starts."))
    return Period(start, end, Precision(parts.get("precision", window.precision if window else Precision.DAY)))


def differences(before: RequestContent, after: RequestContent) -> dict[str, list[object]]:
    """Give ``{field: [before, after]}`` for JSON, sorted by field; lists of organizations and of pairs are compared as sets."""
    old, new = as_json(before), as_json(after)
    for name in GROUPS:
        old[name], new[name] = sorted(getattr(before, name)), sorted(getattr(after, name))
    old["kept_apart"], new["kept_apart"] = (sorted(map(sorted, entry.kept_apart)) for entry in (before, after))
    return {name: [old[name], new[name]] for name in sorted(old) if old[name] != new[name]}


def as_json(content: RequestContent) -> dict[str, object]:
    """Write a content as plain JSON values, for revisions and audit."""
    return {name: _plain(value) for name, value in asdict(content).items()}


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return value.isoformat() if isinstance(value, date) else value


def write_columns(request: TrainingRequest, content: RequestContent, parent: TrainingRequest | None) -> None:
    """Put the content into the row's own columns, without saving. Raises DomainError(unknown_reference)."""
    for name in COLUMNS:
        setattr(request, name, getattr(content, name))
    for name in LISTS:
        setattr(request, name, list(getattr(content, name)))
    for name in TEXTS:
        setattr(request, name, dict(getattr(content, name)))
    window = content.window
    request.start_on, request.end_on = (window.start, window.end) if window else (None, None)
    request.precision = window.precision.value if window else "day"
    request.parent_request = parent
    request.funder = accounts.organization_by_code(content.funder, "/budget/funder") if content.funder else None
    request.programme = accounts.programme_by_code(content.programme) if content.programme else None
    request.context_event = accounts.context_event_by_code(content.context_event) if content.context_event else None


def write_groups(request: TrainingRequest, content: RequestContent) -> None:
    """Write the lists of organizations of a saved row, in place of those that it has. Raises DomainError(unknown_reference)."""
    for name in GROUPS:
        getattr(request, name).set(_organizations(content, name))
    pairs = _pairs(content)
    request.kept_apart.all().delete()
    _keep_apart(request, pairs)


def add_groups(request: TrainingRequest, content: RequestContent) -> None:
    """Write the lists of organizations of a row that is new and has none. Raises DomainError(unknown_reference)."""
    for name in GROUPS:
        if getattr(content, name):
            getattr(request, name).add(*_organizations(content, name))
    if content.kept_apart:
        _keep_apart(request, _pairs(content))


def _organizations(content: RequestContent, name: str) -> list[Organization]:
    codes = getattr(content, name)
    return accounts.organizations_by_code(codes, f"/{name}") if codes else []


def _pairs(content: RequestContent) -> list[list[int]]:
    return [
        sorted(row.pk for row in accounts.organizations_by_code(pair, f"/kept_apart/{index}"))
        for index, pair in enumerate(content.kept_apart)
    ]


def _keep_apart(request: TrainingRequest, pairs: Iterable[Sequence[int]]) -> None:
    KeptApart.objects.bulk_create(
        KeptApart(request=request, first_id=first, second_id=second) for first, second in pairs
    )


# --- what may be said ---------------------------------------------------------------------------------------------

CODE_FIELDS = (  # field, vocabulary, place in the body
    ("language", "languages", "/language"),
    ("place_preference", "place_preferences", "/place/preference"),
    ("place_country", "countries", "/place/country"),
    ("budget_currency", "currencies", "/budget/currency"),
    ("funding_state", "funding_states", "/budget/funding_state"),
    ("award", "awards", "/award"),
    ("visibility", "visibility", "/visibility"),
    ("channel", "channels", "/channel"),
    ("parent_relation", "parent_relations", "/parent_relation"),
)
LIST_FIELDS = (
    ("languages_must", "languages", "/languages/must"),
    ("languages_may", "languages", "/languages/may"),
    ("forms", "forms", "/forms"),
    ("modalities", "modalities", "/modalities"),
    ("priority_facts", "priority_facts", "/priority_facts"),
)
LINE_CODE_FIELDS = (
    ("theme", vocabularies.THEMES, "theme"),
    ("audience", "audiences", "audience"),
    ("country", "countries", "country"),
    ("region", "regions", "region"),
    ("language", "languages", "language"),
    ("level", "levels", "level"),
    ("governance_level", "governance_levels", "governance_level"),
)


def check_content(content: RequestContent) -> None:
    """Raise DomainError(unknown_reference) for unknown codes, DomainError(rule_broken) for what contradicts itself."""
    unknown = list(_unknown_codes(content))
    if unknown:
        raise DomainError(ErrorCode.UNKNOWN_REFERENCE, errors=unknown)
    broken = [*_broken_rules(content), *_broken_lines(content.lines)]
    if broken:
        raise DomainError(ErrorCode.RULE_BROKEN, errors=broken)


def _unknown_codes(content: RequestContent) -> Iterable[FieldError]:
    for name, scheme, pointer in CODE_FIELDS:
        value = getattr(content, name)
        if value and (error := vocabularies.check_code(scheme, value, pointer)):
            yield error
    for name, scheme, pointer in LIST_FIELDS:
        yield from vocabularies.check_codes(scheme, getattr(content, name), pointer)
    for index, line in enumerate(content.lines):
        for name, scheme, place in LINE_CODE_FIELDS:
            value = getattr(line, name)
            if value and (error := vocabularies.check_code(scheme, value, f"/lines/{index}/{place}")):
                yield error


def _broken_rules(content: RequestContent) -> Iterable[FieldError]:
    if set(content.languages_must) & set(content.languages_may):
        detail = _("A language is either needed or welcome, not both.")
        yield FieldError("/languages/may", "language_twice", detail)
    if content.budget_ceiling is not None and not content.budget_currency:
        yield FieldError("/budget/currency", "currency_missing", _("An amount needs its currency."))
    if content.place_preference == "fixed" and not content.place_country:
        yield FieldError("/place/country", "place_missing", _("A fixed place needs its country."))
    if bool(content.parent_request) != bool(content.parent_relation):
        detail = _("An earlier request and the relation to it are given together.")
        yield FieldError("/parent_relation", "relation_incomplete", detail)
    yield from _broken_pairs(content.kept_apart)


def _broken_pairs(pairs: Sequence[tuple[str, str]]) -> Iterable[FieldError]:
    seen: set[frozenset[str]] = set()
    for index, pair in enumerate(pairs):
        if len(set(pair)) < 2:
            detail = _("An organization cannot be kept apart from itself.")
            yield FieldError(f"/kept_apart/{index}/1", "kept_apart_from_itself", detail)
        elif frozenset(pair) in seen:
            yield FieldError(f"/kept_apart/{index}", "pair_twice", _("These two are named already."))
        seen.add(frozenset(pair))


def _broken_lines(lines: Sequence[LineContent]) -> Iterable[FieldError]:
    numbers: set[int] = set()
    for index, line in enumerate(lines):
        pointer = f"/lines/{index}"
        if line.country and line.region:
            yield FieldError(f"{pointer}/region", "two_places", _("A line has a country or a region, not both."))
        if not 1 <= line.participants_min <= line.participants_max:
            detail = _("The minimum is at least 1 and not above the maximum.")
            yield FieldError(f"{pointer}/participants", "numbers_disordered", detail)
        if line.number is not None and line.number in numbers:
            yield FieldError(f"{pointer}/number", "number_twice", _("Two lines have this number."))
        if line.number is not None:
            numbers.add(line.number)


def check_complete(content: RequestContent) -> None:
    """Raise DomainError(rule_broken) naming all that is still missing for a submission."""
    missing = [*_missing_fields(content), *_missing_in_lines(content.lines)]
    if missing:
        raise DomainError(ErrorCode.RULE_BROKEN, errors=missing)


def _missing_fields(content: RequestContent) -> Iterable[FieldError]:
    for name in ("title", "need_statement"):
        if not any(text.strip() for text in getattr(content, name).values()):
            yield FieldError(f"/{name}", "missing", _("This is needed for a submission."))
    if content.window is None:
        yield FieldError("/window", "missing", _("This is needed for a submission."))
    if not content.lines:
        yield FieldError("/lines", "missing", _("A request needs at least one line."))


def _missing_in_lines(lines: Sequence[LineContent]) -> Iterable[FieldError]:
    for index, line in enumerate(lines):
        for name in ("theme", "audience", "language"):
            if not getattr(line, name):
                yield FieldError(f"/lines/{index}/{name}", "missing", _("This is needed for a submission."))
        if not (line.country or line.region):
            yield FieldError(f"/lines/{index}/country", "missing", _("A line needs a country or a region."))
