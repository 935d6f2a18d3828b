"""`format=` and Accept: the weights of what is asked, the one form that is given anyway, and what is refused."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from django.http.response import HttpResponseBase

from marketplace.api.exports import EXPORTS
from marketplace.kernel.errors import ErrorCode as C
from marketplace.rest.start import description
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.people import SmallGroup

pytestmark = pytest.mark.django_db


def kind(answer: HttpResponseBase) -> str:
    return answer.headers.get("Content-Type", "").split(";")[0]


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("application/json;q=0.1, text/csv", "text/csv"),
        ("application/json;q=0, text/csv", "text/csv"),
        ("text/csv;q=0.3, application/json;q=0.4", "application/json"),
        ("text/csv;q=0, */*", "application/json"),
        ("application/json;q=0.1, */*", "text/csv"),
        ("text/*;q=0.5, */*;q=0.1", "text/csv"),
        ("text/*, text/csv;q=0, application/json;q=0.2", "application/json"),
        ("text/csv, */*", "text/csv"),
        ("text/csv, application/json", "text/csv"),
        ("application/json, text/csv", "application/json"),
        ("text/html, */*;q=0.1", "application/json"),
        ("text/csv; Q=0.2, application/json; q=0.3", "application/json"),
        ("text/csv;q=nan, application/json;q=0.9", "text/csv"),
        ("*/*", "application/json"),
    ],
)
def test_form_that_weighs_most_is_given(group: SmallGroup, at: datetime, asked: str, given: str) -> None:
    assert kind(ApiClient.of(group.viewer, at).get("/organizations?fields=code", Accept=asked)) == given


@pytest.mark.parametrize("asked", ["application/json;q=0", "*/*;q=0", "application/json;q=0.000, application/xml"])
def test_form_that_weighs_nothing_is_not_given(group: SmallGroup, at: datetime, asked: str) -> None:
    body = check_problem(ApiClient.of(group.viewer, at).get("/organizations", Accept=asked), C.NOT_ACCEPTABLE)
    assert "text/csv" in body["errors"][0]["allowed"]


def test_format_stands_in_place_of_accept(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.viewer, at)
    assert kind(api.get("/organizations?format=csv", Accept="application/json")) == "text/csv"
    assert kind(api.get("/organizations?format=json", Accept="text/csv")) == "application/json"
    described = api.get("/schema?format=json", Accept="application/vnd.oai.openapi+json")
    assert kind(described) == "application/vnd.oai.openapi+json"


def read_without_a_thing() -> Iterator[str]:
    for path, item in description()["paths"].items():
        answer = item.get("get", {}).get("responses", {}).get("200", {})
        if "{" not in path and "application/json" in answer.get("content", {}):
            yield path


def test_json_may_be_named_wherever_it_is_given(group: SmallGroup, at: datetime) -> None:
    api, paths = ApiClient.of(group.head, at), list(read_without_a_thing())
    assert len(paths) > 40
    for path in paths:
        plain, named = (api.get(f"{path}{query}") for query in ("", "?format=json"))
        assert (named.status_code, kind(named)) == (plain.status_code, kind(plain)), (path, named.content)
        refused = api.get(f"{path}?format=coffee")
        assert refused.status_code in (400, 406), path
        assert "format" in places(refused.body), path


def test_form_where_there_is_but_one_is_named_as_json_alone(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.viewer, at)
    for path in ("/countries?format=csv", "/postman?format=", "/me?format=yaml", "/docs?format=json"):
        check_problem(api.get(path), C.UNKNOWN_PARAMETER)
    check_problem(api.get("/me?colour=red&format=json"), C.UNKNOWN_PARAMETER)
    assert api.get("/schema?format=yaml").content.startswith(b"openapi: 3.1")
    body = check_problem(api.get("/schema?format=xml"), C.NOT_ACCEPTABLE)
    assert body["errors"][0]["allowed"] == ["json", "yaml"]
    check_problem(api.get("/reports/gap?format=xml"), C.INVALID_INPUT)


@pytest.mark.parametrize("form", EXPORTS, ids=lambda form: form.code)
def test_template_is_chosen_by_name_and_by_accept(group: SmallGroup, at: datetime, form: object) -> None:
    code, media_type = form.code, form.media_type  # type: ignore[attr-defined]
    api, path = ApiClient.of(group.head, at), "/imports/templates/offerings"
    for answer in (
        api.get(f"{path}?format={code}"),
        api.get(path, Accept=media_type),
        api.get(f"{path}?format={code}", Accept="application/json"),
        api.get(path, Accept=f"application/json, {media_type};q=0.5"),
    ):
        assert answer.status_code == 200, answer.content
        assert kind(answer) == media_type
        assert answer["Content-Disposition"] == f'attachment; filename="offerings-template.{code}"'
        assert b"provider" in answer.content or code == "xlsx"
    assert api.get(path, Accept=media_type).content[:2] == {"csv": b"\xef\xbb", "xlsx": b"PK", "jsonl": b'{"'}[code]


def test_template_is_a_table_unless_another_form_is_asked_for(group: SmallGroup, at: datetime) -> None:
    api, path = ApiClient.of(group.head, at), "/imports/templates/requests"
    assert kind(api.get(path)) == kind(api.get(path, Accept="*/*")) == "text/csv"
    for query in ("format=json", "format=coffee", "format="):
        body = check_problem(api.get(f"{path}?{query}"), C.NOT_ACCEPTABLE)
        assert body["errors"][0]["allowed"] == ["csv", "xlsx", "jsonl"]
    check_problem(api.get(path, Accept="application/json"), C.NOT_ACCEPTABLE)
    check_problem(api.get("/imports/templates/coffee?format=csv"), C.NOT_FOUND)
    check_problem(ApiClient.of(group.viewer, at).get(f"{path}?format=csv"), C.PERMISSION_DENIED)
