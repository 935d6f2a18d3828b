"""Compare the hash-locked requirements with what pyproject.toml declares, offline and in an instant."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[[^\]]*\])?==(?P<version>[^\s;\\]+)", re.MULTILINE)
ADDRESS = re.compile(r"://|^--(extra-)?index-url|^--find-links", re.MULTILINE)


def pins(path: Path) -> dict[str, str]:
    """Read the pinned version of each package in a requirements file, by canonical name."""
    return {canonicalize_name(match["name"]): match["version"] for match in PIN.finditer(path.read_text("utf-8"))}


def problems(root: Path) -> list[str]:
    """List what `make lock` would put right: nothing when the locks are those of pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    base, dev = root / "requirements" / "base.txt", root / "requirements" / "dev.txt"
    declared = {base: project["dependencies"]}
    declared[dev] = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    found = [line for path, lines in declared.items() for line in unmet(path, [Requirement(text) for text in lines])]
    locked, developed = pins(base), pins(dev)
    found += [
        f"{name} is {version} in base.txt and {developed.get(name, 'absent')} in dev.txt"
        for name, version in locked.items()
        if developed.get(name) != version
    ]
    found += [
        f"{name} is {version} in install.txt and {developed.get(name, 'absent')} in dev.txt"
        for name, version in pins(root / "requirements" / "install.txt").items()
        if developed.get(name) != version
    ]
    found += [
        f"{path.name} holds the address of a registry" for path in declared if ADDRESS.search(path.read_text("utf-8"))
    ]
    return found


def unmet(path: Path, declared: list[Requirement]) -> list[str]:
    """List the declared requirements that the pins of `path` do not meet, and files without hashes."""
    locked = pins(path)
    found = [
        f"{requirement} is not met by {path.name} ({locked.get(canonicalize_name(requirement.name), 'absent')})"
        for requirement in declared
        if not requirement.specifier.contains(locked.get(canonicalize_name(requirement.name), "0"), prereleases=True)
        or canonicalize_name(requirement.name) not in locked
    ]
    if path.read_text("utf-8").count("--hash=") < len(locked):
        found.append(f"{path.name} has packages without a hash")
    return found
