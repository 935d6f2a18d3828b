"""What the standard library and the system say by themselves, so that the catalogue of French texts has it."""

from clients.cli.words import gettext as _
from clients.cli.words import ngettext


def said_by_parser() -> list[str]:
    """List the words of the parser in the language that is spoken."""
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


def said_by_system() -> list[str]:
    """List why files are not read and nobody answers, in the language that is spoken."""
    return [
        _("Connection refused"),
        _("Connection reset by peer"),
        _("Is a directory"),
        _("Name or service not known"),
        _("Network is unreachable"),
        _("No route to host"),
        _("No such file or directory"),
        _("Permission denied"),
        _("Remote end closed connection without response"),
        _("Temporary failure in name resolution"),
        _("timed out"),
    ]
