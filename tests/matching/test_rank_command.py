"""`manage.py rank`: what the API shows, ranked from one file and without a database."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command

from marketplace.api.serializers import Out
from marketplace.rest.places import CountryOut, RateOut, RegionOut
from marketplace.rest.vocabularies import CodeOut, VocabularyOut
from matching.api.serializers import PolicyOut
from matching.engine import ENGINE_VERSION
from matching.engine.documents import needs, offers, schemes
from matching.models import MatchRun
from providers.api.serializers import CapacityWindowOut, OfferingOut, TrainingSessionOut
from requests_app.api.serializers import RequestLineOut, RequestOut
from tests.factories.accounts import AT
from tests.factories.matching import ranked, work
from tests.factories.providers import CapacityWindowFactory, OfferingPartnerFactory
from tests.kit.api import ApiClient
from tests.work.children import environment

Document = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]


def document(**changes: Any) -> Document:
    """A need for a course on trafficking, and two offerings that meet it: one cheap, one dear."""
    found: Document = {
        "format": 1,
        "as_of": "2026-11-23",
        "requests": [request()],
        "offerings": [offering("CHEAP", "9000.00"), offering("DEAR", "19000.00")],
        "themes": {
            "version": "2026.1",
            "codes": [
                {"code": "protection", "broader": None, "labels": {"en": "Protection", "fr": "Protection"}},
                {"code": "trafficking", "broader": "protection", "labels": {"en": "Trafficking", "fr": "Traite"}},
            ],
        },
    }
    return found | changes


def request(**changes: Any) -> Document:
    found: Document = {
        "reference": "GMG-MLI-2026-0001",
        "requesting_organization": {"code": "UNDP", "name": "United Nations Development Programme"},
        "title": {"fr": "Lutte contre la traite"},
        "languages": {"must": ["fr"], "may": ["en"]},
        "window": {"start": "2027-03-01", "end": "2027-06-30", "precision": "month"},
        "budget": {"ceiling": "20000.00", "currency": "USD", "funding_state": "secured", "funder": None},
        "lines": [
            {
                "number": 1,
                "theme": "trafficking",
                "audience": "national_government",
                "country": "MLI",
                "language": "fr",
                "participants": {"min": 10, "max": 20},
                "level": "intermediate",
            }
        ],
    }
    return found | changes


def offering(reference: str, cost: str, **changes: Any) -> Document:
    found: Document = {
        "reference": reference,
        "provider_code": f"P-{reference}",
        "titles": {"en": f"Course {reference}", "fr": f"Cours {reference}"},
        "themes": ["trafficking"],
        "form": "course",
        "modality": "in_person",
        "languages": ["fr", "en"],
        "audiences": ["national_government"],
        "level": "intermediate",
        "scope": "global",
        "duration_hours": 12,
        "participants_min": 5,
        "participants_max": 30,
        "cost_per_delivery": cost,
        "currency": "USD",
        "sessions": [
            {
                "reference": f"S-{reference}",
                "state": "open",
                "period": {"start": "2027-04-05", "end": "2027-04-07", "precision": "day"},
                "country": "MLI",
                "city": "Bamako",
                "languages": ["fr"],
                "seats_total": 30,
                "seats_free": 25,
            }
        ],
    }
    return found | changes


def said(content: Document, folder: Path) -> Document:
    file = folder / "instance.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    out = io.StringIO()
    call_command("rank", str(file), stdout=out)
    found: Document = json.loads(out.getvalue())
    return found


# --- the answer ---------------------------------------------------------------------------------------------------


def test_file_is_ranked_without_a_database(tmp_path: Path) -> None:
    """The test has no access to the database: a query would fail."""
    answer = said(document(), tmp_path)
    [ranking] = answer["rankings"]
    assert (answer["engine_version"], answer["policy"], answer["left_out"]) == (ENGINE_VERSION, "default-1", [])
    assert (ranking["request"], ranking["outcome"]) == ("GMG-MLI-2026-0001", "complete")
    [line] = ranking["lines"]
    assert [candidate["offer"] for candidate in line["candidates"]] == ["CHEAP", "DEAR"]
    for candidate in line["candidates"]:
        assert sum(entry["contribution"] for entry in candidate["breakdown"]) == candidate["score"]
    assert set(answer["milliseconds"]) == {"reading", "building", "ranking"}


def test_every_sentence_is_there_in_english_and_french(tmp_path: Path) -> None:
    [ranking] = said(document(), tmp_path)["rankings"]
    found: list[Document] = []

    def collect(value: Any) -> None:
        if isinstance(value, dict) and set(value) - {"text"} == {"code", "params"}:
            found.append(value)
        for entry in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
            collect(entry)

    collect(ranking)
    assert len(found) > 20
    assert all(sentence["text"]["en"] and sentence["text"]["fr"] for sentence in found)
    theme = next(sentence for sentence in found if sentence["code"].startswith("theme."))
    assert "Trafficking" in theme["text"]["en"]
    assert "Traite" in theme["text"]["fr"]


def test_same_file_gives_the_same_answer_in_whatever_order(tmp_path: Path) -> None:
    first = document(requests=[request(reference="A"), request(reference="B")])
    second = {**first, "offerings": first["offerings"][::-1]}
    second["themes"] = {**first["themes"], "codes": first["themes"]["codes"][::-1]}
    assert said(second, tmp_path)["rankings"] == said(first, tmp_path)["rankings"]


def test_policy_rates_places_and_limit_of_the_file_count(tmp_path: Path) -> None:
    euros = offering("EURO", "18000.00", currency="EUR")
    rates = [
        {"currency": "USD", "usd_per_unit": "1", "valid_on": "2026-01-01", "origin": "x"},
        {"currency": "EUR", "usd_per_unit": "1.10", "valid_on": "2026-01-01", "origin": "x"},
        {"currency": "EUR", "usd_per_unit": "1.20", "valid_on": "2026-11-01", "origin": "x"},
        {"currency": "EUR", "usd_per_unit": "9.00", "valid_on": "2026-12-01", "origin": "not yet"},
    ]
    content = document(
        offerings=[euros, offering("CHEAP", "9000.00")],
        exchange_rates=rates,
        policy={"number": 7, "settings": {"enforce_ceiling": False}},
        countries=[{"alpha3": "MLI", "regions": ["011", "001"], "is_ldc": True, "labels": {"en": "The Mali"}}],
        regions=[{"m49": "001", "parent": ""}, {"m49": "011", "parent": "001"}],
        limit=1,
    )
    answer = said(content, tmp_path)
    assert answer["policy"] == "7"
    [line] = answer["rankings"][0]["lines"]
    assert (line["eligible"], [candidate["offer"] for candidate in line["candidates"]]) == (2, ["CHEAP"])
    content["limit"] = 2
    second = said(content, tmp_path)["rankings"][0]["lines"][0]["candidates"][1]
    assert (second["offer"], second["cost"], second["currency"]) == ("EURO", "21600.00", "USD")


def test_need_without_an_open_line_and_offering_nobody_can_plan_are_left_out_by_name(tmp_path: Path) -> None:
    held = request(reference="HELD")
    held["lines"] = [{**held["lines"][0], "state": "held"}]
    vague = offering("VAGUE", "1.00", duration_hours=None)
    answer = said(document(requests=[held, request()], offerings=[vague]), tmp_path)
    assert answer["left_out"] == [
        {"pointer": "/requests/0", "id": "HELD", "reason": "no_line_left"},
        {"pointer": "/offerings/0", "id": "VAGUE", "reason": "not_plannable"},
    ]
    [ranking] = answer["rankings"]
    assert ranking["outcome"] == "no_solution"


def test_session_that_is_over_or_closed_is_not_offered(tmp_path: Path) -> None:
    closed = offering("CLOSED", "1.00")
    closed["sessions"][0]["state"] = "completed"
    past = offering("PAST", "1.00")
    past["sessions"][0]["period"] = {"start": "2026-11-01", "end": "2026-11-03", "precision": "day"}
    answer = said(document(offerings=[closed, past]), tmp_path)
    assert answer["rankings"][0]["lines"][0]["candidates"] == []


def test_standard_input_is_read_where_no_database_answers() -> None:
    child = subprocess.run(
        [sys.executable, "manage.py", "rank", "-"],
        input=json.dumps(document()),
        env={**environment(), "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    assert json.loads(child.stdout)["rankings"][0]["outcome"] == "complete"


# --- what is refused ----------------------------------------------------------------------------------------------


def spoil(path: str, value: Any) -> Callable[[Document], None]:
    """Put a value at a pointer of the document; `...` takes the member away."""

    def change(content: Document) -> None:
        *steps, last = path.strip("/").split("/")
        there: Any = content
        for step in steps:
            there = there[int(step)] if isinstance(there, list) else there[step]
        if value is ...:
            del there[last]
        else:
            there[int(last) if isinstance(there, list) else last] = value

    return change


@pytest.mark.parametrize(
    ("pointer", "value", "words"),
    [
        ("/format", 2, "expected the format 1; found 2"),
        ("/as_of", ..., "expected a day as YYYY-MM-DD; nothing is there"),
        ("/requests", ..., "expected a list; nothing is there"),
        ("/requests", {}, "expected a list; found an object"),
        ("/charm", 1, "this name is not known here; allowed are as_of, capacity_windows, countries"),
        ("/limit", 0, "expected a whole number from 1 to 1000; found 0"),
        ("/requests/0/titel", {}, "this name is not known here; allowed are allowed_actions, award"),
        ("/requests/0/lines", ..., "expected the lines of the request (`?expand=lines`)"),
        ("/requests/0/lines/0/theme", "traficking", 'allowed are protection, trafficking; found "traficking"'),
        ("/requests/0/lines/0/country", "MALI", 'more; found "MALI"'),
        ("/requests/0/lines/0/audience", "everybody", "allowed are "),
        ("/requests/0/lines/0/level", "expert", "allowed are advanced, intermediate, introductory"),
        ("/requests/0/lines/0/participants/min", 21, "expected a whole number from 1 to 20; found 21"),
        ("/requests/0/lines/0/participants/max", "20", 'from 1 to 1000000000000; found "20"'),
        ("/requests/0/window/start", "2027-3-1", "expected a day as YYYY-MM-DD"),
        ("/requests/0/budget/ceiling", 20000, 'an amount as a text such as "24000.00"; found 20000'),
        ("/requests/0/budget/ceiling", "-1.00", "an amount as a text"),
        ("/requests/0/budget/currency", None, "expected the currency of the ceiling"),
        ("/requests/0/budget/funding_state", "maybe", "allowed are none, secured, sought"),
        ("/requests/0/languages/may/0", "klingon", "allowed are "),
        ("/requests/0/title/fr", 7, "expected a text that is not empty; found 7"),
        ("/offerings/0/form", "lecture", "allowed are blended, community_of_practice, course"),
        ("/offerings/0/themes", [], "expected at least one theme"),
        ("/offerings/0/participants_min", 31, "expected a whole number from 1 to 30"),
        ("/offerings/0/on_request", "yes", 'expected true or false; found "yes"'),
        ("/offerings/0/sessions/0/period/end", "2027-04-01", "a period ends on or after the day it starts"),
        ("/offerings/0/sessions/0/seats_free", 31, "31"),
        ("/offerings/0/provider", {"state": "verified"}, "expected"),
        ("/themes/codes", [], "at least one concept"),
        ("/themes/codes/1/broader", "protektion", "allowed are protection, trafficking"),
        ("/themes/codes/0/broader", "trafficking", "circle"),
        ("/policy", {"weights": {"theme": 1000}}, "expected a whole number from 0 to 1000"),
        ("/policy", {"settings": {"moods": True}}, "allowed are accept_broader_theme"),
        ("/policy", {"settings": {"max_partners": 0}}, "limits must be at least 1"),
        ("/exchange_rates", [{"currency": "EUR", "usd_per_unit": "0", "valid_on": "2026-01-01"}], "a rate above 0"),
        ("/regions", [{"m49": "011", "parent": "012"}], "allowed are 001, 011"),
        ("/countries", [{"alpha3": "MLI", "regions": ["011"]}], "allowed are 001"),
        ("/capacity_windows", [{"id": "W"}], "expected"),
    ],
)
def test_bad_instance_is_refused_by_pointer_with_what_is_allowed(
    pointer: str, value: Any, words: str, tmp_path: Path
) -> None:
    content = document()
    spoil(pointer, value)(content)
    with pytest.raises(CommandError) as refused:
        said(content, tmp_path)
    assert refused.value.returncode == 2
    sentence = str(refused.value)
    assert sentence.startswith("The instance is bad at /")
    assert sentence.removeprefix("The instance is bad at ").startswith(pointer.rpartition("/")[0])
    assert words in sentence


def test_two_requests_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="/requests/1: GMG-MLI-2026-0001 occurs twice"):
        said(document(requests=[request(), request()]), tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "the document: not JSON"), (b"[]", "expected an object"), (b'{"a":1,"a":1}', 'the name "a" occurs twice')],
)
def test_file_that_is_no_document_is_refused(content: bytes, words: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_bytes(content)
    with pytest.raises(CommandError) as refused:
        call_command("rank", str(file))
    assert refused.value.returncode == 2
    assert words in str(refused.value)


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file") as refused:
        call_command("rank", str(tmp_path / "nothing.json"))
    assert refused.value.returncode == 2


# --- the shapes of the API ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "members"),
    [
        (RequestOut, (*needs.READ, *needs.UNREAD)),
        (RequestLineOut, (*needs.LINE_READ, *needs.LINE_UNREAD)),
        (OfferingOut, (*offers.READ, *offers.UNREAD)),
        (TrainingSessionOut, (*offers.SESSION_READ, *offers.SESSION_UNREAD, "offering")),
        (CapacityWindowOut, offers.WINDOW),
        (VocabularyOut, schemes.VOCABULARY),
        (CodeOut, schemes.CODE),
        (CountryOut, schemes.COUNTRY),
        (RegionOut, schemes.REGION),
        (RateOut, schemes.RATE),
        (PolicyOut, schemes.POLICY),
    ],
)
def test_members_known_are_those_that_the_api_shows(shape: type[Out], members: tuple[str, ...]) -> None:
    assert len(set(members)) == len(members)
    assert set(shape().get_fields()) == set(members)


@pytest.mark.django_db
def test_answers_of_the_api_give_the_very_bytes_of_the_run(tmp_path: Path) -> None:
    with time_machine.travel(AT, tick=False):
        scene = ranked(themes=("mainstreaming", "trafficking"))
        for one in scene.offerings[:2]:
            CapacityWindowFactory.create(provider=one.provider)
            OfferingPartnerFactory.create(offering=one)
        officer = ApiClient.of(scene.officer.user, AT)  # type: ignore[arg-type]  # an officer is a person

        def rows(path: str) -> Any:
            answer = officer.get(path)
            assert answer.status_code == 200, answer.content
            return answer.body["results"]

        content = {
            "format": 1,
            "as_of": AT.date().isoformat(),
            "requests": rows("/requests?expand=lines"),
            "offerings": rows("/offerings?expand=provider,sessions"),
            "capacity_windows": rows("/capacity-windows"),
            "organizations": [{"code": row["code"], "country": row["country"]} for row in rows("/organizations")],
            "themes": officer.get("/vocabularies/themes").body,
            "countries": rows("/countries"),
            "regions": rows("/regions"),
            "exchange_rates": rows("/exchange-rates"),
            "policy": rows("/matching-policies")[0],
        }
        officer.post("/match-runs", {"request": scene.request.reference})
        work()
        run = MatchRun.objects.latest("id")
    assert run.state == "complete", run.error
    assert date.fromisoformat(content["as_of"]) == run.as_of
    answer = said(content, tmp_path)
    [ranking] = answer["rankings"]
    assert ranking["output_digest"] == run.output_digest
    assert answer["left_out"] == []
