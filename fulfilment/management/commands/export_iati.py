"""Funded engagements as IATI activities."""

from argparse import ArgumentParser
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

from fulfilment.api.formats import ACTIVITIES
from fulfilment.api.views.engagements import EngagementViewSet
from fulfilment.models import Engagement
from marketplace.api.representations import exported
from marketplace.formats.checks import Check, activities, by_xml_schema
from marketplace.formats.exporting import ExportCommand, Options

SYNTHETIC = "-EXAMPLE-"


class Command(ExportCommand):
    """`manage.py export_iati [--check [--schema FILE]] [--output FILE]`."""

    help = "Writes the engagements with a share of the cost in cash as activities of IATI 2.03."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take `--schema` too."""
        super().add_arguments(parser)
        parser.add_argument(
            "--schema", type=Path, help="IATI's own iati-activities-schema.xsd, with its parts beside it, for --check"
        )

    def pieces(self, options: Options) -> Iterator[bytes]:
        """Give the activities. Raises CommandError while nobody says who reports."""
        if SYNTHETIC in settings.IATI_REPORTING_ORG:
            raise CommandError("Set IATI_REPORTING_ORG to the identifier under which you report to IATI.")
        things = Engagement.objects.all()
        return exported(EngagementViewSet, ACTIVITIES, things, root=options["root"], path="/api/v1/engagements")

    def checker(self, options: Options) -> Check:
        """Give the check by the official schema where it is named, else by ours."""
        return partial(by_xml_schema, schema=options["schema"]) if options.get("schema") else activities
