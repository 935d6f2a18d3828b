"""Query parameters: what a route does not list is refused with the names that it does."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, ClassVar, cast

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.request import Request

from marketplace.api.parsers import FORBIDDEN
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.lifecycle import Lifecycle
from marketplace.kernel.text import gettext_noop

if TYPE_CHECKING:
    from rest_framework.views import APIView

    from marketplace.api.views import ThingViewSet

if TYPE_CHECKING:

    class FilterSet:
        """What subclasses need to know of django-filter's, which has no types."""

        base_filters: ClassVar[dict[str, object]]
        data: Mapping[str, str]

        def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
            """Apply what was asked."""
else:
    from django_filters.rest_framework import FilterSet

PAGE_PARAMETERS = ("cursor", "page_size", "with_count")
SEARCH_LENGTH, SEARCH_TERMS = 200, 10
ORDERING_KEYS = 3
CODES, CODE_LENGTH = 50, 200  # in one parameter
MOST = 1_000_000  # of what can be counted
TRUTHS = ("true", "false")

__all__ = [
    "AllowListedFilters",
    "CodesFilter",
    "CountFilter",
    "FilterSet",
    "IdsFilter",
    "JsonListFilter",
    "MomentFilter",
    "StateFilter",
    "UpdatedSince",
    "check_parameters",
]


class CommaWidget(forms.TextInput):
    """Reads `a,b` and repeated parameters alike; nothing at all is no parameter."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str] | None:
        values = data.getlist(name) if hasattr(data, "getlist") else [data[name]] if name in data else []
        return [part.strip() for value in values if value.strip() for part in value.split(",")] or None


class CodesField(forms.Field):
    """A list of codes, each of them allowed where there is a list to choose from."""

    widget = CommaWidget

    def __init__(self, *, allowed: Sequence[str] = (), **options: Any) -> None:
        self.allowed = tuple(allowed)
        super().__init__(**options)

    def clean(self, value: Any) -> list[str] | None:
        codes = super().clean(value)
        if codes and (len(codes) > CODES or any(len(code) > CODE_LENGTH for code in codes)):
            raise ValidationError(gettext_lazy("At most %(limit)s codes."), code="invalid", params={"limit": CODES})
        for code in codes or ():
            if self.allowed and code not in self.allowed:
                raise ValidationError(
                    gettext_lazy("`%(value)s` is not one of the allowed values."),
                    code="invalid_choice",
                    params={"value": code},
                )
        return [code for code in codes or () if code] or None


class CodesFilter(django_filters.Filter):
    """`?state=open,matched`: rows whose column is one of the codes; `allowed` makes other codes a 400."""

    field_class = CodesField

    def __init__(self, field_name: str | None = None, *, allowed: Sequence[str] = (), **options: Any) -> None:
        self.allowed = tuple(allowed)
        super().__init__(field_name=field_name, lookup_expr="in", allowed=self.allowed, **options)


class CountField(forms.IntegerField):
    """A whole number as JSON writes it."""

    def to_python(self, value: Any) -> int | None:
        text = value or ""
        if text and not (text.isascii() and text.isdigit()):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(text)


class CountFilter(django_filters.Filter):
    """`?level=2`: a whole number from 0."""

    field_class = CountField

    def __init__(self, field_name: str | None = None, **options: Any) -> None:
        super().__init__(field_name=field_name, min_value=0, max_value=MOST, **options)


class IdsField(CodesField):
    """A list of ids."""

    def clean(self, value: Any) -> list[str] | None:
        codes = super().clean(value)
        for code in codes or ():
            forms.UUIDField().clean(code)
        return codes


class IdsFilter(CodesFilter):
    """`?run=...`: rows whose column is one of the ids; what is no id is a 400."""

    field_class = IdsField


class StateFilter(CodesFilter):
    """States of a life cycle."""

    def __init__(self, lifecycle: Lifecycle, field_name: str = "state") -> None:
        super().__init__(field_name, allowed=lifecycle.states)


class JsonListFilter(CodesFilter):
    """Rows whose JSON list of codes has one of the given codes; works alike on both databases."""

    def filter(self, qs: QuerySet[Any], value: list[str] | None) -> QuerySet[Any]:
        if not value:
            return qs
        wanted = Q()
        for code in value:
            # The list is stored as JSON text on SQLite: a quoted code in it is an element of it.
            wanted |= Q(**{f"{self.field_name}__icontains": f'"{code}"'})
        return qs.filter(wanted)


class MomentField(IsoDateTimeField):
    """A moment that there is in UTC, too: around the ends of the calendar an offset leads out of it."""

    def clean(self, value: Any) -> datetime | None:
        moment: datetime | None = super().clean(value)
        try:
            return moment and moment.astimezone(UTC)
        except OverflowError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None


class MomentFilter(django_filters.IsoDateTimeFilter):
    """`?due_before=2026-11-23T09:00:00Z`."""

    field_class = MomentField


class UpdatedSince(MomentFilter):
    """`?updated_since=2026-11-23T09:00:00Z`: what changed at or after that moment, or came into sight by a change of one of the
    things ``above`` it (paths), on which it hangs who sees it.
    """

    def __init__(self, *above: str) -> None:
        self.moments = ("updated_at", *(f"{path}__updated_at" for path in above))
        super().__init__(field_name="updated_at", lookup_expr="gte")

    def filter(self, qs: QuerySet[Any], value: datetime | None) -> QuerySet[Any]:
        """Keep what changed, or may have come into sight."""
        return qs.filter(reduce(or_, (Q((f"{moment}__gte", value)) for moment in self.moments))) if value else qs


class AllowListedFilters(DjangoFilterBackend):
    """django-filter with our refusals; `q` goes to the view's own search."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: "APIView") -> QuerySet[Any]:
        """Apply the filters of the view. Raises DomainError(invalid_input) naming the parameters."""
        of = cast("ThingViewSet", view)
        asked = of.filterset_class is not None and not request.query_params.keys().isdisjoint(
            of.filterset_class.base_filters
        )
        filterset = self.get_filterset(request, queryset, of) if asked else None
        if filterset is not None:
            errors = [*_form_errors(filterset), *_bad_truths(filterset, request)]
            if errors:
                raise DomainError(ErrorCode.INVALID_INPUT, errors=errors)
            queryset = filterset.qs
        q = search_text(request)
        return of.search(queryset, q) if q else queryset


