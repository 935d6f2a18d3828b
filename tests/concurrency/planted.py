"""The application with the bugs that the races are there to find; served by their own tests only."""

from marketplace.wsgi import application
from tests.concurrency import bugs

__all__ = ["application"]

bugs.plant()
