"""Telling a person how it stands with the rules."""

from typing import IO, cast

from django.core.management.base import OutputWrapper
from rich.console import Console
from rich.markup import escape

from marketplace.upkeep.rules import Verdict, look_at_rules


def tell_rules(output: OutputWrapper) -> bool:
    """Look at every rule, print each verdict as it comes, with the first breaches, and tell whether all hold."""
    console = Console(file=cast(IO[str], output), soft_wrap=True)
    broken = 0
    for verdict in look_at_rules():
        broken += not verdict.holds
        _tell(verdict, console)
    return not broken


def _tell(verdict: Verdict, console: Console) -> None:
    console.print(f"{'[green]✓[/]' if verdict.holds else '[red]✗[/]'} {verdict.rule}")
    for breach in verdict.shown:
        console.print(f"    {escape(breach.subject)}: {escape(breach.detail)}")
    if verdict.count > len(verdict.shown):
        console.print(f"    and {verdict.count - len(verdict.shown):,} more")
