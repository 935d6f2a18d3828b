"""No column that leads to a person is missing from the record of processing, in any app, ours or others'."""

import re
from collections.abc import Iterable, Iterator

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import models

from marketplace.privacy.inventory import HOLDINGS, Fate, Holds
from marketplace.privacy.operations import DEEDS
from tests.guards import house

TELLING = re.compile(
    r"^(.*_)?(by|by_label|editor|actor|email|username|login|first_name|last_name|address|ip_address|user_agent|phone|person)$"
)
TEXTS = (models.CharField, models.TextField, models.GenericIPAddressField)
ELSEWHERE: dict[str, str] = {
    "accounts.User.username": "the row of the person itself is held",
    "accounts.User.first_name": "the row of the person itself is held",
    "accounts.User.last_name": "the row of the person itself is held",
    "accounts.User.email": "the row of the person itself is held",
    "account.EmailAddress.email": "goes with its row, which the person is linked to",
    "notifications.MailPreference.refused_address": "goes with its row, which the person is linked to",
    "identity.BrowserSession.address": "goes with its row, which the person is linked to",
    **{
        f"axes.{model}.{column}": "goes with its row, which the login leads to"
        for model in ("AccessAttempt", "AccessFailureLog", "AccessLog")
        for column in ("ip_address", "user_agent")
    },
}


def leading(kinds: Iterable[type[models.Model]]) -> Iterator[str]:
    """Yield the columns that lead to a person by a link, or by a name, login or address."""
    known = {f"{holding.model}.{holding.column}" for holding in HOLDINGS}
    person = get_user_model()
    for model in kinds:
        for field in (*model._meta.local_fields, *model._meta.local_many_to_many):
            links = field.is_relation and field.related_model is person
            tells = isinstance(field, TEXTS) and not field.is_relation and TELLING.match(field.name)
            name = f"{model._meta.label}.{field.name}"
            if (links or tells) and name not in known:
                yield f"{name}: leads to a person; enter it in marketplace/privacy/inventory.py"


class PlantedPaper(models.Model):
    author = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+")
    signed_by = models.CharField(max_length=9)
    theme = models.CharField(max_length=9)

    class Meta:
        app_label = "planted"
        managed = False

    def __str__(self) -> str:
        return "planted"


def test_planted_link_and_name_are_seen_and_other_columns_are_not() -> None:
    found = [line.partition(":")[0] for line in leading([PlantedPaper])]
    assert found == ["planted.PlantedPaper.author", "planted.PlantedPaper.signed_by"]


def test_every_column_that_leads_to_a_person_is_in_the_inventory() -> None:
    kinds = [model for model in apps.get_models(include_auto_created=False) if model._meta.app_label != "planted"]
    house.require(leading(kinds), ELSEWHERE)


def test_every_entry_names_a_column_that_is_there() -> None:
    for holding in HOLDINGS:
        field = apps.get_model(holding.model)._meta.get_field(holding.column)
        if holding.holds is Holds.PERSON:
            assert field.related_model is get_user_model(), holding
        for path in holding.acts:
            assert apps.get_model(holding.model).objects.filter(**{f"{path}__isnull": True}) is not None


def test_every_name_says_by_which_act_it_was_left() -> None:
    for holding in HOLDINGS:
        named = holding.holds in (Holds.NAME, Holds.NAMES)
        assert bool(holding.acts and holding.when) == named, holding
        assert bool(holding.by) == (holding.holds is Holds.NAMES), holding
        if holding.holds is Holds.NAME:
            column = apps.get_model(holding.model)._meta.get_field(holding.when)
            assert isinstance(column, models.DateTimeField), holding


def test_every_fate_is_carried_out_and_every_entry_says_why() -> None:
    assert set(DEEDS) == set(Fate)
    assert all(len(holding.why.split()) > 3 for holding in HOLDINGS)
    columns = [(holding.model, holding.column) for holding in HOLDINGS]
    assert len(columns) == len(set(columns))
