"""Building blocks of shapes: strict input, explicit output, and the fields that mean the same everywhere."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar, cast
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.reverse import reverse

from marketplace.api.deprecations import Deprecation
from marketplace.api.problems import field_errors, invalid_input
from marketplace.kernel.money import Money
from marketplace.kernel.periods import Precision
from marketplace.kernel.text import pick
from marketplace.vocabularies import queries as vocabularies

Example = Mapping[str, object]
TEXT_LENGTH = 20_000  # characters of one text by a person
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2200, 12, 31)  # of what is sent: no sum of days leaves the calendar
LANGUAGE_TAG = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"


# --- in -----------------------------------------------------------------------------------------------------------
def check_calendar(value: date) -> None:
    """Refuse a day, or a moment on a day, that nobody plans for. Raises serializers.ValidationError(overflow)."""
    day = value.date() if isinstance(value, datetime) else value
    if not FIRST_DAY <= day <= LAST_DAY:
        detail = _("Give a date from {first} to {last}.").format(first=FIRST_DAY, last=LAST_DAY)
        raise serializers.ValidationError(detail, code="overflow")  # the framework's word for it


class StrictSerializer(serializers.Serializer[Any]):
    """Input that refuses fields it does not know, naming those it does; ``example`` is shown in the documentation."""

    example: ClassVar[Example]
    deprecated: ClassVar[Mapping[str, Deprecation]] = {}  # members that leave
    merges_itself: ClassVar[bool] = False  # its operation merges a patch under its own lock; else the kit does
    default_error_messages = {"unknown_field": _("This field is not known here.")}

    def get_fields(self) -> dict[str, Any]:
        """Give the fields; days and moments keep to one calendar, whichever shape they stand in."""
        fields = super().get_fields()
        for field in fields.values():
            if isinstance(field, serializers.DateField | serializers.DateTimeField):
                field.validators.append(check_calendar)
        return fields

    def to_internal_value(self, data: Any) -> Any:
        """Check the shape. Raises serializers.ValidationError."""
        writable = {name for name, field in self.fields.items() if not field.read_only}
        unknown = [str(name) for name in data if name not in writable] if isinstance(data, Mapping) else []
        errors: dict[str, Any] = {
            name: [serializers.ErrorDetail(str(self.error_messages["unknown_field"]), "unknown_field")]
            for name in unknown
        }
        found: Any = None
        try:
            found = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if not isinstance(error.detail, dict):
                raise
            errors = {**error.detail, **errors}
        if errors:
            raise serializers.ValidationError(errors)
        return found

    def arguments(self) -> dict[str, Any]:
        """Give the arguments for the operation: the checked fields that were sent, under their own names."""
        return dict(self.validated_data)


class Nothing(StrictSerializer):
    """The body of a call that needs none; an absent body is as good as `{}`."""

    example: ClassVar[Example] = {}


def checked(serializer: StrictSerializer) -> StrictSerializer:
    """Check the body. Raises DomainError: unknown_reference (422) if nothing but codes is wrong, else invalid_input (400)."""
    if serializer.is_valid():
        return serializer
    problem = serializers.ValidationError(serializer.errors)
    details = field_errors(problem.get_full_details(), allowed=partial(_allowed_at, serializer))
    raise invalid_input(details)


def _allowed_at(field: Any, pointer: str) -> Sequence[str]:
    """Give what may be chosen where a JSON pointer leads: codes, choices, or the names that an object knows."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(field, serializers.Serializer):
            if name not in field.fields:
                return sorted(field.fields)
            field = field.fields[name]
        else:
            field = getattr(field, "child", None)
    if isinstance(field, CodeField):
        return field.allowed()
    return [str(choice) for choice in field.choices] if isinstance(field, serializers.ChoiceField) else ()


class CodeField(serializers.CharField):
    """A code of a vocabulary; an unknown one is a 422 that lists the allowed ones."""

    default_error_messages = {"unknown_reference": _("`{value}` is not in the list {scheme}.")}

    def __init__(self, scheme: str, **options: Any) -> None:
        self.scheme = scheme
        options.setdefault("max_length", 60)
        super().__init__(**options)

    def allowed(self) -> list[str]:
        """Give the codes that may be chosen, in the order of the list."""
        return [row.code for row in vocabularies.terms(self.scheme) if row.active]

    def to_internal_value(self, data: Any) -> str:
        """Check the code. Raises serializers.ValidationError(unknown_reference)."""
        code = super().to_internal_value(data)
        if code not in vocabularies.codes(self.scheme):
            self.fail("unknown_reference", value=code, scheme=self.scheme)
        return code


