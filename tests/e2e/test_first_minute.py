"""The script that the demo prints does what it says."""

import shutil
import subprocess

import pytest

from tests.e2e.conftest import STACK
from tests.e2e.story import Demo

pytestmark = pytest.mark.e2e


@pytest.mark.skipif(shutil.which("curl") is None, reason="the printed walk uses curl, which this machine lacks")
def test_printed_walk_leads_from_a_need_to_an_engagement(demo: Demo, request: pytest.FixtureRequest) -> None:
    if STACK not in request.config.stash:
        pytest.skip("walking through a demo that runs already: its script lies beside it")
    script = request.config.stash[STACK].told.with_name("first-minute.sh")
    said = subprocess.run(["sh", str(script)], capture_output=True, text=True, timeout=120, check=False)
    assert said.returncode == 0, said.stderr
    lines = said.stdout.splitlines()
    assert "approved" in lines
    assert any(line.startswith("ENG-") and line.endswith("planned") for line in lines)
    assert lines[-1].startswith("engagement.created ENG-")
