"""Walking along the chain by its command."""

from io import StringIO

from django.core.management import call_command


def verified(*arguments: str) -> tuple[bool, str]:
    """Run `verify_audit`; whether it ended well, and what it said."""
    out = StringIO()
    try:
        call_command("verify_audit", *arguments, stdout=out)
    except SystemExit:
        return False, out.getvalue()
    return True, out.getvalue()
