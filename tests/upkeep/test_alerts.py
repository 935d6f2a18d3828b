"""The alarms that ship ring on what is exported, and the runbook has each of them."""

import re
from datetime import datetime
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.test import Client
from prometheus_client import REGISTRY
from prometheus_client.core import Metric
from pytest_django import Settings

from marketplace.rest.metrics import Installation

RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load((settings.BASE_DIR / "deploy" / "alerts.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
}
RUNBOOK = (settings.BASE_DIR / "docs" / "operations.md").read_text("utf-8")
FOREIGN = {"up"}  # of Prometheus itself; those of the host begin with `node_`
ASIDE = (
    r'"[^"]*"',  # values of labels
    r"\{[^}]*\}",  # labels
    r"\b(by|without|on|ignoring) \([^)]*\)",
    r"\[\w+\]",  # spans of time
    r"\b\w+\(",  # functions
    r"\b(and|or|unless|max|min|sum)\b",
)
UNITS = {"m": "minute", "h": "hour"}


def metrics_in(expression: str) -> set[str]:
    """Find the names of metrics in an expression of Prometheus' language."""
    for pattern in ASIDE:
        expression = re.sub(pattern, " ", expression)
    return set(re.findall(r"[a-z_][a-z0-9_]*", expression))


def names_of(metric: Metric) -> set[str]:
    """Give the names under which the samples of a metric appear."""
    if metric.type == "histogram":
        return {f"{metric.name}_{end}" for end in ("bucket", "count", "sum")}
    return {f"{metric.name}_total" if metric.type == "counter" else metric.name}


def spelled(duration: str) -> str:
    """Write `2m` as people do: 2 minutes."""
    number, unit = int(duration[:-1]), UNITS[duration[-1]]
    return f"{number} {unit}{'s' if number > 1 else ''}"


def rows() -> dict[str, str]:
    """Give what the table of the runbook says of each alarm, when it rings."""
    found = re.findall(r"^\| `([A-Z][a-z]+[A-Za-z]*)` \| (.*)$", RUNBOOK, re.MULTILINE)
    return {name: re.split(r"(?<!\\) \| ", rest)[0].replace("\\|", "|") for name, rest in found}


@pytest.mark.django_db
def test_every_metric_of_an_alarm_is_exported(at: datetime, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    Client().get("/api/v1/health/live")  # the first call makes what counts them
    exported = {name for metric in (*REGISTRY.collect(), *Installation(at).collect()) for name in names_of(metric)}
    for rule in RULES.values():
        own = {name for name in metrics_in(rule["expr"]) - FOREIGN if not name.startswith("node_")}
        assert own <= exported, rule["alert"]


def test_names_of_metrics_are_found_in_an_expression() -> None:
    expression = (
        'time() - max by (kind) (a_total{state=~"x|y"}) > 5 and histogram_quantile(0.9, rate(b_bucket[5m])) or up'
    )
    assert metrics_in(expression) == {"a_total", "b_bucket", "up"}
    assert all(metrics_in(rule["expr"]) for rule in RULES.values())


def test_runbook_has_every_alarm_with_its_expression_and_no_other() -> None:
    told = rows()
    assert told.keys() == RULES.keys()
    for name, rule in RULES.items():
        assert f"`{rule['expr']}`" in told[name], name
        if "for" in rule:
            assert f"` for {spelled(rule['for'])}" in told[name], name
        else:
            assert " for " not in told[name].rpartition("`")[2], name


def test_every_alarm_links_to_a_section_of_the_runbook() -> None:
    headings = re.findall(r"^#+ (.+)$", RUNBOOK, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for name, rule in RULES.items():
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert (page, anchor in anchors) == ("docs/operations.md", True), name
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in {"page", "ticket"}
