"""What people decided otherwise than the engine proposed: how often, at what loss, by which criteria, in which role.

A decision is the last word on a proposal as a whole: an approval that was not taken back. It follows the engine where
the proposal was first in its run, else it is an override; its loss is the score of the first less that of the one
approved, exact. A proposal that the engine did not rank (a provider's own offer) has no loss that could be told.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from marketplace.accounts import queries as accounts
from marketplace.accounts.actors import Actor
from matching.engine import (
    CRITERIA,
    Criterion,
    CriterionOverrides,
    Override,
    Policy,
    WeightSuggestion,
    overrides_by_criterion,
    suggest_weights,
)
from matching.models import Decision, MatchProposal
from requests_app import queries as requests

FINAL_VERBS = ("approve", "retract", "lapse")
SYSTEM = "system"
# Who is in several roles decides in the first of these.
ROLE_ORDER = ("secretariat_head", "secretariat_officer", "focal_point", "provider_staff", "auditor", "viewer")


@dataclass(frozen=True, slots=True)
class OverrideRow:
    """One decision against the engine's first. `differences`: value chosen less value of the first, by criterion."""

    request: str
    decided_at: datetime
    role: str
    origin: str
    reason_code: str
    rank: int | None
    score: int | None
    best_score: int
    loss: int | None
    differences: Mapping[Criterion, int]


@dataclass(frozen=True, slots=True)
class RoleCount:
    """Decisions of one role; `loss` and `largest_loss` over the overrides whose loss is known."""

    role: str
    decisions: int
    overrides: int
    loss: int
    largest_loss: int


@dataclass(frozen=True, slots=True)
class OverrideReport:
    """All of it; `without_alternative` decisions had nothing beside them and say nothing of the weights."""

    decisions: int
    overrides: int
    without_alternative: int
    loss: int
    by_role: tuple[RoleCount, ...]
    by_criterion: tuple[CriterionOverrides, ...]
    rows: tuple[OverrideRow, ...]
    suggestion: WeightSuggestion


@dataclass(frozen=True, slots=True)
class _Choice:
    """A decision with the proposals that it is compared with."""

    decision: Decision
    role: str
    chosen: MatchProposal
    best: MatchProposal | None
    next_best: MatchProposal | None

    @property
    def is_override(self) -> bool:
        return self.best is not None and self.best.pk != self.chosen.pk


def override_report(
    *, actor: Actor, at: datetime, policy: Policy, since: date | None = None, until: date | None = None
) -> OverrideReport:
    """Report the decisions of a period (both days included) on requests that the actor reads.

    The number of queries is the same whatever the size.
    """
    choices = _choices(_decisions(actor, at, since, until))
    overrides = [choice for choice in choices if choice.is_override]
    observations = [entry for choice in choices if (entry := _observation(choice)) is not None]
    return OverrideReport(
        decisions=len(choices),
        overrides=len(overrides),
        without_alternative=sum(choice.best is None or _passed_over(choice) is None for choice in choices),
        loss=sum(_loss(choice) or 0 for choice in overrides),
        by_role=_by_role(choices),
        by_criterion=overrides_by_criterion(observations),
        rows=tuple(_row(choice) for choice in overrides),
        suggestion=suggest_weights(observations, policy),
    )


def _decisions(actor: Actor, at: datetime, since: date | None, until: date | None) -> list[Decision]:
    """Read the last word on each proposal, oldest first."""
    rows = Decision.objects.filter(
        part=None,
        verb__in=FINAL_VERBS,
        proposal__request__in=requests.visible_subquery(actor, at=at),
    ).select_related("proposal__request", "proposal__run__policy", "engine_best__run__policy")
    heavy = [f"{path}__{column}" for path in ("proposal__run", "engine_best__run") for column in ("snapshot", "result")]
    last = {row.proposal_id: row for row in rows.defer(*heavy).order_by("pk")}
    days = [(row, row.at.date()) for row in last.values() if row.verb == "approve"]
    return [row for row, day in days if (since is None or day >= since) and (until is None or day <= until)]


