"""What an uploaded file really is: bytes decide, names must agree, nothing harmful is taken."""

import struct
import tracemalloc
import zipfile
from io import BytesIO

import pytest

from marketplace.files import content
from marketplace.files.content import MEDIA_TYPES, FileRefusedError, check

PDF = b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\ntrailer\n<< >>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"
XML = '<?xml version="1.0" encoding="UTF-8"?><a/>'
ENTITIES = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "xxxxxxxxxx"><!ENTITY y "&x;&x;&x;">]><a>&y;</a>'
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'


def archive(*members: tuple[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w", method) as made:
        for name, text in members:
            made.writestr(name, text)
    return target.getvalue()


def docx(*more: tuple[str, str | bytes]) -> bytes:
    return archive(("[Content_Types].xml", XML), ("word/document.xml", XML), *more)


def xlsx(*more: tuple[str, str | bytes]) -> bytes:
    return archive(("[Content_Types].xml", XML), ("xl/workbook.xml", XML), *more)


def corrupt(method: int, first: int, kind: str = "xlsx") -> bytes:
    """Make an office file whose last part is compressed by ``method`` and corrupt from its byte ``first`` on."""
    before = {
        "xlsx": (("[Content_Types].xml", XML), ("xl/workbook.xml", XML)),
        "ods": (("mimetype", MEDIA_TYPES["ods"]),),
    }
    made = bytearray(archive(*before[kind], ("last.xml", "<a>" + "some words " * 50 + "</a>"), method=method))
    with zipfile.ZipFile(BytesIO(bytes(made))) as opened:
        part = opened.getinfo("last.xml")
    begin = part.header_offset + 30 + len(part.filename)
    for place in range(begin + first, begin + part.compress_size):
        made[place] ^= 0xFF
    return bytes(made)


def far_away() -> bytes:
    """Make a document that says of its last part that it begins behind the end of the largest file there can be."""
    made = docx()
    entry, end = made.rindex(b"PK\x01\x02"), made.rindex(b"PK\x05\x06")
    field = struct.pack("<HHQ", 1, 8, 2**63)  # ZIP64: where the part begins, for an entry that has ~0 there
    head = made[entry : entry + 30] + struct.pack("<H", len(field)) + made[entry + 32 : entry + 42] + b"\xff" * 4
    size = struct.pack("<I", struct.unpack("<I", made[end + 12 : end + 16])[0] + len(field))
    return made[:entry] + head + made[entry + 46 : end] + field + made[end : end + 12] + size + made[end + 16 :]


def opendocument(kind: str, *more: tuple[str, str | bytes]) -> bytes:
    return archive(("mimetype", MEDIA_TYPES[kind]), ("content.xml", XML), *more)


GOOD = {
    "pdf": PDF,
    "png": PNG,
    "jpg": JPEG,
    "jpeg": JPEG,
    "docx": docx(),
    "xlsx": xlsx(),
    "odt": opendocument("odt"),
    "ods": opendocument("ods"),
    "txt": "Une réunion à Bamako.\n".encode(),
    "csv": b"name;people\nBamako;20\n",
    "jsonl": b'{"name": "Bamako"}\n{"name": "Dakar"}\n',
}


@pytest.mark.parametrize("extension", MEDIA_TYPES)
def test_each_kind_is_taken_for_what_it_is(extension: str) -> None:
    assert check(GOOD[extension], extension) == MEDIA_TYPES[extension]


@pytest.mark.parametrize("extension", MEDIA_TYPES)
@pytest.mark.parametrize("other", ["pdf", "png", "docx", "odt", "txt"])
def test_no_kind_passes_for_another(extension: str, other: str) -> None:
    pictures, texts = {"jpg", "jpeg"}, {"txt", "csv", "jsonl"}
    if extension == other or {extension, other} <= pictures or {extension, other} <= texts:
        return
    with pytest.raises(FileRefusedError) as refused:
        check(GOOD[other], extension)
    assert refused.value.error.code == "file_content"


HARMFUL = {
    "macros in a document": (docx(("word/vbaProject.bin", b"x")), "docx", "file_macros"),
    "macros in a workbook": (xlsx(("xl/VBAPROJECT.BIN", b"x")), "xlsx", "file_macros"),
    "a macro sheet": (xlsx(("xl/macrosheets/sheet1.xml", XML)), "xlsx", "file_macros"),
    "a document that says it has macros": (
        archive(
            ("[Content_Types].xml", "<a b='application/vnd.ms-word.document.macroEnabled.main+xml'/>"),
            ("word/document.xml", XML),
        ),
        "docx",
        "file_macros",
    ),
    "Basic in a text": (opendocument("odt", ("Basic/Standard/Module1.xml", XML)), "odt", "file_macros"),
    "entities": (docx(("word/styles.xml", ENTITIES)), "docx", "file_entities"),
    "entities from outside": (xlsx(("xl/styles.xml", OUTSIDE)), "xlsx", "file_entities"),
    "entities in relations": (docx(("_rels/.rels", OUTSIDE)), "docx", "file_entities"),
    "broken XML": (docx(("word/styles.xml", "<a>")), "docx", "file_xml"),
    "a bomb by ratio": (docx(("word/media/a", b"\x00" * 30_000_000)), "docx", "file_bomb"),
    "a bomb by size": (docx(*((f"word/media/{n}", b"\x00" * 9_000_000) for n in range(6))), "docx", "file_bomb"),
    "a bomb of members": (docx(*((f"word/media/{n}", b"") for n in range(content.MEMBERS))), "docx", "file_bomb"),
    "a way upwards": (docx(("../../etc/cron.d/x", b"x")), "docx", "file_path"),
    "an absolute path": (docx(("/etc/passwd", b"x")), "docx", "file_path"),
    "a path of another system": (docx(("..\\..\\x", b"x")), "docx", "file_path"),
    "a truncated archive": (docx()[:-30], "docx", "file_content"),
    "a corrupt part": (corrupt(zipfile.ZIP_DEFLATED, 0), "xlsx", "file_content"),
    "a part whose bzip2 is corrupt from the beginning": (corrupt(zipfile.ZIP_BZIP2, 0), "xlsx", "file_content"),
    "a part whose bzip2 is corrupt": (corrupt(zipfile.ZIP_BZIP2, 20), "xlsx", "file_content"),
    "a part whose LZMA header is corrupt": (corrupt(zipfile.ZIP_LZMA, 0), "xlsx", "file_content"),
    "a part whose LZMA is corrupt": (corrupt(zipfile.ZIP_LZMA, 12), "xlsx", "file_content"),
    "a part of a table whose LZMA is corrupt": (corrupt(zipfile.ZIP_LZMA, 12, "ods"), "ods", "file_content"),
    "parts that no office program packs so": (
        archive(("[Content_Types].xml", XML), ("word/document.xml", XML), method=zipfile.ZIP_LZMA),
        "docx",
        "file_content",
    ),
    "a part that begins behind the end of any file": (far_away(), "docx", "file_content"),
    "any archive": (archive(("a.txt", b"x")), "docx", "file_content"),
    "a page as a text": (b"  <!DOCTYPE html><script>alert(1)</script>", "txt", "file_content"),
    "a picture with scripts as a text": (b"<svg onload='alert(1)'/>", "txt", "file_content"),
    "a program as a text": (b"#!/bin/sh\nrm -rf /", "txt", "file_content"),
    "bytes as a table": (b"a;b\x00c", "csv", "file_content"),
    "UTF-16 as a text": ("text".encode("utf-16"), "txt", "file_content"),
    "nothing as a text": (b"", "txt", "file_content"),
    "nothing as a PDF": (b"", "pdf", "file_content"),
    "a program": (b"MZ\x90\x00", "exe", "file_kind"),
    "a document with macros by name": (docx(), "docm", "file_kind"),
    "a page": (b"<html>", "html", "file_kind"),
    "a picture with scripts": (b"<svg/>", "svg", "file_kind"),
}


@pytest.mark.parametrize("name", HARMFUL)
def test_what_is_harmful_is_refused_by_its_name(name: str) -> None:
    made, extension, code = HARMFUL[name]
    with pytest.raises(FileRefusedError) as refused:
        check(made, extension)
    assert refused.value.error.code == code


def test_a_directory_that_lies_about_sizes_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sizes in the directory of the archive are the sender's word; what is unpacked is counted again."""
    monkeypatch.setattr(content, "_check_sizes", lambda members, packed: None)
    monkeypatch.setattr(content, "UNPACKED_BYTES", 1_000)
    with pytest.raises(FileRefusedError) as refused:
        check(docx(("word/media/a", b"\x00" * 2_000)), "docx")
    assert refused.value.error.code == "file_bomb"


def test_millions_of_elements_are_read_without_a_tree_of_them() -> None:
    """Half a megabyte of a file may unpack to fifty; a tree of it would take a gigabyte of the web process."""
    many = f"<a>{'<b/>' * 200_000}</a>"
    tracemalloc.start()
    try:
        check(docx(("word/styles.xml", many)), "docx")
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10 * len(many)
