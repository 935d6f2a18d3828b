"""What callers are shown of policies, runs, proposals and parts."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers

from marketplace.api.serializers import (
    Example,
    LanguageMapField,
    LifecycleOut,
    LinksField,
    ThingOut,
)
from marketplace.vocabularies import queries as vocabularies
from matching import queries
from matching.api.serializers import incoming
from matching.api.serializers.parts import MOMENT, PART_EXAMPLE, PROPOSAL_ID, PartOut
from matching.api.serializers.publications import PublicationOut
from matching.api.serializers.replays import RunReplayOut
from matching.api.wording import spoken
from matching.models import MatchProposal
from matching.queries.plan_names import PlanNames

RUN_ID = "0198c0de-0000-7000-8000-0000000000a1"


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
        "answer": None,
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
        "lines stay open; `obstacles`: of a provider's own offer, the hard conditions that it does not meet and what would help."
    )
    covers_all = serializers.BooleanField(read_only=True)
    uncovered = serializers.ListField(child=serializers.IntegerField(), read_only=True)
    flags = serializers.ListField(child=serializers.CharField(), read_only=True)
    consultation = serializers.CharField(read_only=True)
    four_eyes = serializers.BooleanField(read_only=True)
    message = serializers.CharField(read_only=True)
    answer = serializers.SerializerMethodField(
        help_text="Of a proposal that ended without an agreement: `at`, `reason_code` (`decline_reasons` or "
        "`proposal_endings`), `reason` by language, `reason_text`; null before."
    )
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

    def get_answer(self, proposal: MatchProposal) -> dict[str, Any] | None:
        """Give the dated answer of what has ended."""
        if proposal.ended_at is None:
            return None
        labels = {**vocabularies.labels("proposal_endings"), **vocabularies.labels("decline_reasons")}
        return {
            "at": proposal.ended_at,
            "reason_code": proposal.ended_reason,
            "reason": labels.get(proposal.ended_reason, {}),
            "reason_text": proposal.ended_text,
        }

    def get_score_100(self, proposal: MatchProposal) -> int | None:
        """Round the score to hundreds, half up; null where there is none, or none for this reader."""
        return (proposal.score + 5_000) // 10_000

    def get_little_evidence(self, proposal: MatchProposal) -> bool:
        """Tell whether less than half of the weight rests on evidence."""
        return proposal.origin == "engine" and proposal.evidence < self.LITTLE_EVIDENCE

    def get_reasons(self, proposal: MatchProposal) -> dict[str, Any]:
        """Give the reasons with their sentences in words."""
        found: dict[str, Any] = spoken(proposal.reasons)
        return found
