"""The rules that are recounted: they hold where all is well, and each sees the damage that it is about."""

from io import StringIO

import pytest
from django.core.management import call_command

from marketplace.audit.models import AuditRecord, PendingRecord
from marketplace.events.models import OutboxEvent
from marketplace.kernel.rules import Breach
from marketplace.upkeep.rules import RULES, SHOWN, look_at_rules, unpaired_changes
from matching.models import ProposalPart
from providers.models import CapacityHold, Session
from requests_app.models import LineClaim
from tests.factories.accounts import OrganizationFactory
from tests.factories.machinery import AuditRecordFactory, OutboxEventFactory
from tests.factories.matching import approved, ranked
from tests.factories.providers import CapacityWindowFactory

pytestmark = pytest.mark.django_db


def broken() -> dict[str, int]:
    return {verdict.rule: verdict.count for verdict in look_at_rules() if not verdict.holds}


@pytest.fixture
def asked() -> ProposalPart:
    """A partner that was asked and holds seats of a session."""
    return approved(ranked()).parts.earliest("pk")


def test_every_rule_holds_where_a_partner_was_asked(asked: ProposalPart) -> None:
    assert CapacityHold.objects.filter(holder=asked.public_id).exists()
    assert broken() == {}


def test_claim_that_nobody_counted_is_seen(asked: ProposalPart) -> None:
    LineClaim.objects.filter(claimant=asked.public_id).update(participants=1)
    assert broken() == {"no line is given twice": 1}


def test_seats_counted_but_not_held_are_seen(asked: ProposalPart) -> None:
    Session.objects.filter(holds__holder=asked.public_id).update(seats_held=0)
    assert broken() == {"no session is overbooked": 1}


def test_hold_that_is_gone_is_seen_on_both_sides(asked: ProposalPart) -> None:
    CapacityHold.objects.filter(holder=asked.public_id).delete()
    assert broken() == {"no session is overbooked": 1, "partners hold what they are to use": 1}


def test_window_counted_without_a_hold_is_seen() -> None:
    CapacityWindowFactory.create(held=1)
    assert broken() == {"no capacity is overbooked": 1}


def test_event_without_a_record_is_seen() -> None:
    OutboxEventFactory.create(resource="offering")
    assert broken() == {"each change has its audit record and its event": 1}


def test_record_of_a_thing_without_any_event_is_seen() -> None:
    record = AuditRecordFactory.create(resource="offering")
    assert list(unpaired_changes()) == [Breach(f"offering {record.resource_id}", "1 audit records, 0 events")]
    assert broken() == {"each change has its audit record and its event": 1}


def test_record_whose_event_is_lost_is_seen(asked: ProposalPart) -> None:
    lost = OutboxEvent.objects.filter(resource="proposal_part", resource_id=asked.public_id)
    assert AuditRecord.objects.filter(resource_id=asked.public_id).count() == lost.count() > 0
    lost.order_by("-pk")[:1].get().delete()
    assert broken() == {"each change has its audit record and its event": 1}


def test_record_slipped_past_the_trail_is_seen() -> None:
    AuditRecordFactory.create(resource="offering")
    PendingRecord.objects.all().delete()
    assert "the audit trail is whole" in broken()


def test_command_names_what_is_broken_and_counts_the_rest() -> None:
    for _ in range(SHOWN + 3):
        OutboxEventFactory.create(resource="offering")
    told = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_rules", stdout=told)
    assert ended.value.code == 1
    assert told.getvalue().count("0 audit records, 1 events") == SHOWN
    assert "and 3 more" in told.getvalue()
    assert told.getvalue().count("✓") == len(RULES) - 1


def test_command_is_content_with_an_orderly_database() -> None:
    OrganizationFactory.create()
    told = StringIO()
    call_command("check_rules", stdout=told)
    assert told.getvalue().count("✓") == len(RULES)
