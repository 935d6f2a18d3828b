"""Every table: links across apps stay one-way, paired fields are constrained, factories exist, migrations go back."""

import importlib
import pkgutil
from collections.abc import Iterator

from django.db import models
from django.db.migrations.loader import MigrationLoader
from django.db.models.fields.related import ForeignKey, ManyToManyField
from factory.django import DjangoModelFactory

from tests import factories
from tests.guards import house

SHIPPED = "loaded from the shipped data files, in tests as in production"
WITHOUT_FACTORY: dict[str, str] = {
    "events.EventAudience": "written by emit() together with its event",
    "audit.ErasableValues": "written by record() together with its record",
    "audit.PendingRecord": "written by the database itself for each record",
    "audit.ChainLink": "written by the sequencer alone",
    "audit.ChainHead": "written by the sequencer alone",
    "audit.Verification": "written by keep() after a walk",
    **{
        f"vocabularies.{name}": SHIPPED
        for name in ("Scheme", "Concept", "Term", "Region", "Country", "ExchangeRate", "ServiceLevel", "Revision")
    },
}
UNPAIRED: dict[str, str] = {}
BACKWARD_LINKS: dict[str, str] = {}
IRREVERSIBLE: dict[str, str] = {}


def backward_links() -> Iterator[str]:
    for model in house.product_models():
        for field in (*model._meta.local_fields, *model._meta.local_many_to_many):
            if isinstance(field, ForeignKey | ManyToManyField) and isinstance(field.related_model, type):
                other = field.related_model
                ours = other.__module__.partition(".")[0] in house.PACKAGES
                crosses = ours and other._meta.app_label != model._meta.app_label
                if crosses and not field.remote_field.hidden:
                    yield f"{model._meta.label}.{field.name}: links to {other._meta.label} without related_name='+'"


def names_in(condition: object) -> set[str]:
    """Collect the fields that a CHECK speaks of."""
    if isinstance(condition, models.Q):
        return set().union(*(names_in(child) for child in condition.children)) if condition.children else set()
    if isinstance(condition, tuple):
        return {str(condition[0]).partition("__")[0]} | names_in(condition[1])
    if isinstance(condition, models.F):
        return {str(condition.deconstruct()[1][0])}
    if isinstance(condition, models.expressions.BaseExpression):
        return set().union(*(names_in(child) for child in condition.get_source_expressions()), set())
    return set()


def unpaired_fields(model: type[models.Model]) -> Iterator[str]:
    """Yield the `x_at`/`x_by` pairs that may be half empty: one may be missing and no CHECK speaks of both."""
    fields = {field.name: field for field in model._meta.local_fields}
    checks = [
        names_in(constraint.condition)
        for constraint in model._meta.constraints
        if isinstance(constraint, models.CheckConstraint)
    ]
    for name, field in fields.items():
        partner = fields.get(f"{name.removesuffix('_at')}_by") if name.endswith("_at") else None
        optional = partner is not None and (field.null or partner.null)
        if partner is not None and optional and not any({name, partner.name} <= mentioned for mentioned in checks):
            yield f"{model._meta.label}.{name}: no CHECK pairs it with {partner.name}"


def factory_models() -> set[type[models.Model]]:
    modules = [
        importlib.import_module(info.name) for info in pkgutil.walk_packages(factories.__path__, "tests.factories.")
    ]
    made = [value for module in (factories, *modules) for value in vars(module).values() if isinstance(value, type)]
    concrete = [value for value in made if issubclass(value, DjangoModelFactory) and value is not DjangoModelFactory]
    return {kind._meta.model for kind in concrete if not kind._meta.abstract}


def irreversible_steps() -> Iterator[str]:
    loader = MigrationLoader(None, ignore_no_migrations=True)
    for (app, name), migration in loader.disk_migrations.items():
        if type(migration).__module__.partition(".")[0] in house.PACKAGES:
            for step in migration.operations:
                if not step.reversible:
                    yield f"{app}.{name}: {type(step).__name__} cannot be taken back"


class Planted(models.Model):
    approved_at = models.DateTimeField(null=True)
    approved_by = models.CharField(max_length=9, blank=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=9, blank=True)

    class Meta:
        app_label = "planted"
        managed = False
        constraints = [
            models.CheckConstraint(
                condition=models.Q(closed_at__isnull=True, closed_by="") | models.Q(closed_at__isnull=False),
                name="planted_closed_whole",
            )
        ]

    def __str__(self) -> str:
        return "planted"


def test_planted_unpaired_field_is_seen_and_paired_one_is_not() -> None:
    assert list(unpaired_fields(Planted)) == ["planted.Planted.approved_at: no CHECK pairs it with approved_by"]


def test_links_across_apps_are_one_way() -> None:
    house.require(backward_links(), BACKWARD_LINKS)


def test_moment_and_person_are_both_there_or_neither() -> None:
    found = (line for model in house.product_models() for line in unpaired_fields(model))
    house.require(found, UNPAIRED)


def test_every_model_has_a_factory() -> None:
    made = factory_models()
    absent = (
        f"{model._meta.label}: no factory in tests/factories" for model in house.product_models() if model not in made
    )
    house.require(absent, WITHOUT_FACTORY)


def test_every_migration_goes_back() -> None:
    house.require(irreversible_steps(), IRREVERSIBLE)


def null_slips_through(model: type[models.Model]) -> Iterator[str]:
    """Yield the CHECKs that compare a column that may be empty without ever asking whether it is: NULL passes a CHECK."""
    empty = {field.name for field in model._meta.local_fields if field.null}
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.CheckConstraint):
            asked = {name for name, value in lookups_in(constraint.condition) if value == "isnull"}
            compared = {name for name, value in lookups_in(constraint.condition) if value != "isnull"} & empty
            for name in sorted(compared - asked):
                yield f"{model._meta.label}.{constraint.name}: {name} may be NULL, and NULL passes"


def lookups_in(condition: object) -> Iterator[tuple[str, str]]:
    """Yield field and lookup of every comparison in a CHECK."""
    if isinstance(condition, models.Q):
        for child in condition.children:
            yield from lookups_in(child)
    elif isinstance(condition, tuple):
        name, _, lookup = str(condition[0]).partition("__")
        yield name, lookup


MAY_BE_NULL: dict[str, str] = {
    "accounts.Organization.organization_not_own_parent": "without a parent there is nothing to refuse",
    "requests_app.TrainingRequest.request_not_merged_into_itself": "not merged: there is nothing to refuse",
}


def test_checks_refuse_null_where_it_would_slip_through() -> None:
    found = [line for model in house.product_models() for line in null_slips_through(model)]
    assert house.complaints(found, MAY_BE_NULL) == []
