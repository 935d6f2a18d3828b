"""Free texts that name a person are found wherever they stand, changed where a person says so, and the trail stays whole."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from marketplace.accounts.models import User
from marketplace.audit.models import AuditRecord
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.privacy.operations import erase_person
from marketplace.privacy.redaction import REDACTED, find_texts, redact_texts
from marketplace.privacy.texts import columns_of_words
from requests_app import operations as requests
from requests_app import queries
from requests_app.models import Clarification, RequestRevision, TrainingRequest
from tests.audit.trails import findings, link_all
from tests.factories.accounts import AT, OrganizationFactory, UserFactory, member, secretariat
from tests.factories.matching import MatchRunFactory
from tests.factories.requests import ClarificationFactory, draft
from tests.kit.people import SYSTEM
from tests.privacy.test_persons import CANARY, EMAIL, LOGIN, REASON, places_of

pytestmark = pytest.mark.django_db
NAMED = f"Ask {CANARY} <{EMAIL}> first."


@pytest.fixture
def person() -> User:
    return UserFactory.create(username=LOGIN, name=CANARY, email=EMAIL)


@pytest.fixture
def need(person: User) -> TrainingRequest:
    """A need that names the person in two languages, in a revision, in a question and in the trail."""
    agency = OrganizationFactory.create(roles=["member", "requester"])
    found = draft(agency, need_statement={"en": NAMED, "fr": f"Voir {CANARY.upper()}."})
    requests.reindex_requests([found.pk])
    RequestRevision.objects.create(
        request=found, content_version=99, replaced_at=AT, editor="x", content={"lines": [{"note": NAMED}]}
    )
    ClarificationFactory.create(request=found, question=NAMED)
    requests.withdraw_request(actor=member(agency), at=AT, request_id=found.pk, reason_text=NAMED)
    return found


def said(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def names(person: User) -> set[str]:
    return {f"{place.model}.{place.column}" for place in find_texts(person)}


def test_every_kind_of_text_is_looked_at_and_codes_and_held_columns_are_not() -> None:
    looked = {f"{model._meta.label}.{column.name}" for model, column in columns_of_words()}
    assert {
        "requests_app.TrainingRequest.title",
        "requests_app.RequestRevision.content",
        "requests_app.Clarification.question",
        "matching.Decision.reason_text",
        "matching.Counter.reason",
        "fulfilment.Change.reason_text",
        "files.Document.title",
        "events.OutboxEvent.data",
        "accounts.OrganizationUserGrant.reason",
    } <= looked
    assert not looked & {
        "requests_app.TrainingRequest.state",
        "matching.Decision.by_label",
        "files.StoredFile.uploaded_by",
    }


def test_places_are_told_with_what_stands_around_the_name(person: User, need: TrainingRequest) -> None:
    (place,) = [one for one in find_texts(person) if one.model == "requests_app.Clarification"]
    question = Clarification.objects.get()
    assert place.name == f"requests_app.Clarification.question:{question.public_id}"
    assert place.around == NAMED
    assert {"requests_app.TrainingRequest.need_statement", "requests_app.RequestRevision.content"} <= names(person)


def test_name_goes_from_every_place_and_from_what_was_written_from_them(person: User, need: TrainingRequest) -> None:
    before = TrainingRequest.objects.get(pk=need.pk).version
    assert queries.requests_visible_to(SYSTEM, at=AT).exists()
    redact_texts(actor=SYSTEM, at=AT, person=person, reason_text=REASON)
    need.refresh_from_db()
    assert need.need_statement == {"en": "Ask […] <[…]> first.", "fr": "Voir […]."}
    assert need.version > before  # who read the old words cannot write them back
    assert RequestRevision.objects.get(content_version=99).content == {"lines": [{"note": "Ask […] <[…]> first."}]}
    assert names(person) == set()
    assert {place.rpartition(".")[0] for place in places_of(CANARY, EMAIL, "zephyrine")} <= {
        "accounts.User",
        "audit.ErasableValues",  # goes with the person
    }


def test_after_redaction_and_erasure_nothing_is_left_and_the_chain_verifies(
    person: User, need: TrainingRequest
) -> None:
    link_all(AT)
    redact_texts(actor=SYSTEM, at=AT, person=person, reason_text=REASON)
    erase_person(actor=SYSTEM, at=AT, person=person, reason_text=REASON)
    link_all(AT)
    assert findings() == []
    assert places_of(CANARY, CANARY.upper(), EMAIL, LOGIN, "zephyrine canari") == []


def test_chosen_places_alone_are_changed_and_one_record_says_which(person: User, need: TrainingRequest) -> None:
    place = next(one for one in find_texts(person) if one.model == "requests_app.Clarification")
    officer = secretariat()
    changed = redact_texts(actor=officer, at=AT, person=person, reason_text=REASON, only=[place.name])
    assert [one.name for one in changed] == [place.name]
    assert "requests_app.TrainingRequest.need_statement" in names(person)
    record = AuditRecord.objects.get(action=REDACTED)
    assert record.changes == {"places": [place.name]}
    assert (record.actor_id, record.reason_text) == (officer.public_id, REASON)
    assert OutboxEvent.objects.get(type="user.texts_redacted").resource_id == person.public_id
    assert CANARY not in f"{record.reference}{record.changes}"


def test_place_that_does_not_name_the_person_is_refused_and_nothing_changes(
    person: User, need: TrainingRequest
) -> None:
    place = find_texts(person)[0]
    with pytest.raises(DomainError) as refused:
        redact_texts(actor=SYSTEM, at=AT, person=person, reason_text=REASON, only=[place.name, "a.B.c:1"])
    assert refused.value.code is ErrorCode.UNKNOWN_REFERENCE
    assert place.name in {one.name for one in find_texts(person)}


def test_only_who_manages_organizations_redacts(person: User, need: TrainingRequest) -> None:
    with pytest.raises(DomainError) as refused:
        redact_texts(actor=member(OrganizationFactory.create()), at=AT, person=person, reason_text=REASON)
    assert refused.value.code is ErrorCode.PERMISSION_DENIED


def test_what_is_kept_for_replay_is_told_and_stays(person: User) -> None:
    run = MatchRunFactory.create(parameters={"note": NAMED})
    (place,) = find_texts(person)
    assert place.sealed
    assert redact_texts(actor=SYSTEM, at=AT, person=person, reason_text=REASON) == []
    run.refresh_from_db()
    assert run.parameters == {"note": NAMED}


def test_command_shows_changes_and_stands_before_erasure(person: User, need: TrainingRequest) -> None:
    shown = said("redact_texts", LOGIN)
    assert f"requests_app.TrainingRequest.need_statement:{need.public_id}" in shown
    assert "… Ask Zéphyrine" in shown
    with pytest.raises(CommandError, match=r"redact_texts zephyrine\.canari"):
        said("erase_person", LOGIN, "--reason", REASON)
    with pytest.raises(CommandError, match="empty"):
        said("redact_texts", LOGIN, "--all")
    with pytest.raises(CommandError, match="No text at"):
        said("redact_texts", LOGIN, "--only", "a.B.c:1", "--reason", REASON)
    officer = secretariat()
    assert officer.user is not None
    many = len(find_texts(person))
    assert many >= 3
    assert f"{many} texts changed" in said(
        "redact_texts", LOGIN, "--all", "--reason", REASON, "--by", officer.user.username
    )
    assert "Erased" in said("erase_person", LOGIN, "--reason", REASON)


def test_namesakes_texts_are_only_changed_one_by_one(person: User, need: TrainingRequest) -> None:
    UserFactory.create(username="other", name=CANARY)
    with pytest.raises(CommandError, match="choose the places"):
        said("redact_texts", LOGIN, "--all", "--reason", REASON)