BY_VALUE = (
    CodesFilter,
    StateFilter,
    JsonListFilter,
    MomentFilter,
    UpdatedSince,
    django_filters.BooleanFilter,
    django_filters.DateFilter,
)


def is_by_value(one: Any) -> bool:
    """Tell whether a filter compares columns with the very values that were asked, and looks nothing up."""
    return type(one) in BY_VALUE and one.method is None


def _form_errors(filterset: Any) -> Iterable[FieldError]:
    for name, errors in filterset.errors.as_data().items():
        allowed = getattr(filterset.filters.get(name), "allowed", ())
        for error in errors:
            params = error.params if isinstance(error.params, dict) else {}
            yield FieldError(f"?{name}", error.code or "invalid", str(error.message), tuple(allowed), params)


def _bad_truths(filterset: Any, request: Request) -> Iterable[FieldError]:
    """Name what is neither true nor false; the form would take it for "not given"."""
    for name, one in filterset.filters.items():
        if isinstance(one, django_filters.BooleanFilter) and request.query_params.get(name) not in (None, *TRUTHS):
            yield FieldError(f"?{name}", "invalid", gettext_noop("true or false."), TRUTHS)


def search_text(request: Request) -> str:
    """Read `q`. Raises DomainError(invalid_input) for more than SEARCH_LENGTH characters or SEARCH_TERMS terms."""
    text = request.query_params.get("q", "").strip()
    if len(text) > SEARCH_LENGTH or len(text.split()) > SEARCH_TERMS:
        detail = gettext_noop("At most %(length)s characters and %(terms)s terms.")
        params = {"length": SEARCH_LENGTH, "terms": SEARCH_TERMS}
        raise DomainError(ErrorCode.INVALID_INPUT, errors=[FieldError("?q", "too_long", detail, params=params)])
    return text


def check_parameters(request: Request, allowed: Iterable[str]) -> None:
    """Refuse unknown parameters and control characters. Raises DomainError(unknown_parameter, invalid_input)."""
    names = sorted(allowed)
    errors = [_unknown(name, names) for name in request.query_params if name not in names]
    if errors:
        raise DomainError(ErrorCode.UNKNOWN_PARAMETER, errors=errors)
    for name, values in request.query_params.lists():
        if any(FORBIDDEN.search(value) for value in values):
            detail = gettext_noop("A text must not have control characters.")
            raise DomainError(ErrorCode.INVALID_INPUT, errors=[FieldError(f"?{name}", "invalid", detail)])


def _unknown(name: str, names: list[str]) -> FieldError:
    close = difflib.get_close_matches(name, names, n=1)
    params = {"did_you_mean": close[0]} if close else {}
    return FieldError(
        f"?{name[:100]}", "unknown_parameter", gettext_noop("This parameter is not known here."), tuple(names), params
    )


def chosen_names(request: Request, parameter: str, allowed: Iterable[str]) -> tuple[str, ...] | None:
    """Read a comma-separated list of names, None where it is not given. Raises DomainError(invalid_input) for others."""
    text = request.query_params.get(parameter)
    if text is None:
        return None
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if text.strip()))
    known = tuple(allowed)
    wrong = [name for name in names if name not in known]
    if wrong:
        detail = gettext_noop("`%(value)s` is not one of the allowed values.")
        errors = [FieldError(f"?{parameter}", "invalid_choice", detail, known, {"value": name[:100]}) for name in wrong]
        raise DomainError(ErrorCode.INVALID_INPUT, errors=errors)
    return names


def best_first(request: Request) -> list[str] | None:
    """Give the order of a search without an order of its own, else None."""
    return ["-relevance"] if search_text(request) and "ordering" not in request.query_params else None


def chosen_ordering(request: Request, allowed: dict[str, str], default: Sequence[str]) -> list[str]:
    """Read `ordering` into column paths, falling ones with a minus; ``default`` where it is not given."""
    names = chosen_names(request, "ordering", [sign + name for name in allowed for sign in ("", "-")])
    if not names:
        return list(default)
    if request.query_params["ordering"].count(",") >= ORDERING_KEYS:
        detail = gettext_noop("At most %(limit)s names.")
        raise DomainError(
            ErrorCode.INVALID_INPUT,
            errors=[FieldError("?ordering", "too_long", detail, params={"limit": ORDERING_KEYS})],
        )
    return [("-" if name.startswith("-") else "") + allowed[name.removeprefix("-")] for name in names]
