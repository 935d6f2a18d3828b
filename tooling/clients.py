"""Make the clients of the API from its description, into `var/clients`: `python -m tooling.clients [check] [name ...]`.

Nothing of it is committed: 7 MB of Python and 2 MB of TypeScript follow from `openapi/marketplace-v1.yaml` in seconds.
"""

import hashlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipapp
from collections.abc import Callable
from pathlib import Path

import yaml

from marketplace.rest import postman

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
MODULES = ROOT / "node_modules"
NODE_BIN = MODULES / ".bin"
SCHEMA = ROOT / "openapi" / "marketplace-v1.yaml"
MADE = ROOT / "var" / "clients"
WALKS = ROOT / "clients"
STAMP = ".made-from"
FRENCH = ROOT / "locale" / "fr" / "LC_MESSAGES" / "django.mo"
MAKERS_STAND_ON = {
    "python": [ROOT / "requirements" / "dev.txt"],
    "typescript": [ROOT / "package-lock.json"],
    "postman": [ROOT / "marketplace" / "rest" / "postman.py"],
    "cli": [FRENCH, ROOT / "requirements" / "dev.txt"],
}
# What the command-line client stands on, all of it plain Python: the tables of `rich`, and what that needs itself.
TAKEN_ALONG = ("rich", "pygments", "markdown_it", "mdurl")
SECONDS = 300
# Where pydantic's and npm's own news would be asked for.
QUIET = {"NO_COLOR": "1", "NO_UPDATE_NOTIFIER": "1", "COLUMNS": "200"}


class ClientError(RuntimeError):
    """A client could not be made, or does not hold what its types say; the message says why."""


def without_node() -> str:
    """Say what is missing for the TypeScript client; "" when nothing is."""
    if shutil.which("node") is None:
        return "Node.js is not installed"
    return "" if (NODE_BIN / "openapi-typescript").exists() else "`npm ci` has not been run"


def run(*words: str | Path, cwd: Path = ROOT, **more: str) -> str:
    """Run a command, at the root by default, and give what it wrote. Raises ClientError with its output when it fails."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={**os.environ, **QUIET, **more},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise ClientError(f"{' '.join(str(word) for word in words)}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout


def made_from(name: str) -> str:
    """Give the digest of all that the client ``name`` follows from."""
    files = [SCHEMA, *sorted(path for path in (WALKS / name).glob("*") if path.is_file())]
    files += MAKERS_STAND_ON[name]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


def made(name: str) -> Path:
    """Make the client ``name`` unless it is there and fresh; gives its folder. Raises ClientError."""
    folder, digest = MADE / name, made_from(name)
    stamp = folder / STAMP
    if stamp.is_file() and stamp.read_text("utf-8") == digest:
        return folder
    MADE.mkdir(parents=True, exist_ok=True)
    # Made aside and put in place at once: who is killed, or runs beside another, leaves no half of a client.
    with tempfile.TemporaryDirectory(dir=MADE, prefix=f".{name}-") as aside:
        fresh = Path(aside) / name
        MAKERS[name](fresh)
        (fresh / STAMP).write_text(digest, "utf-8")
        if folder.exists():
            folder.rename(Path(aside) / "old")
        fresh.rename(folder)
    return folder


def make_python(folder: Path) -> None:
    """Make an installable package. Raises ClientError where the description has something that cannot be said in Python."""
    config = WALKS / "python" / "generator.yaml"
    run(
        *(BIN / "openapi-python-client", "generate", "--path", SCHEMA, "--output-path", folder, "--config", config),
        *("--meta", "setup", "--fail-on-warning"),
    )


def make_typescript(folder: Path) -> None:
    """Make the types and compile the walk, which is where they are checked. Raises ClientError."""
    missing = without_node()
    if missing:
        raise ClientError(missing)
    folder.mkdir(parents=True)
    # Away from redocly.yaml, which is about linting and would be obeyed. What has a default may be left out.
    optional = ("--default-non-nullable", "false")
    run(NODE_BIN / "openapi-typescript", SCHEMA, "--output", folder / "marketplace.d.ts", *optional, cwd=folder)
    for file in ("walk.ts", "tsconfig.json"):
        shutil.copy(WALKS / "typescript" / file, folder)
    (folder / "package.json").write_text('{"private": true, "type": "module"}\n', "utf-8")
    run(NODE_BIN / "tsc", "--project", folder)


def make_postman(folder: Path) -> None:
    """Write the collection that `GET /api/v1/postman` gives, for the address of `make demo`."""
    folder.mkdir(parents=True)
    description = yaml.safe_load(SCHEMA.read_text("utf-8"))
    collection = postman.collection(description, "http://127.0.0.1:8000")
    text = json.dumps(collection, ensure_ascii=False, indent=1)
    (folder / "marketplace.postman_collection.json").write_text(text, "utf-8")


def make_cli(folder: Path) -> None:
    """Make the command-line client one file, which any Python of this version or a later one runs."""
    folder.mkdir(parents=True)
    left_out = shutil.ignore_patterns("__pycache__")
    with tempfile.TemporaryDirectory(dir=folder) as aside:
        whole = Path(aside)
        shutil.copytree(WALKS / "cli", whole / "clients" / "cli", ignore=left_out)
        (whole / "clients" / "__init__.py").touch()
        for name in TAKEN_ALONG:
            origin = Path(str(importlib.import_module(name).__file__)).parent
            shutil.copytree(origin, whole / name, ignore=left_out)
            for terms in origin.parent.glob(f"{name.replace('_', '?')}*.dist-info/**/LICENSE*"):
                shutil.copy(terms, whole / name / "LICENSE")
        (whole / FRENCH.parent.relative_to(ROOT)).mkdir(parents=True)
        shutil.copy(FRENCH, whole / FRENCH.relative_to(ROOT))
        zipapp.create_archive(
            whole, folder / "marketplace.pyz", "/usr/bin/env python3", "clients.cli.__main__:run", compressed=True
        )


MAKERS: dict[str, Callable[[Path], None]] = {
    "python": make_python,
    "typescript": make_typescript,
    "postman": make_postman,
    "cli": make_cli,
}


def check_python() -> None:
    """Check walk and client with mypy, strictly. Raises ClientError."""
    folder = made("python")
    cache = MADE / ".mypy"
    run(
        *(BIN / "mypy", "--strict", "--config-file", "", "--cache-dir", cache, WALKS / "python" / "walk.py"),
        MYPYPATH=str(folder),
    )


def main(words: list[str]) -> int:
    """Make the named clients, all by default; with `check` look at their types too."""
    checking = "check" in words
    names = [word for word in words if word != "check"] or list(MAKERS)
    unknown = [name for name in names if name not in MAKERS]
    if unknown:
        print(f"there is no client {unknown[0]!r}: choose from {', '.join(MAKERS)}", file=sys.stderr)
        return 2
    try:
        for name in names:
            if name == "typescript" and without_node():
                print(f"THE TYPESCRIPT CLIENT WAS NOT MADE: {without_node()}", file=sys.stderr)
                continue
            print(made(name).relative_to(ROOT))
        if checking and "python" in names:
            check_python()
    except ClientError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
