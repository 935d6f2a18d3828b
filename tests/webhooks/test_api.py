"""The routes of webhooks: whose they are, what they refuse and by which word, and that a secret is shown once."""

from datetime import datetime
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from marketplace.audit.models import AuditRecord, ErasableValues
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import ErrorCode as C
from marketplace.rest.start import description
from marketplace.webhooks import queries
from marketplace.webhooks.models import SigningSecret, Webhook
from tests.factories.webhooks import SECRET, AttemptFactory, DeliveryFactory, SigningSecretFactory, WebhookFactory
from tests.kit.api import Answer, ApiClient, check_problem, places
from tests.kit.people import SmallGroup, member
from tests.webhooks.receiver import Receiver
from tests.webhooks.scene import scene

pytestmark = pytest.mark.django_db
URL = "https://hooks.example.org/in?key=CANARY-KEY"


@pytest.fixture
def api(group: SmallGroup, at: datetime) -> ApiClient:
    return ApiClient.of(group.focal_point, at)


def set_up(api: ApiClient, **facts: object) -> Answer:
    return api.post("/webhooks", {"organization": "REQ", "url": URL, **facts})


def test_secret_is_shown_once_and_lies_encrypted(api: ApiClient) -> None:
    made = set_up(api, types=["training_request.*"])
    assert made.status_code == 201
    secret = made.body["secret"]
    assert secret.startswith("whsec_")
    path = f"/webhooks/{made.body['id']}"
    assert "secret" not in api.get(path).body
    assert secret not in str(list(SigningSecret.objects.values()))
    rotated = api.post(f"{path}/rotate-secret", {"overlap_hours": 2})
    assert rotated.status_code == 200
    assert rotated.body["secret"] not in ("", secret)
    assert SigningSecret.objects.count() == 2
    again = api.post(f"{path}/rotate-secret", {"overlap_hours": 0})
    assert again.status_code == 200
    assert SigningSecret.objects.count() == 1


def test_repeated_creation_makes_one_and_shows_the_secret_no_more(api: ApiClient) -> None:
    first = api.post("/webhooks", {"organization": "REQ", "url": URL}, Idempotency_Key="k1")
    again = api.post("/webhooks", {"organization": "REQ", "url": URL}, Idempotency_Key="k1")
    assert first.body["secret"]
    assert again.body["secret"] is None
    assert again.body["id"] == first.body["id"]
    assert Webhook.objects.count() == 1


@pytest.mark.parametrize(
    ("facts", "code", "place"),
    [
        ({"url": "http://hooks.example.org/"}, C.RULE_BROKEN, "/url"),
        ({"url": "https://10.0.0.1/"}, C.RULE_BROKEN, "/url"),
        ({"url": "https://[::ffff:169.254.169.254]/"}, C.RULE_BROKEN, "/url"),
        ({"types": ["training_request.opened", "no.such"]}, C.UNKNOWN_REFERENCE, "/types/1"),
        ({"types": ["nothing.*"]}, C.UNKNOWN_REFERENCE, "/types/0"),
        ({"resources": ["nothing"]}, C.UNKNOWN_REFERENCE, "/resources/0"),
        ({"resource_ids": ["7"]}, C.INVALID_INPUT, "/resource_ids/0"),
        ({"organization": "NOBODY"}, C.UNKNOWN_REFERENCE, "/organization"),
        ({"active": False}, C.INVALID_INPUT, "/active"),
    ],
)
def test_bad_input_is_named(api: ApiClient, settings: Any, facts: dict[str, object], code: C, place: str) -> None:
    settings.WEBHOOKS_TO_LOOPBACK = False
    body = check_problem(set_up(api, **facts), code)
    assert place in places(body)
    assert Webhook.objects.count() == 0


def test_unknown_type_is_refused_with_the_known_ones(api: ApiClient) -> None:
    body = check_problem(set_up(api, types=["no.such"]), C.UNKNOWN_REFERENCE)
    assert "training_request.opened" in body["errors"][0]["allowed"]


