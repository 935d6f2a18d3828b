"""A name is what somebody calls themselves: rows under it are theirs only where the trail knows the act as theirs."""

import json
from collections.abc import Iterable
from datetime import date, timedelta

import pytest
from django.apps import apps

from fulfilment import operations as fulfilment
from fulfilment.operations import ChangeTerms, DeliveryTerms
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization, User
from marketplace.accounts.roles import Permission
from marketplace.audit import operations as audit
from marketplace.audit.models import AuditRecord, pseudonym
from marketplace.events.models import OutboxEvent
from marketplace.files.operations import DocumentFacts, Remover, attach_document, remove_document
from marketplace.privacy.export import export_for, export_person
from marketplace.privacy.inventory import HOLDINGS, Holding, Holds
from marketplace.privacy.operations import erase_person
from marketplace.privacy.people import identify, rows_of
from marketplace.rest.service_levels import change_service_level
from matching import operations as matching
from matching.models import Decision, MatchProposal, MatchRun
from matching.operations import CounterTerms
from requests_app import operations as requests
from requests_app.models import RequestRevision, TrainingRequest
from tests.factories import fulfilment as engaged
from tests.factories.accounts import AT, OrganizationFactory, UserFactory, client_of, member, secretariat
from tests.factories.matching import MatchRunFactory, approved, ranked
from tests.factories.requests import content, opened, submitted
from tests.kit.api import ApiClient
from tests.kit.people import SYSTEM
from tests.matching.plan_scenes import crowded, planned, published
from tests.privacy.test_persons import REASON

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
SECRET = "Border posts that nobody knows of"
NAMED = [holding for holding in HOLDINGS if holding.holds in (Holds.NAME, Holds.NAMES)]


def person_of(actor: Actor) -> User:
    assert actor.user is not None
    return actor.user


def called(person: User, name: str) -> User:
    person.name = name
    person.save()
    return person


def erased(person: User) -> None:
    erase_person(actor=SYSTEM, at=AT + 9 * HOUR, person=person, reason_text=REASON)


def signed(person: User) -> set[str]:
    """Give the columns of names by which rows are the person's."""
    who = identify(person)
    return {f"{holding.model}.{holding.column}" for holding in NAMED if rows_of(holding, who).exists()}


def said(person: User) -> str:
    told = (export_for(person, at=AT), export_person(person, at=AT))
    return json.dumps(told, default=str)


@pytest.fixture
def agency() -> Organization:
    return OrganizationFactory.create(roles=["member", "requester"])


@pytest.fixture
def edited(agency: Organization) -> TrainingRequest:
    """A request of an agency whose system has drafted it, and changed what it says."""
    system = client_of(agency)
    request = requests.create_request(
        actor=system, at=AT, organization=agency.code, content=content(title={"en": SECRET})
    )
    requests.submit_request(actor=SYSTEM, at=AT, request_id=request.pk)
    changes = {"title": {"en": "Border posts"}, "languages_may": ("en",)}
    requests.edit_request(actor=system, at=AT + HOUR, request_id=request.pk, changes=changes)
    return request


# --- somebody else's name -----------------------------------------------------------------------------------------------


def test_name_of_another_organizations_system_leads_to_nothing(edited: TrainingRequest) -> None:
    revision = RequestRevision.objects.get(request=edited)
    stranger = UserFactory.create()
    api = ApiClient.of(stranger, AT)
    assert api.patch("/me", {"name": revision.editor}).status_code == 200
    held = api.get("/me/export").body["held"]
    assert not {"events.OutboxEvent", "requests_app.RequestRevision"} & held.keys()
    stranger.refresh_from_db()
    assert SECRET not in said(stranger)
    edited.refresh_from_db()
    assert edited.reference_text not in said(stranger)
    before = list(OutboxEvent.objects.filter(actor=revision.editor).values_list("pk", flat=True))
    erased(stranger)
    revision.refresh_from_db()
    assert revision.editor.startswith("system-")
    assert list(OutboxEvent.objects.filter(actor=revision.editor).values_list("pk", flat=True)) == before != []


