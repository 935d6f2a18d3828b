"""The pages about life cycles say what the tables say, and the command keeps them so."""

from importlib import import_module
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from marketplace.kernel.lifecycle import Lifecycle, Party, Step, move
from marketplace.lifecycles import diagrams
from marketplace.lifecycles.registry import lifecycle_models
from marketplace.records.models import LifecycleRecord

APPS = ("requests_app", "providers", "matching", "fulfilment")
LAMP = Lifecycle(
    name="lamp",
    initial="off",
    states=("off", "on", "broken"),
    transitions=(
        move("switch-on", "off", "on", "lamp.lit", "lamps.use"),
        move("switch-off", "on", "off", "lamp.put_out", "lamps.use"),
        move("dim", "on", "on", "lamp.dimmed", step=Step("proposal.decide", Party.SECRETARIAT)),
        move("fail", "off on", "broken", "lamp.failed", automatic=True),
        move("look-at", "off", "off", "lamp.looked_at"),
        move("look-at", "on", "on", "lamp.looked_at"),
    ),
    steps={"off": Step("proposal.answer", Party.PROVIDER)},
)


def test_diagram_of_table_draws_each_arrow_once() -> None:
    assert list(diagrams.diagram(LAMP)) == [
        "stateDiagram-v2",
        "    [*] --> off",
        "    off --> off : look-at",
        "    off --> on : switch-on",
        "    off --> broken : (fail)",
        "    on --> off : switch-off",
        "    on --> on : dim, look-at",
        "    on --> broken : (fail)",
        "    broken --> [*]",
    ]


def test_verb_rows_that_stay_in_their_state_become_one() -> None:
    rows = {row.verb: row for row in diagrams.verb_rows(LAMP)}
    assert rows["look-at"].sources == ("off", "on")
    assert rows["look-at"].target == diagrams.SAME
    assert rows["switch-off"].step == "`proposal.answer` (provider)"
    assert rows["dim"].step == "`proposal.decide` (secretariat)"
    assert rows["fail"].permission == "*automatic*"


def test_steps_section_names_what_verbs_open_beside_the_table() -> None:
    text = "\n".join(diagrams.steps_section(LAMP, diagrams.shipped_terms()))
    assert "| `proposal.answer`: Answer of the provider | `off` | provider | 10 | 5 before | part lapses" in text
    assert "| `proposal.decide`: Decision on the proposal | `on` | secretariat |" in text


def test_steps_section_without_steps_is_empty() -> None:
    idle = Lifecycle(name="stone", initial="lies", states=("lies",), transitions=())
    assert list(diagrams.steps_section(idle, {})) == []


def test_every_table_of_the_apps_has_its_page() -> None:
    modules = [vars(import_module(f"{app}.lifecycle")) for app in APPS]
    tables = [value for names in modules for value in names.values() if isinstance(value, Lifecycle)]
    drawn = [model.lifecycle for model in lifecycle_models()]
    assert len(tables) >= len(APPS)
    assert [table.name for table in tables if table not in drawn] == []
    assert {diagrams.file_name(model) for model in lifecycle_models()} < diagrams.pages().keys()


@pytest.mark.parametrize("model", list(lifecycle_models()), ids=lambda model: model.resource)
def test_every_verb_and_state_is_on_its_page(model: type[LifecycleRecord]) -> None:
    text = diagrams.page(model, diagrams.shipped_terms())
    missing = [row.verb for row in model.lifecycle.transitions if f"| `{row.verb}` |" not in text]
    assert missing == []
    assert [state for state in model.lifecycle.states if f" {state}" not in text] == []


def test_check_of_fresh_pages_passes_and_writes_nothing(tmp_path: Path) -> None:
    call_command("lifecycle_diagrams", folder=tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    call_command("lifecycle_diagrams", folder=tmp_path, check=True)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("harm", ["changed", "missing", "left over"])
def test_check_of_stale_pages_names_them(tmp_path: Path, harm: str) -> None:
    call_command("lifecycle_diagrams", folder=tmp_path)
    page = tmp_path / ("lamp.md" if harm == "left over" else "proposal.md")
    if harm == "missing":
        page.unlink()
    else:
        page.write_text("old", "utf-8")
    with pytest.raises(CommandError, match=page.name):
        call_command("lifecycle_diagrams", folder=tmp_path, check=True)
    call_command("lifecycle_diagrams", folder=tmp_path)
    call_command("lifecycle_diagrams", folder=tmp_path, check=True)
