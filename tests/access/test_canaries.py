"""Nothing of one agency's private things reaches another: texts, ids and references are marked, and looked for everywhere."""

import re
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from itertools import count
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4
from zipfile import ZipFile

import pytest
from django.core.cache import cache
from django.db import models, transaction
from django.db.models import QuerySet, Value

from marketplace.events.sequencer import publish_pending
from marketplace.rest.access import rows
from marketplace.rest.start import description
from providers.models import Offering
from providers.operations import clear_test_offerings
from providers.operations.indexing import index_offering
from requests_app import operations as requests
from requests_app.api.views import RequestViewSet
from requests_app.models import TrainingRequest
from requests_app.operations.indexing import index_request
from tests.access.scene import AT, Scene
from tests.access.settings import SETTINGS
from tests.access.walk import Operation, Walker, operations
from tests.factories.accounts import MembershipFactory
from tests.kit.api import ApiClient
from tests.kit.people import token_of

pytestmark = pytest.mark.django_db

# What nobody outside may learn of, by its word in the scene.
PRIVATE = (
    *("requests", "draft", "lines", "clarifications", "endorsements", "requests documents", "shares"),
    *("proposals", "other proposal", "parts", "match-runs", "plan", "capacity-windows", "offering draft"),
    *("engagements", "deliveries", "milestones", "cost-shares", "changes", "evaluations", "outcome-stories"),
    *("engagements documents", "memberships", "grants", "service-clients", "service-clients tokens", "me tokens"),
    *("need-watches", "notifications", "jobs", "oauth-applications", "oauth-applications secrets", "imports"),
)
OF_ENGAGEMENT = (
    *("engagements", "deliveries", "milestones", "cost-shares", "changes", "evaluations", "outcome-stories"),
    "engagements documents",
)
# What people write; codes and states are no secrets by themselves.
FREE_TEXT = frozenset(
    {
        *("added_by", "answer", "client_id", "external_id", "external_reference", "last_error", "letter_reference"),
        *(
            "message",
            "name",
            "need_statement",
            "note",
            "place_city",
            "proposed_by",
            "question",
            "reason",
            "reason_text",
        ),
        *("remark", "report", "summaries", "texts", "title", "titles"),
    }
)
STRANGERS = ("newcomer", "stranger", "other_provider", "stranger_client", "test_client")
LATER = AT + timedelta(days=400)
REFERENCE = "TESTGMG-MLI-2026-0001"
SUBMITTED = {"reference": REFERENCE, "submitted_at": AT}
# Headers that differ from call to call, whatever is asked.
FLEETING = ("X-Request-ID", "Date", "RateLimit", "ETag")
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def marks(walker: Walker) -> dict[str, str]:
    """Write a mark into every free text of the private things; give each mark, id and reference with what it is of."""
    found: dict[str, str] = {}
    numbers = count(10)
    for word in PRIVATE:
        thing = walker.scene.things[word]
        found[str(thing.public_id)] = word
        if getattr(thing, "reference", None):
            found[thing.reference] = word
        stamped = {
            field.name: f"canary{next(numbers)}x" for field in thing._meta.concrete_fields if field.name in FREE_TEXT
        }
        values = {name: _shaped(thing._meta.get_field(name), mark) for name, mark in stamped.items()}
        type(thing)._default_manager.filter(pk=thing.pk).update(**values)
        found |= {mark: f"{word}.{name}" for name, mark in stamped.items()}
    requests.reindex_requests([walker.scene.things[word].pk for word in ("requests", "draft")])
    assert sum(mark.startswith("canary") for mark in found) >= 20
    return found


def _shaped(field: Any, mark: str) -> Any:
    return {"en": mark} if isinstance(field, models.JSONField) else mark


def everything(answer: Any) -> str:
    """The whole answer as text: status, headers, body."""
    return "\n".join([str(answer.status_code), *map(str, answer.headers.items()), _content(answer.getvalue())])


def _content(content: bytes) -> str:
    if not content.startswith(b"PK"):
        return content.decode()
    with ZipFile(BytesIO(content)) as workbook:
        return "\n".join(workbook.read(name).decode() for name in workbook.namelist())


def leaks(text: str, marks: dict[str, str]) -> list[str]:
    return sorted(f"{mark} ({what})" for mark, what in marks.items() if mark in text)


def lists() -> list[Operation]:
    return [one for one in operations().values() if one.method == "get" and "{" not in one.path and one.scopes]


