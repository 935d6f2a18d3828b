"""A child process with the test jobs listed: `forever` is `manage.py run_worker`, `dispatch` is
`manage.py run_dispatcher`, `idle NAME` works until there is nothing left.
"""

import sys
import time

import django

if __name__ == "__main__":
    django.setup()
    from django.core.management import call_command

    from marketplace.work import loop
    from tests.work.jobs import list_test_jobs

    list_test_jobs()
    if sys.argv[1] == "forever":
        call_command("run_worker")
    elif sys.argv[1] == "dispatch":
        call_command("run_dispatcher")
    elif sys.argv[1] == "idle":
        idle_since = time.monotonic()
        done = 0
        while time.monotonic() < idle_since + 1.0:
            if loop.run_one(worker=sys.argv[2]):
                done += 1
                idle_since = time.monotonic()
            else:
                time.sleep(0.02)
        sys.stdout.write(f"{done}\n")
