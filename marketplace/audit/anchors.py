"""Heads of the chain as files, to be kept where nobody who can write to the database can write."""

import json
from datetime import datetime
from pathlib import Path

from marketplace.audit.canonical import instant
from marketplace.audit.queries import ChainStatus
from marketplace.audit.verification import Anchor

FORM = "gmg-audit-head-1"


class UnreadableHeadError(Exception):
    """A file that holds no head."""


def text_of(anchor: Anchor | ChainStatus, *, at: datetime) -> str:
    """Write a head as one line of JSON, with the moment at which it was told."""
    facts = {"form": FORM, "position": anchor.position, "digest": anchor.digest, "told_at": instant(at)}
    return json.dumps(facts, sort_keys=True)


def read(path: Path) -> list[Anchor]:
    """Read the heads of a file, one JSON object for each line. Raises UnreadableHeadError naming file and line."""
    anchors = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableHeadError(f"{path}: {error}") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            anchors.append(_anchor(line, f"{path}, line {number}"))
    if not anchors:
        raise UnreadableHeadError(f"{path}: no head in it")
    return anchors


def _anchor(line: str, where: str) -> Anchor:
    try:
        facts = json.loads(line)
        anchor = Anchor(int(facts["position"]), str(facts["digest"]))
        known = facts["form"] == FORM
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableHeadError(f"{where}: no head of an audit chain") from error
    if not known or anchor.position < 0:
        raise UnreadableHeadError(f"{where}: no head of an audit chain")
    return anchor
