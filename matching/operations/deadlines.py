"""What happens when nobody answered in time (service levels of proposals and parts).

The clock has one record locked and nothing above it. What touches that record alone is done at once; what reaches for
its request, lines and capacity is done in a job of its own, which takes the locks in the order of the house.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from marketplace.accounts.actors import Actor
from marketplace.lifecycles.operations import transition
from marketplace.records.models import LifecycleRecord
from marketplace.vocabularies import queries as vocabularies
from marketplace.work import operations as work
from matching.models import MatchProposal, MatchRun, ProposalPart
from matching.operations import approvals, asking, runs
from matching.operations.locking import lock_part

CLOCK = Actor.system("deadlines")
FURTHER_DAYS = 5  # where the service level of the consent does not say


def further_days() -> int:
    """Give the working days for which the first question stands after other terms were not agreed."""
    return vocabularies.service_level("proposal.counter_consent").effect_after_working_days or FURTHER_DAYS


def end_consultation(record: LifecycleRecord, at: datetime) -> None:
    """Take the requester's silence as no objection, recorded as such."""
    if isinstance(record, MatchProposal) and record.consultation == "asked":
        record.consultation = "silent"
        silence = {"consultation": "silent"}
        transition(record, "hear_silence", actor=CLOCK, at=at, data=silence, columns=("consultation",))
        approvals.record_decision(record, "silence", actor=CLOCK, at=at)


def lapse_second_approval(record: LifecycleRecord, at: datetime) -> None:
    """Give a proposal back to the shortlist, or a replacement to the decision, when no second approver came."""
    if isinstance(record, MatchProposal):
        transition(record, "lapse", actor=CLOCK, at=at)
        approvals.record_decision(record, "lapse", actor=CLOCK, at=at)
    else:
        pass_deadline_of_part(record, at)


def pass_deadline_of_part(record: LifecycleRecord, at: datetime) -> None:
    """Have a job see to a part whose deadline has passed."""
    if isinstance(record, ProposalPart) and record.due_at is not None:
        payload = {"part": str(record.public_id), "due_at": record.due_at.isoformat()}
        work.enqueue("matching.part_deadline", payload, at=at)


def give_up_run(record: LifecycleRecord, at: datetime) -> None:
    """Fail a run that nobody finished within its day, so that it can be asked for again."""
    if isinstance(record, MatchRun):
        runs.fail_run(record, error="not finished in time", actor=CLOCK, at=at)


@transaction.atomic
def meet_deadline_of_part(*, part: UUID, due_at: datetime, at: datetime) -> None:
    """Let a part lapse, its counter-offer end, or its second approval return; nothing where it was answered meanwhile."""
    _, row = lock_part(ProposalPart.objects.values_list("pk", flat=True).get(public_id=part))
    if row.due_at != due_at:
        return
    if row.state == "asked":
        asking.lapse(row, actor=CLOCK, at=at, reason_code="not_answered")
    elif row.state == "countered":
        asking.close_counter(row, "lapsed", at=at)
        transition(row, "end_counter", actor=CLOCK, at=at, step_days=further_days())
        asking.extend_holds(row, actor=CLOCK, at=at)
    elif row.state == "awaiting_second_approval":
        transition(row, "return", actor=CLOCK, at=at)
        approvals.record_decision(row.proposal, "lapse", actor=CLOCK, at=at, part=row)
