"""Engagements over HTTP: the way, the refusals, the shapes, the number of queries."""

from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from fulfilment import operations
from fulfilment.models import Delivery, Milestone
from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import ErrorCode
from tests.factories.accounts import MembershipFactory, OrganizationFactory, member
from tests.factories.fulfilment import AT, BEGUN, CONFIRMED, REPORTED, Scene, brought_to, reaction, scene
from tests.kit.api import ApiClient, check_problem, places

pytestmark = pytest.mark.django_db


def client_of(actor: Actor) -> ApiClient:
    assert actor.user is not None
    return ApiClient.of(actor.user, AT)


def path(made: Scene, rest: str = "") -> str:
    return f"/engagements/{made.engagement.reference}{rest}"


EVALUATION = {
    "level": 1,
    "source": "participants",
    "method": "survey",
    "invited": 20,
    "answered": 18,
    "value": "4.20",
    "scale_min": "1",
    "scale_max": "5",
    "collected_on": "2027-03-12",
}


def test_whole_way_over_http() -> None:
    made = scene()
    provider, focal, officer = client_of(made.provider), client_of(made.focal), client_of(made.officer)
    delivery = Delivery.objects.get(engagement=made.engagement)

    with time_machine.travel(AT, tick=False):
        assert provider.post(path(made, "/agree")).body["state"] == "agreed"
    with time_machine.travel(BEGUN, tick=False):
        provider, focal, officer = (
            ApiClient.of(a.user, BEGUN) for a in (made.provider, made.focal, made.officer) if a.user
        )
        assert provider.post(path(made, "/start")).body["state"] == "in_delivery"
        milestones = provider.get(path(made, "/milestones")).body["results"]
        terms = next(row for row in milestones if row["kind"] == "terms_of_reference")
        done = provider.post(path(made, f"/milestones/{terms['id']}/complete"), {"note": "Signed."})
        assert (done.status_code, done.body["state"], done.body["note"]) == (200, "done", "Signed.")
        numbers = {
            "participation": [{"stage": "attended", "total": 18, "breakdown": {"sex": {"female": 8, "male": 10}}}]
        }
        recorded = provider.post(path(made, f"/deliveries/{delivery.public_id}/participation"), numbers)
        assert recorded.body["participation"][0]["total"] == 18
        assert provider.post(path(made, "/deliver"), {"report": {"en": "Done."}}).body["state"] == "delivered"
        assert focal.post(path(made, "/confirm")).body["state"] == "evaluating"
        check_problem(officer.post(path(made, "/close")), ErrorCode.EVALUATION_MISSING)
    with time_machine.travel(CONFIRMED, tick=False):
        created = provider.post(path(made, "/evaluations"), EVALUATION)
        assert created.status_code == 201
        assert created.body["outcome"] == 800
        assert created["Location"].endswith(f"/evaluations/{created.body['id']}")
        told = focal.post(path(made, "/outcome-stories"), {"kind": "network", "texts": {"en": "They keep in touch."}})
        assert told.status_code == 201
        closed = officer.post(path(made, "/close"))
    assert (closed.body["state"], closed.body["allowed_actions"]) == ("closed", ["evaluate"])
    assert closed.body["missing_levels"] == []


@pytest.fixture
def now() -> Any:
    with time_machine.travel(AT, tick=False):
        yield


