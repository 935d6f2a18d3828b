"""What an uploaded file really is: its bytes decide, its name must agree, and nothing in it may do harm.

puremagic tells by signature; office documents are looked into, since all of them are ZIP archives. Macros, archives that unpack
to far more than they are, and XML with entities are refused. It is no virus scanner: a file is only ever given out as
an attachment, never shown or run.
"""

import zipfile
import zlib
from collections.abc import Iterable
from io import BytesIO
from pathlib import PurePosixPath
from xml.sax import ContentHandler, SAXException

import puremagic
from defusedxml import sax
from defusedxml.common import DefusedXmlException

from marketplace.kernel.errors import FieldError
from marketplace.kernel.text import gettext_noop as _

UNPACKED_BYTES, RATIO, MEMBERS = 50 * 2**20, 100, 5_000
RATIO_FROM_BYTES = 2**20  # small files compress well without any harm
OPENXML = "application/vnd.openxmlformats-officedocument."
OPENDOCUMENT = "application/vnd.oasis.opendocument."
MEDIA_TYPES = {
    "pdf": "application/pdf",
    "docx": f"{OPENXML}wordprocessingml.document",
    "xlsx": f"{OPENXML}spreadsheetml.sheet",
    "odt": f"{OPENDOCUMENT}text",
    "ods": f"{OPENDOCUMENT}spreadsheet",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "txt": "text/plain",
    "csv": "text/csv",
    "jsonl": "application/jsonl",
}
ARCHIVES = ("docx", "xlsx", "odt", "ods")
SIGNATURES = {"pdf": b"%PDF-", "png": b"\x89PNG\r\n\x1a\n", "jpg": b"\xff\xd8\xff", "jpeg": b"\xff\xd8\xff"}
MAIN_PARTS = {"docx": "word/document.xml", "xlsx": "xl/workbook.xml"}
# The two that the Open Packaging Conventions (ISO/IEC 29500-2) and ODF 1.3, part 2, know. Of what else zipfile reads, bzip2 and
# LZMA fail in ways of their own, and LZMA takes as much memory as the sender says.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What zipfile raises for a damaged archive; OverflowError for a part that begins further away than any file goes.
UNREADABLE = (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, KeyError, ValueError, OverflowError)
MACROS = ("vbaproject.bin", "vbadata.xml", "basic/", "scripts/", "macrosheets/", "activex/")


class FileRefusedError(ValueError):
    """Why a file is not taken."""

    def __init__(self, error: FieldError) -> None:
        super().__init__(error.code)
        self.error = error


def check(content: bytes, extension: str) -> str:
    """Find that ``content`` is what ``extension`` (lower case, without the dot) says, and harmless; give its media type.

    Raises FileRefusedError.
    """
    if extension not in MEDIA_TYPES:
        detail = _("A file of this kind is not taken.")
        raise FileRefusedError(FieldError("?file_name", "file_kind", detail, tuple(MEDIA_TYPES)))
    if extension in ARCHIVES:
        _check_archive(content, extension)
    elif extension in SIGNATURES:
        _require(content.startswith(SIGNATURES[extension]) and _seems(content, MEDIA_TYPES[extension]), extension)
    else:
        _check_text(content, extension)
    return MEDIA_TYPES[extension]


def _require(agrees: bool, extension: str) -> None:
    if not agrees:
        detail = _("The content is not that of a file `.%(extension)s`.")
        raise FileRefusedError(FieldError("", "file_content", detail, params={"extension": extension}))


def _seems(content: bytes, media_type: str) -> bool:
    return any(one.mime_type == media_type for one in _signatures(content))


def _signatures(content: bytes) -> Iterable[puremagic.PureMagicWithConfidence]:
    try:
        return puremagic.magic_string(content)
    except puremagic.PureError:
        return ()


def _check_text(content: bytes, extension: str) -> None:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        detail = _("Line %(line)s is not UTF-8. Save the file as UTF-8.")
        params = {"line": content.count(b"\n", 0, error.start) + 1}
        raise FileRefusedError(FieldError("", "file_content", detail, params=params)) from None
    _require("\x00" not in text and bool(text.strip()), extension)
    head = text.lstrip()[:200].lower()
    _require(
        not head.startswith(("<!doctype", "<html", "<svg", "<?xml", "<script", "#!", "%pdf-", "{\\rtf")), extension
    )


def _check_archive(content: bytes, extension: str) -> None:
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            members = archive.infolist()
            _check_sizes(members, len(content))
            _require(all(member.compress_type in METHODS for member in members), extension)
            _require(_is_office(archive, extension), extension)
            _check_members(archive, members)
    except FileRefusedError:
        raise
    except UNREADABLE:
        _require(False, extension)


def _is_office(archive: zipfile.ZipFile, extension: str) -> bool:
    names = set(archive.namelist())
    if extension in MAIN_PARTS:
        return {"[Content_Types].xml", MAIN_PARTS[extension]} <= names
    return "mimetype" in names and archive.read("mimetype").decode("ascii", "replace").strip() == MEDIA_TYPES[extension]


def _check_sizes(members: list[zipfile.ZipInfo], packed: int) -> None:
    """Refuse by what the directory says, before anything is unpacked."""
    unpacked = sum(member.file_size for member in members)
    too_dense = unpacked > RATIO_FROM_BYTES and unpacked > RATIO * packed
    if unpacked > UNPACKED_BYTES or too_dense or len(members) > MEMBERS:
        detail = _("The file unpacks to more than %(bytes)s bytes, or to more than %(ratio)s times what it is.")
        raise FileRefusedError(FieldError("", "file_bomb", detail, params={"bytes": UNPACKED_BYTES, "ratio": RATIO}))


def _check_members(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> None:
    left = UNPACKED_BYTES
    for member in members:
        name = member.filename.lower()
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name:
            raise FileRefusedError(FieldError("", "file_path", _("The file has a part whose name leads out of it.")))
        if any(mark in name for mark in MACROS):
            raise FileRefusedError(FieldError("", "file_macros", _("The file has macros.")))
        left -= _check_member(archive, member, left)


def _check_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, left: int) -> int:
    """Read a member, never more than ``left`` bytes of it: a directory may lie. Give its size."""
    with archive.open(member) as opened:
        content = opened.read(left + 1)
    if len(content) > left:
        detail = _("The file unpacks to more than %(bytes)s bytes, or to more than %(ratio)s times what it is.")
        raise FileRefusedError(FieldError("", "file_bomb", detail, params={"bytes": UNPACKED_BYTES, "ratio": RATIO}))
    if member.filename.lower().endswith((".xml", ".rels")):
        _check_xml(content)
    return len(content)


def _check_xml(content: bytes) -> None:
    """Read it as a stream: a tree of millions of empty elements would take a hundred times what the file does."""
    try:
        sax.parseString(content, ContentHandler(), forbid_dtd=True)
    except DefusedXmlException:
        raise FileRefusedError(FieldError("", "file_entities", _("The file has XML with entities or a DTD."))) from None
    except SAXException:
        raise FileRefusedError(FieldError("", "file_xml", _("The file has XML that cannot be read."))) from None
    if b"macroEnabled" in content:
        raise FileRefusedError(FieldError("", "file_macros", _("The file has macros.")))
