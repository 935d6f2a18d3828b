"""The short profile: a dozen clients, a few rounds; and the same checks on an application with the bugs they look for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.concurrency import races
from tests.concurrency.races import Field, Race, Score, run_round
from tests.concurrency.server import serving
from tests.work import children

CLIENTS = 8
pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def field() -> Iterator[Field]:
    made = Field(CLIENTS)
    yield made
    made.close()


def test_the_last_one_is_given_once_and_losers_are_told_so(field: Field, tmp_path: Path) -> None:
    with serving(settings.BASE_DIR, tmp_path / "web.log", children.environment(), processes=6) as url:
        for race in races.all_races(CLIENTS, url):
            score = Score(race.name)
            for number in range(2):
                run_round(race, field, number, score)
            assert score.violations == []
            assert score.winners >= 2


@pytest.mark.postgres
def test_every_race_finds_the_bug_it_is_there_for(field: Field, tmp_path: Path) -> None:
    planted = "tests.concurrency.planted"
    with serving(
        settings.BASE_DIR, tmp_path / "web.log", children.environment(), application=planted, processes=CLIENTS
    ) as url:
        for race in races.all_races(CLIENTS, url):
            assert notices(race, field), f"{race.name} does not notice"


def notices(race: Race, field: Field) -> list[str]:
    """Run rounds until one shows the bug: in the first, a web process that has just started may come too late for it."""
    for number in range(4):
        if found := list(race.violations(field.fire(race.shots(number)))):
            return found
        race.clear()
    return []
