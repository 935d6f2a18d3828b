"""Find every text that the code marks for translation, keep `locale/` in step with it, and say what has no French.

`python -m tooling.translations update` writes the catalogues and compiles them; `... check` lists problems.
"""

import ast
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tooling import catalogue
from tooling.catalogue import Entry, Message

ROOT = Path(__file__).resolve().parent.parent
HOUSE = ("marketplace", "requests_app", "providers", "matching", "fulfilment", "clients")
LANGUAGES = ("fr",)  # English is the source
# Position of (text, plural, context) among the arguments of each marking function.
KEYWORDS: dict[str, tuple[int, int | None, int | None]] = {
    "_": (0, None, None),
    "gettext": (0, None, None),
    "gettext_lazy": (0, None, None),
    "gettext_noop": (0, None, None),
    "ngettext": (0, 1, None),
    "ngettext_lazy": (0, 1, None),
    "npgettext": (1, 2, 0),
    "npgettext_lazy": (1, 2, 0),
    "pgettext": (1, None, 0),
    "pgettext_lazy": (1, None, 0),
}
STRING = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
TEMPLATE_CALL = re.compile(rf"\b(_|n?p?gettext)\(\s*({STRING}(?:\s*,\s*{STRING})*)", re.DOTALL)
PLACEHOLDER = re.compile(r"%\(\w+\)[#0\- +]?[\d.]*[a-zA-Z]|%[sd]|\{\w+[^{}]*\}")


def used(root: Path) -> dict[Message, tuple[str, ...]]:
    """Find every marked text in the Python files and templates of the house, with the files that use it."""
    found: dict[Message, set[str]] = {}
    for package in HOUSE:
        for path in sorted((root / package).rglob("*")):
            for message in messages(path):
                found.setdefault(message, set()).add(path.relative_to(root).as_posix())
    return {message: tuple(sorted(places)) for message, places in found.items()}


def messages(path: Path) -> Iterator[Message]:
    """Yield the marked texts of one file; files of other kinds and migrations have none."""
    if path.suffix == ".py" and "migrations" not in path.parts:
        yield from python_messages(path.read_text("utf-8"))
    elif path.suffix in {".html", ".txt"} and "templates" in path.parts:
        yield from template_messages(path.read_text("utf-8"))


def python_messages(source: str) -> Iterator[Message]:
    """Yield the constant texts handed to a marking function, under whatever name it was imported."""
    tree = ast.parse(source)
    names = {name: name for name in KEYWORDS} | {
        alias.asname: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname and alias.name in KEYWORDS
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            keyword = names.get(called_name(node.func))
            arguments: list[object] = [item.value if isinstance(item, ast.Constant) else None for item in node.args]
            yield from marked(keyword, arguments)


def called_name(function: ast.expr) -> str:
    """Name what is called: `gettext` for both `gettext(...)` and `text.gettext(...)`."""
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else ""


def template_messages(source: str) -> Iterator[Message]:
    """Yield the texts of {% translate %} and {% blocktranslate %}, as Django itself reads them."""
    from django.utils.translation.template import templatize

    for match in TEMPLATE_CALL.finditer(templatize(source)):
        arguments = [ast.literal_eval(text) for text in re.findall(STRING, match[2], re.DOTALL)]
        yield from marked(match[1], arguments)


def marked(keyword: str | None, arguments: list[object]) -> Iterator[Message]:
    """Yield the message of one call, nothing when its text is computed (it was marked elsewhere)."""
    if keyword is None:
        return
    parts = [arguments[at] if at is not None and at < len(arguments) else "" for at in KEYWORDS[keyword]]
    text, plural, context = parts
    if isinstance(text, str) and text and isinstance(plural, str) and isinstance(context, str):
        yield Message(text, plural, context)


def folder(root: Path, language: str) -> Path:
    """Say where the catalogue of a language lies."""
    return root / "locale" / language / "LC_MESSAGES"


def update(root: Path) -> list[str]:
    """Bring every catalogue up to date with the code, compile it, and return what still lacks a translation."""
    marks = used(root)
    for language in LANGUAGES:
        path = folder(root, language) / "django.po"
        entries = catalogue.merge(catalogue.read(path), marks)
        catalogue.write(path, language, entries)
        path.with_suffix(".mo").write_bytes(catalogue.compiled(language, entries))
    return problems(root)


def problems(root: Path) -> list[str]:
    """List every marked text without a complete translation, and every catalogue out of step. Empty when all is well."""
    marks = used(root)
    return [line for language in LANGUAGES for line in language_problems(root, language, marks)]


def language_problems(root: Path, language: str, marks: dict[Message, tuple[str, ...]]) -> Iterator[str]:
    """Yield the problems of one language, each with the place that shows the text."""
    path = folder(root, language) / "django.po"
    known = catalogue.read(path)
    for message, places in sorted(marks.items()):
        entry = known.get(message)
        if entry is None or not entry.complete:
            yield f"{language}: no translation of {message.text!r} ({places[0]})"
        else:
            yield from placeholder_problems(language, entry)
    yield from (f"{language}: no longer used: {message.text!r}" for message in sorted(known.keys() - marks.keys()))
    if compiled_file(path) != catalogue.compiled(language, known.values()):
        yield f"{language}: {path.with_suffix('.mo').relative_to(root)} is not what the .po compiles to: run `make messages`"


def placeholder_problems(language: str, entry: Entry) -> Iterator[str]:
    """Yield a line for each form that lost or invented a placeholder."""
    wanted = set(PLACEHOLDER.findall(entry.message.text)) | set(PLACEHOLDER.findall(entry.message.plural))
    for form in entry.forms:
        names = set(PLACEHOLDER.findall(form))
        # A singular may leave its number out ("one request"), so only a single form must have every placeholder.
        if names - wanted or (not entry.message.plural and names != wanted):
            yield f"{language}: placeholders differ in {entry.message.text!r}: {form!r}"


def compiled_file(path: Path) -> bytes:
    """Read the compiled catalogue beside a .po file; empty when absent."""
    compiled = path.with_suffix(".mo")
    return compiled.read_bytes() if compiled.is_file() else b""


def main(arguments: list[str]) -> int:
    """Update or check, print what is missing, and return the exit code."""
    if arguments not in (["update"], ["check"]):
        print("usage: python -m tooling.translations update|check", file=sys.stderr)
        return 2
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
    lines = update(ROOT) if arguments == ["update"] else problems(ROOT)
    print("\n".join(lines) or "every text has its translation")
    # Updating has done its work even where a person must still translate.
    return 1 if lines and arguments == ["check"] else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
