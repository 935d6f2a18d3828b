"""`manage.py invite LOGIN EMAIL`: let a person sign on through the identity provider."""

from argparse import ArgumentParser
from typing import Any

from allauth.account.models import EmailAddress
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import User
from marketplace.audit import operations as audit

OPERATIONS = Actor.system("operations")


class Command(BaseCommand):
    """Make the account where there is none, and note that the address is the person's; it needs no password then."""

    help = "Invite a person: whoever the identity provider knows under EMAIL signs on as LOGIN."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take login and address."""
        parser.add_argument("login")
        parser.add_argument("email", help="as the identity provider says it")
        parser.add_argument("--name", default="", help="of the person, for a new account")

    @transaction.atomic
    def handle(self, *, login: str, email: str, name: str, **_: Any) -> None:
        """Invite them. Raises CommandError where the address is another person's."""
        user = User.objects.filter(username=login).first()
        if user is None:
            user = User.objects.create_user(login, email=email, name=name)
        taken = EmailAddress.objects.filter(email__iexact=email).exclude(user=user)
        if taken.exists():
            raise CommandError(f"{email} is the address of another account.")
        EmailAddress.objects.update_or_create(user=user, email=email.lower(), defaults={"verified": True})
        audit.record(
            at=timezone.now(),
            actor_kind=OPERATIONS.kind,
            actor_label=OPERATIONS.label,
            resource="user",
            resource_id=user.public_id,
            action="invited",
        )
        self.stdout.write(f"{login} may sign on as {email}. Roles are given by memberships.")