def parameters(one: Operation) -> Iterator[tuple[str, dict[str, Any]]]:
    shared = description()["components"].get("parameters", {})
    for given in description()["paths"][one.path]["get"].get("parameters", []):
        told = shared[given["$ref"].rpartition("/")[2]] if "$ref" in given else given
        if told["in"] == "query":
            yield told["name"], told["schema"]


def questions(one: Operation) -> Iterator[str]:
    """Every way of shaping a list that gives nothing away by itself: order, expansions, fields, choices, pages."""
    yield ""
    for name, schema in parameters(one):
        inner = schema.get("items", schema)
        values = inner.get("enum", [])
        if name in ("expand", "fields") and values:
            yield f"?{name}={','.join(values)}"
        elif name == "with_count":
            yield f"?{name}=true"
        elif inner.get("type") == "boolean":
            yield f"?{name}=false"
        else:
            yield from (f"?{name}={quote(str(value))}" for value in values)
            if name == "ordering":
                yield from (f"?ordering=-{value}" for value in values if not str(value).startswith("-"))


def ask(walker: Walker, caller: str, path: str, method: str = "GET", body: Any = None) -> Any:
    client = walker.clients[caller, True]
    cache.clear()  # each call has the same allowance left
    headers = {} if method == "GET" else {"If-Match": "*"}
    return client.call(method, path, body, headers=headers)


@pytest.mark.parametrize("caller", STRANGERS)
def test_no_list_shows_a_mark_however_it_is_asked(walker: Walker, marks: dict[str, str], caller: str) -> None:
    found = []
    for one in lists():
        for question in questions(one) if caller == "stranger" else ("",):
            answer = ask(walker, caller, one.path + question)
            assert answer.status_code < 500, (one.path, question)
            found += [f"{one.path}{question}: {leak}" for leak in leaks(everything(answer), marks)]
    assert not found, "\n".join(found)


def test_asking_for_a_mark_is_answered_as_asking_for_nothing_known(walker: Walker, marks: dict[str, str]) -> None:
    """Filters and search by private words, ids and references: the same answer as for words that nobody wrote."""
    differing = []
    for one in lists():
        for name, schema in parameters(one):
            inner = schema.get("items", schema)
            if inner.get("enum") or inner.get("type") != "string" or name in ("cursor", "fields", "expand", "ordering"):
                continue
            for mark in _of_each_kind(marks):
                asked, other = (
                    everything(_steady(ask(walker, "stranger", f"{one.path}?{name}={quote(value)}"))).replace(
                        value, "…"
                    )
                    for value in (mark, _like(mark))
                )
                if asked != other:
                    differing.append(f"{one.path}?{name}={mark} ({marks[mark]})")
    assert not differing, "\n".join(differing)


def _of_each_kind(marks: dict[str, str]) -> list[str]:
    words = ("requests", "requests.title", "draft.title")
    return [mark for mark, what in marks.items() if what in words]


def _like(mark: str) -> str:
    """Another of the same shape that is nobody's."""
    if ID.fullmatch(mark):
        return str(uuid4())
    return re.sub(r"\d+(?=\D*$)", lambda digits: "9" * len(digits[0]), mark)


def _steady(answer: Any) -> Any:
    for name in FLEETING:
        answer.headers.pop(name, None)
    return answer


@pytest.mark.parametrize("caller", ["newcomer", "stranger"])
def test_foreign_and_random_ids_are_answered_alike(walker: Walker, caller: str) -> None:
    """All methods, by id and by reference, for everything that the matrix says does not exist for the caller."""
    differing = []
    for row in rows():
        one = operations()[row.operation]
        if row.answers[caller] != "404":
            continue
        foreign = one.url(walker.scene, row.about)
        for path in {foreign, _by_reference(foreign, walker.scene)}:
            told = [_alike(walker, one, caller, url) for url in (path, _elsewhere(path))]
            if told[0] != told[1]:
                differing.append(f"{one.method} {one.path} {row.about}: {set(told[0]) ^ set(told[1])}")
    assert not differing, "\n".join(differing)


def _alike(walker: Walker, one: Operation, caller: str, url: str) -> list[str]:
    walker.scene.asking = caller
    with transaction.atomic():
        body = SETTINGS[one.name](walker.scene, one.example) if one.name in SETTINGS else one.example
        if body is None and one.method in ("post", "patch", "put"):
            body = {}
        answer = _steady(ask(walker, caller, url, one.method.upper(), {} if isinstance(body, bytes) else body))
        transaction.set_rollback(True)
    return everything(answer).replace(url, "…").splitlines()


