"""Which Python an environment is made with: one that fits, and a quick one where there are several."""

import subprocess
from pathlib import Path

import pytest

FITS = "import sys; print(sys.version_info[:2] == (3, 11))"


def chosen(project_root: Path, path: str) -> str:
    command = ["sh", str(project_root / "tooling" / "which_python.sh")]
    return subprocess.run(command, env={"PATH": path}, capture_output=True, text=True, check=True).stdout.strip()


def stand_in(folder: Path, *, optimized: bool) -> Path:
    """A `python3.11` that fits and says of itself how it was built: what is asked about that names `sysconfig`."""
    program = folder / "python3.11"
    program.write_text(f'#!/bin/sh\ncase "$2" in *sysconfig*) exit {int(not optimized)};; esac\n')
    program.chmod(0o755)
    return program


def test_python_that_is_named_fits(project_root: Path, tmp_path: Path) -> None:
    broken = tmp_path / "python3.11"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    found = chosen(project_root, f"{tmp_path}:/usr/bin:/bin")
    assert found != str(broken)
    if not found:
        pytest.skip("NEEDS A PYTHON 3.11 IN /usr/bin OR /usr/local/bin: this machine has none there")
    assert subprocess.run([found, "-c", FITS], capture_output=True, text=True, check=True).stdout == "True\n"


def test_optimized_python_comes_before_the_first(project_root: Path, tmp_path: Path) -> None:
    slow, quick = tmp_path / "slow", tmp_path / "quick"
    slow.mkdir()
    quick.mkdir()
    stand_in(slow, optimized=False)
    best = stand_in(quick, optimized=True).rename(quick / "python3")
    assert chosen(project_root, f"{slow}:{quick}:/bin") == str(best)


def test_first_optimized_python_is_taken(project_root: Path, tmp_path: Path) -> None:
    assert chosen(project_root, f"{tmp_path}:/usr/bin:/bin") == chosen(project_root, "/usr/bin:/bin")
    first = stand_in(tmp_path, optimized=True)
    assert chosen(project_root, f"{tmp_path}:/usr/bin:/bin") == str(first)
