"""What is held about a person is handed over whole, and gone when it was erased; the chain stays whole."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO

import pytest
from axes.models import AccessAttempt
from django.apps import apps
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import CommandError, call_command

from marketplace.accounts import entrusting
from marketplace.accounts import operations as accounts
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import AccessToken, Membership, User
from marketplace.accounts.roles import Permission
from marketplace.audit.models import AuditRecord, ErasableValues, pseudonym
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.privacy.export import export_person
from marketplace.privacy.inventory import HOLDINGS
from marketplace.privacy.operations import Erasure, erase_person
from marketplace.work.context import Origin, originating
from matching import operations as matching
from matching.models import Decision, MatchProposal
from matching.operations import CounterTerms
from requests_app import queries as requests
from tests.audit.trails import findings, guards_lifted, link_all
from tests.factories.accounts import AT
from tests.factories.matching import DecisionFactory, MarketScene, approved, ranked, work
from tests.factories.notices import NotificationFactory
from tests.kit.api import ApiClient, check_problem
from tests.kit.people import SYSTEM, SmallGroup

pytestmark = pytest.mark.django_db
CANARY, LOGIN, EMAIL, ADDRESS = (
    "Zéphyrine Canari-Dubois",
    "zephyrine.canari",
    "zephyrine@canari.example",
    "203.0.113.77",
)
REASON = "Asked for by the person, case 12"


@pytest.fixture
def made() -> MarketScene:
    """An officer with a telling name has decided, delegated, signed in and been spoken of."""
    scene = ranked()
    officer = the_officer(scene)
    officer.name, officer.username, officer.email = CANARY, LOGIN, EMAIL
    officer.save()
    with originating(Origin(request_id="r", client_address=ADDRESS)):
        approved(scene)
    accounts.issue_token(
        actor=scene.officer, at=AT, name="mine", scopes=["requests:read"], lifetime=timedelta(days=9), user=officer
    )
    entrusting.give_grant(
        actor=SYSTEM, at=AT, user=officer, organization=scene.requester, permission=Permission.REQUESTS_READ
    )
    entrusting.delegate_membership(
        actor=scene.second,
        at=AT,
        membership_id=Membership.objects.get(user=scene.second.user).pk,
        delegate=str(officer.public_id),
        start=AT.date(),
        end=AT.date(),
    )
    AccessAttempt.objects.create(username=LOGIN, ip_address=ADDRESS, failures_since_start=1)
    NotificationFactory.create(recipient=officer)
    session = SessionStore()
    session["_auth_user_id"] = str(officer.pk)
    session.save()
    work()
    return scene


def the_officer(scene: MarketScene) -> User:
    assert scene.officer.user is not None
    return scene.officer.user


def erased(person: User, *, dry_run: bool = False) -> Erasure:
    return erase_person(actor=SYSTEM, at=AT, person=person, reason_text=REASON, dry_run=dry_run)


def places_of(*needles: str) -> list[str]:
    """Look for texts in every column of every row of every table."""
    return sorted({place for place, text in everything() if any(needle in text for needle in needles)})


def everything() -> Iterator[tuple[str, str]]:
    for model in apps.get_models():
        for row in model._default_manager.values():
            for column, value in row.items():
                told = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
                plain = re.sub(r"\\+u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), told)
                yield f"{model._meta.label}.{column}", plain


def test_nothing_is_left_of_a_person_who_was_erased(made: MarketScene) -> None:
    telling = (CANARY, LOGIN, EMAIL)
    before = places_of(*telling)
    assert {"accounts.User.name", "matching.Decision.by_label", "audit.ErasableValues.sealed"} <= set(before)
    done = erased(the_officer(made))
    assert places_of(*telling) == []
    assert done.texts == []
    assert done.values.values > 3
    link_all(AT)
    assert findings() == []


def test_ways_in_end_at_once(made: MarketScene) -> None:
    officer = the_officer(made)
    done = erased(officer)
    officer.refresh_from_db()
    assert (officer.is_active, officer.has_usable_password(), officer.username) == (
        False,
        False,
        pseudonym(str(officer.public_id)),
    )
    assert done.sessions == 1
    assert not AccessToken.objects.filter(user=officer).exists()
    assert not Actor.for_user(User.objects.get(pk=officer.pk)).rights(AT)
    assert not Actor.for_user(User.objects.get(pk=officer.pk)).grants(AT)


def test_decisions_and_timeline_stay_under_a_pseudonym(made: MarketScene) -> None:
    officer, public_id = the_officer(made), str(the_officer(made).public_id)
    decisions = Decision.objects.filter(by=officer).count()
    erased(officer)
    assert decisions == Decision.objects.filter(by=officer, by_label=pseudonym(public_id)).count() > 0
    acts = AuditRecord.objects.filter(actor_id=public_id)
    assert {act.actor_label for act in acts} == {pseudonym(public_id)}
    assert all("client_address" not in ErasableValues.objects.get(pk=act.pk).sealed for act in acts)
    who = {entry.by for entry in requests.timeline(made.request, made.focal, at=AT)}
    assert not any(CANARY in name for name in who)


def test_dry_run_says_the_same_and_changes_nothing(made: MarketScene) -> None:
    before = list(everything())
    told = erased(the_officer(made), dry_run=True)
    assert list(everything()) == before
    done = erased(the_officer(made))
    assert [(line.model, line.column, line.rows) for line in told.lines] == [
        (line.model, line.column, line.rows) for line in done.lines
    ]
    assert (told.values, told.sessions) == (done.values, done.sessions)


def test_erasing_again_finds_nothing_more_in_the_trail(made: MarketScene) -> None:
    erased(the_officer(made))
    assert erased(the_officer(made)).values.values == 0
    link_all(AT)
    assert findings() == []


def test_texts_that_name_the_person_are_erased_from_the_trail_and_told_of_elsewhere(made: MarketScene) -> None:
    part = made.parts(MatchProposal.objects.get(state="approved"))[0]
    words = f"As agreed with {CANARY.upper()}, later."
    matching.counter_part(
        actor=made.provider(part.offering), at=AT, part_id=part.pk, terms=CounterTerms(terms=words), reason=words
    )
    done = erased(the_officer(made))
    assert [f"{place.model}.{place.column}" for place in done.texts] == [
        "matching.Counter.terms",
        "matching.Counter.reason",
    ]
    assert "audit.ErasableValues.sealed" not in places_of(CANARY.upper())


def test_namesake_keeps_the_name(made: MarketScene) -> None:
    other = made.second.user
    assert other is not None
    other.name = CANARY
    other.save()
    theirs = DecisionFactory.create(by=other, by_label=CANARY)
    erased(the_officer(made))
    other.refresh_from_db()
    assert other.name == CANARY
    theirs.refresh_from_db()
    assert theirs.by_label == CANARY


def test_false_act_of_erasing_is_found(made: MarketScene) -> None:
    erased(the_officer(made))
    link_all(AT)
    assert findings() == []
    act = AuditRecord.objects.get(action="values_erased")
    row = ErasableValues.objects.filter(sealed__has_key="actor_label").exclude(record=act).order_by("-pk")[0]
    with guards_lifted():
        row.sealed.pop("actor_label")
        row.erased["actor_label"] = str(act.public_id)
        row.save()
    [found] = findings()
    assert found.startswith(f"the act {act.public_id} erased ")


def test_act_of_erasing_names_nobody(made: MarketScene) -> None:
    erased(the_officer(made))
    act = AuditRecord.objects.get(action="values_erased")
    assert (act.reason_text, act.reference) == (REASON, pseudonym(str(the_officer(made).public_id)))
    assert act.changes["rows"]["accounts.Membership.user"] == [1, "ended"]


def test_only_who_manages_organizations_may_erase(made: MarketScene) -> None:
    with pytest.raises(DomainError):
        erase_person(actor=made.focal, at=AT, person=the_officer(made), reason_text=REASON)


# --- export -------------------------------------------------------------------------------------------------------------
def test_export_holds_every_row_that_leads_to_the_person(made: MarketScene) -> None:
    told = export_person(the_officer(made), at=AT)
    held = {model for model, rows in told["held"].items() if rows}
    assert {"accounts.User", "accounts.Membership", "accounts.AccessToken", "accounts.OrganizationUserGrant"} <= held
    assert {"matching.Decision", "matching.MatchProposal", "notifications.Notification", "events.OutboxEvent"} <= held
    assert held <= {holding.model for holding in HOLDINGS}
    public_id = str(the_officer(made).public_id)
    assert len(told["acts"]) == AuditRecord.objects.filter(actor_id=public_id).count()
    assert {act["client_address"] for act in told["acts"]} == {ADDRESS, None}
    text = json.dumps(told, default=str)
    assert AccessToken.objects.get(user=the_officer(made)).digest not in text
    assert '"password"' not in text


def test_what_is_found_by_looking_everywhere_is_in_the_export(made: MarketScene) -> None:
    told = export_person(the_officer(made), at=AT)
    models = {place.rpartition(".")[0] for place in places_of(CANARY, LOGIN, EMAIL)} - {"audit.ErasableValues"}
    assert models <= set(told["held"])


def test_person_reads_their_own_export_and_a_system_has_none(group: SmallGroup, at: object) -> None:
    told = ApiClient.of(group.focal_point, AT).get("/me/export").body
    assert told["person"]["login"] == "focal"
    assert [row["row"]["role"] for row in told["held"]["accounts.Membership"]] == ["focal_point"]
    assert told["acts_about"]
    check_problem(ApiClient.of(group.client, AT).get("/me/export"), ErrorCode.PERMISSION_DENIED)


# --- commands -----------------------------------------------------------------------------------------------------------
def said(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_commands_export_look_and_erase(made: MarketScene) -> None:
    officer = the_officer(made)
    assert json.loads(said("export_person", LOGIN))["person"]["name"] == CANARY
    looked = said("erase_person", LOGIN, "--reason", REASON, "--dry-run")
    assert "Nothing was changed" in looked
    assert f"Texts are looked for by: {CANARY}; " in looked
    assert "matching.Decision.by_label" in looked
    assert "Older backups" in said("erase_person", str(officer.public_id), "--reason", REASON)
    with pytest.raises(CommandError, match="Nobody"):
        said("export_person", LOGIN)
    with pytest.raises(CommandError, match="empty"):
        said("erase_person", str(officer.public_id), "--reason", " ")