def _by_reference(path: str, scene: Scene) -> str:
    for word in ("requests", "engagements"):
        thing = scene.things[word]
        path = path.replace(str(thing.public_id), thing.reference)
    return path


def _elsewhere(path: str) -> str:
    """The same path with ids and references that are nobody's."""
    path = ID.sub(lambda _: str(UUID(int=uuid4().int)), path)
    return re.sub(r"(GMG-[A-Z0-9]+|ENG)-(\d{4})-\d+", lambda found: f"{found[1]}-{found[2]}-9999", path)


# --- a membership for some countries --------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(walker: Walker) -> Iterator[str]:
    """Give the caller who is of the requester, for another country than the engagement is in; all events are published."""
    with transaction.atomic():
        of_requester = {"organization": walker.scene.things["organizations"], "role": "focal_point"}
        user = MembershipFactory.create(countries=["FJI"], **of_requester).user
        walker.clients["elsewhere", True] = ApiClient(token_of(user, AT))
        publish_pending(at=AT)
        yield "elsewhere"
        transaction.set_rollback(True)
    del walker.clients["elsewhere", True]


def test_member_for_other_countries_finds_nothing_of_an_engagement(
    walker: Walker, marks: dict[str, str], elsewhere: str
) -> None:
    """No list and no feed shows it, and what the matrix says is not there for strangers is not there for them."""
    of_engagement = {mark: what for mark, what in marks.items() if what.partition(".")[0] in OF_ENGAGEMENT}
    found = []
    for one in lists():
        told = everything(ask(walker, elsewhere, f"{one.path}{'?limit=1000' if one.name == 'events_list' else ''}"))
        found += [f"{one.path}: {leak}" for leak in leaks(told, of_engagement)]
    below = [one for one in operations().values() if one.method == "get" and "/engagements/{" in one.path]
    for one in below:
        answer = ask(walker, elsewhere, one.url(walker.scene))
        found += [] if answer.status_code == 404 else [f"{one.path}: {answer.status_code}"]
    assert len(below) > 10
    assert not found, "\n".join(found)
    own = ask(walker, "focal_point", "/api/v1/events?limit=1000")
    assert leaks(everything(own), of_engagement)


# --- test mode ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", ["client", "head"])
def test_nobody_is_answered_otherwise_because_there_is_test_data(walker: Walker, caller: str) -> None:
    """Lists, counts, facets, search and tables, by those who see most: with test data and without, to the last letter."""
    with transaction.atomic():
        request, offering = (walker.scene.things[word] for word in ("test", "test offering"))
        TrainingRequest.everything.filter(pk=request.pk).update(title={"en": "canary"}, state="submitted", **SUBMITTED)
        Offering.everything.filter(pk=offering.pk).update(titles={"en": "canary"}, state="in_vetting")
        index_request(TrainingRequest.everything.get(pk=request.pk))
        index_offering(Offering.everything.get(pk=offering.pk))
        told = _told(walker, caller)
        assert requests.clear_test_requests(before=LATER) == clear_test_offerings(before=LATER) == 1
        assert told == _told(walker, caller)
        transaction.set_rollback(True)
    assert len(told) > 60
    assert not [path for path, text in told.items() if str(request.public_id) in text or REFERENCE in text]


def _told(walker: Walker, caller: str) -> dict[str, str]:
    # What the process counts are the calls themselves.
    asked = [one for one in lists() if one.name != "metrics"]
    paths = [one.path + question for one in asked for question in _counting(one)]
    return {path: everything(_steady(ask(walker, caller, path))) for path in paths}


def _counting(one: Operation) -> Iterator[str]:
    yield ""
    for name, schema in parameters(one):
        if name == "with_count":
            yield "?with_count=true"
        elif name == "facets":
            yield f"?facets={','.join(schema['items']['enum'])}"
        elif name == "q":
            yield "?q=canary&with_count=true"
        elif name == "format" and "csv" in schema["enum"]:
            yield "?format=csv"


# --- the search itself is shown to find what leaks ----------------------------------------------------------------


def test_list_that_forgets_who_may_see_is_caught(
    walker: Walker, marks: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def all_of_them(self: Any) -> QuerySet[TrainingRequest]:
        return TrainingRequest.objects.annotate(reads_body=Value(True))

    monkeypatch.setattr(RequestViewSet, "visible", all_of_them)
    text = everything(ask(walker, "stranger", "/api/v1/requests"))
    found = {what for mark, what in marks.items() if mark in text}
    assert {"requests", "draft", "requests.title", "requests.need_statement"} <= found