def test_name_of_the_products_own_work_leads_to_nothing() -> None:
    scene = ranked()
    runs, events = MatchRun.objects.filter(requested_by="matching"), OutboxEvent.objects.filter(actor="matching")
    before = (runs.count(), events.count())
    assert min(before) > 0
    for name in ("matching", "deadlines", "operations"):
        assert signed(called(UserFactory.create(), name)) == set()
    approved(scene)  # on what the engine has just written, and at the very moment
    officer = called(person_of(scene.officer), "matching")
    assert "matching.MatchRun.requested_by" not in signed(officer)
    assert not rows_of(holding_of("events.OutboxEvent", "actor"), identify(officer)).filter(actor="matching").exists()
    erased(officer)
    assert (runs.count(), events.count()) >= before


def test_name_of_another_person_leads_to_nothing_of_theirs() -> None:
    """Not even where both acted on one thing, and each under the name of then."""
    scene = ranked()
    chosen = approved(scene)
    first, second = person_of(scene.officer), person_of(scene.second)
    theirs = list(Decision.objects.filter(by=first).values_list("pk", flat=True))
    matching.retract_approval(actor=scene.second, at=AT + HOUR, proposal_id=chosen.pk)
    called(second, str(first))
    found = rows_of(holding_of("matching.Decision", "by_label"), identify(second))
    assert [row.by for row in found] == [second]
    erased(second)
    assert {row.by_label for row in Decision.objects.filter(pk__in=theirs)} == {str(first)}
    assert Decision.objects.get(by=second).by_label == pseudonym(str(second.public_id))


def test_words_of_the_trail_stay_where_somebody_else_may_be_meant(edited: TrainingRequest) -> None:
    other, system = UserFactory.create(name="Amadou Konaté"), RequestRevision.objects.get(request=edited).editor
    for words in (f"As agreed with {other.name}", f"Sent by {system} of the agency", "Asked by Own Name-Only"):
        audit.record(
            at=AT,
            actor_kind="system",
            resource="x",
            resource_id=edited.public_id,
            action="said",
            reason_text=words,
        )
    for name in (other.name, system, "Own Name-Only"):
        erased(called(UserFactory.create(), name))
    kept = [bool(record.reason_text) for record in AuditRecord.objects.filter(resource="x").order_by("pk")]
    assert kept == [True, True, False]


# --- one's own ----------------------------------------------------------------------------------------------------------


def holding_of(model: str, column: str) -> Holding:
    return next(one for one in HOLDINGS if (one.model, one.column) == (model, column))


def test_rows_under_a_former_name_are_found_and_renamed(agency: Organization) -> None:
    focal = member(agency)
    person = called(person_of(focal), "Fatou Sy-Premier")
    request = submitted(agency)
    requests.edit_request(actor=focal, at=AT + HOUR, request_id=request.pk, changes={"languages_may": ("en",)})
    called(person, "Fatou Sy-Second")
    requests.edit_request(actor=focal, at=AT + 2 * HOUR, request_id=request.pk, changes={"languages_may": ("es",)})
    called(person, "Fatou Sy-Dernier")
    revisions = RequestRevision.objects.filter(request=request).order_by("pk")
    assert [row.editor for row in revisions] == ["Fatou Sy-Premier", "Fatou Sy-Second"]
    assert len(export_for(person, at=AT)["held"]["requests_app.RequestRevision"]) == 2
    erased(person)
    assert {row.editor for row in revisions.all()} == {pseudonym(str(person.public_id))}
    assert not OutboxEvent.objects.filter(actor__startswith="Fatou").exists()
    assert "requests_app.RequestRevision.editor" in signed(person)  # whose they are is known afterwards too


def test_in_json_the_name_alone_gives_way_and_words_that_are_equal_stay() -> None:
    person = called(UserFactory.create(), "superseded")
    kept = {"asked_by": "superseded", "asked_at": "2026-11-23T09:00:00Z", "stopped": "superseded", "skipped": []}
    mine, other = MatchRunFactory.create(publication=kept), MatchRunFactory.create(publication=kept)
    odd = MatchRunFactory.create(publication={"asked_by": "superseded", "asked_at": "soon"})
    for run in (mine, odd):
        audit.record(
            at=AT,
            actor_kind="user",
            actor_id=person.public_id,
            actor_label=str(person),
            resource="match_run",
            resource_id=run.public_id,
            action="publication_asked",
        )
    erased(person)
    for run in (mine, other, odd):
        run.refresh_from_db()
    assert mine.publication == {**kept, "asked_by": pseudonym(str(person.public_id))}
    assert other.publication == kept
    assert odd.publication["asked_by"] == "superseded"


def names_in(holding: Holding, label: str) -> int:
    rows = apps.get_model(holding.model)._base_manager.values_list(holding.column, flat=True)
    return sum(label == value or (holding.holds is Holds.NAMES and label in json.dumps(value)) for value in rows)


