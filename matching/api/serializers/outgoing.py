"""What callers are shown of policies, runs, proposals and parts."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers

from marketplace.api.serializers import (
    Example,
    LanguageMapField,
    LifecycleOut,
    LinksField,
    MoneyField,
    OrganizationRefOut,
    PeriodField,
    ThingOut,
)
from marketplace.records.fields import money_or_none
from matching import queries
from matching.api.serializers import incoming
from matching.api.serializers.publications import PublicationOut
from matching.api.serializers.replays import RunReplayOut
from matching.api.wording import spoken
from matching.models import MatchProposal, ProposalPart
from matching.queries.plan_names import PlanNames

RUN_ID = "0198c0de-0000-7000-8000-0000000000a1"
PROPOSAL_ID = "0198c0de-0000-7000-8000-0000000000b1"
PART_ID = "0198c0de-0000-7000-8000-0000000000c1"
MOMENT = "2026-11-23T09:00:00Z"


class PolicyOut(ThingOut):
    """A published policy; it is never changed, a newer one takes its place."""

    example: ClassVar[Example] = {
        "id": "0198c0de-0000-7000-8000-0000000000d1",
        "version": 1,
        "number": 1,
        "names": {"en": "First policy", "fr": "Première politique"},
        "weights": incoming.PolicyIn.example["weights"],
        "settings": {},
        "current": True,
        "published_at": MOMENT,
        "published_by": "matching",
        "note": "",
        "created_at": MOMENT,
        "updated_at": MOMENT,
    }

    number = serializers.IntegerField(read_only=True)
    names = LanguageMapField(read_only=True)
    weights = serializers.DictField(child=serializers.IntegerField(), read_only=True)
    settings = serializers.DictField(read_only=True)
    current = serializers.BooleanField(read_only=True)
    published_at = serializers.DateTimeField(read_only=True)
    published_by = serializers.CharField(read_only=True)
    note = serializers.CharField(read_only=True)


class ProgressOut(serializers.Serializer[Any]):
    """How far the work is."""

    done = serializers.IntegerField(source="progress_done")
    total = serializers.IntegerField(source="progress_total")
    stage = serializers.CharField(
        source="progress_stage", help_text="Of a plan: reading, scoring, solving, explaining or writing; publishing."
    )


class RunOut(LifecycleOut):
    """A run: poll it until its state is none of `queued` and `running`."""

    example: ClassVar[Example] = {
        "id": RUN_ID,
        "version": 3,
        "state": "complete",
        "mode": "request",
        "request": "GMG-MLI-2026-0007",
        "request_content_version": 1,
        "policy": 1,
        "engine_version": "2.0.0",
        "as_of": "2026-11-23",
        "parameters": {},
        "progress": {"done": 2, "total": 2, "stage": ""},
        "snapshot_digest": "9f2c0a51d1c5c1a4a9bd1d54b7c2f0f1a6f3c1ac0a1f3f6f3e0d7b1f4e5d6c7b",
        "output_digest": "1b7d3f6f3e0d7b1f4e5d6c7b9f2c0a51d1c5c1a4a9bd1d54b7c2f0f1a6f3c1ac",
        "error": "",
        "requested_by": "matching",
        "started_at": MOMENT,
        "finished_at": MOMENT,
        "timings": {},
        "published_at": None,
        "published_by": "",
        "publication": None,
        "replay": None,
        "waiting_for": "nobody",
        "step": "",
        "due_at": None,
        "allowed_actions": [],
        "created_at": MOMENT,
        "updated_at": MOMENT,
        "links": {"self": f"https://marketplace.example/api/v1/match-runs/{RUN_ID}"},
    }
    expandable = ("result",)

    mode = serializers.CharField(read_only=True)
    request = serializers.CharField(
        source="request.reference_text",
        default=None,
        read_only=True,
        allow_null=True,
        help_text="None for a plan of all needs.",
    )
    request_content_version = serializers.IntegerField(read_only=True)
    policy = serializers.IntegerField(source="policy.number", read_only=True)
    engine_version = serializers.CharField(read_only=True)
    as_of = serializers.DateField(read_only=True, allow_null=True)
    parameters = serializers.DictField(read_only=True, help_text="Of a plan: what was asked for.")
    progress = ProgressOut(source="*", read_only=True)
    snapshot_digest = serializers.CharField(read_only=True, help_text="SHA-256 of the canonical inputs.")
    output_digest = serializers.CharField(read_only=True, help_text="SHA-256 of the canonical answer.")
    error = serializers.CharField(read_only=True)
    requested_by = serializers.CharField(read_only=True)
    started_at = serializers.DateTimeField(read_only=True, allow_null=True)
    finished_at = serializers.DateTimeField(read_only=True, allow_null=True)
    timings = serializers.DictField(read_only=True, help_text="Of a plan: seconds by stage.")
    published_at = serializers.DateTimeField(read_only=True, allow_null=True)
    published_by = serializers.CharField(read_only=True)
    publication = PublicationOut(source="*", read_only=True, allow_null=True)
    replay = RunReplayOut(source="*", read_only=True, allow_null=True)
    result = serializers.SerializerMethodField(
        help_text="Of a ranking, per line: candidates, near misses with what would make them eligible, conflicts; "
        "`bundles`: a course and then an offer online; `open_lines`: why the best proposal leaves lines open. Of a plan: objectives with bounds, fairness, prices, the difference from greedy. Of a search for pools: needs that one "
        "joint session would serve, with shared costs and what that saves; merging them is a person's decision. "
        "`names`: what the offerings that it names by id are called. Sentences in both languages."
    )
    links = LinksField({"self": "match-run-detail"})

    def get_result(self, run: Any) -> dict[str, Any]:
        """Give the answer with its sentences in words."""
        result = dict(run.result)
        names = PlanNames(result.pop("names", {}))
        found: dict[str, Any] = spoken(names.in_words(result))
        return {**found, "names": names.of_offerings()} if found else found


class CriterionOut(serializers.Serializer[Any]):
    """What one criterion contributes; contributions add up to the score."""

    criterion = serializers.CharField()
    contribution = serializers.IntegerField()


class PartLineOut(serializers.Serializer[Any]):
    """Participants of one line."""

    line = serializers.IntegerField(source="line.number")
    participants = serializers.IntegerField()


class CounterOut(serializers.Serializer[Any]):
    """Other terms that a partner offers, and what requester and secretariat have said."""

    period = PeriodField(source="*", read_only=True)
    session = serializers.UUIDField(source="session.public_id", default=None, allow_null=True)
    participants = serializers.IntegerField(allow_null=True)
    language = serializers.CharField()
    place = serializers.DictField()
    cost = serializers.SerializerMethodField()
    terms = serializers.CharField()
    reason = serializers.CharField()
    made_at = serializers.DateTimeField()
    requester_consent = serializers.BooleanField(allow_null=True)
    secretariat_consent = serializers.BooleanField(allow_null=True)
    outcome = serializers.CharField()

    def get_cost(self, counter: Any) -> dict[str, str] | None:
        """Give the price."""
        return MoneyField().to_representation(money_or_none(counter.cost_amount, counter.cost_currency))


PART_EXAMPLE: Mapping[str, object] = {
    "id": PART_ID,
    "version": 4,
    "state": "asked",
    "position": 1,
    "proposal": PROPOSAL_ID,
    "provider": "GMG-WG",
    "organization": {"code": "GMG-WG", "name": "GMG Working Group"},
    "offering": "MAINSTREAM-SUPPORT",
    "offering_id": "0198c0de-0000-7000-8000-0000000000e1",
    "title": {"en": "Support to country teams", "fr": "Appui aux équipes de pays"},
    "slot": "capacity_window",
    "session": None,
    "capacity_window": "0198c0de-0000-7000-8000-0000000000f1",
    "period": {"start": "2027-04-12", "end": "2027-04-14", "precision": "day"},
    "place": {},
    "language": "fr",
    "participants": 25,
    "deliveries": 1,
    "cost": {"amount": "18000.00", "currency": "USD"},
    "terms": "",
    "lines": [{"line": 1, "participants": 25}],
    "answer": {"reason_code": "", "reason_text": "", "at": None},
    "counters": [],
    "replaces": None,
    "waiting_for": "provider",
    "step": "proposal.answer",
    "due_at": "2026-12-07T09:00:00Z",
    "allowed_actions": ["accept", "counter", "refuse"],
    "created_at": MOMENT,
    "updated_at": MOMENT,
}


class PartOut(LifecycleOut):
    """What one partner would deliver, and how it answered."""

    example: ClassVar[Example] = PART_EXAMPLE

    version = serializers.IntegerField(source="root.version", read_only=True, help_text="Version of the proposal.")
    position = serializers.IntegerField(read_only=True)
    proposal = serializers.UUIDField(source="proposal.public_id", read_only=True)
    provider = serializers.CharField(source="provider.code", read_only=True)
    organization = OrganizationRefOut(source="provider.organization", read_only=True)
    offering = serializers.CharField(source="offering.reference_text", read_only=True)
    offering_id = serializers.UUIDField(source="offering.public_id", read_only=True)
    title = LanguageMapField(source="offering.titles", read_only=True)
    slot = serializers.CharField(source="slot_kind", read_only=True)
    session = serializers.UUIDField(source="session.public_id", default=None, read_only=True, allow_null=True)
    capacity_window = serializers.UUIDField(source="window.public_id", default=None, read_only=True, allow_null=True)
    period = PeriodField(source="*", read_only=True)
    place = serializers.DictField(read_only=True)
    language = serializers.CharField(read_only=True)
    participants = serializers.IntegerField(read_only=True)
    deliveries = serializers.IntegerField(read_only=True)
    cost = serializers.SerializerMethodField()
    terms = serializers.CharField(read_only=True)
    lines = PartLineOut(many=True, read_only=True)
    answer = serializers.SerializerMethodField()
    counters = CounterOut(many=True, read_only=True)
    replaces = serializers.SerializerMethodField(
        help_text="The part that refused or lapsed, where this one replaces it."
    )

    def to_representation(self, instance: ProposalPart) -> dict[str, Any]:
        """Leave out the price, terms and answer of other partners."""
        shown = super().to_representation(instance)
        if not self._sees_all(instance):
            for name, empty in (("cost", None), ("terms", ""), ("counters", []), ("answer", None)):
                if name in shown:
                    shown[name] = empty
        return shown

    def _sees_all(self, part: ProposalPart) -> bool:
        request = self.context.get("request")
        if request is None:
            return True
        return queries.sees_part(request.actor, part, at=request.at)

    def get_cost(self, part: ProposalPart) -> dict[str, str] | None:
        """Give the price."""
        return MoneyField().to_representation(money_or_none(part.cost_amount, part.cost_currency))

    def get_answer(self, part: ProposalPart) -> dict[str, object]:
        """Give the partner's answer."""
        return {"reason_code": part.answer_reason, "reason_text": part.answer_text, "at": part.answered_at}

    def get_replaces(self, part: ProposalPart) -> str | None:
        """Give the id of the part that this one replaces."""
        return str(part.replaces.public_id) if part.replaces else None

    def get_allowed_actions(self, part: ProposalPart) -> list[str]:
        """Give the verbs open to the caller."""
        request = self.context.get("request")
        return [] if request is None else queries.open_part_actions(part, request.actor, at=request.at)


