"""A worker process of its own, at the moment at which tests play, that can be made to stand still at one point.

`worker.py MINUTES` does all that is due so many minutes after that moment, then ends; `worker.py MINUTES POINT STARTED GO`
writes the file STARTED when it comes to POINT, and goes on when the file GO is there. POINT: `ranked` (the answer is
computed, nothing of it written), `written` (it is written, and not yet committed); of a plan that is published `suggesting`
(the first suggestion is written, and not yet committed), `suggested` (it is committed, the second is to come).
"""

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import django


def standing_still(after: Callable[..., Any], started: Path, go: Path) -> Callable[..., Any]:
    """Make a function that does the same and then waits, the first time that it is called."""

    def call(*args: Any, **options: Any) -> Any:
        found = after(*args, **options)
        if not started.exists():
            started.write_text("here", encoding="utf-8")
            while not go.exists():
                time.sleep(0.02)
        return found

    return call


def main(minutes: str, point: str = "", started: str = "", go: str = "") -> None:
    django.setup()
    import time_machine
    from django.core.management import call_command

    from matching.operations import publishing, writing
    from matching.tasks import ranking
    from tests.factories.accounts import AT

    places: dict[str, tuple[Any, str]] = {
        "ranked": (ranking, "rank"),
        "written": (writing, "write_ranking"),
        "suggesting": (publishing, "_suggest"),
        "suggested": (publishing, "publish_request"),
    }
    if point:
        module, name = places[point]
        setattr(module, name, standing_still(getattr(module, name), Path(started), Path(go)))
    with time_machine.travel(AT + timedelta(minutes=int(minutes)), tick=True):
        call_command("run_worker", "--until-idle")


if __name__ == "__main__":
    main(*sys.argv[1:])
