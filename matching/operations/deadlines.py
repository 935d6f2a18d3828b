"""What happens when nobody answered in time (service levels of proposals and parts)."""

from datetime import datetime

from marketplace.accounts.actors import Actor
from marketplace.lifecycles.operations import transition
from marketplace.records.models import LifecycleRecord
from matching.models import MatchProposal, MatchRun, ProposalPart
from matching.operations import approvals, asking, runs
from matching.operations.answers import FURTHER_DAYS, lose_part

CLOCK = Actor.system("deadlines")


def end_consultation(record: LifecycleRecord, at: datetime) -> None:
    """Take the requester's silence as no objection, recorded as such."""
    if isinstance(record, MatchProposal) and record.consultation == "asked":
        record.consultation = "silent"
        record.save(update_fields=["consultation"])
        transition(record, "hear_silence", actor=CLOCK, at=at, data={"consultation": "silent"})


def lapse_second_approval(record: LifecycleRecord, at: datetime) -> None:
    """Give a proposal back to the shortlist, or a replacement to the decision, when no second approver came."""
    if isinstance(record, MatchProposal):
        transition(record, "lapse", actor=CLOCK, at=at)
        approvals.record_decision(record, "lapse", actor=CLOCK, at=at)
    elif isinstance(record, ProposalPart):
        transition(record, "return", actor=CLOCK, at=at)
        approvals.record_decision(record.proposal, "lapse", actor=CLOCK, at=at, part=record)


def lapse_part(record: LifecycleRecord, at: datetime) -> None:
    """Let a part lapse that was not answered: its hold is released and the next best is looked for."""
    if isinstance(record, ProposalPart):
        transition(record, "lapse", actor=CLOCK, at=at)
        lose_part(record, actor=CLOCK, at=at)


def end_counter(record: LifecycleRecord, at: datetime) -> None:
    """Let other terms lapse; the original question stands for five more working days."""
    if isinstance(record, ProposalPart):
        asking.close_counter(record, "lapsed", at=at)
        transition(record, "end_counter", actor=CLOCK, at=at, step_days=FURTHER_DAYS)


def give_up_run(record: LifecycleRecord, at: datetime) -> None:
    """Fail a run that nobody finished within its day, so that it can be asked for again."""
    if isinstance(record, MatchRun):
        runs.fail_run(record, error="not finished in time", actor=CLOCK, at=at)