@pytest.mark.usefixtures("now")
class TestReading:
    def test_engagement_shows_parties_lines_and_what_the_caller_may_do(self) -> None:
        made = scene()

        shown = client_of(made.provider).get(path(made)).body

        assert shown["reference"] == "ENG-2026-0001"
        assert shown["request"] == made.request.reference
        assert [party["role"] for party in shown["parties"]] == ["lead", "requester"]
        assert shown["lines"][0]["participants"] == 20
        assert shown["budget"] == {"amount": "24000.00", "currency": "USD"}
        assert shown["allowed_actions"] == ["agree", "pledge-cost-share", "propose-change"]
        assert shown["waiting_for"] == "provider"
        assert "deliveries" not in shown

    def test_requester_and_officer_see_their_own_actions(self) -> None:
        made = brought_to("delivered")

        focal = client_of(made.focal).get(path(made)).body["allowed_actions"]
        officer = client_of(made.officer).get(path(made)).body["allowed_actions"]

        assert focal == ["confirm", "contest", "evaluate"]
        assert officer == ["evaluate", "pledge-cost-share", "waive-evaluation"]

    def test_list_by_request_finds_the_engagement(self) -> None:
        made, _other = scene(), scene()

        found = client_of(made.officer).get(f"/engagements?request={made.request.reference}").body["results"]

        assert [row["reference"] for row in found] == [made.engagement.reference]

    def test_filters_by_party_and_state(self) -> None:
        made, other = scene(), brought_to("agreed")
        officer = client_of(made.officer)

        by_party = officer.get(f"/engagements?organization={made.lead.code}").body["results"]
        by_state = officer.get("/engagements?state=agreed").body["results"]

        assert [row["reference"] for row in by_party] == [made.engagement.reference]
        assert [row["reference"] for row in by_state] == [other.engagement.reference]

    def test_unknown_filter_is_refused(self) -> None:
        made = scene()

        check_problem(client_of(made.officer).get("/engagements?colour=blue"), ErrorCode.UNKNOWN_PARAMETER)

    def test_expansions_show_what_belongs_to_it(self) -> None:
        made = brought_to("delivered")
        operations.record_evaluation(actor=made.officer, at=REPORTED, engagement_id=made.id, facts=reaction())
        names = "deliveries,milestones,evaluations,waivers,cost_shares,stories,changes"

        shown = client_of(made.officer).get(path(made, f"?expand={names}")).body

        assert [row["state"] for row in shown["deliveries"]] == ["delivered"]
        assert len(shown["milestones"]) == Milestone.objects.filter(engagement=made.engagement).count()
        assert shown["evaluations"][0]["value"] == "4.20"
        assert (shown["waivers"], shown["cost_shares"], shown["stories"], shown["changes"]) == ([], [], [], [])

    def test_etag_gives_304_until_something_changes(self) -> None:
        made = scene()
        provider = client_of(made.provider)
        tag = provider.get(path(made))["ETag"]

        assert provider.get(path(made), If_None_Match=tag).status_code == 304
        operations.agree_engagement(actor=made.provider, at=AT, engagement_id=made.id)
        assert provider.get(path(made), If_None_Match=tag).status_code == 200

    def test_milestone_is_named_in_the_callers_language(self) -> None:
        made = scene()

        rows = client_of(made.focal).get(path(made, "/milestones"), Accept_Language="fr").body["results"]

        assert rows[0]["label"] == "Analyse des besoins"

    @pytest.mark.parametrize("rest", ["", "/deliveries", "/milestones", "/evaluations", "/cost-shares", "/changes"])
    def test_stranger_gets_404_everywhere(self, rest: str) -> None:
        made = scene()
        stranger = client_of(member(OrganizationFactory.create(roles=["member"])))

        check_problem(stranger.get(path(made, rest)), ErrorCode.NOT_FOUND)

    def test_stranger_does_not_see_it_in_the_list_nor_in_the_count(self) -> None:
        scene()
        stranger = client_of(member(OrganizationFactory.create(roles=["member"])))

        page = stranger.get("/engagements?with_count=true").body

        assert (page["results"], page["count"]) == ([], 0)

    @pytest.mark.parametrize(
        "rest", ["/engagements", "/engagements?expand=deliveries,milestones,evaluations,cost_shares,stories,changes"]
    )
    def test_list_takes_as_many_queries_for_five_as_for_one(self, rest: str) -> None:
        made = scene()
        officer = client_of(made.officer)
        officer.get(rest)
        with CaptureQueriesContext(
            connection,
        ) as one:
            officer.get(rest)
        for _ in range(4):
            scene()
        with CaptureQueriesContext(connection) as five:
            page = officer.get(rest).body["results"]

        assert len(page) == 5
        assert len(five) == len(one)

    @pytest.mark.parametrize("rest", ["/deliveries", "/milestones"])
    def test_nested_lists_take_a_constant_number_of_queries(self, rest: str) -> None:
        small, large = scene(), scene(deliveries=5, form="course")
        officer = client_of(small.officer)
        officer.get(path(small, rest))
        with CaptureQueriesContext(connection) as few:
            officer.get(path(small, rest))
        with CaptureQueriesContext(connection) as many:
            officer.get(path(large, rest))

        assert len(many) == len(few)


