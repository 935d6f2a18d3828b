"""A real SMTP server on this machine that takes letters, and answers as it is told."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

TAKEN = "250 OK"


@dataclass
class Server:
    """What came, and what is said: at RCPT to each address, at DATA to each letter."""

    port: int = 0
    recipients: dict[str, str] = field(default_factory=dict)  # answers at RCPT by address
    at_data: str = TAKEN
    letters: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    answers: threading.Event = field(default_factory=threading.Event)  # until it is set, letters are kept unanswered

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        answer = self.recipients.get(address, TAKEN)
        if answer == TAKEN:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.at_data == TAKEN:
            self.raw.append(envelope.original_content)
            self.letters.append(message_from_bytes(envelope.original_content, policy=policy.default))
            while not self.answers.is_set():
                await asyncio.sleep(0.02)
        return self.at_data

    def ids(self) -> list[str]:
        return [letter["Message-ID"] for letter in self.letters]

    def texts(self) -> list[str]:
        """The plain part of each letter."""
        return [letter.get_body(("plain",)).get_content() for letter in self.letters]  # type: ignore[union-attr]


def free_port() -> int:
    """The controller calls the port that it was given, so it cannot be left to choose one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(*, answers: bool = True) -> Iterator[Server]:
    """Run a server on a free port; without ``answers`` it takes letters and says nothing until it is told to."""
    told = Server(port=free_port())
    if answers:
        told.answers.set()
    controller = Controller(told, hostname="127.0.0.1", port=told.port)
    controller.start()
    try:
        yield told
    finally:
        told.answers.set()
        controller.stop()
