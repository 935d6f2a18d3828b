"""What is asked, as it comes in. A draft may leave anything out; a change names only what it changes (RFC 7396)."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from marketplace.api.serializers import CodeField, Example, LanguageMapField, ReferenceField, StrictSerializer
from marketplace.kernel.periods import Period, Precision
from requests_app.operations import LineContent, RequestContent

TITLE, TEXT, NAME = 300, 20_000, 100  # characters
LINES, CODES, PEOPLE = 50, 100, 1_000_000
ORDER = _("A period ends on or after the day it starts.")


def codes(scheme: str) -> serializers.ListField:
    """Make the field for a list of codes of a vocabulary."""
    return serializers.ListField(child=CodeField(scheme), required=False, max_length=CODES)


def code(scheme: str) -> CodeField:
    """Make the field for one code; null takes it away."""
    return CodeField(scheme, required=False, allow_null=True)


def organizations() -> serializers.ListField:
    """Make the field for a list of organization codes."""
    return serializers.ListField(child=ReferenceField(), required=False, max_length=CODES)


def pairs() -> serializers.ListField:
    """Make the field for a list of pairs of organization codes."""
    pair = serializers.ListField(child=ReferenceField(), min_length=2, max_length=2)
    return serializers.ListField(
        child=pair,
        required=False,
        max_length=CODES,
        help_text="Pairs of organizations that must not deliver together: in no team, and not by one joint offering.",
    )


class TextsField(LanguageMapField):
    """Texts by language, merged with those that are there; null takes one away."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.child.allow_null = True


class LineParticipantsIn(StrictSerializer):
    """How many people."""

    min = serializers.IntegerField(min_value=1, max_value=PEOPLE)
    max = serializers.IntegerField(min_value=1, max_value=PEOPLE)


class RequestLineIn(StrictSerializer):
    """One line; a number names an existing one."""

    number = serializers.IntegerField(required=False, min_value=1, max_value=32_000)
    theme = code("themes")
    audience = code("audiences")
    country = code("countries")
    region = code("regions")
    language = code("languages")
    participants = LineParticipantsIn(required=False)
    divisible = serializers.BooleanField(required=False, help_text="May be split over several deliveries.")
    level = code("levels")
    governance_level = code("governance_levels")


class NeedLanguagesIn(StrictSerializer):
    """Languages of the training."""

    must = codes("languages")
    may = codes("languages")


class NeedWindowIn(StrictSerializer):
    """First and last day on which the training may take place, and how exactly they are meant."""

    start = serializers.DateField()
    end = serializers.DateField()
    precision = serializers.ChoiceField(choices=[one.value for one in Precision], required=False)


class NeedPlaceIn(StrictSerializer):
    """Where the training should take place."""

    preference = code("place_preferences")
    country = code("countries")
    city = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=NAME)


class NeedBudgetIn(StrictSerializer):
    """What may be spent, and by whom; no ceiling means that funding is to be found."""

    ceiling = serializers.DecimalField(
        max_digits=14, decimal_places=2, min_value=Decimal(0), required=False, allow_null=True
    )
    currency = code("currencies")
    funding_state = code("funding_states")
    funder = ReferenceField(required=False, allow_null=True)


LINE: Example = {
    "theme": "mainstreaming",
    "audience": "national_government",
    "country": "MLI",
    "language": "fr",
    "participants": {"min": 15, "max": 30},
}
CONTENT: Example = {
    "title": {"fr": "Intégrer la migration dans la planification nationale"},
    "need_statement": {"fr": "Des agents de trois ministères doivent intégrer la migration dans les plans sectoriels."},
    "language": "fr",
    "lines": [LINE],
    "languages": {"must": ["fr"], "may": ["en"]},
    "forms": ["workshop"],
    "modalities": ["in_person", "blended"],
    "window": {"start": "2027-03-01", "end": "2027-06-30", "precision": "month"},
    "place": {"preference": "in_country", "country": "MLI"},
    "budget": {"ceiling": "45000.00", "currency": "USD", "funding_state": "sought"},
    "award": "participation",
    "visibility": "group",
    "kept_apart": [["UNITAR", "HMLP"]],
    "lead_required": True,
}


