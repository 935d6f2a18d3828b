"""Parts of the manual that are written from what the product does, in the active language, as Markdown."""

import re

from django.utils.translation import gettext as _

from marketplace.events.catalogue import event_types
from marketplace.identity.scopes import WORDS
from marketplace.kernel.errors import CATALOGUE, ErrorCode

PLACE = re.compile(r"%\((\w+)\)s")


def errors() -> str:
    """Write every code of the error catalogue under a heading that is its anchor: `#wrong_state`."""
    parts = []
    for code in sorted(ErrorCode):
        kind = CATALOGUE[code]
        status = _("Status %(status)s.") % {"status": kind.status}
        parts.append(f"### {code.value}\n\n**{_(kind.title)}.** {status}\n\n{filled(kind.detail)}\n\n{_(kind.remedy)}")
    return "\n\n".join(parts)


def filled(text: str) -> str:
    """Translate a text and show the names of its places: `{limit}`; percent signs that were doubled stand once."""
    return PLACE.sub(r"{\1}", _(text)).replace("%%", "%")


def scopes() -> str:
    """Write the scopes in words, as a table."""
    rows = [f"| `{scope}` | {WORDS[scope]} |" for scope in sorted(WORDS)]
    return "\n".join([f"| {_('Scope')} | {_('What it opens')} |", "|---|---|", *rows])


def event_types_table() -> str:
    """Write the types of events with a link to the schema of what each carries; their words are English."""
    rows = [f"| [`{name}`](/api/v1/event-types/{name}) | {one.words} |" for name, one in event_types().items()]
    return "\n".join([f"| {_('Type')} | {_('Words of the catalogue')} |", "|---|---|", *rows])
