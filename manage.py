#!/usr/bin/env python
"""Command line of the marketplace."""

import gc
import os
import sys

from django.core.management import execute_from_command_line

from marketplace.demo import environment


def main() -> None:
    """Run one management command."""
    # What a start makes, stays: looking for rubbish among it takes a fifth of the start.
    gc.set_threshold(50_000, 20, 50)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
    environment.announce(sys.argv[1:], os.environ)
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
