"""Runs that survive the death of a worker, and that nobody writes twice. Real processes, on both engines."""

import signal
from dataclasses import dataclass
from pathlib import Path

import pytest
import time_machine

from marketplace.audit.models import AuditRecord
from marketplace.work.models import Job, JobState
from matching import operations
from matching.models import MatchProposal, MatchRun
from matching.queries.replay import replay_run
from tests.factories.accounts import AT
from tests.factories.matching import MarketScene, market
from tests.matching.plan_scenes import crowded, planned
from tests.work import children

WORKER = "tests/matching/worker.py"
pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Gate:
    """Two files: the worker says that it has come, we say that it may go on."""

    started: Path
    go: Path

    def arguments(self, point: str) -> tuple[str, ...]:
        return (WORKER, "0", point, str(self.started), str(self.go))


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "started", tmp_path / "go")


def scene() -> MarketScene:
    with time_machine.travel(AT, tick=False):
        found = market(themes=("mainstreaming", "trafficking"))
        operations.request_run(actor=found.officer, at=AT, request_id=found.request.pk)
    return found


def run_of(found: MarketScene) -> MatchRun:
    return MatchRun.objects.get(request=found.request)


def ranking_jobs() -> list[Job]:
    return list(Job.objects.filter(kind="matching.rank"))


def killed_at(point: str, gate: Gate) -> None:
    """Let a worker come to a point and kill it there."""
    with children.running(*gate.arguments(point)) as worker:
        children.wait_for_file(gate.started)
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)


def work_later() -> str:
    """Let another worker do what is due five minutes later, when the lease of a dead one has ended for sure."""
    with children.running(WORKER, "5") as worker:
        [said] = children.finish([worker])
    return said


@pytest.mark.parametrize("point", ["ranked", "written"])
def test_run_whose_worker_is_killed_is_resumed_by_another_and_written_once(point: str, gate: Gate) -> None:
    found = scene()
    killed_at(point, gate)
    assert run_of(found).state == "running"  # what was not committed is not there
    assert not MatchProposal.objects.exists()
    [job] = ranking_jobs()
    assert (job.state, job.attempts) == (JobState.RUNNING, 1)

    work_later()
    run = run_of(found)
    assert run.state == "complete", run.error
    [job] = ranking_jobs()
    assert (job.state, job.attempts, job.fence) == (JobState.DONE, 2, 2)
    ranks = list(MatchProposal.objects.filter(run=run).order_by("rank").values_list("rank", flat=True))
    assert ranks == list(range(1, len(ranks) + 1))
    assert len(ranks) > 1
    finished = AuditRecord.objects.filter(resource="match_run", resource_id=run.public_id, action="finish")
    assert finished.count() == 1
    assert replay_run(run.pk).same


@pytest.mark.parametrize(("point", "committed"), [("suggesting", 0), ("suggested", 1)])
def test_publication_whose_worker_is_killed_is_ended_by_another_and_nothing_is_written_twice(
    point: str, committed: int, gate: Gate
) -> None:
    with time_machine.travel(AT, tick=False):
        found = crowded(wishes=3, seats=90)
        run = planned(found)
        operations.publish_plan(actor=found.officer, at=AT, run_id=run.pk)
    killed_at(point, gate)
    run.refresh_from_db()
    assert (run.published_at, run.progress_done, run.progress_total) == (None, committed, 3)
    assert MatchProposal.objects.filter(run=run).count() == committed

    work_later()
    run.refresh_from_db()
    assert run.published_at is not None
    assert (run.progress_done, run.progress_stage, run.publication["skipped"]) == (3, "", [])
    [job] = Job.objects.filter(kind="matching.publish")
    assert (job.state, job.attempts) == (JobState.DONE, 2)
    live = MatchProposal.objects.filter(state="suggested")
    assert live.count() == live.values("request", "combination").distinct().count()
    assert set(live.values_list("request", flat=True)) == {one.pk for one in found.requests}
    assert AuditRecord.objects.filter(resource="match_run", resource_id=run.public_id, action="publish").count() == 1


def test_worker_that_wakes_after_its_run_went_to_another_writes_nothing(gate: Gate) -> None:
    found = scene()
    with children.running(*gate.arguments("ranked")) as frozen:
        children.wait_for_file(gate.started)
        frozen.send_signal(signal.SIGSTOP)
        work_later()
        run = run_of(found)
        assert run.state == "complete", run.error
        gate.go.touch()
        frozen.send_signal(signal.SIGCONT)
        children.finish([frozen])
    assert run_of(found).version == run.version
    assert MatchProposal.objects.filter(run=run).count() == MatchProposal.objects.count() > 1
    assert [job.fence for job in ranking_jobs()] == [2]


def test_run_cancelled_while_a_worker_computes_it_stays_cancelled(gate: Gate) -> None:
    found = scene()
    run = run_of(found)
    with children.running(*gate.arguments("ranked")) as worker:
        children.wait_for_file(gate.started)
        operations.cancel_run(actor=found.officer, at=AT, run_id=run.pk)
        gate.go.touch()
        children.finish([worker])
    run.refresh_from_db()
    assert (run.state, run.output_digest) == ("cancelled", "")
    assert not MatchProposal.objects.filter(run=run).exists()


def test_run_cancelled_and_asked_for_again_while_a_worker_computes_it_is_answered_once(gate: Gate) -> None:
    found = scene()
    with children.running(*gate.arguments("ranked")) as worker:
        children.wait_for_file(gate.started)
        run = run_of(found)
        operations.cancel_run(actor=found.officer, at=AT, run_id=run.pk)
        operations.retry_run(actor=found.officer, at=AT, run_id=run.pk)
        gate.go.touch()
        children.finish([worker])
    work_later()
    run = run_of(found)
    assert run.state == "complete", run.error
    proposals = MatchProposal.objects.filter(run=run)
    assert proposals.count() == MatchProposal.objects.count()
    assert proposals.filter(state="suggested").count() == proposals.values("combination").distinct().count()


def test_workers_side_by_side_rank_each_request_once() -> None:
    found = [scene() for _ in range(4)]
    with children.several(3, WORKER, "0") as workers:
        children.finish(workers)
    work_later()
    for one in found:
        run = run_of(one)
        assert run.state == "complete", run.error
        combinations = list(MatchProposal.objects.filter(request=one.request).values_list("combination", flat=True))
        assert len(combinations) == len(set(combinations)) > 1
    assert {job.state for job in ranking_jobs()} == {JobState.DONE}
