"""The life cycles of what is asked (domain page): requests, their lines, questions about them, endorsements."""

from collections.abc import Iterable
from dataclasses import dataclass

from marketplace.accounts.roles import Permission
from marketplace.kernel.lifecycle import Lifecycle, Party, Step, move

WRITE, SCREEN = Permission.REQUESTS_WRITE, Permission.REQUESTS_SCREEN

MATCH_STEP = Step("request.match", Party.SYSTEM)
CALL_STEP = Step("request.call_for_offers", Party.PROVIDERS)
CHOICE_STEP = Step("proposal.shortlist", Party.SECRETARIAT)  # the engine has answered, the call has ended

REQUEST = Lifecycle(
    name="training_request",
    initial="draft",
    states=(
        "draft",
        "submitted",
        "returned",
        "open",
        "matched",
        "in_delivery",
        "fulfilled",
        "closed",
        "unmet",
        "ineligible",
        "withdrawn",
        "merged",
        "cancelled",
    ),
    transitions=(
        move("submit", "draft", "submitted", "training_request.submitted", WRITE),
        move("return", "submitted", "returned", "training_request.returned", SCREEN, pauses=True),
        move("answer", "returned", "submitted", "training_request.answered", WRITE, resumes=True),
        move("open", "submitted", "open", "training_request.opened", SCREEN),
        move("decline", "submitted", "ineligible", "training_request.declined", SCREEN),
        move(
            "withdraw", "draft submitted returned open matched unmet", "withdrawn", "training_request.withdrawn", WRITE
        ),
        move(
            "cancel",
            "submitted returned open matched in_delivery unmet",
            "cancelled",
            "training_request.cancelled",
            SCREEN,
        ),
        move("merge", "submitted returned open", "merged", "training_request.merged", SCREEN),
        move("mark-unmet", "open", "unmet", "training_request.marked_unmet", SCREEN),
        move("reopen", "unmet", "open", "training_request.reopened", SCREEN),
        move("close", "fulfilled", "closed", "training_request.closed", SCREEN),
        # These four follow from the lines alone.
        move("match", "open in_delivery fulfilled", "matched", "training_request.matched", automatic=True),
        move(
            "begin-delivery", "open matched fulfilled", "in_delivery", "training_request.delivery_begun", automatic=True
        ),
        move("fulfil", "open matched in_delivery", "fulfilled", "training_request.fulfilled", automatic=True),
        move("fall-back", "matched in_delivery fulfilled", "open", "training_request.fell_back", automatic=True),
    ),
    steps={
        "submitted": Step("request.screen", Party.SECRETARIAT),
        "returned": Step("request.answer", Party.REQUESTER),
        "open": MATCH_STEP,
        "fulfilled": Step("request.close", Party.SECRETARIAT),
    },
)

# What may be rewritten, and by a change that leaves the state as it is.
EDITABLE_STATES = frozenset({"draft", "submitted", "returned", "open"})
# How far a request of a client in test mode goes: nobody else ever looks at it.
TEST_STATES = frozenset({"draft", "submitted", "withdrawn"})
# States that follow from the lines, and the verb that leads to each.
DERIVED_STATES = {"open": "fall-back", "matched": "match", "in_delivery": "begin-delivery", "fulfilled": "fulfil"}
# What a stranger could not know of: everything but these is out of the requester's own hands.
PRIVATE_STATES = frozenset({"draft"})

LINE = Lifecycle(
    name="request_line",
    initial="open",
    states=("open", "held", "agreed", "delivered", "unmet", "dropped"),
    transitions=(
        move("hold", "open agreed delivered", "held", "request_line.held", automatic=True),
        move("agree", "open held delivered", "agreed", "request_line.agreed", automatic=True),
        move("deliver", "open held agreed", "delivered", "request_line.delivered", automatic=True),
        move("release", "held agreed delivered", "open", "request_line.released", automatic=True),
        move("mark-unmet", "open", "unmet", "request_line.marked_unmet", automatic=True),
        move("reopen", "unmet", "open", "request_line.reopened", automatic=True),
        move("drop", "open unmet", "dropped", "request_line.dropped", automatic=True),
    ),
)
LINE_VERBS = {"open": "release", "held": "hold", "agreed": "agree", "delivered": "deliver"}

CLARIFICATION = Lifecycle(
    name="clarification",
    initial="open",
    states=("open", "answered", "withdrawn"),
    transitions=(
        move("answer", "open", "answered", "clarification.answered", WRITE),
        move("withdraw", "open", "withdrawn", "clarification.withdrawn"),  # by who asked
    ),
    steps={"open": Step("clarification.answer", Party.REQUESTER)},
)

ENDORSEMENT = Lifecycle(
    name="endorsement",
    initial="pending",
    states=("pending", "given", "refused", "expired"),
    transitions=(
        move("record", "pending", "given refused", "endorsement.recorded", SCREEN),
        move("expire", "given", "expired", "endorsement.expired", automatic=True),
    ),
    steps={"pending": Step("request.endorsement", Party.AUTHORITY)},
)


@dataclass(frozen=True, slots=True)
class Placed:
    """One live claim on a line: how many participants, and how far the agreement about them has come."""

    participants: int
    agreed: bool
    started: bool
    delivered: bool


def line_state(claims: Iterable[Placed], participants_min: int) -> str:
    """Derive the state of a line from its live claims: too few agreed participants leave it open."""
    placed = list(claims)
    if any(not claim.agreed for claim in placed):
        return "held"
    if sum(claim.participants for claim in placed) < max(participants_min, 1):
        return "open"
    return "delivered" if all(claim.delivered for claim in placed) else "agreed"


def request_state(line_states: Iterable[str], *, delivery_begun: bool) -> str:
    """Derive the state of an open request from its lines: unmet and dropped ones stand in nobody's way.

    Where nothing else is left, what was given up is the answer to the whole. ``delivery_begun`` tells whether any agreed
    line has a delivery that has started or ended.
    """
    states = set(line_states) - {"dropped"}
    counted = states - {"unmet"}
    if states == {"unmet"}:
        return "unmet"
    if not counted or any(state in ("open", "held") for state in counted):
        return "open"
    if all(state == "delivered" for state in counted):
        return "fulfilled"
    return "in_delivery" if delivery_begun else "matched"
