"""Writes of what is agreed and delivered."""

from fulfilment.operations.acceptance import PartAnswer, accept_part, consent_counter, engage_confirmed
from fulfilment.operations.changes import agree_change, decline_change, propose_change
from fulfilment.operations.creation import ImportFacts, create_engagement
from fulfilment.operations.deliveries import (
    cancel_delivery,
    confirm_by_silence,
    confirm_delivery,
    contest_delivery,
    deliver_delivery,
    start_delivery,
)
from fulfilment.operations.documents import attach_document, remove_document
from fulfilment.operations.evaluations import EvaluationFacts, record_evaluation, tell_outcome, waive_evaluation
from fulfilment.operations.following_up import complete_milestone, leave_unanswered, waive_milestone
from fulfilment.operations.holding import cancel_engagement, hold_engagement, resume_engagement
from fulfilment.operations.importing import advance_import, import_engagement
from fulfilment.operations.participation import StageCount, record_participation
from fulfilment.operations.partners import (
    add_party,
    confirm_cost_share,
    pledge_cost_share,
    receive_cost_share,
    remove_party,
    withdraw_cost_share,
)
from fulfilment.operations.progress import (
    agree_engagement,
    close_engagement,
    confirm_engagement,
    contest_engagement,
    deliver_engagement,
    start_engagement,
)
from fulfilment.operations.reacting import (
    cancel_for_request,
    hold_for_move,
    hold_for_offering,
    hold_for_provider,
    hold_for_session,
)
from fulfilment.operations.terms import ChangeTerms, DeliveryTerms, LineTerms

__all__ = [
    "ChangeTerms",
    "DeliveryTerms",
    "EvaluationFacts",
    "ImportFacts",
    "LineTerms",
    "PartAnswer",
    "StageCount",
    "accept_part",
    "add_party",
    "advance_import",
    "agree_change",
    "agree_engagement",
    "attach_document",
    "cancel_delivery",
    "cancel_engagement",
    "cancel_for_request",
    "close_engagement",
    "complete_milestone",
    "confirm_by_silence",
    "confirm_cost_share",
    "confirm_delivery",
    "confirm_engagement",
    "consent_counter",
    "contest_delivery",
    "contest_engagement",
    "create_engagement",
    "decline_change",
    "deliver_delivery",
    "deliver_engagement",
    "engage_confirmed",
    "hold_engagement",
    "hold_for_move",
    "hold_for_offering",
    "hold_for_provider",
    "hold_for_session",
    "import_engagement",
    "leave_unanswered",
    "pledge_cost_share",
    "propose_change",
    "receive_cost_share",
    "record_evaluation",
    "record_participation",
    "remove_document",
    "remove_party",
    "resume_engagement",
    "start_delivery",
    "start_engagement",
    "tell_outcome",
    "waive_evaluation",
    "waive_milestone",
    "withdraw_cost_share",
]