def _choices(decisions: Sequence[Decision]) -> list[_Choice]:
    roles = _roles(decisions)
    runs = {row.proposal.run_id for row in decisions if row.proposal.run_id and row.proposal.rank == 1}
    seconds = MatchProposal.objects.filter(run__in=runs, rank=2).select_related("run__policy")
    second = {(row.run_id, row.request_id): row for row in seconds.defer("run__snapshot", "run__result")}
    return [
        _Choice(
            decision=row,
            role=roles[row.pk],
            chosen=row.proposal,
            best=row.engine_best,
            next_best=second.get((row.proposal.run_id, row.proposal.request_id)),
        )
        for row in decisions
    ]


def _roles(decisions: Iterable[Decision]) -> dict[int, str]:
    """Tell in which role each decision was taken: as the person's memberships were on that day."""
    rows = list(decisions)
    held = accounts.roles_held({row.by_id for row in rows if row.by_id is not None})
    found: dict[int, str] = {}
    for row in rows:
        roles = {entry.role for entry in held.get(row.by_id or 0, ()) if entry.is_valid_on(row.at.date())}
        found[row.pk] = next((role for role in ROLE_ORDER if role in roles), SYSTEM if row.by_id is None else "")
    return found


def _passed_over(choice: _Choice) -> MatchProposal | None:
    return choice.best if choice.is_override else choice.next_best


def _observation(choice: _Choice) -> Override | None:
    """Give the comparison behind a decision; None where nothing was passed over, or nothing is known of one side."""
    passed = _passed_over(choice)
    if passed is None or choice.best is None or not (choice.chosen.breakdown and passed.breakdown):
        return None
    return Override(
        decision_id=str(choice.chosen.public_id),
        chosen=values_of(choice.chosen),
        proposed=values_of(passed),
        followed=not choice.is_override,
    )


def values_of(proposal: MatchProposal) -> dict[Criterion, int]:
    """Give the values 0..1000 of a proposal by criterion: its contributions over the weights of its run.

    A criterion without weight has no contribution; its value is then the mean over the lines by participants.
    """
    weights: Mapping[str, int] = proposal.run.policy.weights if proposal.run else {}
    shares = {share["criterion"]: int(share["contribution"]) for share in proposal.breakdown}
    return {
        criterion: shares.get(criterion.value, 0) // weights[criterion.value]
        if weights.get(criterion.value)
        else _mean_over_lines(proposal, criterion)
        for criterion in CRITERIA
    }


def _mean_over_lines(proposal: MatchProposal, criterion: Criterion) -> int:
    lines = proposal.reasons.get("lines", ()) if proposal.reasons else ()
    people = sum(line["participants"] for line in lines)
    total = sum(
        line["participants"] * entry["value"]
        for line in lines
        for entry in line["breakdown"]
        if entry["criterion"] == criterion.value
    )
    return total // people if people else 0


def _loss(choice: _Choice) -> int | None:
    """Give what the choice costs in score; None where the engine had not weighed it."""
    if choice.best is None or not choice.chosen.breakdown:
        return None
    return choice.best.score - choice.chosen.score


def _row(choice: _Choice) -> OverrideRow:
    best = choice.best if choice.best is not None else choice.chosen
    known = bool(choice.chosen.breakdown)
    chosen_values, best_values = values_of(choice.chosen), values_of(best)
    return OverrideRow(
        request=choice.chosen.request.reference_text,
        decided_at=choice.decision.at,
        role=choice.role,
        origin=choice.chosen.origin,
        reason_code=choice.decision.reason_code,
        rank=choice.chosen.rank,
        score=choice.chosen.score if known else None,
        best_score=best.score,
        loss=_loss(choice),
        differences={entry: chosen_values[entry] - best_values[entry] for entry in CRITERIA} if known else {},
    )


def _by_role(choices: Sequence[_Choice]) -> tuple[RoleCount, ...]:
    counts = Counter(choice.role for choice in choices)
    found = []
    for role in sorted(counts):
        overrides = [choice for choice in choices if choice.role == role and choice.is_override]
        losses = [loss for choice in overrides if (loss := _loss(choice)) is not None]
        found.append(RoleCount(role, counts[role], len(overrides), sum(losses), max(losses, default=0)))
    return tuple(found)
