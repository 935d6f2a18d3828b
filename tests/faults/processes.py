"""The product's processes, and who starts them again when they end: what systemd or compose does on a server."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.kit import trees
from tests.kit.servers import die_with_parent

LOOK_SECONDS, STOP_SECONDS = 0.05, 20.0


@dataclass
class Service:
    """One process of the product, with what it has started in turn."""

    name: str
    command: list[str]
    folder: Path  # where it runs
    variables: Mapping[str, str]
    log: Path
    starts: int = 0
    held: bool = False  # nobody starts it again
    process: "subprocess.Popen[bytes] | None" = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def pid(self) -> int:
        """The id of the first process."""
        return self.process.pid if self.process is not None else 0

    def start(self) -> None:
        """Start it; what it prints is appended to its log."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=dict(self.variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the kit, which stops its processes in order
                preexec_fn=lambda: die_with_parent(signal.SIGKILL),  # noqa: PLW1509
            )
        self.starts += 1

    def has_ended(self) -> bool:
        """Look, without waiting."""
        return self.process is not None and self.process.poll() is not None

    def sweep(self) -> None:
        """Kill what is left of its process group, as systemd and containers do once the first process is gone."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def workers(self) -> list[int]:
        """Give the ids of the processes that it has started."""
        return trees.children(self.pid)


class Supervisor:
    """Starts services, and starts again what has ended."""

    def __init__(self, services: list[Service]) -> None:
        self.services = {service.name: service for service in services}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start everything."""
        self._thread.start()
        give_up_at = time.monotonic() + STOP_SECONDS
        while any(service.process is None for service in self.services.values()):
            if time.monotonic() > give_up_at:
                raise RuntimeError("the processes were not started")
            time.sleep(LOOK_SECONDS)

    def __getitem__(self, name: str) -> Service:
        return self.services[name]

    def named(self, prefix: str) -> list[Service]:
        """Give the services whose names begin so."""
        return [service for name, service in self.services.items() if name.startswith(prefix)]

    @contextmanager
    def holding(self, *services: Service) -> Iterator[None]:
        """Start none of these again inside the block."""
        for service in services:
            service.held = True
        try:
            yield
        finally:
            for service in services:
                service.held = False

    def stop(self) -> list[str]:
        """Stop everything in good order; gives the names of those that had to be killed."""
        self._over.set()
        self._thread.join()
        for service in self.services.values():
            if service.process is not None and not service.has_ended():
                service.process.terminate()
        give_up_at = time.monotonic() + STOP_SECONDS
        stubborn = [service.name for service in self.services.values() if not _ends(service, give_up_at)]
        for service in self.services.values():
            if service.process is not None:
                trees.kill(service.pid)
            service.sweep()
        return stubborn

    def _watch(self) -> None:
        # The thread that starts them lives until they are stopped: the kernel ties them to it (die_with_parent).
        while not self._over.wait(LOOK_SECONDS):
            for service in self.services.values():
                if service.held:
                    continue
                if service.process is None:
                    service.start()
                elif service.has_ended():
                    service.sweep()
                    service.start()


def _ends(service: Service, give_up_at: float) -> bool:
    if service.process is None:
        return True
    try:
        service.process.wait(max(0.1, give_up_at - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True