def check_all_found(people: Iterable[Actor], *columns: str) -> None:
    """Check that each row with a name of these people is found by it, and that these columns had some."""
    seen = set()
    for person in {person_of(actor) for actor in people}:
        who = identify(person)
        for holding in NAMED:
            count = names_in(holding, str(person))
            assert rows_of(holding, who).count() == count, (holding.model, holding.column)
            seen |= {f"{holding.model}.{holding.column}"} if count else set()
    assert {*columns, "events.OutboxEvent.actor"} <= seen


def test_what_people_do_about_a_request_is_found(agency: Organization) -> None:
    focal = member(agency)
    request = opened(agency, visibility="public")
    requests.edit_request(actor=focal, at=AT + HOUR, request_id=request.pk, changes={"languages_may": ("en",)})
    requests.consent_to_posting(actor=focal, at=AT + 2 * HOUR, request_id=request.pk)
    requests.withdraw_posting_consent(actor=focal, at=AT + 3 * HOUR, request_id=request.pk)
    model = "requests_app.PostingConsent"
    check_all_found([focal], "requests_app.RequestRevision.editor", f"{model}.given_by", f"{model}.withdrawn_by")


def test_what_people_do_about_proposals_is_found() -> None:
    scene = ranked()
    weights = MatchRun.objects.get().policy.weights
    matching.publish_policy(actor=scene.head, at=AT + HOUR, names={"en": "As before"}, weights=weights)
    matching.request_run(actor=scene.second, at=AT + HOUR, request_id=scene.request.pk)
    approved(scene, at=AT + HOUR)
    part = scene.parts(MatchProposal.objects.get(state="approved"))[0]
    provider, later = scene.provider(part.offering), AT + 2 * HOUR
    matching.counter_part(actor=provider, at=later, part_id=part.pk, terms=CounterTerms(terms="So."), reason="Why.")
    matching.consent_counter(actor=scene.focal, at=later, part_id=part.pk, agree=True)
    matching.consent_counter(actor=scene.officer, at=later, part_id=part.pk, agree=True)
    columns = ("Decision.by_label", "MatchingPolicy.published_by", "MatchRun.requested_by", "MatchProposal.approved_by")
    check_all_found(
        [scene.head, scene.second, scene.officer, scene.focal, provider],
        *(f"matching.{column}" for column in (*columns, "ProposalPart.answered_by", "Counter.made_by")),
    )


def test_who_had_a_plan_published_is_found() -> None:
    scene = crowded()
    published(scene, planned(scene), at=AT + HOUR)
    check_all_found([scene.officer], "matching.MatchRun.publication", "matching.MatchRun.published_by")


def test_what_people_do_about_an_engagement_is_found() -> None:
    made = engaged.scene()
    terms = ChangeTerms(deliveries=(DeliveryTerms(1, start_on=date(2027, 4, 12), end_on=date(2027, 4, 14)),))
    fulfilment.propose_change(actor=made.provider, at=AT + HOUR, engagement_id=made.id, terms=terms, reason_text="Why.")
    fulfilment.agree_change(actor=made.focal, at=AT + 2 * HOUR, engagement_id=made.id)
    fulfilment.agree_change(actor=made.officer, at=AT + 3 * HOUR, engagement_id=made.id)
    people = [made.provider, made.focal, made.officer]
    check_all_found(people, "fulfilment.Change.proposed_by", "fulfilment.Change.agreements")


def test_what_people_do_about_documents_and_service_levels_is_found(agency: Organization) -> None:
    head = secretariat("secretariat_head")
    facts = DocumentFacts(
        kind="endorsement_letter",
        title="Letter",
        language="fr",
        media_type="application/pdf",
        size_bytes=9,
        sha256="ab" * 32,
        url="https://files.example.org/letters/1.pdf",
    )
    made = attach_document(actor=head, at=AT + HOUR, about=agency, organization=agency, facts=facts)
    office = Remover((), secretariat=True, permission=Permission.REQUESTS_SCREEN.value)
    remove_document(made, about=agency, remover=office, actor=head, at=AT + 2 * HOUR)
    change_service_level(actor=head, at=AT + HOUR, step="proposal.answer", expected_version=None, working_days=15)
    model = "files.Document"
    check_all_found([head], f"{model}.added_by", f"{model}.removed_by", "vocabularies.ServiceLevel.edited_by")
