"""What the parser of the standard library says by itself, so that the catalogue of French texts has it."""

from clients.cli.words import gettext as _
from clients.cli.words import ngettext


def said_by_parser() -> list[str]:
    """List its words in the language that is spoken."""
    return [
        _("usage: "),
        _("options"),
        _("positional arguments"),
        _("show this help message and exit"),
        _("%(prog)s: error: %(message)s\n"),
        _("ambiguous option: %(option)s could match %(matches)s"),
        _("argument %(argument_name)s: %(message)s"),
        _("expected one argument"),
        _("ignored explicit argument %r"),
        _("invalid %(type)s value: %(value)r"),
        _("invalid choice: %(value)r (choose from %(choices)s)"),
        _("the following arguments are required: %s"),
        _("unrecognized arguments: %s"),
        ngettext("expected %s argument", "expected %s arguments", 1),
    ]