class PlaceField(serializers.CharField):
    """A country (ISO 3166-1 alpha-3) or an area (M49 number)."""

    default_error_messages = {"unknown_reference": _("`{value}` is neither a country (alpha-3) nor an M49 area.")}

    def __init__(self, **options: Any) -> None:
        options.setdefault("max_length", 3)
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> str:
        """Check the place. Raises serializers.ValidationError(unknown_reference)."""
        code = super().to_internal_value(data)
        if not vocabularies.is_place(code):
            self.fail("unknown_reference", value=code)
        return code


class ReferenceField(serializers.CharField):
    """Names another thing by its code, human reference or public id; the operation looks it up."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("max_length", 100)
        super().__init__(**options)


class LanguageMapField(serializers.DictField):
    """Texts by language: `{"en": "...", "fr": "..."}`."""

    default_error_messages = {"language": _("`{value}` is not a language tag.")}

    def __init__(self, *, max_length: int = TEXT_LENGTH, **options: Any) -> None:
        options.setdefault("allow_empty", False)
        super().__init__(child=serializers.CharField(max_length=max_length), **options)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """Check tags and texts. Raises serializers.ValidationError."""
        texts: dict[str, str] = super().to_internal_value(data)
        known = vocabularies.codes("languages")
        for tag in texts:
            if tag.split("-", maxsplit=1)[0] not in known:
                self.fail("language", value=tag)
        return texts


class PeriodField(StrictSerializer):
    """`{"start": "2027-03-01", "end": "2027-03-05", "precision": "day"}`; first and last day, both included."""

    start = serializers.DateField(source="start_on")
    end = serializers.DateField(source="end_on")
    precision = serializers.ChoiceField(choices=[p.value for p in Precision], default=Precision.DAY.value)

    default_error_messages = {"order": _("A period ends on or after the day it starts.")}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Check the order. Raises serializers.ValidationError."""
        if attrs["end_on"] < attrs["start_on"]:
            raise serializers.ValidationError(
                {"end": [serializers.ErrorDetail(str(self.error_messages["order"]), "order")]}
            )
        return attrs

    def to_representation(self, instance: Any) -> dict[str, Any] | None:  # type: ignore[override]
        """Show the period columns of a record; null while they are open."""
        if instance is None or instance.start_on is None:
            return None
        return {"start": instance.start_on, "end": instance.end_on, "precision": instance.precision}


class MoneyField(StrictSerializer):
    """`{"amount": "12000.00", "currency": "USD"}`; exact decimals as text."""

    amount = serializers.DecimalField(max_digits=14, decimal_places=2, min_value=Decimal(0))
    currency = CodeField("currencies", max_length=3)

    def to_internal_value(self, data: Any) -> Money:
        """Read an amount. Raises serializers.ValidationError."""
        found = super().to_internal_value(data)
        return Money(found["amount"], found["currency"])

    def to_representation(self, instance: Money | None) -> dict[str, str] | None:  # type: ignore[override]
        """Show an amount of money, or null."""
        return None if instance is None else {"amount": f"{instance.amount:.2f}", "currency": instance.currency}


