"""The tables, and the two derivations on which the state of a need rests."""

import pytest

from marketplace.kernel.lifecycle import Lifecycle
from requests_app.lifecycle import (
    CLARIFICATION,
    DERIVED_STATES,
    ENDORSEMENT,
    LINE,
    LINE_VERBS,
    REQUEST,
    Placed,
    line_state,
    request_state,
)

HELD = Placed(20, agreed=False, started=False, delivered=False)
AGREED = Placed(20, agreed=True, started=False, delivered=False)
BEGUN = Placed(20, agreed=True, started=True, delivered=False)
DELIVERED = Placed(20, agreed=True, started=True, delivered=True)
SHORT = Placed(10, agreed=True, started=True, delivered=True)


@pytest.mark.parametrize("lifecycle", [REQUEST, LINE, CLARIFICATION, ENDORSEMENT], ids=lambda one: one.name)
def test_every_state_can_be_reached(lifecycle: Lifecycle) -> None:
    reached = {lifecycle.initial}
    while True:
        further = {t for row in lifecycle.transitions if row.sources & reached for t in row.targets}
        if further <= reached:
            break
        reached |= further
    assert reached == set(lifecycle.states)


@pytest.mark.parametrize(
    ("claims", "state"),
    [
        ([], "open"),
        ([HELD], "held"),
        ([AGREED, HELD], "held"),
        ([AGREED], "agreed"),
        ([BEGUN], "agreed"),
        ([DELIVERED, AGREED], "agreed"),
        ([DELIVERED], "delivered"),
        ([SHORT], "open"),
        ([SHORT, SHORT], "delivered"),
    ],
)
def test_line_follows_its_claims(claims: list[Placed], state: str) -> None:
    assert line_state(claims, 15) == state


@pytest.mark.parametrize(
    ("lines", "begun", "state"),
    [
        (["open", "agreed"], False, "open"),
        (["held", "agreed"], True, "open"),
        (["agreed", "agreed"], False, "matched"),
        (["agreed", "unmet", "dropped"], False, "matched"),
        (["agreed", "agreed"], True, "in_delivery"),
        (["agreed", "delivered"], True, "in_delivery"),
        (["delivered", "unmet"], True, "fulfilled"),
        (["dropped"], False, "open"),
        (["unmet", "dropped"], False, "unmet"),
    ],
)
def test_request_follows_its_lines(lines: list[str], begun: bool, state: str) -> None:
    assert request_state(lines, delivery_begun=begun) == state


@pytest.mark.parametrize("target", sorted(DERIVED_STATES))
def test_derived_state_can_be_reached_from_every_other(target: str) -> None:
    for source in sorted(set(DERIVED_STATES) - {target}):
        row = REQUEST.find(source, DERIVED_STATES[target])
        assert row is not None, f"{source} to {target}"
        assert row.targets == (target,)


@pytest.mark.parametrize("target", sorted(LINE_VERBS))
def test_line_can_follow_its_claims_from_every_placed_state(target: str) -> None:
    for source in sorted(set(LINE_VERBS) - {target}):
        row = LINE.find(source, LINE_VERBS[target])
        assert row is not None, f"{source} to {target}"
        assert row.targets == (target,)
