"""One thing of every kind that a route can name, around one agency's confidential need, and everybody who might ask for it."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session

from fulfilment import operations as fulfilment
from fulfilment.models import Delivery, Engagement, Milestone
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import AccessToken, Organization, ServiceClient, User
from marketplace.accounts.roles import SCOPES
from marketplace.accounts.roles import Permission as Right
from marketplace.audit.models import AuditRecord
from marketplace.files import storage
from marketplace.identity.models import Application, ClientSecret
from marketplace.records.models import Record
from marketplace.rest.access import GRANTED
from marketplace.work.models import Job
from matching import operations as plans
from matching.models import MatchProposal, MatchRun, ProposalPart
from providers.models import Provider
from requests_app.models import RequestShare, TrainingRequest
from tests.factories.accounts import (
    ContextEventFactory,
    MembershipFactory,
    OrganizationFactory,
    OrganizationUserGrantFactory,
    ProgrammeFactory,
    ServiceClientFactory,
    UserFactory,
)
from tests.factories.bulk import ImportFactory
from tests.factories.fulfilment import (
    ChangeFactory,
    CostShareFactory,
    EvaluationFactory,
    OutcomeStoryFactory,
    terms_for,
)
from tests.factories.identity import ApplicationFactory, BrowserSessionFactory, ClientSecretFactory
from tests.factories.machinery import JobFactory
from tests.factories.matching import MatchProposalFactory, NeedWatchFactory, PlanLineFactory, approved, market, work
from tests.factories.notices import DocumentFactory, NotificationFactory, StoredFileFactory
from tests.factories.providers import (
    CapacityWindowFactory,
    HarvestFactory,
    OfferingFactory,
    ProviderFactory,
    SessionFactory,
)
from tests.factories.requests import (
    SYSTEM,
    ClarificationFactory,
    EndorsementFactory,
    RequestShareFactory,
    draft,
    listed,
    opened,
)
from tests.factories.webhooks import DeliveryFactory, WebhookFactory
from tests.kit.people import token_of
from tests.matching.plan_scenes import carried_out

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
NOTES = b"notes"


@dataclass
class Scene:
    """The things by the word that stands before their id in a path, and the people by the name of their column."""

    things: dict[str, Any] = field(default_factory=dict)
    callers: dict[str, User | ServiceClient | None] = field(default_factory=dict)
    asking: str = "anonymous"  # the caller of the call that is being made

    def id_of(self, word: str, before: str = "") -> str:
        """Give what a path names: `lines` is a line of the request, `engagements documents` a document of the engagement."""
        found = self.things.get(f"{before} {word}", self.things.get(word))
        if found is None:
            raise LookupError(
                f"tests/access/scene.py has no thing for `{word}`: make one and put it into `things` under that word"
            )
        return str(found.public_id) if isinstance(found, Record | Job | AuditRecord) else str(found)


def build() -> Scene:
    """Make everything, through the operations where there are some."""
    scene = Scene()
    secretariat = OrganizationFactory.create(code="SEC", roles=["secretariat"])
    requester = OrganizationFactory.create(code="REQ", roles=["member", "requester"])
    made = market(requester=requester, office=secretariat, visibility="agency")
    work(AT)
    made.request.refresh_from_db()
    proposal = approved(made)
    part = made.parts(proposal)[0]
    _people(scene, secretariat=secretariat, requester=requester, partner=part.provider.organization)
    _requests(scene, made.request, requester)
    scene.things["solved"] = _plan(scene)
    _matching(scene, proposal, part)
    _catalogue(scene, part.provider)
    _engagement(scene, requester, part.provider)
    _house(scene, requester)
    return scene


def _person(role: str, organization: Organization) -> User:
    return MembershipFactory.create(organization=organization, role=role).user


def _stand_in(organization: Organization) -> User:
    """Make a viewer who stands in for a focal point that is away."""
    viewer = _person("viewer", organization)
    away = {"delegated_from": AT.date(), "delegated_to": AT.date() + timedelta(days=5)}
    MembershipFactory.create(organization=organization, role="focal_point", delegate=viewer, **away)
    return viewer


def _granted(organization: Organization) -> User:
    """Make a viewer of another member to whom rights on the requests of this one were given."""
    viewer = _person("viewer", OrganizationFactory.create(code="GRA", roles=["member", "requester"]))
    for right in GRANTED:
        row = Permission.objects.get(codename=right.codename)
        OrganizationUserGrantFactory.create(user=viewer, content_object=organization, permission=row)
    return viewer


def _people(scene: Scene, *, secretariat: Organization, requester: Organization, partner: Organization) -> None:
    stranger = OrganizationFactory.create(code="STR", roles=["member", "requester"])
    other = ProviderFactory.create(organization__code="OTH").organization
    scene.things["office"] = _person("secretariat_officer", secretariat).memberships.get()
    scene.callers = {
        "anonymous": None,
        "newcomer": UserFactory.create(),
        "stranger": _person("focal_point", stranger),
        "other_provider": _person("provider_staff", other),
        "viewer": _person("viewer", requester),
        "focal_point": _person("focal_point", requester),
        "delegate": _stand_in(requester),
        "granted": _granted(requester),
        "partner": _person("provider_staff", partner),
        "reader": _person("focal_point", OrganizationFactory.create(code="SHR")),
        "officer": _person("secretariat_officer", secretariat),
        "head": _person("secretariat_head", secretariat),
        "auditor": _person("auditor", OrganizationFactory.create(code="AUD")),
        "client": ServiceClientFactory.create(organization=requester, scopes=sorted(SCOPES)),
        "stranger_client": ServiceClientFactory.create(organization=stranger, scopes=sorted(SCOPES)),
        "test_client": ServiceClientFactory.create(organization=requester, scopes=sorted(SCOPES), test_mode=True),
    }


def _requests(scene: Scene, request: TrainingRequest, requester: Organization) -> None:
    about = {"about_resource": "training_request", "about_id": request.public_id, "organization": requester}
    scene.things |= {
        "requests": request,
        "draft": draft(requester),
        "test": draft(requester, actor=_in_test_mode(scene)),
        "group": opened(requester, visibility="group"),
        "public": listed(requester),
        "shares": _shared(request),
        "lines": request.lines.get(),
        "clarifications": ClarificationFactory.create(request=request, due_at=AT + timedelta(days=5)),
        "endorsements": EndorsementFactory.create(request=request),
        "requests documents": DocumentFactory.create(**about),
    }


def _in_test_mode(scene: Scene) -> Actor:
    client = scene.callers["test_client"]
    assert isinstance(client, ServiceClient)
    return Actor.for_client(client)


def _shared(request: TrainingRequest) -> RequestShare:
    reader = Organization.objects.get(code="SHR")
    return RequestShareFactory.create(request=request, organization=reader, reason="shared", sees="body", may="read")


def _matching(scene: Scene, proposal: MatchProposal, part: ProposalPart) -> None:
    run = MatchRun.objects.filter(request=proposal.request).latest("pk")
    scene.things |= {
        "proposals": proposal,
        "other proposal": MatchProposalFactory.create(request=proposal.request, lead=part.provider),
        "parts": part,
        "match-runs": run,
        "plan": PlanLineFactory.create(line=scene.things["lines"], run__policy=run.policy).run,
        "matching-policies": run.policy,
        "need-watches": NeedWatchFactory.create(provider=part.provider),
    }


def _plan(scene: Scene) -> MatchRun:
    """Have the open needs planned, as a worker would."""
    officer = scene.callers["officer"]
    assert isinstance(officer, User)
    run = plans.request_plan(actor=Actor.for_user(officer), at=AT, mode="portfolio", parameters={})
    return carried_out(run, at=AT)


def _catalogue(scene: Scene, provider: Provider) -> None:
    offering = OfferingFactory.create(provider=provider, published=True)
    scene.things |= {
        "providers": provider,
        "offerings": offering,
        "offering draft": OfferingFactory.create(provider=provider),
        "test offering": OfferingFactory.create(provider=provider, is_test=True),
        "sessions": SessionFactory.create(offering=offering),
        "harvests": HarvestFactory.create(provider=provider),
        "capacity-windows": CapacityWindowFactory.create(provider=provider),
    }


def _engagement(scene: Scene, requester: Organization, provider: Provider) -> None:
    session = SessionFactory.create(offering=OfferingFactory.create(provider=provider, published=True))
    request = opened(requester, visibility="agency")
    terms = terms_for(request, provider.organization, sessions=[session])
    engagement: Engagement = fulfilment.create_engagement(actor=SYSTEM, at=AT, terms=terms)
    about = {"about_resource": "engagement", "about_id": engagement.public_id, "organization": provider.organization}
    scene.things |= {
        "engagements": engagement,
        "deliveries": Delivery.objects.get(engagement=engagement),
        "milestones": Milestone.objects.filter(engagement=engagement).first(),
        "cost-shares": CostShareFactory.create(engagement=engagement, organization=provider.organization),
        "changes": ChangeFactory.create(engagement=engagement),
        "evaluations": EvaluationFactory.create(engagement=engagement),
        "outcome-stories": OutcomeStoryFactory.create(engagement=engagement),
        "engagements documents": DocumentFactory.create(**about),
    }


def _house(scene: Scene, requester: Organization) -> None:
    focal_point, client = scene.callers["focal_point"], scene.callers["client"]
    assert isinstance(focal_point, User)
    assert isinstance(client, ServiceClient)
    browser = BrowserSessionFactory.create(user=focal_point)
    Session.objects.create(session_key=browser.session_key, expire_date=AT + timedelta(days=1))
    calendar = token_of(focal_point, AT, "catalogue:read")
    token_of(focal_point, AT)
    token_of(client, AT)
    app = ApplicationFactory.create(organization=requester, client_type=Application.CLIENT_CONFIDENTIAL)
    scene.things |= {
        "organizations": requester,
        "calendars": calendar,
        "programmes": ProgrammeFactory.create(),
        "context-events": ContextEventFactory.create(),
        "memberships": focal_point.memberships.get(),
        "grants": OrganizationUserGrantFactory.create(
            user=scene.callers["partner"],
            content_object=requester,
            permission=Permission.objects.get(codename=Right.EVENTS_READ.codename),
        ),
        "service-clients": client,
        "service-clients secrets": _secret(client),
        "oauth-applications": app,
        "oauth-applications secrets": ClientSecretFactory.create(application=app),
        "service-clients tokens": AccessToken.objects.filter(client=client).latest("pk"),
        "me sessions": browser,
        "me tokens": AccessToken.objects.filter(user=focal_point).latest("pk"),
        "stored": StoredFileFactory.create(
            name=storage.write(NOTES), size_bytes=len(NOTES), sha256=hashlib.sha256(NOTES).hexdigest()
        ),
        "notifications": NotificationFactory.create(recipient=focal_point),
        "webhooks": (webhook := WebhookFactory.create(organization=requester)),
        "webhooks deliveries": DeliveryFactory.create(webhook=webhook).public_id,
        "imports": ImportFactory.create(requested_by=f"user:{focal_point.public_id}", target="requests"),
        "templates": "offerings",
        "event-types": "training_request.opened",
        "jobs": JobFactory.create(kind="work.purge", state="dead", finished_at=AT, last_error="ValueError"),
        "audit": AuditRecord.objects.latest("pk"),
        "errors": "not_found",
        "service-levels": "request.screen",
        "vocabularies": "themes",
    }


def _secret(client: ServiceClient) -> ClientSecret:
    """Make a secret of a service client, with the OAuth application that stands for it."""
    application = ApplicationFactory.create(
        client_id=client.client_id,
        organization=client.organization,
        service_client=client,
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
    )
    return ClientSecretFactory.create(application=application)
