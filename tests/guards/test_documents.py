"""What is written down is true: settings in .env.example, targets in the Makefile, texts in French."""

import ast
import re

from tests.guards import house
from tooling import translations

READ_BY_OTHERS = {
    "POSTGRES_PASSWORD": "compose.yaml gives it to PostgreSQL",
    "LISTEN": "compose.yaml: where the proxy listens",
    "TLS_PORT": "compose.yaml: where the proxy listens",
    "PROCESS_LIMIT": "compose.yaml: processes of each container",
    "MEMORY_LIMIT": "compose.yaml: memory of each container of ours",
    "POSTGRES_MEMORY_LIMIT": "compose.yaml: memory of PostgreSQL",
    "PROXY_MEMORY_LIMIT": "compose.yaml: memory of the proxy",
    "REDIS_MEMORY_LIMIT": "compose.yaml: memory of Redis",
}
SILENT: dict[str, str] = {}


def settings_read() -> set[str]:
    """Find every variable that the settings, gunicorn's file and the product read from the environment."""
    files = [*house.sources(), house.source(house.ROOT / "gunicorn.conf.py")]
    calls = [node for source in files for node in source.nodes() if isinstance(node, ast.Call) and node.args]
    named = [
        call.args[0]
        for call in calls
        if re.match(r"(env\.(str|bool|int|float|list|url|json)|os\.environ\.get)$", house.dotted(call.func))
    ]
    return {str(name.value) for name in named if isinstance(name, ast.Constant)}


def settings_told() -> set[str]:
    text = (house.ROOT / ".env.example").read_text("utf-8")
    return set(re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE))


def test_every_setting_is_in_the_example_and_the_example_invents_none() -> None:
    ours = {name for name in settings_read() if name not in {"DJANGO_SETTINGS_MODULE", "CI"}}
    untold = (f"{name}: read from the environment, not in .env.example" for name in ours - settings_told())
    invented = (f"{name}: in .env.example, read by nothing" for name in settings_told() - ours)
    house.require(untold, SILENT)
    house.require(invented, READ_BY_OTHERS)


def test_every_target_of_the_makefile_that_people_are_told_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (house.ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    pages = [*house.ROOT.glob("*.md"), *(house.ROOT / "docs").rglob("*.md")]
    told = {(path.name, word) for path in pages for word in re.findall(r"`make ([a-z-]+)", path.read_text("utf-8"))}
    assert told
    assert sorted((page, word) for page, word in told if word not in targets) == []


def test_every_text_has_french() -> None:
    house.require(translations.problems(house.ROOT))
