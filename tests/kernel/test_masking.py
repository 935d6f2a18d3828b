"""What the log of a production process holds: whole tracebacks, who says it, how loud and when, and no key."""

import json
import secrets
import subprocess
import sys
from pathlib import Path

FAILING = """
import django
django.setup()
import logging, structlog
structlog.contextvars.bind_contextvars(request_id="r-1")
try:
    raise ValueError("no gmg_abcd1234_secretsecretsecret")
except ValueError:
    structlog.get_logger("ours").exception("job.failed", of="gmg_abcd1234_secretsecretsecret")
    logging.getLogger("django.request").exception("theirs %s", "gmg_abcd1234_secretsecretsecret")
"""


def test_each_line_is_json_with_its_traceback_and_without_keys(project_root: Path) -> None:
    variables = {"DJANGO_SETTINGS_MODULE": "marketplace.settings", "PRODUCTION": "1", "ALLOWED_HOSTS": "a.example"}
    done = subprocess.run(
        [sys.executable, "-c", FAILING],
        cwd=project_root,
        env={**variables, "SECRET_KEY": secrets.token_urlsafe(64)},
        capture_output=True,
        text=True,
        check=True,
    )
    ours, theirs = (json.loads(line) for line in done.stderr.splitlines())
    assert (ours["event"], ours["logger"], ours["of"]) == ("job.failed", "ours", "gmg_abcd…")
    assert (theirs["event"], theirs["logger"]) == ("theirs gmg_abcd…", "django.request")
    for line in (ours, theirs):
        assert (line["level"], line["request_id"]) == ("error", "r-1")
        assert line["timestamp"].endswith("Z")
        assert line["exception"].startswith("Traceback")
        assert line["exception"].endswith("ValueError: no gmg_abcd…")
