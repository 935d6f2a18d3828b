"""Compute the audit chain again and say what does not fit."""

from argparse import ArgumentParser
from datetime import datetime, time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from marketplace.audit import anchors, queries, verification
from marketplace.audit.verification import Anchor, Report


class Command(BaseCommand):
    """`manage.py verify_audit`."""

    help = (
        "Computes the audit chain again: changed, missing, swapped and inserted rows, changed values, missing guards."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take where to begin and what to compare with."""
        start = parser.add_mutually_exclusive_group()
        start.add_argument("--since", metavar="POSITION|DATE", help="begin after this place, which is taken on trust")
        start.add_argument(
            "--checkpoint",
            type=Path,
            metavar="FILE",
            help="go on from where a walk with this file came without finding anything, and note there how far this one comes",
        )
        parser.add_argument(
            "--head",
            type=Path,
            metavar="FILE",
            help="compare with heads that were kept elsewhere (lines of `audit_head`)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Walk, print, keep the outcome; exit code 1 where anything does not fit."""
        checkpoint: Path | None = options["checkpoint"]
        try:
            since = _checkpoint(checkpoint) if checkpoint else _since(options["since"])
            heads = tuple(anchors.read(options["head"])) if options["head"] else ()
        except (LookupError, anchors.UnreadableHeadError) as error:
            raise CommandError(str(error)) from error
        began = timezone.now()
        report, whole = self._walk(since, heads, checkpoint)
        verification.keep(report, at=began)
        self._tell(report, whole=whole)
        if report.findings:
            raise SystemExit(1)

    def _walk(self, since: Anchor | None, heads: tuple[Anchor, ...], checkpoint: Path | None) -> tuple[Report, bool]:
        columns = (TextColumn("verified"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("verified", total=None)

            def progress(report: Report, total: int) -> None:
                bar.update(task, completed=report.last, total=total)
                if checkpoint and not report.findings:
                    checkpoint.write_text(f"{anchors.text_of(report.anchor, at=timezone.now())}\n", "utf-8")

            try:
                return verification.verify(since=since, heads=heads, progress=progress)
            except KeyboardInterrupt:
                done = int(bar.tasks[0].completed)
                raise CommandError(f"Interrupted; `verify_audit --since {done}` goes on.") from None

    def _tell(self, report: Report, *, whole: bool) -> None:
        for line in report.told:
            self.stdout.write(f"✗ {line}")
        if report.findings > len(report.told):
            self.stdout.write(f"✗ and {report.findings - len(report.told)} more")
        part = "the whole chain" if whole else f"positions {report.first} to {report.last}"
        mark = "✗" if report.findings else "✓"
        self.stdout.write(f"{mark} {part}: {report.records} records, {report.findings} findings")
        self.stdout.write(f"  head: position {report.last}, digest {report.digest}")
        if not report.findings:
            self._tell_what_stands()

    def _tell_what_stands(self) -> None:
        """Say what an earlier walk found where this one has not looked again."""
        if (found := queries.standing_findings()) is not None:
            how = f"a walk from position {found.first} or before" + (", with --head" if found.compared else "")
            told = f"{found.findings} findings of {found.at:%Y-%m-%d %H:%M} UTC"
            self.stdout.write(f"! {told} stand until {how} finds nothing")


def _since(text: str | None) -> Anchor | None:
    """Read the place to begin after. Raises LookupError."""
    if text is None:
        return None
    if text.isdecimal():
        return verification.anchor_at(int(text))
    try:
        day, moment = parse_date(text), parse_datetime(text)
    except ValueError:
        day = moment = None
    if moment is None and day is not None:
        moment = datetime.combine(day, time())
    if moment is None:
        raise LookupError(f"--since takes a position or a date (2026-11-28, 2026-11-28T09:00Z), not {text!r}")
    return verification.anchor_before(moment if timezone.is_aware(moment) else timezone.make_aware(moment))


def _checkpoint(path: Path) -> Anchor | None:
    """Read where the last walk ended; none before the first. Raises UnreadableHeadError."""
    return anchors.read(path)[-1] if path.exists() else None
