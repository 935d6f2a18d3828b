"""What is due is sent: signed, in order for each thing, again until it is taken, to whom it may be shown and to nobody else."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

import orjson
import pytest
from standardwebhooks import Webhook as Verifier

from marketplace.events.models import EventAudience, OutboxEvent
from marketplace.notifications.models import Notification
from marketplace.webhooks import operations, queries
from marketplace.webhooks.models import Attempt, Delivery, Spread, Webhook
from marketplace.webhooks.tasks import send_turn
from marketplace.work import loop
from marketplace.work import operations as work
from marketplace.work.models import Job
from marketplace.work.registry import Claim
from tests.kit.people import SYSTEM, SmallGroup
from tests.webhooks.receiver import Call, Receiver
from tests.webhooks.scene import Scene
from tests.webhooks.scene import scene as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(receiver: Receiver, group: SmallGroup, at: datetime) -> Scene:
    return make(receiver, group.requester, at)


def claimed(scene: Scene) -> Claim:
    """Take the turn that is due, as a worker does that takes no other jobs."""
    Job.objects.exclude(kind=operations.JOB).delete()
    claim = work.claim(worker="test", at=scene.at)
    assert claim is not None
    return claim


def reference_of(call: Call) -> str:
    return str(orjson.loads(call.body).get("reference", ""))


def test_event_is_sent_signed_and_shaped_as_the_feed_has_it(scene: Scene) -> None:
    event = scene.publish("A")
    scene.work()
    (call,) = scene.receiver.calls
    with scene.clock():
        body = Verifier(scene.secret).verify(call.body, call.headers)
    assert call.headers["webhook-id"] == body["id"] == str(event.public_id)
    assert call.headers["content-type"] == "application/cloudevents+json"
    assert (body["specversion"], body["type"], body["sequence"]) == ("1.0", "training_request.opened", event.sequence)
    assert body["subject"] == f"training_request/{event.resource_id}"
    assert body["dataschema"].endswith("/api/v1/event-types/training_request.opened")
    attempt = Attempt.objects.get()
    assert (attempt.status, attempt.problem, str(attempt.request_id)) == (204, "", call.headers["x-request-id"])
    assert scene.statuses() == ["delivered"]
    assert (scene.fresh().due_at, scene.webhook.is_in_turn) == (None, False)


def test_wrong_secret_and_changed_body_do_not_verify(scene: Scene) -> None:
    scene.publish("A")
    scene.work()
    (call,) = scene.receiver.calls
    with scene.clock(), pytest.raises(Exception, match="signature"):
        Verifier("whsec_b3RoZXI=").verify(call.body, call.headers)
    with scene.clock(), pytest.raises(Exception, match="signature"):
        Verifier(scene.secret).verify(call.body + b" ", call.headers)


def test_later_event_of_a_thing_waits_for_the_earlier_one_and_others_do_not(scene: Scene) -> None:
    for thing in ("A", "B", "A", "B", "C"):
        scene.publish(thing)
    scene.receiver.answer = lambda call: 500 if reference_of(call) == "A" else 204
    scene.work()
    assert [reference_of(call) for call in scene.receiver.calls] == ["A", "B", "B", "C"]
    scene.receiver.answer = lambda call: 204
    scene.work(seconds=15)
    assert scene.told() == ["A", "B", "B", "C", "A", "A"]
    assert scene.statuses() == ["delivered"] * 5
    assert len({call.headers["webhook-id"] for call in scene.receiver.calls}) == 5


def test_new_event_of_a_blocked_thing_makes_no_idle_turns(scene: Scene) -> None:
    scene.publish("A")
    scene.publish("B")
    scene.receiver.answer = lambda call: 500 if reference_of(call) == "A" else 204
    scene.work()
    turns = scene.fresh().turn
    scene.publish("A")
    scene.work(seconds=1)
    assert scene.fresh().turn <= turns + 1
    due = scene.webhook.due_at
    assert due is not None
    assert due > scene.at


def test_failing_receiver_is_tried_for_three_days_with_growing_pauses(scene: Scene) -> None:
    scene.publish("A")
    scene.receiver.answer = lambda call: 503
    began = scene.at
    scene.work()
    while "pending" in scene.statuses():
        due = max(one for one in (scene.fresh().due_at, scene.webhook.paused_until) if one is not None)
        scene.work(seconds=(due - scene.at).total_seconds() + 0.1)
    moments = list(Attempt.objects.order_by("number").values_list("at", flat=True))
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(moments)]
    assert 15 < len(moments) < 40
    assert 10 <= pauses[0] < 14
    assert pauses[:8] == sorted(pauses[:8])
    assert 6 * 3600 <= max(pauses) < 8 * 3600
    assert timedelta(days=2, hours=16) < moments[-1] - began <= timedelta(days=3)
    assert scene.statuses() == ["failed"]


def test_pauses_are_spread_so_that_what_failed_together_does_not_return_together() -> None:
    pauses = {operations.pause(5, key) for key in range(20)}
    assert len(pauses) == 20
    assert all(160 <= one.total_seconds() <= 200 for one in pauses)


def test_receiver_that_takes_nothing_is_left_alone_and_not_asked_for_each_event(scene: Scene) -> None:
    for number in range(30):
        scene.publish(f"T{number}")
    scene.receiver.answer = lambda call: 500
    scene.work()
    assert len(scene.receiver.calls) == 3
    scene.work(seconds=1)
    assert len(scene.receiver.calls) == 3
    scene.receiver.answer = lambda call: 204
    scene.work(seconds=120)
    assert scene.statuses() == ["delivered"] * 30
    assert (scene.fresh().failures, scene.webhook.failing_since) == (0, None)


# --- who sees what --------------------------------------------------------------------------------------------------
def test_nothing_of_another_organization_is_sent(scene: Scene, group: SmallGroup) -> None:
    scene.publish("CANARY-STR", to=group.stranger)
    scene.publish("OWN")
    scene.work()
    assert scene.told() == ["OWN"]
    assert b"CANARY-STR" not in b"".join(call.body for call in scene.receiver.calls)
    assert Delivery.objects.count() == 1


def test_event_that_may_no_longer_be_seen_when_it_is_sent_is_withheld(scene: Scene) -> None:
    event = scene.publish("A")
    operations.spread(at=scene.at)
    EventAudience.objects.filter(event=event).delete()
    scene.work()
    assert scene.receiver.calls == []
    assert scene.statuses() == ["withheld"]
    with scene.clock():
        operations.replay_since(actor=SYSTEM, at=scene.at, webhook_id=scene.webhook.pk, after=0)
    scene.work()
    assert "A" not in scene.told()


def test_only_what_was_asked_for_is_sent(receiver: Receiver, group: SmallGroup, at: datetime) -> None:
    scene = make(receiver, group.requester, at, types=["engagement.*", "training_request.opened"], resources=[])
    scene.publish("A")
    scene.publish("B", of_type="training_request.submitted")
    scene.publish("C", of_type="engagement.closed")
    scene.work()
    assert scene.told() == ["A", "C"]
    Webhook.objects.update(types=[], resource_ids=[str(scene.things["C"])])
    scene.publish("A")
    scene.publish("C", of_type="engagement.closed")
    scene.work()
    assert scene.told() == ["A", "C", "C"]


# --- killed in the middle -------------------------------------------------------------------------------------------
def test_worker_killed_after_sending_sends_again_under_the_same_id(scene: Scene) -> None:
    scene.publish("A")
    operations.attend(at=scene.at)
    claim = claimed(scene)
    with scene.clock():
        send_turn(claim.payload, at=scene.at, progress=lambda *_: None)  # and then it is killed
    assert scene.statuses() == ["pending"]
    scene.at += timedelta(minutes=2)
    work.sweep(at=scene.at)
    scene.work()
    assert Counter(call.headers["webhook-id"] for call in scene.receiver.calls).most_common(1)[0][1] == 2
    assert scene.statuses() == ["delivered"]


def test_turn_that_came_too_late_writes_nothing(scene: Scene) -> None:
    scene.publish("A")
    scene.work()
    before = Attempt.objects.count()
    operations.end_turn(webhook_id=scene.webhook.public_id, turn=scene.fresh().turn - 1, sent=[], at=scene.at)
    assert Attempt.objects.count() == before
    assert queries.turn_of({"webhook": str(scene.webhook.public_id), "turn": scene.webhook.turn - 1}) is None


def test_turn_whose_job_was_called_off_begins_again(scene: Scene) -> None:
    scene.publish("A")
    operations.attend(at=scene.at)
    work.cancel(Job.objects.get(kind=operations.JOB), at=scene.at)
    scene.work(seconds=1)
    assert scene.told() == ["A"]


def test_dead_turn_is_left_to_a_person_first(scene: Scene) -> None:
    scene.publish("A")
    operations.attend(at=scene.at)
    claim = claimed(scene)
    work.fail(claim, error="a mistake of ours", at=scene.at, final=True)
    assert operations.begin_turns(at=scene.at + timedelta(minutes=14)) == 0
    assert operations.begin_turns(at=scene.at + timedelta(minutes=16)) == 1


def test_spreading_twice_queues_once(scene: Scene) -> None:
    scene.publish("A")
    assert operations.spread(at=scene.at) == 1
    Spread.objects.update(sequence=0)
    operations.spread(at=scene.at)
    assert Delivery.objects.count() == 1


# --- on and off -----------------------------------------------------------------------------------------------------
def test_deleted_and_disabled_webhooks_get_nothing(scene: Scene) -> None:
    scene.publish("A")
    operations.attend(at=scene.at)
    operations.disable_webhook(actor=SYSTEM, at=scene.at, webhook_id=scene.webhook.pk)
    scene.publish("B")
    scene.work()
    assert scene.receiver.calls == []
    operations.enable_webhook(actor=SYSTEM, at=scene.at, webhook_id=scene.webhook.pk)
    scene.work(seconds=1)
    assert [one for one in scene.told() if one in "AB"] == ["A"]
    scene.publish("C")
    operations.attend(at=scene.at)
    operations.delete_webhook(actor=SYSTEM, at=scene.at, webhook_id=scene.webhook.pk, expected_version=None)
    loop.run_until_idle(worker="test", clock=lambda: scene.at)
    assert "C" not in scene.told()
    assert Delivery.objects.count() == 0


def test_webhook_that_fails_for_days_is_switched_off_with_notice(scene: Scene, group: SmallGroup) -> None:
    scene.receiver.answer = lambda call: 500
    for _ in range(12):
        scene.publish("A")
        scene.work(seconds=8 * 3600)
    webhook = scene.fresh()
    assert (webhook.active, webhook.disabled_reason) == (False, "failing")
    notice = Notification.objects.get(recipient=group.focal_point, subject="webhook_disabled")
    assert notice.about_id == webhook.public_id
    assert OutboxEvent.objects.get(type="webhook.disabled").data["reason"] == "failing"


def test_answer_gone_switches_off_at_once(scene: Scene) -> None:
    scene.publish("A")
    scene.receiver.answer = lambda call: 410
    scene.work()
    assert (scene.fresh().active, scene.webhook.disabled_reason) == (False, "gone")


# --- secrets, pings, replays ----------------------------------------------------------------------------------------
def test_both_secrets_sign_until_the_overlap_ends(scene: Scene) -> None:
    _, new = operations.rotate_secret(
        actor=SYSTEM, at=scene.at, webhook_id=scene.webhook.pk, overlap=timedelta(hours=1)
    )
    scene.publish("A")
    scene.work()
    call = scene.receiver.calls[-1]
    assert len(call.headers["webhook-signature"].split()) == 2
    for secret in (scene.secret, new):
        with scene.clock():
            Verifier(secret).verify(call.body, call.headers)
    scene.work(seconds=3_700)
    scene.publish("B")
    scene.work()
    call = scene.receiver.calls[-1]
    with scene.clock():
        Verifier(new).verify(call.body, call.headers)
        with pytest.raises(Exception, match="signature"):
            Verifier(scene.secret).verify(call.body, call.headers)


def test_ping_is_sent_at_once_and_is_in_the_log(scene: Scene) -> None:
    Webhook.objects.update(paused_until=scene.at + timedelta(hours=1))
    delivery = operations.ping_webhook(actor=SYSTEM, at=scene.at, webhook_id=scene.webhook.pk)
    scene.work()
    with scene.clock():
        (body,) = [one for one in scene.receiver.events(scene.secret) if one["type"] == "webhook.ping"]
    assert body["id"] == str(delivery.public_id)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == ("delivered", 1)


def test_replay_of_one_and_since_a_moment_bring_the_same_ids(scene: Scene) -> None:
    first = scene.publish("A")
    scene.work(seconds=60)
    middle = scene.at
    scene.publish("B")
    scene.work()
    operations.replay_delivery(actor=SYSTEM, at=scene.at, delivery_id=Delivery.objects.get(event=first).pk)
    scene.work(seconds=1)
    assert [one for one in scene.told() if one in "AB"] == ["A", "B", "A"]
    told = operations.replay_since(actor=SYSTEM, at=scene.at, webhook_id=scene.webhook.pk, since=middle)
    scene.work(seconds=1)
    assert told.more is False
    assert [one for one in scene.told() if one in "AB"] == ["A", "B", "A", "B"]
    ids = Counter(call.headers["webhook-id"] for call in scene.receiver.calls if reference_of(call) in "AB")
    assert sorted(ids.values()) == [2, 2]


def test_replay_asked_for_while_it_was_being_sent_is_still_to_come(scene: Scene) -> None:
    event = scene.publish("A")
    operations.attend(at=scene.at)
    claim = claimed(scene)
    with scene.clock():
        sent = send_turn(claim.payload, at=scene.at, progress=lambda *_: None)
    operations.replay_delivery(actor=SYSTEM, at=scene.at, delivery_id=Delivery.objects.get(event=event).pk)
    operations.end_turn(webhook_id=scene.webhook.public_id, turn=claim.payload["turn"], sent=sent, at=scene.at)
    assert Delivery.objects.get(event=event).status == "pending"


def test_what_a_webhook_missed_before_it_was_there_comes_by_replay(scene: Scene, at: datetime) -> None:
    scene.publish("A")
    Webhook.objects.update(starts_after=OutboxEvent.objects.count())
    scene.work()
    assert scene.receiver.calls == []
    operations.replay_since(actor=SYSTEM, at=scene.at, webhook_id=scene.webhook.pk, since=at)
    scene.work(seconds=1)
    assert "A" in scene.told()


def test_log_is_kept_for_thirty_days(scene: Scene) -> None:
    scene.publish("A")
    scene.work()
    assert operations.purge(at=scene.at + timedelta(days=29)) == 0
    assert operations.purge(at=scene.at + timedelta(days=31)) == 1
    assert Attempt.objects.count() == 0


def test_queries_of_spreading_do_not_grow_with_the_webhooks_of_an_organization(
    scene: Scene, django_assert_max_num_queries: object
) -> None:
    for _ in range(10):
        make(scene.receiver, scene.webhook.organization, scene.at)
    scene.publish("A")
    with django_assert_max_num_queries(40):  # type: ignore[operator]
        operations.spread(at=scene.at)
    assert Delivery.objects.count() == 11
