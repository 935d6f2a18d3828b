"""What a provider is shown of open needs: the need as far as it may see it, and what its own offerings are to it."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from marketplace.api.confidentiality import fields_of
from marketplace.api.serializers import (
    Example,
    LabelField,
    LanguageMapField,
    MoneyField,
    OrganizationRefOut,
    Out,
    PeriodField,
)
from marketplace.kernel.money import Money
from matching.api.wording import spoken
from matching.engine import CandidateResult, NearMiss, plain
from matching.queries.serving import FITS, FoundNeed

LINE_ID = "0198c0de-0000-7000-8000-0000000000c4"
OFFERING_ID = "0198c0de-0000-7000-8000-0000000000e1"
SENTENCE: Example = {
    "code": "theme.equal",
    "params": {"asked_theme": "mainstreaming", "theme": "mainstreaming"},
    "text": {
        "en": "It is about the theme asked: Mainstreaming.",
        "fr": "Elle porte sur le thème demandé : Intégration.",
    },
}


class ServingOut(serializers.Serializer[Any]):
    """One of the provider's offerings that can serve the line: score, contributions and reasons."""

    offering = serializers.CharField(help_text="Code, else id.")
    offering_id = serializers.UUIDField()
    title = LanguageMapField()
    score = serializers.IntegerField(help_text="0 to 1,000,000; the contributions add up to it.")
    score_100 = serializers.IntegerField(help_text="The score as people read it, 0 to 100.")
    evidence = serializers.IntegerField(help_text="Per mille of the weights that rest on evidence.")
    slot = serializers.DictField(help_text="`kind`, `code`, `start`, `end`, `seats`, `deliveries`, `trainer_days`.")
    cost = MoneyField(allow_null=True, help_text="Estimate in the currency of the request; null where it is not known.")
    flags = serializers.ListField(child=serializers.CharField())
    breakdown = serializers.ListField(
        child=serializers.DictField(),
        help_text="By criterion: `raw`, `unit`, `value`, `weight`, `contribution`, `known`, `sentence`.",
    )


class NearlyServingOut(serializers.Serializer[Any]):
    """An offering that small changes would make eligible."""

    offering = serializers.CharField(help_text="Code, else id.")
    offering_id = serializers.UUIDField()
    title = LanguageMapField()
    codes = serializers.ListField(child=serializers.CharField(), help_text="Conditions that it does not meet.")
    ways = serializers.ListField(
        child=serializers.DictField(),
        help_text="Smallest sets of `changes` that are enough, fewest first; `actors` says who has to act: provider, "
        "requester or secretariat. Each change has `code`, `actor`, `params` and `sentence`.",
    )


class NeedParticipantsOut(serializers.Serializer[Any]):
    """How many people may still be placed, and how many make the smallest group."""

    min = serializers.IntegerField()
    max = serializers.IntegerField()
    free = serializers.IntegerField()


