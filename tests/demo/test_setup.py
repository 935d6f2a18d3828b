"""Preparing the database: the demo's own alone, once, and ready only when every need was ranked."""

from datetime import datetime

import pytest
from django.conf import LazySettings
from django.core.management import call_command

from marketplace.demo import ranking, setup, stack
from marketplace.demo.models import LoadedDemo
from marketplace.demo.readiness import demo_data
from marketplace.demo.stack import DemoError
from matching.models import MatchRun
from tests.factories.accounts import OrganizationFactory
from tests.factories.demo import LoadedDemoFactory


@pytest.mark.django_db
def test_database_with_other_data_is_refused(at: datetime) -> None:
    OrganizationFactory.create()
    with pytest.raises(DemoError, match="DATABASE_URL="):
        setup.prepare(at=at)
    with pytest.raises(DemoError, match="DATABASE_URL="):
        setup.reset()


@pytest.mark.django_db
def test_demo_that_is_ready_is_not_loaded_again(at: datetime) -> None:
    LoadedDemoFactory.create()
    assert setup.prepare(at=at) is False
    assert ranking.unfinished(at=at) == 0


def test_every_open_need_is_asked_for_once(taken_back: datetime) -> None:
    assert ranking.ask_for_rankings(at=taken_back) == 21
    assert ranking.ask_for_rankings(at=taken_back) == 0
    queued = MatchRun.objects.filter(state="queued")  # beside the one behind the need that is marked as not yet met
    assert ranking.unfinished(at=taken_back) == queued.count() == MatchRun.objects.count() - 1 == 21


def test_needs_without_proposals_are_listed_as_being_ranked(taken_back: datetime) -> None:
    ranking.ask_for_rankings(at=taken_back)
    needs = list(ranking.best_proposals(at=taken_back))
    assert [need.reference for need in needs] == sorted(need.reference for need in needs)
    assert {(need.outcome, need.score) for need in needs} == {("queued", None)}
    assert "GMG-MLI-2026-0007" in {need.reference for need in needs}


@pytest.mark.django_db
def test_calls_are_taken_only_when_the_demo_is_ranked(at: datetime, settings: LazySettings) -> None:
    settings.DEMO = True
    assert not demo_data(at).ok
    mark = LoadedDemoFactory.create(ready_at=None)
    assert not demo_data(at).ok
    setup.note_ready(at=at)
    mark.refresh_from_db()
    assert mark.ready_at == at
    assert demo_data(at).ok


@pytest.mark.django_db
def test_installation_that_is_no_demo_waits_for_no_demo_data(at: datetime, settings: LazySettings) -> None:
    settings.DEMO = False
    found = demo_data(at)
    assert found.ok
    assert not found.needed


def test_taken_port_is_named_with_the_way_out(free_port: int) -> None:
    import socket

    stack.check_port(free_port)
    with socket.socket() as taken:
        taken.bind((stack.HOST, free_port))
        taken.listen()
        with pytest.raises(DemoError, match=rf"Port {free_port} is taken.*make demo PORT={free_port + 1}"):
            stack.check_port(free_port)


@pytest.mark.django_db
def test_load_demo_command_says_what_was_new(capsys: pytest.CaptureFixture[str]) -> None:
    LoadedDemo.objects.all().delete()
    call_command("load_demo")
    assert "37 training requests" in capsys.readouterr().out
    call_command("load_demo")
    assert "nothing was new" in capsys.readouterr().out
