"""Django's backend for PostgreSQL, which asks a kept connection at the start of each call whether it still answers.

That is a round trip beside the two that a call takes. A server that goes away closes its connections, which their sockets
know without asking; so the question is put only to a connection that nobody asked for some seconds, whose socket has
something to say, or on which something failed.
"""

import select
import time
from typing import Any

import psycopg
from django.db.backends.postgresql import base

FRESH_SECONDS = 5.0  # for which an answer counts; what a firewall forgets, it forgets after minutes


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to PostgreSQL."""

    answered_at = 0.0  # on the monotonic clock

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect."""
        connection = super().get_new_connection(conn_params)
        self.answered_at = time.monotonic()
        return connection

    def is_usable(self) -> bool:
        """Tell whether the connection can be used."""
        is_fresh = time.monotonic() - self.answered_at < FRESH_SECONDS
        if is_fresh and not self.errors_occurred and self._is_quiet():
            return True
        answers = bool(super().is_usable())
        if answers:
            self.answered_at = time.monotonic()
        return answers

    def _is_quiet(self) -> bool:
        """Tell whether the server has said nothing since the last answer: an end of the connection would be there to read."""
        poll = select.poll()
        try:
            poll.register(self.connection.fileno(), select.POLLIN)
        except psycopg.Error:  # closed
            return False
        return not poll.poll(0)
