"""The themes, or another vocabulary, as SKOS."""

from argparse import ArgumentParser
from collections.abc import Iterator

from django.core.management.base import CommandError
from rdflib import Graph

from marketplace.formats.checks import SHAPES, Check, by_shapes, themes
from marketplace.formats.exporting import ExportCommand, Options
from marketplace.formats.registry import Telling
from marketplace.vocabularies import queries
from marketplace.vocabularies.queries import skos


class Command(ExportCommand):
    """`manage.py export_themes [--format turtle] [--scheme sdg] [--check]`."""

    help = "Writes a vocabulary (themes, unless another one is named) as SKOS in JSON-LD or Turtle."
    forms = {"jsonld": skos.JSONLD, "turtle": skos.TURTLE}

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take `--scheme` and `--format` too."""
        super().add_arguments(parser)
        parser.add_argument("--scheme", default=queries.THEMES, help="code of the vocabulary")
        parser.add_argument("--format", choices=sorted(self.forms), default="jsonld")

    def pieces(self, options: Options) -> Iterator[bytes]:
        """Give the scheme. Raises CommandError for one that is not known."""
        scheme, root = options["scheme"], options["root"]
        if queries.scheme(scheme) is None:
            known = ", ".join(row.code for row in queries.schemes())
            raise CommandError(f"There is no vocabulary {scheme}; there are: {known}.")
        return self.forms[options["format"]].write(
            [{"code": scheme}], Telling(root, skos.scheme_address(root, scheme), single=True)
        )

    def checker(self, options: Options) -> Check:
        """Give the check by shapes; Turtle is read and checked as the same graph."""
        return by_turtle if options["format"] == "turtle" else themes


def by_turtle(document: bytes) -> list[str]:
    """List what is wrong with a scheme in Turtle."""
    return by_shapes(Graph().parse(data=document, format="turtle"), SHAPES["themes"])
