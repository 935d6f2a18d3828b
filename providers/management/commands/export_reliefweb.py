"""Open sessions as payloads for ReliefWeb."""

from collections.abc import Iterator
from typing import ClassVar

from marketplace.api.representations import exported
from marketplace.formats.checks import Check, trainings
from marketplace.formats.exporting import ExportCommand, Options
from providers.api.reliefweb import TRAININGS
from providers.api.views import SessionViewSet
from providers.models import Session


class Command(ExportCommand):
    """`manage.py export_reliefweb [--check] [--output FILE] [--root URL]`."""

    help = "Writes the open sessions of the public catalogue as payloads of ReliefWeb's Post API (training, version 2)."
    rules: ClassVar[Check] = staticmethod(trainings)

    def pieces(self, options: Options) -> Iterator[bytes]:
        """Give the sessions that take bookings."""
        return exported(SessionViewSet, TRAININGS, Session.objects.all(), root=options["root"], path="/api/v1/sessions")
