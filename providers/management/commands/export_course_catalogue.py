"""The public catalogue as schema.org."""

from collections.abc import Iterator
from typing import ClassVar

from marketplace.api.representations import exported
from marketplace.formats.checks import Check, catalogue
from marketplace.formats.exporting import ExportCommand, Options
from providers import queries
from providers.api.formats import COURSES
from providers.api.views import OfferingViewSet
from providers.models import Offering


class Command(ExportCommand):
    """`manage.py export_course_catalogue [--check] [--output FILE] [--root URL]`."""

    help = "Writes the public catalogue as Course and CourseInstance of schema.org (JSON-LD)."
    rules: ClassVar[Check] = staticmethod(catalogue)

    def pieces(self, options: Options) -> Iterator[bytes]:
        """Give the published offerings of verified providers with their sessions."""
        things = queries.in_catalogue(Offering.objects.all())
        return exported(OfferingViewSet, COURSES, things, root=options["root"], path="/api/v1/offerings")
