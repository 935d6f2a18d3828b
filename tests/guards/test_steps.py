"""Nothing waits for nobody: every state that can be left names who owes the next step, or says here why nobody does.

Domain rule 6: every need gets a dated answer.
"""

import importlib
import json

from marketplace.kernel.lifecycle import Lifecycle
from marketplace.vocabularies.datafiles import SHIPPED
from tests.guards import house

APPS = ("requests_app", "providers", "matching", "fulfilment")
FOLLOWS = "follows from what is beneath it, which has steps of its own"
STANDING = "a lasting state: whoever wants to may leave it, nobody owes it"
WITHOUT_STEP: dict[str, str] = {
    "training_request.draft": "the drafter's own paper until it is submitted",
    "training_request.matched": FOLLOWS,
    "training_request.in_delivery": FOLLOWS,
    "training_request.unmet": "the dated answer has been given; the secretariat may open it again",
    "request_line.open": FOLLOWS,
    "request_line.held": FOLLOWS,
    "request_line.agreed": FOLLOWS,
    "request_line.delivered": FOLLOWS,
    "request_line.unmet": "answered with its request",
    "endorsement.given": STANDING,
    "provider.verified": STANDING,
    "provider.suspended": STANDING,
    "offering.draft": "the provider's own paper until it is submitted",
    "offering.published": STANDING,
    "offering.suspended": STANDING,
    "session.planned": "its dates say what is next",
    "session.open": "its dates say what is next",
    "session.running": "its dates say what is next",
    "capacity_hold.held": "lapses by itself at its expiry",
    "capacity_hold.confirmed": "ends with its engagement",
    "match_run.complete": "answered; a newer run supersedes it",
    "match_run.no_solution": "answered; a newer run supersedes it",
    "match_run.failed": "answered with its error; whoever asked may ask again",
    "match_run.cancelled": "whoever cancelled it may ask again",
    "proposal.approved": "waits for its parts, each of which has a step",
    "proposal_part.suggested": "decided with its proposal",
    "proposal_part.accepted": "answered; confirmed with its proposal",
    "delivery.planned": "due on its dates, with its engagement's step",
    "milestone.not_answered": "the deadline has passed; a late answer is still welcome",
    "cost_share.pledged": "followed with its engagement",
    "cost_share.confirmed": "followed with its engagement",
}


def life_cycles() -> list[Lifecycle]:
    found: dict[str, Lifecycle] = {}
    for app in APPS:
        tables = vars(importlib.import_module(f"{app}.lifecycle")).values()
        found |= {table.name: table for table in tables if isinstance(table, Lifecycle)}
    return [found[name] for name in sorted(found)]


def test_every_state_that_can_be_left_has_a_step_or_a_reason() -> None:
    silent = [
        f"{table.name}.{state}: nobody owes a step"
        for table in life_cycles()
        for state in table.states
        if state not in table.final and state not in table.steps
    ]
    assert house.complaints(silent, WITHOUT_STEP) == []


def test_every_step_has_its_service_level() -> None:
    shipped = {row["step"] for row in json.loads((SHIPPED / "service_levels.json").read_text())["steps"]}
    steps = {step.code for table in life_cycles() for step in table.steps.values()}
    steps |= {row.step.code for table in life_cycles() for row in table.transitions if row.step}
    assert sorted(steps - shipped) == []
