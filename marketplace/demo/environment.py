"""What makes an installation the demo: it is said before the settings are read, which reckon with it."""

from argparse import ArgumentError, ArgumentParser
from collections.abc import MutableMapping, Sequence
from contextlib import suppress

COMMAND = "demo"
PORT = 8000  # unless the variable of this name says otherwise


def announce(arguments: Sequence[str], variables: MutableMapping[str, str]) -> None:
    """Say in ``variables`` that this is the demo, and at which port, where the words after `manage.py` start it.

    Mail, webhooks to this machine and the addresses in events and letters follow from that; whatever the process starts
    inherits it. A port that is no number is left for the command to complain of.
    """
    if list(arguments[:1]) != [COMMAND]:
        return
    variables["DEMO"] = "1"
    parser = ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("--port", type=int, default=variables.get("PORT", PORT))
    with suppress(ArgumentError):
        variables["PORT"] = str(parser.parse_known_args(list(arguments[1:]))[0].port)
