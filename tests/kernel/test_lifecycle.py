import pytest

from marketplace.kernel.lifecycle import Lifecycle, Party, Step, move

TABLE = Lifecycle(
    name="thing",
    initial="draft",
    states=("draft", "open", "done"),
    transitions=(
        move("open", "draft", "open", "thing.opened", "things.open"),
        move("finish", "open", "done draft", "thing.finished", automatic=True),
    ),
    steps={"open": Step("thing.do", Party.SECRETARIAT)},
)


def test_final_states_are_those_that_no_verb_leaves() -> None:
    assert TABLE.final == {"done"}


def test_automatic_transitions_are_never_offered() -> None:
    assert [row.verb for row in TABLE.open_transitions("open")] == []
    assert [row.verb for row in TABLE.open_transitions("draft")] == ["open"]


def test_find_looks_at_the_state() -> None:
    found = TABLE.find("open", "finish")
    assert found is not None
    assert found.targets == ("done", "draft")
    assert TABLE.find("draft", "finish") is None
    assert TABLE.sources_of("finish") == {"open"}


def test_table_with_a_state_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="lost"):
        Lifecycle("thing", "draft", ("draft",), (move("lose", "draft", "lost", "thing.lost"),))
