"""Who sees which engagements, and engagements from before the platform existed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import QuerySet

from fulfilment import operations, queries
from fulfilment.models import Engagement, EngagementLine
from fulfilment.operations import EvaluationFacts, ImportFacts
from fulfilment.queries.visibility import funded
from marketplace.accounts import entrusting
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import OrganizationTree
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode
from matching.queries import AgreedLine, AgreedPart, AgreedPartner, AgreedTerms
from providers.models import TrackRecordEntry
from requests_app.models import TrainingRequest
from tests.factories.accounts import (
    AT,
    MembershipFactory,
    OrganizationFactory,
    ProgrammeFactory,
    UserFactory,
    member,
)
from tests.factories.fulfilment import (
    SYSTEM,
    ChangeFactory,
    CostShareFactory,
    DeliveryFactory,
    EngagementFactory,
    EngagementLineFactory,
    EngagementPartyFactory,
    EvaluationFactory,
    MilestoneFactory,
    OutcomeStoryFactory,
    Scene,
    scene,
)
from tests.factories.providers import SessionFactory
from tests.factories.requests import opened

pytestmark = pytest.mark.django_db


def seen(actor: Actor) -> list[int]:
    return list(queries.engagements_visible_to(actor, at=AT).order_by("pk").values_list("pk", flat=True))


def with_programme(made: Scene) -> str:
    programme = ProgrammeFactory.create()
    TrainingRequest.objects.filter(pk=made.request.pk).update(programme=programme)
    return str(programme.code)


# --- who sees what -----------------------------------------------------------------------------------------------------


def test_parties_and_secretariat_see_it_and_nobody_else() -> None:
    made, _other = scene(), scene()

    assert seen(made.focal) == seen(made.provider) == [made.id]
    assert len(seen(made.officer)) == 2
    assert seen(member(OrganizationFactory.create(roles=["member"]))) == []
    assert seen(Actor.anonymous()) == []


def test_parent_organization_sees_those_of_its_units() -> None:
    made = scene()
    parent = OrganizationFactory.create()
    made.requester.parent = parent
    made.requester.save()
    OrganizationTree.objects.create(ancestor=parent, descendant=made.requester, depth=1)

    assert seen(member(parent, "viewer")) == [made.id]


def test_auditor_sees_all_or_the_programmes_of_the_membership() -> None:
    made, other = scene(), scene()
    code = with_programme(made)
    group = OrganizationFactory.create()

    assert seen(member(group, "auditor")) == [made.id, other.id]
    assert seen(member(group, "auditor", programmes=[code])) == [made.id]


def test_membership_for_a_country_sees_engagements_of_that_country() -> None:
    made = scene()

    assert seen(member(made.requester, "focal_point", countries=["MLI"])) == [made.id]
    assert seen(member(made.requester, "focal_point", countries=["FJI"])) == []


def test_membership_for_a_programme_may_not_confirm_for_others() -> None:
    made = scene()
    code = with_programme(made)
    limited = member(made.requester, "focal_point", programmes=["SOMETHING-ELSE"])
    fitting = member(made.requester, "focal_point", programmes=[code])
    engagement = Engagement.objects.get(pk=made.id)

    assert not queries.rights_on(engagement, limited, AT).requester
    assert queries.rights_on(engagement, fitting, AT).requester


def test_expired_membership_sees_nothing() -> None:
    made = scene()
    row = MembershipFactory.create(organization=made.requester, role="focal_point", valid_to=date(2026, 1, 1))

    assert seen(Actor.for_user(row.user)) == []


def test_engagement_is_seen_by_its_parties_and_those_they_grant_it_to(at: datetime) -> None:
    mine, other = EngagementFactory.create(), EngagementFactory.create()
    party = EngagementPartyFactory.create(engagement=mine).organization
    EngagementPartyFactory.create(engagement=other)
    assert seen(member(party, "viewer")) == [mine.pk]
    assert set(Engagement.objects.filter(pk__in=queries.visible_subquery(member(party), at=at))) == {mine}
    over = at + timedelta(days=1)
    for right, shown in (
        (Permission.ENGAGEMENTS_READ, [mine.pk]),
        (Permission.EVALUATIONS_WRITE, [mine.pk]),
        (Permission.REQUESTS_READ, []),
    ):
        user = UserFactory.create()
        entrusting.give_grant(actor=SYSTEM, at=at, user=user, organization=party, permission=right, expires_at=over)
        assert seen(Actor.for_user(user)) == shown
        assert not queries.engagements_visible_to(Actor.for_user(user), at=over).exists()


def test_grant_adds_to_what_a_membership_shows(at: datetime) -> None:
    own, granted = EngagementPartyFactory.create(), EngagementPartyFactory.create()
    user = MembershipFactory.create(organization=own.organization).user
    entrusting.give_grant(
        actor=SYSTEM, at=at, user=user, organization=granted.organization, permission=Permission.ENGAGEMENTS_READ
    )
    assert seen(Actor.for_user(user)) == sorted([own.engagement_id, granted.engagement_id])


def test_all_memberships_count_each_within_its_programmes() -> None:
    programme = ProgrammeFactory.create()
    engagements = [EngagementFactory.create() for _ in range(4)]
    first, second = OrganizationFactory.create(), OrganizationFactory.create()
    for engagement, organization in zip(engagements, (first, first, second), strict=False):
        EngagementPartyFactory.create(engagement=engagement, organization=organization)
    inside = [engagements[0].request_id, engagements[3].request_id]  # the last one is a stranger's
    TrainingRequest.objects.filter(pk__in=inside).update(programme=programme)
    user = MembershipFactory.create(organization=first, programmes=[programme.code]).user
    assert seen(Actor.for_user(user)) == [engagements[0].pk]
    MembershipFactory.create(user=user, organization=second)
    assert seen(Actor.for_user(user)) == [engagements[0].pk, engagements[2].pk]


def test_countries_limit_what_ones_own_side_asked_for_and_not_what_it_delivers() -> None:
    own = OrganizationFactory.create()
    asked, delivered = EngagementFactory.create(requesting_organization=own), EngagementFactory.create()
    for engagement in (asked, delivered):
        EngagementPartyFactory.create(engagement=engagement, organization=own)
        for country in ("MLI", "MLI", "SEN"):
            EngagementLineFactory.create(engagement=engagement, line__country=country)
    EngagementFactory.create()
    assert seen(member(own, countries=["MLI"])) == [asked.pk, delivered.pk]
    assert seen(member(own, countries=["FJI"])) == [delivered.pk]
    assert seen(member(own, countries=["MLI"], programmes=["NONE"])) == []


def test_funded_is_what_has_days_and_cash_that_was_not_withdrawn() -> None:
    wanted = [CostShareFactory.create(state=state).engagement for state in ("pledged", "confirmed")]
    wanted.append(CostShareFactory.create(state="received", actual_amount=1).engagement)
    CostShareFactory.create(state="withdrawn")
    CostShareFactory.create(kind="in_kind")
    undated = CostShareFactory.create().engagement
    Engagement.objects.filter(pk=undated.pk).update(start_on=None, end_on=None)
    EngagementFactory.create()
    assert set(funded(Engagement.objects.all())) == set(wanted)
    assert list(funded(Engagement.objects.filter(pk=wanted[0].pk))) == [wanted[0]]


def test_parts_are_seen_with_their_engagement(at: datetime) -> None:
    own = OrganizationFactory.create()
    tables: tuple[tuple[Any, Callable[..., QuerySet[Any]]], ...] = (
        (DeliveryFactory, queries.deliveries_visible_to),
        (MilestoneFactory, queries.milestones_visible_to),
        (CostShareFactory, queries.cost_shares_visible_to),
        (ChangeFactory, queries.changes_visible_to),
        (EvaluationFactory, queries.evaluations_visible_to),
        (OutcomeStoryFactory, queries.stories_visible_to),
    )
    for factory, visible in tables:
        mine, other = factory.create(), factory.create()
        EngagementPartyFactory.create(engagement=mine.engagement, organization=own)
        assert set(visible(member(own), at=at)) == {mine}
        assert set(visible(SYSTEM, at=at)) == {mine, other}
        assert set(visible(Actor.anonymous(), at=at)) == set()


def test_engagement_is_found_by_reference_and_public_id() -> None:
    made = scene()
    rows = queries.engagements_visible_to(made.focal, at=AT)

    assert queries.find_engagement(made.engagement.reference.lower(), rows).pk == made.id
    assert queries.find_engagement(str(made.engagement.public_id), rows).pk == made.id
    with pytest.raises(DomainError) as caught:
        queries.find_engagement("ENG-1999-0001", rows)
    assert caught.value.code == ErrorCode.NOT_FOUND


# --- templates ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("forms", "levels"),
    [(["seminar"], (1,)), (["online_tutored"], (1, 2)), (["workshop", "training_of_trainers"], (1, 2)), ([], (1,))],
)
def test_level_two_is_required_where_a_form_calls_for_it(forms: list[str], levels: tuple[int, ...]) -> None:
    assert queries.required_levels(forms) == levels


def test_several_forms_bring_each_milestone_once_in_order() -> None:
    kinds = [template.kind for template in queries.milestones_for(["twinning", "webinar"])]

    assert len(kinds) == len(set(kinds))
    assert kinds[0] == "needs_analysis"
    assert kinds.index("twinning_check") < kinds.index("final_report")


# --- imports -----------------------------------------------------------------------------------------------------------------

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


def history(form: str = "seminar", **changes: object) -> AgreedTerms:
    request = opened(at=datetime(2025, 11, 3, 9, tzinfo=UTC))
    line = request.lines.get()
    session = SessionFactory.create(state="completed", start_on=date(2026, 3, 1), end_on=date(2026, 3, 31))
    part = AgreedPart(
        part_id=uuid4(),
        provider_id=session.offering.provider_id,
        organization_id=session.offering.provider.organization_id,
        offering_id=session.offering_id,
        form=form,
        lines=(AgreedLine(line.pk, 28),),
        session_id=session.pk,
        start_on=date(2026, 3, 1),
        end_on=date(2026, 3, 31),
        precision="month",
    )
    funder = OrganizationFactory.create(kind="funder")
    return AgreedTerms(
        request_id=request.pk,
        lead_organization_id=part.organization_id,
        parts=(replace(part, **changes),),  # type: ignore[arg-type]
        partners=(AgreedPartner(funder.pk, "funder"),),
    )


def imported(state: str, terms: AgreedTerms | None = None, code: str = "ENG-JEJU", **more: object) -> Engagement:
    facts = ImportFacts(source="founding texts", external_id=code, provenance={"document": "004"})
    return operations.import_engagement(
        actor=SYSTEM,
        at=NOW,
        terms=terms or history(),
        facts=facts,
        state=state,
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("state", ["planned", "agreed", "in_delivery", "delivered", "evaluating", "closed"])
def test_import_walks_to_its_state(state: str) -> None:
    engagement = imported(state)

    assert (engagement.state, engagement.origin, engagement.precision) == (state, "import", "month")
    assert engagement.milestones.count() == 0
    assert EngagementLine.objects.get(engagement=engagement).participants == 28


def test_closed_import_with_evaluations_feeds_the_track_record_and_closes_its_request() -> None:
    terms = history()
    measured = EvaluationFacts(
        level=1,
        source="participants",
        collected_on=date(2026, 4, 15),
        invited=28,
        answered=25,
        value=Decimal("4.4"),
        scale_min=Decimal(1),
        scale_max=Decimal(5),
    )
    late = replace(measured, level=3, collected_on=date(2026, 9, 15))

    engagement = imported("closed", terms, evaluations=(measured, late))

    assert engagement.waivers.count() == 0
    assert sorted(TrackRecordEntry.objects.values_list("level", "value")) == [(1, 850), (3, 850)]
    assert TrainingRequest.objects.get(pk=terms.request_id).state == "fulfilled"
    assert engagement.closed_at == datetime(2026, 5, 30, 17, tzinfo=UTC)


def test_closed_import_without_evaluation_is_waived_as_historic() -> None:
    engagement = imported("closed", history("course"))

    assert [(row.level, row.reason_code) for row in engagement.waivers.all()] == [(1, "historic"), (2, "historic")]


def test_second_import_of_the_same_id_is_a_duplicate() -> None:
    imported("agreed")

    with pytest.raises(DomainError) as caught:
        imported("agreed")
    assert caught.value.code == ErrorCode.DUPLICATE


def test_import_into_an_impossible_state_is_refused() -> None:
    with pytest.raises(DomainError) as caught:
        imported("cancelled")
    assert caught.value.errors[0].code == "not_importable"


def test_only_the_secretariat_imports() -> None:
    made = scene()

    with pytest.raises(DomainError) as caught:
        operations.import_engagement(
            actor=made.provider,
            at=NOW,
            terms=history(),
            facts=ImportFacts(source="x", external_id="y"),
            state="planned",
        )
    assert caught.value.code == ErrorCode.PERMISSION_DENIED