# --- out ----------------------------------------------------------------------------------------------------------
class Out(serializers.Serializer[Any]):
    """Output: every key is written down here, nothing follows from a model.

    ``expandable`` fields are shown only when `expand=` names them; `fields=` leaves only those that it names.
    """

    example: ClassVar[Example]
    deprecated: ClassVar[Mapping[str, Deprecation]] = {}  # members that leave
    expandable: ClassVar[tuple[str, ...]] = ()

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Show a thing to this reader."""
        shown: dict[str, Any] = super().to_representation(instance)
        hidden = self.hidden_from_reader(instance)
        return {name: None if name in hidden else value for name, value in shown.items()} if hidden else shown

    @classmethod
    def field_names(cls) -> tuple[str, ...]:
        """Give the names of all fields, in their order."""
        return tuple(cls._declared_fields)

    def one(self, name: str) -> Any:
        """Give one field, bound to this serializer, without making the others."""
        found = deepcopy(self._declared_fields[name])
        found.bind(name, self)
        return found

    def serve(self, context: Mapping[str, Any]) -> None:
        """Let the next thing be shown to the caller of this context."""
        self._context = dict(context)

    def hidden_from_reader(self, instance: Any) -> frozenset[str]:
        """Give the fields that are null for this reader; shapes with something to keep override this."""
        return frozenset()

    def get_fields(self) -> dict[str, Any]:
        """Give the fields that this call shows."""
        fields = super().get_fields()
        if "expand" not in self.context:  # the documentation shows everything
            return fields
        of_list = isinstance(self.parent, serializers.ListSerializer)
        if (self.parent.parent if of_list else self.parent) is not None:
            return {name: field for name, field in fields.items() if name not in self.expandable}
        expand = self.context.get("expand") or ()
        chosen = self.context.get("fields")
        return {
            name: field
            for name, field in fields.items()
            if (name not in self.expandable or name in expand) and (chosen is None or name in chosen or name in expand)
        }


class ThingOut(Out):
    """A stored thing."""

    links_to: ClassVar[Mapping[str, str]] = {}  # name of a link: name of its route

    id = serializers.UUIDField(source="public_id", read_only=True, help_text="Opaque and stable.")
    version = serializers.IntegerField(read_only=True, help_text="Counts changes; the first part of the ETag.")
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)


ANY_ID = "00000000-0000-0000-0000-000000000000"  # stands for the id of a thing in a URL


class LinksField(serializers.DictField):
    """Absolute URLs of what belongs to the thing."""

    def __init__(self, routes: Mapping[str, str], *, argument: str = "id") -> None:
        self.routes = dict(routes)
        self.argument = argument
        self.around: dict[str, tuple[str, str]] = {}
        super().__init__(child=serializers.URLField(), read_only=True, source="*")

    def to_representation(self, value: Any) -> dict[str, str]:
        """Give the URLs for this thing."""
        return self.links()(value.public_id)

    def links(self) -> Callable[[UUID], dict[str, str]]:
        """Give the function from an id to the URLs; the routes are reversed once for all things."""
        request = self.context.get("request")
        root = request.build_absolute_uri("/")[:-1] if request else ""
        if not self.around:
            self.around = {
                name: _around(reverse(route, kwargs={"id" if name == "self" else self.argument: ANY_ID}))
                for name, route in self.routes.items()
            }
        around = [(name, f"{root}{before}", after) for name, (before, after) in self.around.items()]

        def links_of(public_id: UUID) -> dict[str, str]:
            thing = str(public_id)
            return {name: f"{before}{thing}{after}" for name, before, after in around}

        return links_of


def _around(url: str) -> tuple[str, str]:
    before, _, after = url.partition(ANY_ID)
    return before, after


class LifecycleOut(ThingOut):
    """A thing with a state: who owes the next step by when, and what this caller may do now."""

    state = serializers.CharField(read_only=True)
    waiting_for = serializers.CharField(read_only=True, help_text="Who owes the next step.")
    step = serializers.CharField(read_only=True, help_text="Code of the open step (service levels).")
    due_at = serializers.DateTimeField(read_only=True, allow_null=True, help_text="By when the step is owed.")
    allowed_actions = serializers.SerializerMethodField(help_text="Verbs that this caller may call now.")

    def get_allowed_actions(self, thing: Any) -> list[str]:
        """Ask the view."""
        view = self.context.get("view")
        return [] if view is None else cast("list[str]", view.allowed_actions(thing))


class OrganizationRefOut(serializers.Serializer[Any]):
    """An organization by code and name."""

    code = serializers.CharField(read_only=True)
    name = serializers.SerializerMethodField()

    def get_name(self, organization: Any) -> str:
        """Give the name in the caller's language."""
        request = self.context.get("request")
        return pick(organization.names, getattr(request, "language", "en"))[0] or organization.code


class LabelField(serializers.CharField):
    """A vocabulary code shown as what it is called in the caller's language."""

    def __init__(self, scheme: str, **options: Any) -> None:
        self.scheme = scheme
        super().__init__(read_only=True, **options)

    def to_representation(self, value: Any) -> str:
        """Give the label; the code itself where it has none."""
        request = self.context.get("request")
        return vocabularies.label(self.scheme, str(value), getattr(request, "language", "en"))


class CodesField(serializers.ListField):
    """Codes of related things, read from what was fetched ahead."""

    def __init__(self, *, attribute: str = "code", **options: Any) -> None:
        self.attribute = attribute
        super().__init__(child=serializers.CharField(), read_only=True, **options)

    def to_representation(self, data: Any) -> list[str]:
        """Give the codes in the order of the relation."""
        return [str(getattr(one, self.attribute)) for one in data.all()]
