"""What is done to people leaves its audit record and its event, as everything does (domain rule 3)."""

from datetime import datetime

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import User
from marketplace.audit.models import AuditRecord
from marketplace.events.models import Audience, OutboxEvent
from marketplace.identity import operations
from marketplace.privacy.operations import erase_person
from marketplace.upkeep.rules import unpaired_changes
from tests.events.test_catalogue import untold
from tests.factories.machinery import AuditRecordFactory
from tests.identity.test_second_factor import set_up
from tests.kit.api import ApiClient
from tests.kit.oauth import browser_of
from tests.kit.people import SYSTEM, SmallGroup

BEFORE = [("identity", "0002_browser_sessions")]


def invited(at: datetime, login: str = "awa") -> User:
    return operations.invite_person(actor=SYSTEM, at=at, login=login, email=f"{login}@agency.example")[0]


def told(user: User) -> list[OutboxEvent]:
    return list(OutboxEvent.objects.filter(resource="user", resource_id=user.public_id).order_by("pk"))


@pytest.mark.django_db
def test_invitation_and_second_factor_taken_are_told_to_the_secretariat(group: SmallGroup, at: datetime) -> None:
    set_up(browser_of("officer"))
    actor = Actor.for_user(group.head)
    person = invited(at)
    operations.take_second_factors(actor=actor, at=at, user=group.officer, reason_text="Lost the phone of Awa.")
    [first], [second] = told(person), told(group.officer)
    assert (first.type, first.audience, first.at) == ("user.invited", Audience.SECRETARIAT, at)
    assert (second.type, second.actor) == ("user.second_factor_taken", actor.label)
    assert (first.data, second.data) == ({}, {})
    assert untold([first, second]) == []
    assert list(unpaired_changes()) == []


@pytest.mark.django_db
def test_auditor_sees_who_was_invited(group: SmallGroup, at: datetime) -> None:
    person = invited(at)
    rows = ApiClient.of(group.auditor, at).get("/audit?resource=user").body["results"]
    assert [(row["action"], row["resource_id"]) for row in rows] == [("invited", str(person.public_id))]


@pytest.mark.django_db
def test_person_who_was_invited_and_erased_breaks_no_rule(at: datetime) -> None:
    person = invited(at)
    erase_person(actor=SYSTEM, at=at, person=person, reason_text="Asked for")
    assert [event.type for event in told(person)] == ["user.invited", "user.erased"]
    assert list(unpaired_changes()) == []


@pytest.mark.django_db(transaction=True)
def test_invitations_of_before_get_their_events_once(at: datetime) -> None:
    person = invited(at)
    AuditRecordFactory.create(resource="user", resource_id=person.public_id, action="second_factor_taken", at=at)
    MigrationExecutor(connection).migrate(BEFORE)
    OutboxEvent.objects.all().delete()
    assert len(list(unpaired_changes())) == 1
    for _ in range(2):
        call_command("migrate", verbosity=0)
        assert [(event.type, event.at, event.audience, event.actor) for event in told(person)] == [
            ("user.invited", at, Audience.SECRETARIAT, ""),
            ("user.second_factor_taken", at, Audience.SECRETARIAT, ""),
        ]
        assert list(unpaired_changes()) == []
        assert AuditRecord.objects.count() == OutboxEvent.objects.count()
        MigrationExecutor(connection).migrate(BEFORE)
    call_command("migrate", verbosity=0)