class NeedOut(Out):
    """An open line of a request that a provider could serve, or nearly. In summary, the members of the line are null."""

    example: ClassVar[Example] = {
        "id": LINE_ID,
        "request": "GMG-MLI-2026-0007",
        "line": 1,
        "summary_only": False,
        "title": {"fr": "Intégrer la migration dans la planification nationale"},
        "requesting_organization": {"code": "UNDP", "name": "United Nations Development Programme"},
        "themes": ["mainstreaming"],
        "places": ["MLI"],
        "audience": "national_government",
        "audience_label": "National government officials",
        "language": "fr",
        "level": "intermediate",
        "participants": {"min": 15, "max": 30, "free": 30},
        "divisible": False,
        "languages": ["fr"],
        "forms": ["workshop"],
        "modalities": ["in_person"],
        "window": {"start": "2027-03-01", "end": "2027-06-30", "precision": "month"},
        "opened_at": "2026-11-23T09:00:00Z",
        "fit": "eligible",
        "score": 812_400,
        "best": {
            "offering": "MAINSTREAM-SUPPORT",
            "offering_id": OFFERING_ID,
            "title": {"en": "Support to country teams", "fr": "Appui aux équipes de pays"},
            "score": 812_400,
            "score_100": 81,
            "evidence": 790,
            "slot": {"kind": "on_request", "code": None, "start": "2027-03-01", "end": "2027-03-03"},
            "cost": {"amount": "18000.00", "currency": "USD"},
            "flags": ["funding_to_be_found"],
            "breakdown": [
                {
                    "criterion": "theme",
                    "raw": 1000,
                    "unit": "permille",
                    "value": 1000,
                    "weight": 230,
                    "contribution": 230_000,
                    "known": True,
                    "sentence": SENTENCE,
                }
            ],
        },
        "others": [],
        "near_misses": [],
        "offer": None,
        "allowed_actions": ["offer"],
        "links": {
            "request": "https://marketplace.example/api/v1/requests/GMG-MLI-2026-0007",
            "offers": "https://marketplace.example/api/v1/requests/GMG-MLI-2026-0007/offers",
        },
    }

    id = serializers.UUIDField(source="public_id", help_text="Of the line; of the request where `summary_only`.")
    request = serializers.CharField(source="request.reference_text", help_text="Reference of the request.")
    line = serializers.IntegerField(source="line.number", default=None, allow_null=True)
    summary_only = serializers.SerializerMethodField(help_text="True where the reader may not see the body.")
    title = LanguageMapField(source="request.title")
    requesting_organization = OrganizationRefOut(source="request.requesting_organization")
    themes = serializers.SerializerMethodField(help_text="Of the line; in summary, of the request.")
    places = serializers.SerializerMethodField(
        help_text="Country (alpha-3) or area (M49); in summary, all of the request."
    )
    audience = serializers.CharField(source="line.audience", default=None, allow_null=True)
    audience_label = LabelField("audiences", source="line.audience", default=None, allow_null=True)
    language = serializers.CharField(source="line.language", default=None, allow_null=True)
    level = serializers.CharField(source="line.level", default=None, allow_null=True)
    participants = serializers.SerializerMethodField()
    divisible = serializers.BooleanField(source="line.divisible", default=None, allow_null=True)
    languages = serializers.ListField(
        source="request.languages_must", child=serializers.CharField(), help_text="Languages that the request needs."
    )
    forms = serializers.ListField(
        source="request.forms", child=serializers.CharField(), help_text="Acceptable; none named: any."
    )
    modalities = serializers.ListField(source="request.modalities", child=serializers.CharField())
    window = PeriodField(source="request")
    opened_at = serializers.DateTimeField(source="request.opened_at", allow_null=True)
    fit = serializers.ChoiceField(
        source="place.fit",
        choices=FITS,
        help_text="`eligible`: an offering meets every condition; `near_miss`: small changes are enough; `undetermined`: "
        "only the summary may be seen, so only theme and filters were looked at.",
    )
    score = serializers.SerializerMethodField(help_text="Of the best offering, 0 to 1,000,000; null unless `eligible`.")
    best = serializers.SerializerMethodField(help_text="The provider's offering that serves it best, with reasons.")
    others = serializers.SerializerMethodField(help_text="Codes of its other offerings that can serve it, best first.")
    near_misses = serializers.SerializerMethodField(help_text="Where no offering is eligible: the nearest.")
    offer = serializers.SerializerMethodField(help_text="Id of the provider's own open offer for it (a proposal).")
    allowed_actions = serializers.SerializerMethodField(
        help_text="`offer` where the caller may offer for the provider."
    )
    links = serializers.SerializerMethodField()

    def hidden_from_reader(self, instance: FoundNeed) -> frozenset[str]:
        """Give what belongs to the body, where only the summary is for this reader."""
        return fields_of("NeedOut", "body") if instance.line is None else frozenset()

    def get_summary_only(self, need: FoundNeed) -> bool:
        """Tell whether only the summary is for this reader."""
        return need.line is None

    def get_themes(self, need: FoundNeed) -> list[str]:
        """Give the theme of the line, or those of the summary."""
        return list(dict.fromkeys(line.theme for line in _lines(need) if line.theme))

    def get_places(self, need: FoundNeed) -> list[str]:
        """Give the place of the line, or those of the summary."""
        return list(dict.fromkeys(line.country or line.region for line in _lines(need) if line.country or line.region))

    @extend_schema_field(NeedParticipantsOut)
    def get_participants(self, need: FoundNeed) -> dict[str, int]:
        """Add up the lines that are shown."""
        lines = _lines(need)
        return NeedParticipantsOut(
            {
                "min": sum(line.participants_min for line in lines),
                "max": sum(line.participants_max for line in lines),
                "free": sum(line.free for line in lines),
            }
        ).data

    def get_score(self, need: FoundNeed) -> int | None:
        """Give the score of the best offering."""
        return need.finding.best.score if need.finding.best else None

    @extend_schema_field(ServingOut(allow_null=True))
    def get_best(self, need: FoundNeed) -> dict[str, Any] | None:
        """Tell of the offering that serves it best."""
        return self._serving(need.finding.best) if need.finding.best else None

    def get_others(self, need: FoundNeed) -> list[str]:
        """Name the others."""
        return [self.context["supply"].rows[offering].reference for offering in need.finding.others]

    @extend_schema_field(NearlyServingOut(many=True))
    def get_near_misses(self, need: FoundNeed) -> list[dict[str, Any]]:
        """Tell of the offerings that nearly can."""
        return [self._nearly(entry) for entry in need.finding.near_misses]

    def get_offer(self, need: FoundNeed) -> str | None:
        """Give the own offer to who may read it."""
        return str(need.offer) if need.offer and self.context.get("reads_offers") else None

    def get_allowed_actions(self, need: FoundNeed) -> list[str]:
        """Say whether the caller may offer."""
        return ["offer"] if self.context.get("may_offer") else []

    def get_links(self, need: FoundNeed) -> dict[str, str]:
        """Give where the request is read and where offers go."""
        call, reference = self.context.get("request"), need.request.reference_text
        root = call.build_absolute_uri("/")[:-1] if call else ""
        return {
            "request": root + reverse("request-detail", kwargs={"id": reference}),
            "offers": root + reverse("request-offer-list", kwargs={"parent_id": reference}),
        }

    def _serving(self, entry: CandidateResult) -> dict[str, Any]:
        cost = None if entry.cost is None else Money(entry.cost, entry.currency)
        facts = {
            **self._offering(entry.offer),
            "score": entry.score,
            "score_100": (entry.score + 5_000) // 10_000,
            "evidence": entry.evidence,
            "slot": plain(entry.slot),
            "cost": cost,
            "flags": list(entry.flags),
            "breakdown": spoken(plain(entry.breakdown)),
        }
        return dict(ServingOut(facts).data)

    def _nearly(self, entry: NearMiss) -> dict[str, Any]:
        facts = {**self._offering(entry.offer), "codes": list(entry.codes), "ways": spoken(plain(entry.ways))}
        return dict(NearlyServingOut(facts).data)

    def _offering(self, offering: str) -> dict[str, Any]:
        row = self.context["supply"].rows[offering]
        return {"offering": row.reference, "offering_id": row.public_id, "title": dict(row.titles)}


def _lines(need: FoundNeed) -> list[Any]:
    if need.line is not None:
        return [need.line]
    lines = [line for line in need.request.lines.all() if line.state != "dropped"]
    return sorted(lines, key=lambda line: line.number)
