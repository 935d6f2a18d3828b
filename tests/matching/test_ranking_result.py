"""Bundles and open lines of a ranking, as people see them over HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from tests.factories.accounts import AT
from tests.factories.matching import MarketScene, market, offering_for, work
from tests.factories.requests import line, opened
from tests.matching.test_api import speak

pytestmark = pytest.mark.django_db
THEME, NOBODYS = "mainstreaming", "trafficking"


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


def result_of(scene: MarketScene, reference: str | None) -> dict[str, Any]:
    [run] = speak(scene.officer).get(f"/match-runs?request={reference}&expand=result").body["results"]
    found: dict[str, Any] = run["result"]
    return found


def test_bundle_of_a_course_and_an_online_offer_is_said_in_words_without_ids() -> None:
    scene = market(offerings_per_theme=1)
    online = offering_for(THEME, form="online_self_paced", modality="online")
    work()
    [bundle, *_] = result_of(scene, scene.request.reference)["bundles"]
    assert [step["offer"] for step in bundle["steps"]] == [str(scene.offerings[0].public_id), str(online.public_id)]
    ids = [step["offer"] for step in bundle["steps"]]
    assert [said["code"] for said in bundle["sentences"]][:2] == ["bundle.first", "bundle.then"]
    for said in bundle["sentences"]:
        assert said["text"]["en"] != said["text"]["fr"]
        assert not any(one in said["text"]["en"] or one in said["text"]["fr"] for one in ids)
    assert "Workshop on mainstreaming" in bundle["sentences"][0]["text"]["en"]


def test_line_that_stays_open_says_why_in_the_run_and_in_the_proposal() -> None:
    scene = market()
    request = opened(scene.requester, lines=(line(theme=THEME), line(theme=NOBODYS)))
    work()
    [entry] = result_of(scene, request.reference)["open_lines"]
    assert (entry["line"], entry["reasons"]) == (2, ["no_candidate"])
    assert set(entry["sentence"]["text"]) == {"en", "fr"}
    rows = speak(scene.officer).get(f"/proposals?request={request.reference}").body["results"]
    assert rows
    for row in rows:
        assert row["uncovered"] == [2]
        assert row["reasons"]["open_lines"] == [entry]


def test_proposal_that_covers_everything_has_no_open_line() -> None:
    scene = market()
    work()
    assert result_of(scene, scene.request.reference)["open_lines"] == []
    for row in speak(scene.officer).get(f"/proposals?request={scene.request.reference}").body["results"]:
        assert row["reasons"]["open_lines"] == []
