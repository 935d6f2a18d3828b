"""Where children come from quickly: one process sets Django up, and each child is a fork of it.

`python -m tests.work.nursery` reads orders from its standard input and answers each on its standard output, a line of JSON
each: `{"arguments": [...], "env": {...}, "words": FILE}` bears a child that runs `python ARGUMENTS` and writes into the file;
`{"status": PID}` asks how it ended, null while it lives.
"""

import gc
import json
import os
import runpy
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import django


def main() -> None:
    """Answer until the input ends."""
    django.setup()
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        answer = status(order["status"]) if "status" in order else born(order)
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


def status(pid: int) -> int | None:
    """Give the exit code of a child as `subprocess` does: negative is a signal; it can be asked for once."""
    ended, how = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(how) if ended else None


def born(order: dict[str, Any]) -> int:
    """Fork a child; the answer is its pid."""
    pid = os.fork()
    return pid or live(order)


def live(order: dict[str, Any]) -> NoReturn:
    """Be `python ARGUMENTS`: in a session of its own, with its own words, deaf to what is ordered from the nursery."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    words = os.open(order["words"], os.O_WRONLY | os.O_APPEND)
    for source, target in ((nothing, 0), (words, 1), (words, 2)):
        os.dup2(source, target)
    os.environ.update(order["env"])
    code = 1
    try:
        run(order["arguments"])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        with suppress(ValueError):
            stream.flush()
    os._exit(code)


def run(arguments: list[str]) -> None:
    """Run a file, a module (`-m`) or code (`-c`), as Python does with its command line."""
    if arguments[0] == "-c":
        sys.argv = arguments
        exec(compile(arguments[1], "<string>", "exec"), {"__name__": "__main__"})
    elif arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        sys.path[0] = str(Path(arguments[0]).resolve().parent)
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main()
