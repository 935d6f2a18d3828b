"""What a walk found stands until one has looked there again; a walk that begins behind it silences nothing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from marketplace.audit import anchors, queries, verification
from marketplace.audit.models import AuditRecord, Verification
from marketplace.rest.metrics import Installation
from marketplace.upkeep import doctor
from marketplace.work import operations as work
from marketplace.work.loop import run_until_idle
from marketplace.work.models import Job
from tests.audit.test_verification import computed_anew, told_head
from tests.audit.trails import guards_lifted, linked, tamper, written
from tests.audit.walking import verified

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("whole_schedule")]


def by_job(at: datetime) -> Verification:
    work.enqueue("audit.verify", {}, at=at)
    run_until_idle(worker="test", clock=lambda: at)
    return Verification.objects.latest("pk")


def alarm(at: datetime | None = None) -> tuple[int, bool]:
    """The findings that the metric tells, and whether the doctor tells some."""
    at = at or timezone.now()
    [metric] = [family for family in Installation(at).collect() if family.name == "marketplace_audit_findings"]
    [told] = [look for look in doctor.examine(at) if look.name == "audit trail"]
    return int(metric.samples[0].value), "findings" in told.detail


def forge(record: AuditRecord) -> None:
    tamper("UPDATE audit_auditrecord SET reference = 'x' WHERE id = %s", record.pk)


def mend(record: AuditRecord) -> None:
    tamper("UPDATE audit_auditrecord SET reference = %s WHERE id = %s", record.reference, record.pk)


# --- the alarm --------------------------------------------------------------------------------------------------------
def since(after: int, folder: Path) -> tuple[bool, str]:
    return verified("--since", str(after))


def checkpoint(after: int, folder: Path) -> tuple[bool, str]:
    path = folder / "checkpoint.json"
    path.write_text(anchors.text_of(verification.anchor_at(after), at=timezone.now()))
    return verified("--checkpoint", str(path))


@pytest.mark.parametrize("walk", [since, checkpoint])
def test_walk_that_begins_after_a_finding_does_not_take_it_back(
    walk: Callable[[int, Path], tuple[bool, str]], at: datetime, tmp_path: Path
) -> None:
    record = linked(9, at)[3]
    forge(record)
    assert not verified("--since", "2")[0]
    assert alarm() == (1, True)
    well, said = walk(5, tmp_path)
    assert well
    assert "! 1 findings of" in said
    assert "stand until a walk from position 3 or before finds nothing" in said
    assert alarm() == (1, True)
    mend(record)
    assert walk(3, tmp_path)[0]
    assert alarm() == (1, True)
    assert "!" not in walk(2, tmp_path)[1]
    assert alarm() == (0, False)


def test_findings_of_a_whole_walk_stand_until_the_next_whole_one(at: datetime) -> None:
    with guards_lifted():
        stray = written(at)
    assert not verified()[0]
    assert verified("--since", "0")[0] is False  # from the start is whole: it looks for what is in no chain, too
    tamper("DELETE FROM audit_erasablevalues WHERE record_id = %s", stray.pk)
    tamper("DELETE FROM audit_auditrecord WHERE id = %s", stray.pk)
    assert alarm() == (1, True)
    assert verified("--since", "0")[0]
    assert alarm() == (0, False)


def test_older_findings_are_told_once_the_newer_are_taken_back(at: datetime) -> None:
    made = linked(9, at)
    forge(made[1])
    verified()
    forge(made[6])
    verified("--since", "5")
    mend(made[6])
    verified("--since", "4")
    assert alarm() == (1, True)
    standing = queries.standing_findings()
    assert standing is not None
    assert standing.first == 1


def test_walk_that_began_before_the_one_that_found_takes_nothing_back(at: datetime) -> None:
    verification.keep(verification.Report(findings=2), at=at)
    verification.keep(verification.Report(), at=at - timedelta(minutes=5))
    assert alarm(at)[0] == 2
    verification.keep(verification.Report(), at=at)
    assert alarm(at)[0] == 0


def test_what_a_kept_head_shows_stands_until_kept_heads_fit(at: datetime, tmp_path: Path) -> None:
    heads, made = tmp_path / "heads.jsonl", linked(9, at)
    heads.write_text(told_head())
    forge(made[3])
    computed_anew(3)
    assert not verified("--head", str(heads))[0]
    well, said = verified()
    assert well
    assert "from position 1 or before, with --head finds nothing" in said
    last = by_job(timezone.now())
    assert (last.findings, queries.chain_status(timezone.now()).verified_at) == (0, last.at)
    assert alarm() == (1, True)
    heads.write_text(told_head())  # somebody looked, and takes the chain as it is
    assert verified("--head", str(heads))[0]
    assert alarm() == (0, False)


# --- the daily walk ---------------------------------------------------------------------------------------------------
def test_daily_walk_goes_on_from_no_place_behind_a_gap(at: datetime) -> None:
    linked(4, at)
    now = timezone.now()
    assert (by_job(now).first, by_job(now).first) == (1, 5)
    forge(linked(4, at)[1])
    assert verified("--since", "7")[0]
    found = by_job(timezone.now())
    assert (found.first, found.last, found.findings) == (5, 8, 1)


def test_daily_walk_goes_on_from_a_walk_by_hand_that_left_nothing_out(at: datetime) -> None:
    linked(4, at)
    by_job(timezone.now())
    linked(3, at)
    assert verified("--since", "2")[0]
    linked(1, at)
    assert by_job(timezone.now()).first == 8


def test_daily_walk_is_whole_while_findings_stand(at: datetime) -> None:
    record = linked(4, at)[1]
    by_job(timezone.now())
    forge(record)
    assert not verified("--since", "1")[0]
    assert verified("--since", "3")[0]
    found = by_job(timezone.now())
    assert (found.first, found.findings) == (1, 1)
    mend(record)
    assert (by_job(timezone.now()).first, alarm()) == (1, (0, False))
    assert by_job(timezone.now()).first == 5


def test_daily_walk_that_meets_another_chain_than_it_left_is_not_taken_back_by_the_next(at: datetime) -> None:
    made = linked(4, at)
    by_job(timezone.now())
    forge(made[1])
    computed_anew(1)
    assert by_job(timezone.now()).detail[0] == "position 4: not what was kept of it"
    again = by_job(timezone.now())
    assert (again.first, again.findings) == (1, 0)
    assert alarm()[1]


def test_walk_is_kept_under_the_moment_it_began(at: datetime) -> None:
    linked(1, at)
    moments = iter(at + timedelta(minutes=number) for number in range(50))
    work.enqueue("audit.verify", {}, at=at)
    run_until_idle(worker="test", clock=lambda: next(moments))
    job = Job.objects.get(kind="audit.verify")
    assert job.finished_at is not None
    assert Verification.objects.get().at < job.finished_at
