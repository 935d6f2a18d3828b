"""Idempotency, preconditions, language, shapes: what every write and read of the kit keeps."""

import hashlib
import threading
from datetime import datetime, timedelta

import orjson
import pytest
import time_machine
from django.db import connection, connections, transaction

from marketplace.accounts.models import Organization
from marketplace.api import idempotency
from marketplace.api.models import IdempotencyKey
from marketplace.audit.models import AuditRecord
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import CATALOGUE
from marketplace.kernel.errors import ErrorCode as C
from marketplace.work.context import current_origin
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.people import SmallGroup, small_group

NEED = {"title": {"en": "Training of trainers"}}
NEW = {"code": "CIFAL", "names": {"en": "CIFAL Antwerp"}, "kind": "cifal_centre"}


@pytest.mark.django_db
class TestIdempotency:
    def test_repeated_call_gets_the_same_answer_and_does_nothing(self, group: SmallGroup, at: datetime) -> None:
        api = ApiClient.of(group.officer, at)
        first = api.post("/organizations", NEW, Idempotency_Key="k-1")
        again = api.post("/organizations", dict(reversed(NEW.items())), Idempotency_Key="k-1")
        assert (again.status_code, again.content) == (201, first.content)
        assert (again["Location"], again["ETag"]) == (first["Location"], first["ETag"])
        assert again["Idempotency-Replayed"] == "true"
        assert Organization.objects.filter(code="CIFAL").count() == 1

    def test_other_body_under_the_key_is_refused(self, group: SmallGroup, at: datetime) -> None:
        api = ApiClient.of(group.officer, at)
        api.post("/organizations", NEW, Idempotency_Key="k-1")
        check_problem(
            api.post("/organizations", {**NEW, "code": "OTHER"}, Idempotency_Key="k-1"), C.IDEMPOTENCY_KEY_REUSED
        )
        assert not Organization.objects.filter(code="OTHER").exists()

    def test_refused_call_leaves_its_key_free(self, group: SmallGroup, at: datetime) -> None:
        api = ApiClient.of(group.officer, at)
        check_problem(api.post("/organizations", {**NEW, "parent": "NONE"}, Idempotency_Key="k-1"), C.UNKNOWN_REFERENCE)
        assert IdempotencyKey.objects.count() == 0
        assert api.post("/organizations", NEW, Idempotency_Key="k-1").status_code == 201

    def test_keys_of_others_and_of_other_routes_do_not_collide(self, group: SmallGroup, at: datetime) -> None:
        one, other = ApiClient.of(group.officer, at), ApiClient.of(group.second_officer, at)
        assert one.post("/organizations", NEW, Idempotency_Key="k").status_code == 201
        check_problem(other.post("/organizations", NEW, Idempotency_Key="k"), C.DUPLICATE)
        token = {"name": "x", "scopes": ["requests:read"]}
        assert one.post("/me/tokens", token, Idempotency_Key="k").status_code == 201

    def test_key_is_forgotten_after_a_day(self, group: SmallGroup, at: datetime) -> None:
        api = ApiClient.of(group.officer, at)
        with time_machine.travel(at, tick=False):
            api.post("/organizations", NEW, Idempotency_Key="k")
        later = at + timedelta(hours=25)
        with time_machine.travel(later, tick=False):
            check_problem(api.post("/organizations", NEW, Idempotency_Key="k"), C.DUPLICATE)
        assert idempotency.purge(at=later) == 1
        assert IdempotencyKey.objects.count() == 0

    def test_same_key_for_another_person_or_office_is_refused(self, group: SmallGroup, at: datetime) -> None:
        api, path = ApiClient.of(group.client, at), "/requests"
        first = api.post(path, NEED, Idempotency_Key="k", Acting_For="Ministry")
        again = api.post(path, NEED, Idempotency_Key="k", Acting_For=" Ministry ")
        assert (first.status_code, again.status_code) == (201, 201), first.content
        assert again["Idempotency-Replayed"] == "true"
        for other in ({"Acting_For": "Embassy"}, {}):
            check_problem(api.post(path, NEED, Idempotency_Key="k", **other), C.IDEMPOTENCY_KEY_REUSED)
        assert api.post(path, NEED, Idempotency_Key="own").status_code == 201
        check_problem(api.post(path, NEED, Idempotency_Key="own", Acting_For="Embassy"), C.IDEMPOTENCY_KEY_REUSED)

    def test_stored_hash_of_a_call_for_nobody_else_is_that_of_its_body(self, group: SmallGroup, at: datetime) -> None:
        ApiClient.of(group.officer, at).post("/organizations", NEW, Idempotency_Key="k")
        plain = orjson.dumps(NEW, option=orjson.OPT_SORT_KEYS)
        assert IdempotencyKey.objects.get().body_hash == hashlib.sha256(plain).hexdigest()

    @pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 201])
    def test_bad_keys_are_named(self, group: SmallGroup, at: datetime, key: str) -> None:
        answer = ApiClient.of(group.officer, at).post("/organizations", NEW, Idempotency_Key=key)
        assert places(check_problem(answer, C.INVALID_INPUT)) == {"Idempotency-Key": "invalid"}


