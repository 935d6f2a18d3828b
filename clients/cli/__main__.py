"""What was typed, and how it ended: 0 well, 1 refused, 2 not understood, 3 nobody answered, 4 nothing fits, 130 stopped."""

import argparse
import io
import os
import sys

from clients.cli import commands, options, showing, words
from clients.cli.connection import Body, Marketplace, RefusedError, UnreachableError
from clients.cli.words import gettext as _

REFUSED, NOT_UNDERSTOOD, UNREACHABLE, STOPPED = 1, 2, 3, 130
MOST_LISTED = 50
MATCH_SECONDS = 120


def parser() -> argparse.ArgumentParser:
    """Build the parser, with its words in the language that is spoken."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help=_("answer as JSON, one thing a line"))
    whole = argparse.ArgumentParser(
        prog="marketplace",
        description=_("The training marketplace from a shell. MARKETPLACE_URL says where, MARKETPLACE_TOKEN who."),
    )
    whole.add_argument("--language", choices=words.LANGUAGES, help=_("language of words; else that of the shell"))
    kinds = whole.add_subparsers(dest="command", required=True, metavar=_("COMMAND"))
    things = _("such as requests, offerings, engagements, requests/REFERENCE/proposals")

    def command(name: str, run: object, words: str) -> argparse.ArgumentParser:
        made = kinds.add_parser(name, parents=[common], help=words, description=words)
        made.set_defaults(run=run)
        return made

    listing = command("list", commands.list_things, _("list things"))
    listing.add_argument("things", help=things)
    listing.add_argument("filter", nargs="*", help=_("filters of the list: state=open q=protection"))
    listing.add_argument("--limit", type=options.at_least(1), default=MOST_LISTED, help=_("at most so many"))

    one = command("show", commands.show_thing, _("show one thing"))
    one.add_argument("things", help=things)
    one.add_argument("name", help=_("its id, reference or code"))

    making = command("create", commands.create, _("create a thing"))
    making.add_argument("things", help=things)
    making.add_argument("file", nargs="?", default="-", help=_("JSON file; - is standard input"))

    submitting = command("submit", commands.submit, _("submit a draft"))
    submitting.add_argument("things", help=things)
    submitting.add_argument("name", help=_("its id, reference or code"))

    matching = command("match", commands.match, _("rank what is on offer for a request"))
    matching.add_argument("request", help=_("its id, reference or code"))
    matching.add_argument(
        "--timeout", type=options.seconds, default=MATCH_SECONDS, help=_("seconds to wait for the run")
    )
    for writing in (making, submitting, matching):
        writing.add_argument(
            "--key", type=options.key, help=_("key under which it is done once, however often repeated")
        )

    watching = command("watch", commands.watch, _("show what becomes true, as it does"))
    watching.add_argument("--after", type=options.at_least(0), default=0, help=_("go on from this place in the feed"))
    watching.add_argument("--type", default="", help=_("only these types: proposal.*,engagement.created"))
    watching.add_argument("--resource-id", default="", help=_("only of this thing"))
    watching.add_argument("--until", default="", help=_("stop after an event of this type"))
    return whole


def main(typed: list[str]) -> int:
    """Do what was typed and give the exit code."""
    words.speak(_asked_language(typed) or words.preferred())
    try:
        try:
            return _ended(_understood(typed))
        finally:
            sys.stdout.flush()  # here, where it is known what to do when nobody reads any more
    except KeyboardInterrupt:
        return STOPPED
    except BrokenPipeError:  # who reads our answers has seen enough
        showing.closed(sys.stdout)
        return 0


def _understood(typed: list[str]) -> argparse.Namespace:
    """Read what was typed. Ends with 2 where that cannot be."""
    whole = parser()
    given, late = whole.parse_known_args(typed)
    if late and not _takes(given, late):
        whole.error(_("unrecognized arguments: %s") % " ".join(late))
    return given


def _takes(given: argparse.Namespace, late: list[str]) -> bool:
    """Take the words ``late`` that come after an option: the parser takes what may be left out for left out by then."""
    if any(word.startswith("-") and word != "-" for word in late):
        return False
    if given.command == "list":
        given.filter = [*given.filter, *late]
        return True
    if given.command == "create" and given.file == "-" and len(late) == 1:
        given.file = late[0]
        return True
    return False


def _ended(given: argparse.Namespace) -> int:
    try:
        return _carried_out(_place(), given)
    except (commands.WordsError, UnreachableError) as error:
        showing.err().print(showing.clean(error), markup=False)
        return UNREACHABLE if isinstance(error, UnreachableError) else NOT_UNDERSTOOD
    except UnicodeEncodeError:  # bytes that are no text
        showing.err().print(_("What was typed cannot be part of an address."), markup=False)
        return NOT_UNDERSTOOD


def _place() -> Marketplace:
    """Say where the marketplace is and who asks. Raises WordsError, UnreachableError."""
    url, token = os.environ.get("MARKETPLACE_URL", ""), os.environ.get("MARKETPLACE_TOKEN", "").strip()
    if not url:
        raise commands.WordsError(_("Say where the marketplace is: export MARKETPLACE_URL=http://127.0.0.1:8000"))
    if not options.is_sendable(token):
        raise commands.WordsError(_("MARKETPLACE_TOKEN has characters that no token has; copy it once more."))
    return Marketplace(url, token, words.language())


def _asked_language(typed: list[str]) -> str:
    """Look for the language before anything else, so that refusals of the parser's helps speak it too."""
    early = argparse.ArgumentParser(add_help=False, exit_on_error=False, allow_abbrev=False)
    early.add_argument("--language", choices=words.LANGUAGES)
    try:
        return early.parse_known_args(typed)[0].language or ""
    except argparse.ArgumentError:  # the parser itself will say so
        return ""


def _carried_out(place: Marketplace, given: argparse.Namespace) -> int:
    try:
        code: int = given.run(place, given)
    except RefusedError as error:
        _tell_programs(error.problem, given)
        showing.refusal(error, _remedy(place, error))
        return REFUSED
    except commands.UnknownError as error:
        _tell_programs(error.problem, given)
        if error.refused is None:
            raise
        showing.refusal(error.refused, error.hint)
        return UNREACHABLE
    return code


def _tell_programs(problem: Body, given: argparse.Namespace) -> None:
    """Give a problem as JSON where JSON is wanted; what else is said of it, and the exit code, wait for no reader."""
    try:
        if given.json:
            showing.as_json(problem)
    except BrokenPipeError:
        showing.closed(sys.stdout)


def _remedy(place: Marketplace, error: RefusedError) -> str:
    """Read in the catalogue of errors what can be done; who cannot read it gets nothing more."""
    if not error.problem["code"]:
        return ""
    try:
        return str(place.get(commands.below("errors", str(error.problem["code"]))).get("remedy", ""))
    except (RefusedError, UnreachableError):
        return ""


def run() -> None:
    """Do what was typed and end with the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a shell of few letters shows others as ?
    raise SystemExit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