@pytest.mark.usefixtures("now")
class TestRefusals:
    def test_stranger_gets_404_for_a_verb(self) -> None:
        made = scene()
        stranger = client_of(member(OrganizationFactory.create(), "provider_staff"))

        check_problem(stranger.post(path(made, "/agree")), ErrorCode.NOT_FOUND)

    def test_wrong_role_gets_403(self) -> None:
        made = scene()

        check_problem(client_of(made.focal).post(path(made, "/agree")), ErrorCode.PERMISSION_DENIED)

    def test_wrong_state_names_the_open_actions(self) -> None:
        made = scene()

        problem = check_problem(client_of(made.officer).post(path(made, "/close")), ErrorCode.WRONG_STATE)

        assert "cancel" in problem["detail"]

    def test_stale_version_is_412(self) -> None:
        made = scene()
        provider = client_of(made.provider)
        tag = provider.get(path(made))["ETag"]
        provider.post(path(made, "/agree"))

        check_problem(provider.post(path(made, "/start"), If_Match=tag), ErrorCode.PRECONDITION_FAILED)

    def test_cancelling_needs_if_match(self) -> None:
        made = scene()
        officer = client_of(made.officer)
        body = {"reason_code": "funding_lost"}

        check_problem(officer.post(path(made, "/cancel"), body), ErrorCode.PRECONDITION_REQUIRED)
        tag = officer.get(path(made))["ETag"]
        assert officer.post(path(made, "/cancel"), body, If_Match=tag).body["state"] == "cancelled"

    def test_unknown_reason_lists_the_allowed_ones(self) -> None:
        made = scene()

        problem = check_problem(
            client_of(made.officer).post(path(made, "/hold"), {"reason_code": "weather"}), ErrorCode.UNKNOWN_REFERENCE
        )

        assert places(problem) == {"/reason_code": "unknown_reference"}
        assert "security" in problem["errors"][0]["allowed"]

    def test_officer_of_a_partner_proposes_no_change(self) -> None:
        made = scene()
        assert made.officer.user is not None
        MembershipFactory.create(user=made.officer.user, organization=made.lead, role="viewer")
        officer = client_of(Actor.for_user(made.officer.user))

        assert "propose-change" not in officer.get(path(made)).body["allowed_actions"]
        body = {"budget": {"amount": "1.00", "currency": "USD"}}
        check_problem(officer.post(path(made, "/propose-change"), body), ErrorCode.RECUSED)

    def test_report_without_attendance_points_at_participation(self) -> None:
        made = brought_to("in_delivery")

        problem = check_problem(client_of(made.provider).post(path(made, "/deliver")), ErrorCode.RULE_BROKEN)

        assert places(problem) == {"/participation": "participation_missing"}

    def test_breakdown_that_does_not_add_up_is_422(self) -> None:
        made = brought_to("in_delivery")
        body = {"participation": [{"stage": "attended", "total": 18, "breakdown": {"sex": {"female": 1, "male": 2}}}]}

        problem = check_problem(client_of(made.provider).post(path(made, "/deliver"), body), ErrorCode.RULE_BROKEN)

        assert places(problem) == {"/participation/0/breakdown/sex": "sum_differs"}

    def test_same_key_twice_agrees_once(self) -> None:
        made = scene()
        provider = client_of(made.provider)

        first = provider.post(path(made, "/agree"), Idempotency_Key="agree-1")
        second = provider.post(path(made, "/agree"), Idempotency_Key="agree-1")

        assert (first.status_code, second.status_code) == (200, 200)
        assert first.body == second.body


@pytest.mark.usefixtures("now")
class TestChanges:
    def test_change_is_proposed_agreed_by_the_others_and_applied(self) -> None:
        made = scene()
        provider, focal, officer = client_of(made.provider), client_of(made.focal), client_of(made.officer)
        body = {
            "deliveries": [{"number": 1, "period": {"start": "2027-04-12", "end": "2027-04-14"}}],
            "reason_text": "The venue is not free in March.",
        }

        proposed = provider.post(path(made, "/propose-change"), body).body
        assert proposed["open_change"] is not None
        tag = focal.get(path(made))["ETag"]
        assert focal.post(path(made, "/agree-change"), If_Match=tag).status_code == 200
        tag = officer.get(path(made))["ETag"]
        applied = officer.post(path(made, "/agree-change"), If_Match=tag).body

        assert applied["period"] == {"start": "2027-04-12", "end": "2027-04-14", "precision": "day"}
        assert applied["open_change"] is None
        changes = officer.get(path(made, "/changes")).body["results"]
        assert [(row["state"], row["missing_sides"]) for row in changes] == [("agreed", [])]

    def test_session_that_the_caller_does_not_see_is_an_unknown_reference(self) -> None:
        made = scene()
        body = {"deliveries": [{"number": 1, "session": "0198c0de-0000-7000-8000-0000000000d1"}]}

        problem = check_problem(
            client_of(made.provider).post(path(made, "/propose-change"), body), ErrorCode.UNKNOWN_REFERENCE
        )

        assert places(problem) == {"/deliveries/0/session": "unknown_reference"}


@pytest.mark.usefixtures("now")
def test_cost_share_goes_from_pledge_to_receipt() -> None:
    made = scene()
    funder = OrganizationFactory.create(kind="funder")
    officer = client_of(made.officer)
    body = {"organization": funder.code, "kind": "cash", "money": {"amount": "12000.00", "currency": "USD"}}

    share = officer.post(path(made, "/cost-shares"), body)
    at = path(made, f"/cost-shares/{share.body['id']}")
    confirmed = officer.post(f"{at}/confirm", {"agreement_reference": "A/14"}).body
    received = officer.post(f"{at}/receive", {"actual_amount": "11950.00"}).body

    assert share.status_code == 201
    assert (confirmed["state"], confirmed["agreement_reference"]) == ("confirmed", "A/14")
    assert (received["state"], received["actual"]) == ("received", {"amount": "11950.00", "currency": "USD"})
    roles = {party["organization"]["code"]: party["role"] for party in officer.get(path(made)).body["parties"]}
    assert roles[funder.code] == "funder"


@pytest.mark.usefixtures("now")
def test_waiving_an_evaluation_answers_with_the_waiver() -> None:
    made = scene()
    body = {"level": 1, "reason_code": "short_event", "reason_text": "Half a day."}

    waived = client_of(made.officer).post(path(made, "/evaluations/waive"), body)

    assert (waived.status_code, waived.body["level"]) == (201, 1)
    again = client_of(made.officer).post(path(made, "/evaluations/waive"), body)
    check_problem(again, ErrorCode.DUPLICATE)
