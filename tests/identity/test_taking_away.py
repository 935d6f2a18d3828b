"""Second factors of somebody who lost them are taken away by who operates or manages, and the trail says so."""

from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command

from marketplace.audit.models import AuditRecord
from tests.identity.test_second_factor import set_up
from tests.kit.oauth import browser_of
from tests.kit.people import SmallGroup

pytestmark = pytest.mark.django_db


def taken(login: str, **options: str) -> str:
    told = StringIO()
    call_command("take_second_factor", login, stdout=told, reason="Lost the phone; called back.", **options)
    return told.getvalue()


@pytest.mark.parametrize("by", ["", "head"])
def test_lost_factors_are_taken_away_with_a_record(group: SmallGroup, by: str) -> None:
    set_up(browser_of("officer"))
    kinds = sorted(Authenticator.objects.filter(user=group.officer).values_list("type", flat=True))
    assert kinds
    assert taken("officer", **({"by": by} if by else {})) == (
        f"Second factors of officer: {', '.join(kinds)} taken away.\n"
    )
    assert not Authenticator.objects.filter(user=group.officer).exists()
    record = AuditRecord.objects.get(action="second_factor_taken")
    assert (record.resource_id, record.actor_label) == (group.officer.public_id, by or "operations")
    assert (record.changes, record.reason_text) == ({"kinds": kinds}, "Lost the phone; called back.")
    assert taken("officer") == "Second factors of officer: There was none.\n"
    assert AuditRecord.objects.filter(action="second_factor_taken").count() == 1


def test_nobody_else_takes_them_away(group: SmallGroup) -> None:
    set_up(browser_of("officer"))
    for login, by in (("officer", "focal_point"), ("officer", "nobody"), ("nobody", "head")):
        with pytest.raises(CommandError):
            taken(login, by=by)
    assert Authenticator.objects.filter(user=group.officer).exists()