def test_organization_has_a_bounded_number(api: ApiClient, group: SmallGroup) -> None:
    WebhookFactory.create_batch(20, organization=group.requester)
    check_problem(set_up(api), C.RULE_BROKEN)


def test_change_keeps_the_rest_and_needs_the_version(api: ApiClient) -> None:
    made = set_up(api, types=["training_request.*"], name="Ours").body
    path = f"/webhooks/{made['id']}"
    check_problem(api.patch(path, {"name": "New"}), C.PRECONDITION_REQUIRED)
    before = api.get(path)["ETag"]
    changed = api.patch(path, {"name": "New"}, If_Match=before)
    assert (changed.body["name"], changed.body["types"], changed.body["url"]) == ("New", ["training_request.*"], URL)
    check_problem(api.patch(path, {"name": "Old"}, If_Match=before), C.PRECONDITION_FAILED)
    assert api.delete(path, If_Match=api.get(path)["ETag"]).status_code == 204
    check_problem(api.get(path), C.NOT_FOUND)


def test_each_decision_leaves_record_and_event_without_the_address(api: ApiClient) -> None:
    path = f"/webhooks/{set_up(api).body['id']}"
    for verb in ("disable", "enable", "ping", "rotate-secret"):
        assert api.post(f"{path}/{verb}", {}).status_code == 200
    api.post(f"{path}/replay", {"after": 0})
    api.delete(path, If_Match=api.get(path)["ETag"])
    words = ["created", "disabled", "enabled", "pinged", "secret_rotated", "replayed", "deleted"]
    assert list(AuditRecord.objects.filter(resource="webhook").order_by("pk").values_list("action", flat=True)) == words
    told = OutboxEvent.objects.filter(resource="webhook").order_by("pk")
    assert list(told.values_list("type", flat=True)) == [f"webhook.{word}" for word in words]
    kept = (
        str(list(told.values())) + str(list(AuditRecord.objects.values())) + str(list(ErasableValues.objects.values()))
    )
    assert "CANARY-KEY" not in kept


def test_others_do_not_find_it(api: ApiClient, group: SmallGroup, at: datetime) -> None:
    path = f"/webhooks/{set_up(api).body['id']}"
    outsider = ApiClient.of(group.outsider, at)
    for answer in (outsider.get(path), outsider.get(f"{path}/deliveries"), outsider.post(f"{path}/ping")):
        check_problem(answer, C.NOT_FOUND)
    assert outsider.get("/webhooks").body["results"] == []
    check_problem(set_up(outsider), C.PERMISSION_DENIED)
    assert ApiClient.of(group.officer, at).get(path).status_code == 200


@pytest.mark.parametrize("limit", [{"programmes": ["P1"]}, {"countries": ["FJI"]}], ids=str)
def test_who_sees_a_part_of_the_organization_has_not_all_brought(
    api: ApiClient, group: SmallGroup, at: datetime, limit: dict[str, list[str]]
) -> None:
    path = f"/webhooks/{set_up(api).body['id']}"
    limited = ApiClient.of(member("limited", "focal_point", group.requester, at, **limit), at)
    check_problem(set_up(limited), C.PERMISSION_DENIED)
    for answer in (limited.get(path), limited.get(f"{path}/deliveries"), limited.patch(path, {"active": False})):
        check_problem(answer, C.NOT_FOUND)
    assert limited.get("/webhooks").body["results"] == []


def test_whoever_may_not_read_events_may_not_have_them_brought(group: SmallGroup, at: datetime) -> None:
    narrow = ApiClient.of(group.focal_point, at, "webhooks:write")
    check_problem(set_up(narrow), C.INSUFFICIENT_SCOPE)
    both = ApiClient.of(group.focal_point, at, "webhooks:write", "events:read")
    assert set_up(both).status_code == 201


