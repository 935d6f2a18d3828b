import pytest

from marketplace.kernel.lifecycle import Lifecycle, Party, Step, Transition, move

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


def test_states_that_wait_are_those_of_a_step_and_those_to_which_a_step_leads() -> None:
    assert TABLE.waiting == {"open"}
    step = Step("thing.do", Party.PROVIDER)
    row = move("begin", "draft", "open done", "thing.begun", step=step)
    assert Lifecycle("thing", "draft", ("draft", "open", "done"), (row,)).waiting == {"open", "done"}


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


def test_move_writes_a_whole_row() -> None:
    step = Step("thing.do", Party.PROVIDER)
    row = move("finish", "open draft", "done open", "thing.finished", "things.finish", step=step, pauses=True)
    assert row == Transition(
        "finish",
        frozenset({"open", "draft"}),
        ("done", "open"),
        "thing.finished",
        permission="things.finish",
        automatic=False,
        pauses=True,
        resumes=False,
        public=True,
        step=step,
    )


def test_table_knows_the_state_of_each_step_source_and_target_and_its_beginning() -> None:
    row = move("open", "draft", "open", "thing.opened")
    step = Step("thing.do", Party.PROVIDER)
    Lifecycle("thing", "draft", ("draft", "open"), (row,), {"open": step})
    for wrong in (
        {"initial": "lost"},
        {"steps": {"lost": step}},
        {"transitions": (move("find", "lost", "open", "thing.found"),)},
    ):
        facts = {"name": "thing", "initial": "draft", "states": ("draft", "open"), "transitions": (row,), **wrong}
        with pytest.raises(ValueError, match=r"^life cycle thing names unknown states: \['lost'\]$"):
            Lifecycle(**facts)  # type: ignore[arg-type]


def test_verb_that_leaves_several_states_is_found_from_each() -> None:
    rows = (move("end", "draft", "done", "thing.ended"), move("end", "open", "done", "thing.finished"))
    table = Lifecycle("thing", "draft", ("draft", "open", "done"), rows)
    found = [table.find(state, "end") for state in ("draft", "open")]
    assert [row.event for row in found if row] == ["thing.ended", "thing.finished"]
    assert table.find("done", "end") is None
    assert table.find("draft", "begin") is None
    assert table.sources_of("end") == {"draft", "open"}
    assert table.sources_of("begin") == frozenset()
    assert [row.event for row in table.open_transitions("open")] == ["thing.finished"]