@pytest.mark.django_db(transaction=True)
def test_many_at_once_with_one_key_make_one_thing(at: datetime) -> None:
    group = small_group(at)
    api = ApiClient.of(group.officer, at)
    answers: list[tuple[int, bool]] = []

    def call() -> None:
        speaker = ApiClient()
        speaker.headers = api.headers
        try:
            answer = speaker.post("/organizations", NEW, Idempotency_Key="k")
            answers.append((answer.status_code, "Idempotency-Replayed" in answer.headers))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert answers.count((201, False)) == 1
    assert {status for status, _ in answers} <= {201, 409}
    assert Organization.objects.filter(code="CIFAL").count() == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_call_under_way_is_told_so(at: datetime) -> None:
    group = small_group(at)
    api = ApiClient.of(group.officer, at)
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                idempotency._enter(f"user:{group.officer.public_id}", "/api/v1/organizations", "k")
                entered.set()
                leave.wait(20)
        finally:
            connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert entered.wait(20)
        answer = api.post("/organizations", NEW, Idempotency_Key="k")
        check_problem(answer, C.IDEMPOTENCY_IN_FLIGHT)
        assert answer["Retry-After"] == "1"
    finally:
        leave.set()
        thread.join()
    assert connection.vendor == "postgresql"


@pytest.mark.django_db
class TestTags:
    def test_tag_differs_by_language_fields_and_version(self, group: SmallGroup, at: datetime) -> None:
        api = ApiClient.of(group.officer, at)
        tags = {
            api.get("/organizations/PRO", Accept_Language="en")["ETag"],
            api.get("/organizations/PRO", Accept_Language="fr")["ETag"],
            api.get("/organizations/PRO?fields=code")["ETag"],
        }
        assert len(tags) == 3
        assert all(tag.startswith('"1.') for tag in tags)
        changed = api.patch("/organizations/PRO", {"aliases": ["Pro"]}, If_Match=tags.pop())
        assert changed["ETag"].startswith('"2.')

    @pytest.mark.parametrize("tag", ['"1"', 'W/"1.abc"', "*", '"7.aa", "1.bb"', '"a,b","1"'])
    def test_tags_that_match(self, group: SmallGroup, at: datetime, tag: str) -> None:
        api = ApiClient.of(group.officer, at)
        assert api.patch("/organizations/PRO", {"aliases": []}, If_Match=tag).status_code == 200

    @pytest.mark.parametrize(
        ("tag", "code"),
        [
            ('"2"', C.PRECONDITION_FAILED),
            ('"abcdef"', C.PRECONDITION_FAILED),
            ('W/"a,b", "-1"', C.PRECONDITION_FAILED),
            ('""', C.PRECONDITION_FAILED),
            ("1", C.INVALID_INPUT),
            ('"1', C.INVALID_INPUT),
            ('"1" "2"', C.INVALID_INPUT),
            ('"1",', C.INVALID_INPUT),
            ("", C.PRECONDITION_REQUIRED),
        ],
    )
    def test_tags_that_do_not(self, group: SmallGroup, at: datetime, tag: str, code: C) -> None:
        check_problem(ApiClient.of(group.officer, at).patch("/organizations/PRO", {"aliases": []}, If_Match=tag), code)

    def test_known_list_is_not_sent_again(self, group: SmallGroup, at: datetime) -> None:
        api = ApiClient.of(group.viewer, at)
        tag = api.get("/organizations")["ETag"]
        unchanged = api.get("/organizations", If_None_Match=f'W/{tag}, "other"')
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert "Content-Type" not in unchanged.headers
        assert unchanged["ETag"] == tag
        assert api.get("/organizations", If_None_Match='"other"').status_code == 200