def test_log_tells_each_attempt(api: ApiClient, group: SmallGroup) -> None:
    webhook = WebhookFactory.create(organization=group.requester)
    delivery = DeliveryFactory.create(webhook=webhook, attempts=2)
    AttemptFactory.create(delivery=delivery, number=1, status=None, problem="timeout", duration_ms=10_000)
    AttemptFactory.create(delivery=delivery, number=2)
    path = f"/webhooks/{webhook.public_id}/deliveries"
    (row,) = api.get(f"{path}?expand=calls&status=pending").body["results"]
    assert [(one["status"], one["problem"], one["duration_ms"]) for one in row["calls"]] == [
        (None, "timeout", 10_000),
        (500, "status", 12),
    ]
    assert row["due_at"]
    assert api.get(f"{path}?status=delivered").body["results"] == []
    assert api.post(f"{path}/{row['id']}/replay").body["replays"] == 1


def test_what_is_switched_off_sends_nothing(api: ApiClient) -> None:
    path = f"/webhooks/{set_up(api).body['id']}"
    api.post(f"{path}/disable")
    assert api.get(path).body["allowed_actions"] == ["enable", "rotate-secret"]
    for verb, body in (("ping", {}), ("replay", {"after": 0})):
        assert check_problem(api.post(f"{path}/{verb}", body), C.WRONG_STATE)["allowed_actions"] == [
            "enable",
            "rotate-secret",
        ]


@pytest.mark.parametrize("body", [{}, {"after": 1, "since": "2026-11-01T00:00:00Z"}, {"after": -1}, {"since": "x"}])
def test_replay_needs_one_place_to_begin(api: ApiClient, body: dict[str, object]) -> None:
    path = f"/webhooks/{set_up(api).body['id']}"
    check_problem(api.post(f"{path}/replay", body), C.INVALID_INPUT)


@pytest.mark.parametrize("rows", [1, 20])
def test_queries_of_the_log_do_not_grow(
    api: ApiClient, group: SmallGroup, rows: int, django_assert_max_num_queries: Any
) -> None:
    webhook = WebhookFactory.create(organization=group.requester)
    for _ in range(rows):
        AttemptFactory.create(delivery=DeliveryFactory.create(webhook=webhook))
    api.get("/me")
    with django_assert_max_num_queries(9):
        api.get(f"/webhooks/{webhook.public_id}/deliveries?expand=calls")


def test_what_is_sent_is_what_the_description_says(receiver: Receiver, group: SmallGroup, at: datetime) -> None:
    sent = scene(receiver, group.requester, at)
    sent.publish("A")
    sent.work()
    (call,) = receiver.calls
    document = description()
    operation = document["webhooks"]["training_request.opened"]["post"]
    schema = operation["requestBody"]["content"]["application/cloudevents+json"]["schema"]
    checker = Draft202012Validator({**schema, "components": document["components"]})
    checker.validate(orjson.loads(call.body))
    assert not checker.is_valid({**orjson.loads(call.body), "type": "engagement.closed"})
    names = {one["$ref"].rsplit(".", maxsplit=1)[-1] for one in operation["parameters"]}
    assert names <= set(call.headers)


def test_secret_of_a_former_key_is_read_while_that_is_listed(group: SmallGroup, settings: Any) -> None:
    secret = SigningSecretFactory.create(webhook=WebhookFactory.create(organization=group.requester))
    former = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key", [former]
    assert queries.live_secrets(secret.webhook, at=secret.created_at) == [SECRET]
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(ValueError, match="SECRET_KEY"):
        queries.live_secrets(secret.webhook, at=secret.created_at)
    SigningSecretFactory.create(webhook=secret.webhook)  # rotated under the new key
    assert queries.live_secrets(secret.webhook, at=secret.created_at) == [SECRET]
    assert SECRET not in secret.sealed
