"""Documents of an engagement: who attaches, who reads which level, who takes off, and what is told of it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from fulfilment import operations, queries
from marketplace.accounts.actors import Actor
from marketplace.audit.models import AuditRecord
from marketplace.events.models import OutboxEvent
from marketplace.files.models import Document
from marketplace.files.operations import DocumentFacts
from marketplace.kernel.errors import DomainError, ErrorCode
from tests.factories.accounts import OrganizationFactory, member
from tests.factories.fulfilment import AT, SYSTEM, EngagementPartyFactory, Scene, scene
from tests.factories.requests import opened
from tests.kit.api import ApiClient, check_problem

pytestmark = pytest.mark.django_db

REPORT = {
    "kind": "terms_of_reference",
    "title": "Terms of reference",
    "language": "fr",
    "url": "https://files.example.org/tor.pdf",
}
FACTS = DocumentFacts(kind="agreement", title="Agreement", language="en", external_reference="AGR-7")


@pytest.fixture(autouse=True)
def now() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


def client_of(actor: Actor) -> ApiClient:
    assert actor.user is not None
    return ApiClient.of(actor.user, AT)


def path(made: Scene, rest: str = "") -> str:
    return f"/engagements/{made.engagement.reference}/documents{rest}"


def attach(made: Scene, actor: Actor, **changes: Any) -> Document:
    return operations.attach_document(actor=actor, at=AT, engagement_id=made.id, facts=replace(FACTS, **changes))


def remove(document: Document, actor: Actor) -> Document:
    return operations.remove_document(actor=actor, at=AT + timedelta(hours=1), document_id=document.pk)


def titles(made: Scene, actor: Actor) -> set[str]:
    return {row["title"] for row in client_of(actor).get(path(made)).body["results"]}


# --- attaching ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["provider", "focal", "officer"])
def test_parties_and_secretariat_attach_in_their_own_name(who: str) -> None:
    made = scene()
    organization = {"provider": made.lead, "focal": made.requester, "officer": made.office}[who]

    answer = client_of(getattr(made, who)).post(path(made), REPORT)

    assert answer.status_code == 201, answer.body
    assert answer["Location"].endswith(f"{path(made)}/{answer.body['id']}")
    assert answer.body["organization"]["code"] == organization.code
    assert (answer.body["title"], answer.body["confidentiality"]) == ("Terms of reference", "parties")
    shown = client_of(made.focal).get(path(made, f"/{answer.body['id']}"))
    assert (shown.status_code, shown.body) == (200, answer.body)


def test_second_provider_attaches_in_its_own_name() -> None:
    made = scene(parts=2)
    second = made.sessions[1].offering.provider.organization

    document = attach(made, member(second, "provider_staff"))

    assert second != made.lead
    assert document.organization == second


def test_attached_document_leaves_audit_and_an_event_for_the_parties() -> None:
    made = scene()

    document = attach(made, made.provider)

    written = AuditRecord.objects.get(resource="document", action="created")
    assert written.resource_id == document.public_id
    event = OutboxEvent.objects.get(type="document.created")
    assert event.data["about"] == {"resource": "engagement", "id": str(made.engagement.public_id)}
    assert event.audience == "organizations"
    assert document.event_scope(at=event.at).organization_ids == {made.lead.pk, made.requester.pk}
    assert "Agreement" not in str(event.data)


def test_attaching_leaves_the_version_of_the_engagement() -> None:
    made = scene()

    attach(made, made.provider)

    assert made.fresh().version == made.engagement.version


def test_reader_of_a_party_attaches_nothing() -> None:
    made = scene()
    viewer = member(made.requester, "viewer")

    check_problem(client_of(viewer).post(path(made), REPORT), ErrorCode.PERMISSION_DENIED)
    with pytest.raises(DomainError) as caught:
        attach(made, viewer)
    assert caught.value.code == ErrorCode.PERMISSION_DENIED
    assert not Document.objects.exists()


@pytest.mark.parametrize("role", ["funder", "host"])
def test_funder_and_host_read_and_attach_nothing(role: str) -> None:
    made = scene()
    party = EngagementPartyFactory.create(engagement=made.engagement, role=role)
    staff = member(party.organization, "provider_staff")
    attach(made, made.provider)

    assert titles(made, staff) == {"Agreement"}
    check_problem(client_of(staff).post(path(made), REPORT), ErrorCode.PERMISSION_DENIED)


def test_focal_point_of_the_lead_speaks_for_nobody_here() -> None:
    made = scene()

    with pytest.raises(DomainError) as caught:
        attach(made, member(made.lead, "focal_point"))
    assert caught.value.code == ErrorCode.PERMISSION_DENIED


def test_stranger_finds_neither_list_nor_document() -> None:
    made = scene()
    document = attach(made, made.provider, confidentiality="public")
    stranger = client_of(member(OrganizationFactory.create(roles=["member"]), "provider_staff"))
    one = path(made, f"/{document.public_id}")

    for answer in (stranger.get(path(made)), stranger.get(one), stranger.post(path(made), REPORT)):
        check_problem(answer, ErrorCode.NOT_FOUND)
    check_problem(stranger.delete(one, If_Match='"1"'), ErrorCode.NOT_FOUND)


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"kind": "poem"}, ErrorCode.UNKNOWN_REFERENCE, "/kind"),
        ({"url": "http://files.example.org/tor.pdf"}, ErrorCode.RULE_BROKEN, "/url"),
        ({"url": ""}, ErrorCode.RULE_BROKEN, "/url"),
        ({"colour": "blue"}, ErrorCode.INVALID_INPUT, "/colour"),
    ],
)
def test_wrong_facts_are_named(changes: dict[str, str], code: ErrorCode, pointer: str) -> None:
    made = scene()

    problem = check_problem(client_of(made.provider).post(path(made), {**REPORT, **changes}), code)

    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert not Document.objects.exists()


# --- reading -----------------------------------------------------------------------------------------------------


def test_levels_are_read_by_secretariat_parties_and_auditors() -> None:
    made = scene()
    for level in ("parties", "public", "secretariat"):
        attach(made, made.officer, confidentiality=level, title=level)

    assert titles(made, made.officer) == {"parties", "public", "secretariat"}
    assert titles(made, made.provider) == titles(made, made.focal) == {"parties", "public"}
    assert titles(made, member(OrganizationFactory.create(), "auditor")) == {"public"}


def test_document_for_the_secretariat_is_not_there_for_parties() -> None:
    made = scene()
    document = attach(made, made.officer, confidentiality="secretariat")

    check_problem(client_of(made.provider).get(path(made, f"/{document.public_id}")), ErrorCode.NOT_FOUND)
    assert client_of(made.officer).get(path(made, f"/{document.public_id}")).status_code == 200


def test_document_of_another_engagement_is_not_found_here() -> None:
    made, other = scene(), scene()
    document = attach(other, other.officer)

    check_problem(client_of(made.officer).get(path(made, f"/{document.public_id}")), ErrorCode.NOT_FOUND)
    assert titles(made, made.officer) == set()


def test_engagement_links_to_its_documents() -> None:
    made = scene()

    shown = client_of(made.focal).get(f"/engagements/{made.engagement.reference}").body

    assert shown["links"]["documents"].endswith(f"/engagements/{made.engagement.public_id}/documents")


def test_list_takes_a_constant_number_of_queries() -> None:
    made = scene()
    focal = client_of(made.focal)
    attach(made, made.provider)
    focal.get(path(made))
    with CaptureQueriesContext(connection) as one:
        focal.get(path(made))
    for actor in (made.focal, made.officer, made.provider, made.focal):
        attach(made, actor)
    with CaptureQueriesContext(connection) as five:
        rows = focal.get(path(made)).body["results"]

    assert len(rows) == 5
    assert len(five) == len(one)


# --- taking off --------------------------------------------------------------------------------------------------


def test_party_takes_off_its_own_document() -> None:
    made = scene()
    provider = client_of(made.provider)
    one = path(made, f"/{provider.post(path(made), REPORT).body['id']}")

    check_problem(provider.delete(one), ErrorCode.PRECONDITION_REQUIRED)
    check_problem(provider.delete(one, If_Match='"7"'), ErrorCode.PRECONDITION_FAILED)
    gone = provider.delete(one, If_Match=provider.get(one)["ETag"])

    assert (gone.status_code, gone.content) == (204, b"")
    check_problem(provider.get(one), ErrorCode.NOT_FOUND)
    assert titles(made, made.officer) == set()
    row = Document.objects.get()
    assert (row.removed_at, row.removed_by) == (AT, made.provider.label)
    assert OutboxEvent.objects.get(type="document.removed").audience == "organizations"


@pytest.mark.parametrize(("author", "other"), [("provider", "focal"), ("focal", "provider"), ("officer", "focal")])
def test_document_of_another_party_stays(author: str, other: str) -> None:
    made = scene()
    document = attach(made, getattr(made, author))

    check_problem(
        client_of(getattr(made, other)).delete(path(made, f"/{document.public_id}"), If_Match='"1"'),
        ErrorCode.PERMISSION_DENIED,
    )
    document.refresh_from_db()
    assert document.removed_at is None


def test_colleague_takes_off_what_the_organization_attached() -> None:
    made = scene()
    document = attach(made, made.provider)

    assert remove(document, member(made.lead, "provider_staff")).removed_at is not None


def test_secretariat_takes_off_any_document() -> None:
    made = scene()
    document = attach(made, made.focal)

    answer = client_of(made.officer).delete(path(made, f"/{document.public_id}"), If_Match='"1"')

    assert answer.status_code == 204
    assert not queries.documents_of(made.engagement, made.focal, at=AT).exists()


def test_party_that_left_takes_off_nothing() -> None:
    made = scene(parts=2)
    staff = member(made.sessions[1].offering.provider.organization, "provider_staff")
    document = attach(made, staff)
    made.engagement.parties.filter(organization=document.organization).delete()

    with pytest.raises(DomainError) as caught:
        remove(document, staff)
    assert caught.value.code == ErrorCode.PERMISSION_DENIED


def test_document_of_a_request_is_not_taken_off_as_one_of_an_engagement() -> None:
    made = scene()
    body = {**REPORT, "kind": "endorsement_letter"}
    answer = client_of(made.focal).post(f"/requests/{made.request.reference}/documents", body)
    document = Document.objects.get(public_id=answer.body["id"])

    with pytest.raises(DomainError) as caught:
        remove(document, SYSTEM)
    assert caught.value.code == ErrorCode.NOT_FOUND


# --- one shape for every thing -----------------------------------------------------------------------------------


def test_documents_of_requests_and_engagements_are_served_alike() -> None:
    made = scene()
    client = client_of(made.focal)
    places = (path(made), f"/requests/{opened(made.requester).reference}/documents")

    shapes = []
    for place in places:
        created = client.post(place, REPORT)
        one = f"{place}/{created.body['id']}"
        assert client.get(place).body["results"] == [created.body]
        gone = client.delete(one, If_Match=client.get(one)["ETag"])
        shapes.append((created.status_code, sorted(created.body), gone.status_code, client.get(one).status_code))

    assert shapes[0] == shapes[1]
    assert (shapes[0][0], shapes[0][2:]) == (201, (204, 404))