@pytest.mark.django_db
class TestWords:
    def test_problems_speak_the_language_asked_for(self, group: SmallGroup, at: datetime) -> None:
        answer = ApiClient.of(group.viewer, at).get("/organizations/NONE", Accept_Language="fr")
        check_problem(answer, C.NOT_FOUND)
        assert answer["Content-Language"] == "fr"

    @pytest.mark.parametrize(
        ("asked", "given"),
        [
            ("fr", "fr"),
            ("fr;q=0", "en"),
            ("fr;q=0, *", "en"),
            ("en;q=0, *", "fr"),
            ("en;q=0.5, *", "fr"),
            ("en;q=0.2, fr-CA;q=0.8", "fr"),
            ("fr;q=0, fr-CH", "fr"),
            ("fr;q=0.000, de", "en"),
            ("*, fr", "en"),
            ("fr, *", "fr"),
            ("*;q=0", "en"),
            ("de;q=0.9, fr;q=0.1", "fr"),
        ],
    )
    def test_language_that_weighs_most_is_given(self, group: SmallGroup, at: datetime, asked: str, given: str) -> None:
        answer = ApiClient.of(group.viewer, at).get("/organizations/NONE", Accept_Language=asked)
        assert answer["Content-Language"] == given
        assert answer.body["title"] == {"en": "Not found", "fr": "Introuvable"}[given]

    def test_absent_and_invisible_are_the_same_bytes(self, group: SmallGroup, at: datetime) -> None:
        officer = ApiClient.of(group.officer, at)
        membership = officer.get("/memberships?organization=STR").body["results"][0]["id"]
        focal_point = ApiClient.of(group.focal_point, at)
        invisible = focal_point.get(f"/memberships/{membership}")
        absent = focal_point.get("/memberships/0198c0de-0000-7000-8000-000000000000")
        assert invisible.content == absent.content
        ours = {"X-Request-ID", "RateLimit"}  # of the call, not of the thing
        assert {k: v for k, v in invisible.headers.items() if k not in ours} == {
            k: v for k, v in absent.headers.items() if k not in ours
        }

    def test_every_refusal_can_be_shown(self) -> None:
        from marketplace.api.problems import fill

        for kind in CATALOGUE.values():
            assert "%(" not in fill(kind.detail, {})

    def test_request_id_ties_answer_audit_and_event(self, group: SmallGroup, at: datetime) -> None:
        api = ApiClient.of(group.officer, at)
        request_id = api.post("/organizations", NEW)["X-Request-ID"]
        assert AuditRecord.objects.get(reference="CIFAL").request_id == request_id
        assert OutboxEvent.objects.get(resource_reference="CIFAL").request_id == request_id
        assert current_origin().request_id == ""
        forged = api.get("/organizations", X_Request_ID=request_id)
        assert forged["X-Request-ID"] != request_id

    def test_systems_say_for_whom_they_act(self, group: SmallGroup, at: datetime) -> None:
        system = ApiClient.of(group.client, at)
        assert system.get("/me", Acting_For="Bamako office").status_code == 200
        answer = system.get("/me", Acting_For="x" * 201)
        assert places(check_problem(answer, C.INVALID_INPUT)) == {"Acting-For": "invalid"}

    def test_private_answers_are_not_kept_by_caches(self, group: SmallGroup, at: datetime) -> None:
        answer = ApiClient.of(group.viewer, at).get("/organizations")
        assert answer["Cache-Control"] == "no-store"
        assert "Authorization" in answer["Vary"]
        assert ApiClient().get("/organizations")["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_what_nobody_foresaw_is_a_problem_without_details(
    group: SmallGroup, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*args: object, **kwargs: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("marketplace.rest.organizations.queries.organizations_visible_to", crash)
    api = ApiClient.of(group.viewer, at)
    api.client.raise_request_exception = False
    answer = api.get("/organizations")
    body = check_problem(answer, C.INTERNAL_ERROR)
    assert body["request_id"] == answer["X-Request-ID"]
    assert "secret" not in answer.content.decode()