class ContentIn(StrictSerializer):
    """What the requester writes."""

    title = TextsField(required=False, max_length=TITLE)
    need_statement = TextsField(required=False, max_length=TEXT)
    language = CodeField("languages", required=False, help_text="In which title and need were written.")
    lines = serializers.ListField(child=RequestLineIn(), required=False, max_length=LINES)
    languages = NeedLanguagesIn(required=False)
    forms = codes("forms")
    modalities = codes("modalities")
    window = NeedWindowIn(required=False, allow_null=True)
    place = NeedPlaceIn(required=False)
    budget = NeedBudgetIn(required=False)
    award = CodeField("awards", required=False)
    context_event = ReferenceField(required=False, allow_null=True)
    programme = ReferenceField(required=False, allow_null=True)
    priority_facts = codes("priority_facts")
    visibility = CodeField("visibility", required=False)
    channel = CodeField("channels", required=False)
    parent_request = ReferenceField(required=False, allow_null=True)
    parent_relation = code("parent_relations")
    co_requesters = organizations()
    beneficiaries = organizations()
    excluded_organizations = organizations()
    kept_apart = pairs()
    lead_required = serializers.BooleanField(
        required=False, help_text="True: some partner of a team must accept to lead."
    )

    def content(self) -> dict[str, Any]:
        """Give what was sent under the names of ``RequestContent``; what was not sent is left out."""
        sent: dict[str, Any] = {}
        for name, value in self.validated_data.items():
            spread = SPREAD.get(name)
            if spread is not None:
                sent.update(spread(value))
            elif name in CONTENT_FIELDS:
                sent[name] = tuple(value) if isinstance(value, list) else "" if value is None else value
        if "kept_apart" in sent:
            sent["kept_apart"] = tuple((first, second) for first, second in sent["kept_apart"])
        return sent


def _prefixed(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten an object: `{"must": [...]}` under `languages` is `languages_must`; null means empty."""
    return {
        f"{prefix}_{name}": tuple(value) if isinstance(value, list) else "" if value is None else value
        for name, value in values.items()
    }


def _budget(values: Mapping[str, Any]) -> dict[str, Any]:
    names = {"ceiling": "budget_ceiling", "currency": "budget_currency"}
    return {
        names.get(name, name): value if name == "ceiling" or value is not None else "" for name, value in values.items()
    }


def _line(values: Mapping[str, Any]) -> LineContent:
    plain: dict[str, Any] = {
        name: "" if value is None else value for name, value in values.items() if name != "participants"
    }
    numbers = {f"participants_{name}": value for name, value in values.get("participants", {}).items()}
    return LineContent(**plain, **numbers)


def _lines(values: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {"lines": tuple(_line(value) for value in values)}


SPREAD: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "lines": _lines,
    "languages": lambda values: _prefixed("languages", values),
    "place": lambda values: _prefixed("place", values),
    "budget": _budget,
    "window": lambda values: {"window": values},
}
CONTENT_FIELDS = frozenset(RequestContent.__dataclass_fields__)


class RequestIn(ContentIn):
    """A new request; with an external id that is known, the new content of an old one."""

    example: ClassVar[Example] = {"requesting_organization": "UNDP", "external_id": "HR-2026-114", **CONTENT}

    requesting_organization = ReferenceField(
        required=False, help_text="Code; may be left out by who writes for one organization only."
    )
    external_id = serializers.CharField(
        required=False, max_length=NAME, help_text="The caller's own id: a known one changes what it names."
    )

    def validate_window(self, value: dict[str, Any] | None) -> dict[str, Any] | None:
        """Check the order. Raises serializers.ValidationError."""
        if value and value["end"] < value["start"]:
            raise serializers.ValidationError({"end": [_order()]})
        return value

    def arguments(self) -> dict[str, Any]:
        """Give the arguments of ``file_request``."""
        sent = self.content()
        for name in ("title", "need_statement"):
            sent[name] = {tag: text for tag, text in sent.get(name, {}).items() if text is not None}
        if sent.get("window"):
            window = sent["window"]
            sent["window"] = Period(window["start"], window["end"], Precision(window.get("precision", Precision.DAY)))
        return {
            "organization": self.validated_data.get("requesting_organization", ""),
            "external_id": self.validated_data.get("external_id", ""),
            "content": RequestContent(**sent),
        }


class RequestRowIn(RequestIn):
    """A row of a table: of a request that is known it changes what it names, and leaves the rest."""

    def arguments(self) -> dict[str, Any]:
        """Give the arguments of ``file_request``."""
        return {**super().arguments(), "said": frozenset(self.content())}


def _order() -> serializers.ErrorDetail:
    return serializers.ErrorDetail(str(ORDER), "order")


class RequestChangeIn(ContentIn):
    """A change: fields that are not named stay as they are, lists are replaced whole."""

    merges_itself: ClassVar[bool] = True
    example: ClassVar[Example] = {"title": {"en": "Mainstreaming migration"}, "budget": {"funding_state": "secured"}}

    def arguments(self) -> dict[str, Any]:
        """Give the arguments of ``edit_request``."""
        return {"changes": self.content()}
