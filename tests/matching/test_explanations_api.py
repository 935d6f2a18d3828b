# ruff: noqa: RUF001  (the apostrophe of French print is meant)
"""Themes suggested for texts, and what is said of proposals side by side, over HTTP."""

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.kernel.errors import ErrorCode
from tests.factories.accounts import AT, OrganizationFactory, member
from tests.factories.matching import approved, market, ranked
from tests.factories.requests import draft
from tests.kit.api import ApiClient, check_problem, places
from tests.matching.test_api import speak

pytestmark = pytest.mark.django_db
TEXT = "Identifier les victimes de la traite des êtres humains et transferts d’argent"


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


def themes(client: ApiClient, **parameters: str) -> list[str]:
    answer = client.get(f"/vocabularies/themes/suggestions?{urlencode(parameters)}")
    assert answer.status_code == 200, answer.content
    return [row["theme"] for row in answer.body["results"]]


# --- themes -------------------------------------------------------------------------------------------------------


def test_french_text_is_answered_with_themes_and_reasons_in_both_languages() -> None:
    focal = speak(market().focal)
    answer = focal.get(
        f"/vocabularies/themes/suggestions?{urlencode({'text': TEXT, 'language': 'fr'})}", Accept_Language="fr"
    )
    rows = {row["theme"]: row for row in answer.body["results"]}
    assert {"trafficking", "remittances"} <= set(rows)
    row = rows["trafficking"]
    assert row["label"] == row["labels"]["fr"] == "Traite des personnes"
    assert row["words"] == ["traite des êtres humains"]
    assert row["reason"]["text"]["fr"].startswith("Le texte nomme ce thème (Traite des personnes)")
    assert row["reason"]["text"]["en"].startswith("The text names this theme (Trafficking in persons)")
    assert [entry["weight"] for entry in answer.body["results"]] == sorted(
        (entry["weight"] for entry in answer.body["results"]), reverse=True
    )
    assert row["lines"] == []


def test_text_without_a_language_is_read_in_all() -> None:
    focal = speak(market().focal)
    assert themes(focal, text="counter-trafficking")[0] == "trafficking"
    assert themes(focal, text="envois de fonds")[0] == "remittances"
    assert themes(focal, text="something else altogether") == []
    assert len(themes(focal, text=TEXT, limit="1")) == 1


@pytest.mark.parametrize(
    ("parameters", "place"),
    [({}, "text"), ({"text": "  "}, "text"), ({"text": "a" * 2001}, "text"), ({"text": "a", "limit": "0"}, "limit")],
)
def test_text_that_cannot_be_read_names_the_parameter(parameters: dict[str, str], place: str) -> None:
    answer = speak(market().focal).get(f"/vocabularies/themes/suggestions?{urlencode(parameters)}")
    assert set(places(check_problem(answer, ErrorCode.INVALID_INPUT))) == {place}


def test_themes_of_a_request_say_which_lines_ask_for_them_already() -> None:
    scene = market(
        title={"en": "Diaspora investment", "fr": "Investissement de la diaspora"},
        need_statement={"fr": "La prise en compte des migrations dans la planification du développement"},
    )
    focal = speak(scene.focal)
    answer = focal.get(f"/requests/{scene.request.reference}/theme-suggestions")
    assert answer.status_code == 200, answer.content
    rows = {row["theme"]: row["lines"] for row in answer.body["results"]}
    assert rows["mainstreaming"] == [1]
    assert rows["diaspora"] == []
    by_id = focal.get(f"/requests/{scene.request.public_id}/theme-suggestions?limit=1")
    assert len(by_id.body["results"]) == 1


def test_draft_without_any_line_gets_its_themes_too() -> None:
    agency = OrganizationFactory.create(roles=["member"])
    focal = member(agency)
    request = draft(agency, lines=(), title={"fr": "Transferts de fonds des migrants"}, need_statement={})
    answer = speak(focal).get(f"/requests/{request.public_id}/theme-suggestions")
    assert answer.status_code == 200, answer.content
    assert next((row["theme"], row["lines"]) for row in answer.body["results"]) == ("remittances", [])


def test_themes_of_a_request_are_for_those_who_read_its_body() -> None:
    scene = market()
    path = f"/requests/{scene.request.reference}/theme-suggestions"
    scene.request.visibility = "agency"
    scene.request.save()
    stranger = speak(member(OrganizationFactory.create()))
    check_problem(stranger.get(path), ErrorCode.NOT_FOUND)
    check_problem(speak(scene.focal).get("/requests/GMG-MLI-2026-9999/theme-suggestions"), ErrorCode.NOT_FOUND)


def test_suggestions_take_the_same_queries_however_long_the_text() -> None:
    focal = speak(market().focal)
    themes(focal, text="traite")
    with CaptureQueriesContext(
        connection,
    ) as short:
        themes(focal, text="traite")
    with CaptureQueriesContext(connection) as long:
        themes(focal, text=TEXT * 10)
    assert len(long) == len(short)


# --- explanations -------------------------------------------------------------------------------------------------


def test_proposals_say_how_far_they_are_ahead_and_what_would_put_them_first() -> None:
    scene = ranked()
    first, second = scene.proposals()
    officer = speak(scene.officer)
    reasons = officer.get(f"/proposals/{first.public_id}").body["reasons"]
    ahead = reasons["against_next"]
    assert ahead["difference"] == first.score - second.score
    assert sum(entry["contribution"] for entry in ahead["criteria"]) == ahead["difference"]
    assert set(ahead["sentence"]["text"]) == {"en", "fr"}
    assert reasons["to_first"] == []
    behind = officer.get(f"/proposals/{second.public_id}").body["reasons"]
    assert behind["against_next"] is None
    for change in behind["to_first"]:
        assert change["actor"] == "provider"
        assert set(change["sentence"]["text"]) == {"en", "fr"}


def test_run_keeps_candidates_and_near_misses_with_every_way_out() -> None:
    scene = ranked(forms=("study_visit",))
    [run] = speak(scene.officer).get(f"/match-runs?request={scene.request.reference}&expand=result").body["results"]
    [line] = run["result"]["lines"]
    for miss in line["near_misses"]:
        assert miss["ways"][0]["changes"] == miss["changes"]
        for way in miss["ways"]:
            assert way["actors"]
            assert set(way["sentence"]["text"]) == {"en", "fr"}


def test_compared_proposals_are_contrasted_pair_by_pair() -> None:
    scene = ranked()
    first, second = scene.proposals()
    answer = speak(scene.focal).get(f"/proposals/compare?ids={second.public_id},{first.public_id}")
    [pair] = answer.body["contrasts"]
    assert (pair["one"], pair["other"]) == (str(second.public_id), str(first.public_id))
    assert pair["difference"] == second.score - first.score
    assert sum(entry["contribution"] for entry in pair["criteria"]) == pair["difference"]
    assert pair["sentence"]["params"]["rank"] == 2
    assert "2" in pair["sentence"]["text"]["fr"]


def test_partner_is_not_told_what_would_put_another_first() -> None:
    """Scores and what follows from them are for the secretariat and the requester."""
    scene = ranked()
    proposal = scene.best()
    partner = scene.provider(scene.parts(approved(scene, proposal))[0].offering)
    shown = speak(partner).get(f"/proposals/{proposal.public_id}").body
    assert (shown["id"], shown["reasons"]) == (str(proposal.public_id), {})