class DecisionOut(serializers.Serializer[Any]):
    """Who decided what, when and why, beside what the engine had proposed."""

    verb = serializers.CharField()
    by = serializers.CharField(source="by_label")
    at = serializers.DateTimeField()
    reason_code = serializers.CharField()
    reason_text = serializers.CharField()
    engine_rank = serializers.IntegerField(allow_null=True)
    engine_score = serializers.IntegerField(allow_null=True)
    engine_best = serializers.UUIDField(
        source="engine_best.public_id",
        default=None,
        allow_null=True,
        help_text="The proposal that the engine had first.",
    )
    loss = serializers.IntegerField(
        allow_null=True,
        help_text="Score of the engine's first less that of this one, exact; null where either is unknown.",
    )


class ProposalOut(LifecycleOut):
    """A way to serve a request. A partner sees neither scores nor reasons, only that it takes part and its own terms."""

    example: ClassVar[Example] = {
        "id": PROPOSAL_ID,
        "version": 4,
        "state": "approved",
        "request": "GMG-MLI-2026-0007",
        "run": RUN_ID,
        "origin": "engine",
        "lead": "GMG-WG",
        "rank": 1,
        "score": 812_400,
        "score_100": 81,
        "evidence": 790,
        "little_evidence": False,
        "breakdown": [{"criterion": "theme", "contribution": 220_000}],
        "reasons": {},
        "covers_all": True,
        "uncovered": [],
        "flags": ["funding_to_be_found"],
        "consultation": "preferred",
        "four_eyes": False,
        "message": "",
        "parts": [PART_EXAMPLE],
        "waiting_for": "provider",
        "step": "proposal.answer",
        "due_at": "2026-12-07T09:00:00Z",
        "allowed_actions": ["retract"],
        "created_at": MOMENT,
        "updated_at": MOMENT,
        "links": {"self": f"https://marketplace.example/api/v1/proposals/{PROPOSAL_ID}"},
    }
    expandable = ("decisions",)
    LITTLE_EVIDENCE = 500  # per mille of the weights

    request = serializers.CharField(source="request.reference_text", read_only=True)
    run = serializers.UUIDField(source="run.public_id", default=None, read_only=True, allow_null=True)
    origin = serializers.CharField(read_only=True)
    lead = serializers.CharField(source="lead.code", read_only=True)
    rank = serializers.IntegerField(read_only=True, allow_null=True)
    score = serializers.IntegerField(read_only=True, allow_null=True, help_text="0 to 1,000,000.")
    score_100 = serializers.SerializerMethodField(help_text="The score as people read it, 0 to 100.")
    evidence = serializers.IntegerField(read_only=True, allow_null=True, help_text="Per mille of the weights.")
    little_evidence = serializers.SerializerMethodField()
    breakdown = CriterionOut(many=True, read_only=True)
    reasons = serializers.SerializerMethodField(
        help_text="Per line and criterion: value, weight, contribution, sentence. `against_next`: what each criterion adds to "
        "the lead over the next proposal; `to_first`: changes of the provider that would put it first; `open_lines`: why "
        "lines stay open."
    )
    covers_all = serializers.BooleanField(read_only=True)
    uncovered = serializers.ListField(child=serializers.IntegerField(), read_only=True)
    flags = serializers.ListField(child=serializers.CharField(), read_only=True)
    consultation = serializers.CharField(read_only=True)
    four_eyes = serializers.BooleanField(read_only=True)
    message = serializers.CharField(read_only=True)
    parts = PartOut(many=True, read_only=True)
    decisions = DecisionOut(many=True, read_only=True)
    links = LinksField({"self": "proposal-detail"})

    HIDDEN: ClassVar[Mapping[str, object]] = {
        "rank": None,
        "score": None,
        "score_100": None,
        "evidence": None,
        "breakdown": [],
        "reasons": {},
        "decisions": [],
    }
    UNRANKED: ClassVar[Mapping[str, object]] = {"rank": None, "score": None, "score_100": None, "evidence": None}

    def to_representation(self, instance: MatchProposal) -> dict[str, Any]:
        """Show who owes what by when; hide from partners what is not theirs."""
        shown = super().to_representation(instance)
        party, step, due_at = queries.who_owes(instance)
        owed: dict[str, Any] = {"waiting_for": party, "step": step, "due_at": due_at}
        shown.update({name: value for name, value in owed.items() if name in shown})
        request = self.context.get("request")
        if request is not None and not queries.sees_scores(instance):
            known = {str(part.public_id) for part in queries.shown_parts(instance, request.actor, at=request.at)}
            hidden = {**self.HIDDEN, "parts": [part for part in shown.get("parts", ()) if part["id"] in known]}
            shown.update({name: value for name, value in hidden.items() if name in shown})
        if instance.run_id is None:  # nobody has ranked it
            shown.update({name: value for name, value in self.UNRANKED.items() if name in shown})
        return shown

    def get_score_100(self, proposal: MatchProposal) -> int:
        """Round the score to hundreds, half up."""
        return (proposal.score + 5_000) // 10_000

    def get_little_evidence(self, proposal: MatchProposal) -> bool:
        """Tell whether less than half of the weight rests on evidence."""
        return proposal.origin == "engine" and proposal.evidence < self.LITTLE_EVIDENCE

    def get_reasons(self, proposal: MatchProposal) -> dict[str, Any]:
        """Give the reasons with their sentences in words."""
        found: dict[str, Any] = spoken(proposal.reasons)
        return found
