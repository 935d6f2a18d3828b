"""Rows of what is agreed, and whole engagements made by the operations with their lines claimed and seats held."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar
from uuid import uuid4

from factory.declarations import LazyFunction, SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory

from fulfilment import operations
from fulfilment.models import (
    Change,
    CostShare,
    Delivery,
    Engagement,
    EngagementCounter,
    EngagementLine,
    EngagementParty,
    Evaluation,
    EvaluationWaiver,
    Milestone,
    OutcomeStory,
    Participation,
)
from fulfilment.operations import EvaluationFacts, StageCount
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization
from matching.queries import AgreedLine, AgreedPart, AgreedPartner, AgreedTerms
from providers import operations as providers
from providers.models import Session
from requests_app import operations as requests
from requests_app.models import TrainingRequest
from tests.factories.accounts import OrganizationFactory, member, secretariat
from tests.factories.providers import OfferingFactory, ProviderFactory, SessionFactory
from tests.factories.requests import RequestLineFactory, TrainingRequestFactory, opened
from tests.kit.copies import copied

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
SYSTEM = Actor.system("test")


class EngagementCounterFactory(DjangoModelFactory[EngagementCounter]):
    """The counter of a year far away."""

    class Meta:
        model = EngagementCounter

    year = Sequence(lambda number: 2100 + number)


class EngagementFactory(DjangoModelFactory[Engagement]):
    """A planned engagement without parties, audit or events."""

    class Meta:
        model = Engagement

    reference = Sequence(lambda number: f"ENG-2099-{number + 1:04d}")
    request = SubFactory(TrainingRequestFactory, submitted=True, state="matched")
    requesting_organization = SelfAttribute("request.requesting_organization")
    lead_organization = SubFactory(OrganizationFactory, kind="regional_centre")
    state = "planned"
    start_on = date(2027, 3, 8)
    end_on = date(2027, 3, 10)
    required_levels: ClassVar[list[int]] = [1]
    missing_levels: ClassVar[list[int]] = [1]
    created_at = AT
    updated_at = AT


class EngagementPartyFactory(DjangoModelFactory[EngagementParty]):
    """A member of the team."""

    class Meta:
        model = EngagementParty

    engagement = SubFactory(EngagementFactory)
    organization = SubFactory(OrganizationFactory)
    role = "member"


class EngagementLineFactory(DjangoModelFactory[EngagementLine]):
    """Twenty participants of a line."""

    class Meta:
        model = EngagementLine

    engagement = SubFactory(EngagementFactory)
    line = SubFactory(RequestLineFactory)
    part_id = LazyFunction(uuid4)
    participants = 20


class CostShareFactory(DjangoModelFactory[CostShare]):
    """A pledge in cash."""

    class Meta:
        model = CostShare

    engagement = SubFactory(EngagementFactory)
    organization = SubFactory(OrganizationFactory, kind="funder")
    state = "pledged"
    kind = "cash"
    amount = Decimal("12000.00")
    currency = "USD"
    created_at = AT
    updated_at = AT


class DeliveryFactory(DjangoModelFactory[Delivery]):
    """A planned delivery on request, without capacity of the catalogue."""

    class Meta:
        model = Delivery

    engagement = SubFactory(EngagementFactory)
    number = Sequence(lambda number: number + 1)
    part_id = LazyFunction(uuid4)
    offering = SubFactory(OfferingFactory, published=True)
    provider = SelfAttribute("offering.provider")
    state = "planned"
    form = "workshop"
    modality = "in_person"
    seats = 20
    start_on = date(2027, 3, 8)
    end_on = date(2027, 3, 10)
    created_at = AT
    updated_at = AT


class ParticipationFactory(DjangoModelFactory[Participation]):
    """Eighteen attended."""

    class Meta:
        model = Participation

    delivery = SubFactory(DeliveryFactory)
    stage = "attended"
    total = 18
    recorded_at = AT


class MilestoneFactory(DjangoModelFactory[Milestone]):
    """Terms of reference that the provider owes."""

    class Meta:
        model = Milestone

    engagement = SubFactory(EngagementFactory)
    kind = "terms_of_reference"
    position = 1
    owner = "provider"
    anchor = "agreement"
    offset_days = 21
    state = "open"
    created_at = AT
    updated_at = AT


class ChangeFactory(DjangoModelFactory[Change]):
    """A proposal of the provider for another budget."""

    class Meta:
        model = Change

    engagement = SubFactory(EngagementFactory)
    state = "proposed"
    proposed_side = "provider"
    proposed_by = "somebody"
    terms: ClassVar[dict[str, Any]] = {"budget": {"amount": "20000.00", "currency": "USD"}}
    agreements: ClassVar[dict[str, Any]] = {"provider": {"at": AT.isoformat(), "by": "somebody"}}
    created_at = AT
    updated_at = AT


class EvaluationFactory(DjangoModelFactory[Evaluation]):
    """A good reaction of the participants."""

    class Meta:
        model = Evaluation

    engagement = SubFactory(EngagementFactory)
    level = 1
    source = "participants"
    invited = 20
    answered = 18
    value = Decimal("4.4")
    scale_min = Decimal(1)
    scale_max = Decimal(5)
    collected_on = date(2027, 3, 12)
    created_at = AT
    updated_at = AT


class EvaluationWaiverFactory(DjangoModelFactory[EvaluationWaiver]):
    """No reaction survey of a short event."""

    class Meta:
        model = EvaluationWaiver

    engagement = SubFactory(EngagementFactory)
    level = 1
    reason_code = "short_event"
    created_at = AT
    updated_at = AT


class OutcomeStoryFactory(DjangoModelFactory[OutcomeStory]):
    """A useful network."""

    class Meta:
        model = OutcomeStory

    engagement = SubFactory(EngagementFactory)
    kind = "network"
    texts: ClassVar[dict[str, str]] = {"en": "Colleagues in two countries now call each other."}
    created_at = AT
    updated_at = AT


# --- whole engagements ---------------------------------------------------------------------------------------------


@dataclass
class Scene:
    """An engagement with everybody around it; the part numbers count from 0."""

    request: TrainingRequest
    terms: AgreedTerms
    requester: Organization
    lead: Organization
    office: Organization
    focal: Actor
    provider: Actor
    officer: Actor
    engagement: Engagement
    sessions: list[Session] = field(default_factory=list)

    @property
    def id(self) -> int:
        """Key of the engagement."""
        return self.engagement.pk

    def deliveries(self) -> list[Delivery]:
        """The deliveries, read anew."""
        return list(Delivery.objects.filter(engagement=self.engagement).order_by("number"))

    def fresh(self) -> Engagement:
        """The engagement, read anew."""
        return Engagement.objects.get(pk=self.engagement.pk)


def terms_for(
    request: TrainingRequest,
    lead: Organization,
    *,
    sessions: Iterable[Session],
    participants: int = 20,
    deliveries: int = 1,
    form: str = "workshop",
    partners: tuple[AgreedPartner, ...] = (),
) -> AgreedTerms:
    """Agree on one part for each session, line by line, with lines claimed and seats held as matching leaves them."""
    lines = list(request.lines.order_by("number"))
    parts = []
    for session, line in zip(sessions, lines, strict=True):
        part_id = uuid4()
        share = requests.LineShare(line.pk, participants)
        requests.claim_lines(actor=SYSTEM, at=AT, claimant=part_id, claims=[share])
        wants = [providers.Want(session_id=session.pk, quantity=participants)]
        expires = AT + timedelta(days=20)
        providers.place_holds(actor=SYSTEM, at=AT, holder=part_id, wants=wants, expires_at=expires)
        parts.append(
            AgreedPart(
                part_id=part_id,
                provider_id=session.offering.provider_id,
                organization_id=session.offering.provider.organization_id,
                offering_id=session.offering_id,
                form=form,
                lines=(AgreedLine(line.pk, participants),),
                modality="in_person",
                session_id=session.pk,
                capacity=participants,
                deliveries=deliveries,
                start_on=session.start_on,
                end_on=session.end_on,
                city=session.city,
                country=session.country,
                language="fr",
                cost=Decimal("24000.00"),
                currency="USD",
            )
        )
    return AgreedTerms(
        request_id=request.pk,
        lead_organization_id=lead.pk,
        parts=tuple(parts),
        proposal_id=uuid4(),
        partners=partners,
    )


@copied
def scene(*, parts: int = 1, form: str = "workshop", deliveries: int = 1, **changes: Any) -> Scene:
    """Make an engagement by the operations: one provider (the lead) for each part, one line and one session each."""
    from tests.factories.requests import line

    requester = OrganizationFactory.create(roles=["member"])
    office = OrganizationFactory.create(roles=["secretariat"])
    lines = tuple(line(divisible=deliveries > 1) for _ in range(parts))
    request = opened(requester, lines=lines, **changes)
    sessions = [SessionFactory.create(offering__provider=ProviderFactory.create()) for _ in range(parts)]
    lead = sessions[0].offering.provider.organization
    terms = terms_for(request, lead, sessions=sessions, deliveries=deliveries, form=form)
    return Scene(
        request=request,
        terms=terms,
        requester=requester,
        lead=lead,
        office=office,
        focal=member(requester, "focal_point"),
        provider=member(lead, "provider_staff"),
        officer=secretariat(organization=office),
        engagement=operations.create_engagement(actor=SYSTEM, at=AT, terms=terms),
        sessions=sessions,
    )


def attended(total: int = 18) -> list[StageCount]:
    """Say how many attended."""
    return [StageCount("attended", total)]


def reaction(**changes: Any) -> EvaluationFacts:
    """Give a reaction of the participants: 4.2 on a scale from 1 to 5 by 18 of 20."""
    facts: dict[str, Any] = {
        "level": 1,
        "source": "participants",
        "method": "survey",
        "collected_on": date(2027, 3, 12),
        "invited": 20,
        "answered": 18,
        "value": Decimal("4.20"),
        "scale_min": Decimal(1),
        "scale_max": Decimal(5),
    }
    return EvaluationFacts(**{**facts, **changes})


@copied
def brought_to(state: str, **changes: Any) -> Scene:
    """Make an engagement and take it along its way to ``state``; its days are those of its session, in March 2027."""
    made = scene(**changes)
    steps = {
        "agreed": lambda: operations.agree_engagement(actor=made.provider, at=AT, engagement_id=made.id),
        "in_delivery": lambda: operations.start_engagement(actor=made.provider, at=BEGUN, engagement_id=made.id),
        "delivered": lambda: report_all(made),
        "evaluating": lambda: operations.confirm_engagement(actor=made.focal, at=CONFIRMED, engagement_id=made.id),
    }
    for step, take in steps.items():
        if made.fresh().state != state:
            take()
            assert made.fresh().state == step
    made.engagement = made.fresh()
    return made


BEGUN = datetime(2027, 3, 8, 9, tzinfo=UTC)
REPORTED = datetime(2027, 3, 15, 9, tzinfo=UTC)
CONFIRMED = datetime(2027, 3, 16, 9, tzinfo=UTC)
LATER = datetime(2027, 3, 22, 9, tzinfo=UTC)


def report_all(made: Scene) -> None:
    """Report every delivery with eighteen who attended."""
    for delivery in made.deliveries():
        if delivery.state == "planned":
            operations.start_delivery(actor=SYSTEM, at=REPORTED, delivery_id=delivery.pk)
        operations.deliver_delivery(actor=made.provider, at=REPORTED, delivery_id=delivery.pk, participation=attended())
