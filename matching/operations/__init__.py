"""Use cases of the matching app; other apps import from here."""

from matching.operations.answers import CounterTerms, accept_part, consent_counter, counter_part, refuse_part
from matching.operations.confirming import confirm_if_complete
from matching.operations.decisions import (
    approve_proposal,
    consult_proposal,
    decline_proposal,
    go_on_without,
    object_to_proposal,
    overrule_objection,
    prefer_proposal,
    retract_approval,
    shortlist_proposal,
)
from matching.operations.endorsing import confirm_endorsed
from matching.operations.locking import check_need_lives, need_lives
from matching.operations.offers import make_offer, withdraw_offer
from matching.operations.planning import request_plan
from matching.operations.policies import current_policy, publish_policy
from matching.operations.pooling import request_pooling
from matching.operations.publishing import publish_plan
from matching.operations.replacing import approve_replacement, decline_replacement
from matching.operations.replaying import ask_replay
from matching.operations.retrying import retry_run
from matching.operations.runs import cancel_run, request_run
from matching.operations.unsharing import end_unasked_shares
from matching.operations.watches import change_watch, delete_watch, save_watch, tell_watches

__all__ = [
    "CounterTerms",
    "accept_part",
    "approve_proposal",
    "approve_replacement",
    "ask_replay",
    "cancel_run",
    "change_watch",
    "check_need_lives",
    "confirm_endorsed",
    "confirm_if_complete",
    "consent_counter",
    "consult_proposal",
    "counter_part",
    "current_policy",
    "decline_proposal",
    "decline_replacement",
    "delete_watch",
    "end_unasked_shares",
    "go_on_without",
    "make_offer",
    "need_lives",
    "object_to_proposal",
    "overrule_objection",
    "prefer_proposal",
    "publish_plan",
    "publish_policy",
    "refuse_part",
    "request_plan",
    "request_pooling",
    "request_run",
    "retract_approval",
    "retry_run",
    "save_watch",
    "shortlist_proposal",
    "tell_watches",
    "withdraw_offer",
]
