"""Read and write gettext catalogues (.po) and compile them (.mo) in plain Python: nobody needs gettext's own programs.

Formats: https://www.gnu.org/software/gettext/manual/html_node/PO-Files.html and MO-Files.html. `.mo` files are committed,
so that `make demo` needs nothing to be compiled.
"""

import ast
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

MAGIC = 0x950412DE
LINE = re.compile(r'^(?P<key>msgctxt|msgid|msgid_plural|msgstr(?:\[(?P<form>\d)\])?)?\s*(?P<text>".*")$')
PLURAL_FORMS = {"fr": "nplurals=2; plural=(n > 1);", "en": "nplurals=2; plural=(n != 1);"}


@dataclass(frozen=True, order=True)
class Message:
    """What identifies a text in the code: its English, its plural and its context (each empty when there is none)."""

    text: str
    plural: str = ""
    context: str = ""


@dataclass(frozen=True)
class Entry:
    """One translation: one form, or one for each plural form; with where the code uses it."""

    message: Message
    forms: tuple[str, ...]
    places: tuple[str, ...] = ()
    fuzzy: bool = False

    @property
    def complete(self) -> bool:
        """Whether every form is there and a person has looked at it."""
        wanted = 2 if self.message.plural else 1
        return not self.fuzzy and len(self.forms) == wanted and all(self.forms)


def read(path: Path) -> dict[Message, Entry]:
    """Read the translations of a .po file; the header and obsolete entries are left out. Raises ValueError."""
    if not path.is_file():
        return {}
    blocks = path.read_text("utf-8").split("\n\n")
    entries = (parse(block) for block in blocks if re.search(r"^msgid ", block, re.MULTILINE))
    return {entry.message: entry for entry in entries if entry.message.text}


def parse(block: str) -> Entry:
    """Read one block of a .po file. Raises ValueError for a line that is none of the format's."""
    fields: dict[str, str] = {}
    key, fuzzy = "", False
    for line in filter(None, block.splitlines()):
        if line.startswith("#"):
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
            continue
        match = LINE.match(line)
        if match is None:
            raise ValueError(f"not a line of a .po file: {line}")
        key = match["key"] or key
        fields[key] = fields.get(key, "") + ast.literal_eval(match["text"])
    forms = tuple(value for name, value in sorted(fields.items()) if name.startswith("msgstr"))
    message = Message(fields.get("msgid", ""), fields.get("msgid_plural", ""), fields.get("msgctxt", ""))
    return Entry(message, forms, fuzzy=fuzzy)


def merge(known: dict[Message, Entry], used: dict[Message, tuple[str, ...]]) -> list[Entry]:
    """Keep the translations of what is still used, add what is new with empty forms, and drop the rest."""
    return [
        replace(known.get(message, Entry(message, ("",) * (2 if message.plural else 1))), places=places)
        for message, places in sorted(used.items())
    ]


def write(path: Path, language: str, entries: Iterable[Entry]) -> None:
    """Write a .po file: sorted as given, without dates, so that a second run changes nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = ["\n".join(header_lines(language)), *("\n".join(entry_lines(entry)) for entry in entries)]
    path.write_text("\n\n".join(blocks) + "\n", "utf-8")


def header(language: str) -> str:
    """Build the text that gettext keeps under the empty message."""
    return (
        "Project-Id-Version: gmg-training-marketplace\n"
        f"Language: {language}\n"
        "MIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=UTF-8\n"
        "Content-Transfer-Encoding: 8bit\n"
        f"Plural-Forms: {PLURAL_FORMS[language]}\n"
    )


def header_lines(language: str) -> Iterator[str]:
    """Yield the first block of a .po file."""
    yield 'msgid ""'
    yield 'msgstr ""'
    yield from (quoted(line) for line in header(language).splitlines(keepends=True))


def entry_lines(entry: Entry) -> Iterator[str]:
    """Yield the lines of one translation."""
    yield from (f"#: {place}" for place in entry.places)
    if entry.fuzzy:
        yield "#, fuzzy"
    if entry.message.context:
        yield f"msgctxt {quoted(entry.message.context)}"
    yield f"msgid {quoted(entry.message.text)}"
    if entry.message.plural:
        yield f"msgid_plural {quoted(entry.message.plural)}"
        yield from (f"msgstr[{number}] {quoted(form)}" for number, form in enumerate(entry.forms))
    else:
        yield f"msgstr {quoted(entry.forms[0])}"


def quoted(text: str) -> str:
    """Write a text as a string of the .po format."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def compiled(language: str, entries: Iterable[Entry]) -> bytes:
    """Compile the complete translations to the bytes of a .mo file, the same for the same entries."""
    pairs = {"": header(language), **dict(pair(entry) for entry in entries if entry.complete)}
    encoded = sorted((key.encode(), value.encode()) for key, value in pairs.items())
    start, count = 7 * 4, len(encoded)
    offset = start + count * 16  # two tables of (length, offset) before the texts
    tables: list[bytes] = []
    texts = b""
    for column in (0, 1):
        for item in encoded:
            tables.append(struct.pack("<II", len(item[column]), offset + len(texts)))
            texts += item[column] + b"\0"
    head = struct.pack("<IIIIIII", MAGIC, 0, count, start, start + count * 8, 0, 0)
    return head + b"".join(tables) + texts


def pair(entry: Entry) -> tuple[str, str]:
    """Join a message and its forms as a .mo file keeps them."""
    key = "\0".join(filter(None, (entry.message.text, entry.message.plural)))
    if entry.message.context:
        key = f"{entry.message.context}\x04{key}"
    return key, "\0".join(entry.forms)
