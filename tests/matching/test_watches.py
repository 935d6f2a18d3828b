"""Saved searches: providers are told of new needs, each once, and never of one that they may not see."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from marketplace.accounts.actors import Actor
from marketplace.events.models import OutboxEvent
from marketplace.events.queries import Reach, feed
from marketplace.kernel.errors import ErrorCode
from marketplace.notifications.models import Notification
from marketplace.notifications.subjects import Subject
from marketplace.work.models import Job
from matching import operations
from matching.models import NeedWatch, ToldNeed
from matching.tasks import watching
from requests_app import operations as requests
from requests_app.operations import LineContent
from tests.factories.accounts import AT, OrganizationFactory, OrganizationRoleFactory, member
from tests.factories.matching import MarketScene, NeedWatchFactory, market, work
from tests.factories.requests import SYSTEM, line, listed, opened, submitted
from tests.kit.api import check_problem, places
from tests.matching.test_api import speak

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


def scene_of_group() -> MarketScene:
    """A market whose first provider is a member of the group: it sees what is shown to the group."""
    scene = market()
    organization = scene.offerings[0].provider.organization
    OrganizationRoleFactory.create(organization=organization, role="member")
    member(organization, "provider_staff")
    work()
    return scene


def watch_of(scene: MarketScene, **facts: Any) -> NeedWatch:
    return NeedWatchFactory.create(provider=scene.offerings[0].provider, **facts)


def news(watch: NeedWatch) -> list[dict[str, Any]]:
    rows = OutboxEvent.objects.filter(type="need_watch.matched", resource_id=watch.public_id).order_by("pk")
    return [row.data for row in rows]


def letters(scene: MarketScene) -> list[str]:
    rows = Notification.objects.filter(organization=scene.offerings[0].provider.organization)
    return list(rows.filter(subject=Subject.NEED_FOUND.value).values_list("about_reference", flat=True))


def need(scene: MarketScene, *lines: LineContent, **changes: Any) -> Any:
    return opened(scene.requester, lines=lines or (line(),), **{"visibility": "group", **changes})


def test_new_need_is_told_once_by_event_and_to_the_people() -> None:
    scene = scene_of_group()
    watch = watch_of(scene)
    request = need(scene)
    work()
    [told] = news(watch)
    assert (told["request"], told["line"], told["fit"]) == (request.reference, 1, "eligible")
    assert told["score"] > 0
    assert letters(scene) == [request.reference]
    watch.refresh_from_db()
    assert (watch.told, watch.told_at) == (1, AT)
    requests.withdraw_request(actor=SYSTEM, at=AT, request_id=scene.request.pk)
    watching.spread({"resource_id": str(request.public_id), "event": "again"}, at=AT)
    work()
    assert len(news(watch)) == 1
    assert len(letters(scene)) == 1


def test_event_is_for_the_provider_alone() -> None:
    scene = scene_of_group()
    watch_of(scene)
    need(scene)
    work()
    own = frozenset({scene.offerings[0].provider.organization_id})
    other = frozenset({scene.offerings[1].provider.organization_id})

    def types(reader: frozenset[int]) -> set[str]:
        return {event.type for event in feed(reaches=[Reach(reader, in_group=True)], limit=1_000)}

    assert "need_watch.matched" in types(own)
    assert not [kind for kind in types(other) if kind.startswith("need_watch.")]


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"themes": ["mainstreaming"]}, 1),
        ({"themes": ["trafficking"]}, 0),
        ({"countries": ["SEN"]}, 0),
        ({"regions": ["011"], "languages": ["fr"], "forms": ["workshop"]}, 1),
        ({"words": "planning"}, 1),
        ({"words": "fishery"}, 0),
        ({"minimum_score": 100}, 0),
        ({"active": False}, 0),
    ],
)
def test_only_what_was_searched_for_is_told(facts: dict[str, Any], told: int) -> None:
    scene = scene_of_group()
    watch = watch_of(scene, **facts)
    need(scene)
    work()
    assert len(news(watch)) == told


def test_near_misses_are_told_where_they_are_wanted() -> None:
    scene = scene_of_group()
    strict, wide = watch_of(scene, minimum_fit="eligible"), watch_of(scene, minimum_fit="near_miss")
    need(scene, line(language="ar"))
    work()
    assert news(strict) == []
    assert [told["fit"] for told in news(wide)] == ["near_miss"]


def test_need_that_is_not_visible_is_told_to_nobody_until_it_is_shared() -> None:
    scene = scene_of_group()
    watch = watch_of(scene)
    request = need(scene, visibility="agency")
    work()
    assert news(watch) == []
    assert letters(scene) == []
    code = scene.offerings[0].provider.organization.code
    requests.share_with(actor=SYSTEM, at=AT, request_id=request.pk, organization=code, sees="body", may="read")
    work()
    assert [told["request"] for told in news(watch)] == [request.reference]


def test_visibility_is_looked_at_again_when_it_is_told() -> None:
    scene = scene_of_group()
    watch = watch_of(scene)
    request = need(scene)
    payload = {"request": str(request.public_id), "watches": [watch.pk]}
    found = watching.prepare_telling(payload, at=AT, progress=lambda *_: None)
    assert found == [watch.pk]
    type(request).objects.filter(pk=request.pk).update(visibility="agency")
    watching.tell_watches(payload, at=AT, prepared=found)
    assert not ToldNeed.objects.exists()


def test_summary_is_told_only_to_who_wants_what_cannot_be_weighed() -> None:
    scene = market()
    work()
    near, all_of_them = watch_of(scene), watch_of(scene, minimum_fit="undetermined")
    request = listed(scene.requester)
    work()
    assert news(near) == []
    [told] = news(all_of_them)
    assert (told["request"], told["line"], told["fit"], told["score"]) == (
        request.reference,
        None,
        "undetermined",
        None,
    )


def test_draft_and_submitted_need_are_no_news() -> None:
    scene = scene_of_group()
    watch = watch_of(scene)
    submitted(scene.requester, visibility="group")
    work()
    assert news(watch) == []


def test_many_searches_are_told_in_batches_and_a_killed_batch_is_told_by_the_next_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "BATCH", 2)
    scene = scene_of_group()
    watches = [watch_of(scene) for _ in range(5)]
    request = need(scene)
    payload = {"resource_id": str(request.public_id), "event": "first"}
    watching.spread(payload, at=AT)
    watching.spread(payload, at=AT)  # the event came twice
    jobs = list(Job.objects.filter(kind=watching.TELL, key__contains=":first:").order_by("pk"))
    assert [len(job.payload["watches"]) for job in jobs] == [2, 2, 1]
    done = operations.tell_watches(watch_ids=jobs[0].payload["watches"], request_id=request.pk, at=AT)
    assert done == 2  # by a worker that died before it could say so: the same batch again
    assert operations.tell_watches(watch_ids=jobs[0].payload["watches"], request_id=request.pk, at=AT) == 0
    work()
    assert [len(news(watch)) for watch in watches] == [1] * 5


# --- saving -----------------------------------------------------------------------------------------------------------


def body(scene: MarketScene, **changes: Any) -> dict[str, Any]:
    return {
        "provider": scene.offerings[0].provider.code,
        "name": "French",
        "languages": ["fr"],
        "q": "planning",
        **changes,
    }


def test_search_is_saved_changed_and_removed_over_http() -> None:
    scene = market()
    client = speak(scene.provider(scene.offerings[0]))
    answer = client.post("/need-watches", body(scene))
    assert answer.status_code == 201, answer.content
    assert (answer.body["q"], answer.body["languages"], answer.body["minimum_fit"]) == ("planning", ["fr"], "near_miss")
    path = answer["Location"].partition("/api/v1")[2]
    changed = client.call("PATCH", path, {"minimum_score": 60}, headers={"If-Match": answer["ETag"]})
    assert (changed.status_code, changed.body["minimum_score"]) == (200, 60)
    check_problem(client.call("DELETE", path, headers={"If-Match": answer["ETag"]}), ErrorCode.PRECONDITION_FAILED)
    assert client.call("DELETE", path, headers={"If-Match": changed["ETag"]}).status_code == 204
    check_problem(client.get(path), ErrorCode.NOT_FOUND)
    kinds = OutboxEvent.objects.filter(type__startswith="need_watch.").order_by("pk").values_list("type", flat=True)
    assert list(kinds) == ["need_watch.created", "need_watch.changed", "need_watch.deleted"]


def test_bad_searches_are_refused_with_their_places() -> None:
    scene = market()
    client = speak(scene.provider(scene.offerings[0]))
    unknown = client.post("/need-watches", body(scene, themes=["fishery"]))
    assert places(check_problem(unknown, ErrorCode.UNKNOWN_REFERENCE)) == {"/themes/0": "unknown_reference"}
    check_problem(client.post("/need-watches", body(scene, minimum_fit="best")), ErrorCode.INVALID_INPUT)
    backwards = body(scene, window_from="2027-05-01", window_to="2027-04-01")
    assert places(check_problem(client.post("/need-watches", backwards), ErrorCode.RULE_BROKEN)) == {
        "/window_to": "order"
    }
    assert client.post("/need-watches", body(scene)).status_code == 201
    check_problem(client.post("/need-watches", body(scene)), ErrorCode.DUPLICATE)


def test_searches_are_their_providers_own_affair() -> None:
    scene = market()
    watch = watch_of(scene)
    stranger = speak(member(OrganizationFactory.create(), "provider_staff"))
    check_problem(stranger.get(f"/need-watches/{watch.public_id}"), ErrorCode.NOT_FOUND)
    assert stranger.get("/need-watches").body["results"] == []
    check_problem(stranger.post("/need-watches", body(scene)), ErrorCode.PERMISSION_DENIED)
    assert len(speak(scene.officer).get("/need-watches").body["results"]) == 1
    own: Actor = member(scene.offerings[0].provider.organization, "viewer")
    assert len(speak(own).get("/need-watches").body["results"]) == 1
    check_problem(speak(own).post("/need-watches", body(scene)), ErrorCode.PERMISSION_DENIED)
