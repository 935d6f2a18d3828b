"""What is published as an Atom feed: needs that are listed in public, or the catalogue."""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any, ClassVar

from django.conf import settings
from django.urls import resolve, reverse

from marketplace.api.representations import exported
from marketplace.formats.checks import Check, feed
from marketplace.formats.exporting import ExportCommand, Options

ROUTES = {"needs": "request-list", "offerings": "offering-list"}


class Command(ExportCommand):
    """`manage.py export_feed needs|offerings [--language fr] [--check]`."""

    help = "Writes the needs that are listed in public, or the published offerings, as an Atom feed."
    rules: ClassVar[Check] = staticmethod(feed)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what is told, and `--language`."""
        parser.add_argument("kind", choices=sorted(ROUTES))
        super().add_arguments(parser)
        parser.add_argument("--language", choices=[code for code, _ in settings.LANGUAGES], default="en")

    def pieces(self, options: Options) -> Iterator[bytes]:
        """Give the feed as the route of the things gives it."""
        path = reverse(ROUTES[options["kind"]])
        view: Any = resolve(path).func.cls  # type: ignore[attr-defined]  # of the app above: nothing is imported
        (form,) = (form for form in view.representations if form.code == "atom")
        things = view.rows.model._default_manager.all()
        return exported(view, form, things, root=options["root"], path=path, language=options["language"])
