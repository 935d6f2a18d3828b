"""A file is sent, attached and given out again; what nobody attached is swept."""

import hashlib
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from marketplace.files import storage, uploads
from marketplace.files.models import Document, StoredFile
from marketplace.kernel.errors import ErrorCode as C
from tests.files.test_content import PDF, docx
from tests.hostile.corpus import GOOD_BYTES
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.people import SmallGroup, small_group

pytestmark = pytest.mark.django_db
LETTER = {"kind": "endorsement_letter", "title": "Letter", "language": "fr"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.FILES_DIR = tmp_path / "files"
    return tmp_path / "files"


@pytest.fixture
def group(at: datetime) -> SmallGroup:
    return small_group(at)


@pytest.fixture
def focal(group: SmallGroup) -> ApiClient:
    return ApiClient.of(group.focal_point, timezone.now())


@pytest.fixture
def request_path(focal: ApiClient) -> str:
    return f"/requests/{focal.call('POST', '/requests', raw=GOOD_BYTES).body['id']}"


def send(api: ApiClient, name: str = "letter.pdf", content: bytes = PDF, headers: dict[str, str] | None = None) -> Any:
    path = f"/uploads?file_name={name}"
    return api.call("POST", path, raw=content, content_type="application/octet-stream", headers=headers)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_file_is_sent_attached_and_given_out(focal: ApiClient, request_path: str, folder: Path) -> None:
    sent = send(focal, "Lettre%20du%20minist%C3%A8re.pdf")
    assert sent.status_code == 201, sent.body
    assert (sent.body["media_type"], sent.body["size_bytes"]) == ("application/pdf", len(PDF))
    assert sent.body["sha256"] == hashlib.sha256(PDF).hexdigest()
    (stored,) = files(folder)
    assert stored.read_bytes() == PDF
    assert "ettre" not in str(stored)
    assert stored.stat().st_mode & 0o777 == 0o600
    attached = focal.post(f"{request_path}/documents", {**LETTER, "upload": sent.body["id"]})
    assert attached.status_code == 201, attached.body
    assert (attached.body["media_type"], attached.body["sha256"]) == ("application/pdf", sent.body["sha256"])
    given = focal.client.get(attached.body["content_url"], headers=focal.headers)
    assert given.content == PDF
    assert given["Content-Type"] == "application/pdf"
    assert given["Content-Disposition"] == "attachment; filename*=utf-8''Lettre%20du%20minist%C3%A8re.pdf"
    assert given["X-Content-Type-Options"] == "nosniff"
    assert given["Content-Security-Policy"].startswith("sandbox")
    assert given["Cache-Control"] == "no-store"


def test_key_that_was_used_for_another_name_is_used_up(focal: ApiClient) -> None:
    """The name stands in the query, and is part of what is asked for."""
    first = send(focal, "a.pdf", headers={"Idempotency-Key": "k"})
    again = send(focal, "a.pdf", headers={"Idempotency-Key": "k"})
    assert (again.status_code, again.body["id"]) == (201, first.body["id"])
    check_problem(send(focal, "b.pdf", headers={"Idempotency-Key": "k"}), C.IDEMPOTENCY_KEY_REUSED)


def test_who_does_not_see_the_document_does_not_get_its_content(
    focal: ApiClient, request_path: str, group: SmallGroup
) -> None:
    upload = send(focal).body["id"]
    document = focal.post(f"{request_path}/documents", {**LETTER, "upload": upload}).body
    stranger = ApiClient.of(group.outsider, timezone.now())
    check_problem(stranger.get(document["content_url"]), C.NOT_FOUND)
    check_problem(ApiClient().get(document["content_url"]), C.NOT_AUTHENTICATED)
    check_problem(
        ApiClient.of(group.focal_point, timezone.now(), "audit:read").get(document["content_url"]), C.INSUFFICIENT_SCOPE
    )
    other = focal.post(f"{request_path}/documents", {**LETTER, "external_reference": "A-7"}).body
    assert other["content_url"] is None
    check_problem(focal.get(f"{request_path}/documents/{other['id']}/content"), C.NOT_FOUND)


def test_an_upload_is_its_senders_alone_and_is_attached_once(
    focal: ApiClient, request_path: str, group: SmallGroup
) -> None:
    upload = send(focal).body["id"]
    officer = ApiClient.of(group.officer, timezone.now())
    own = send(officer).body["id"]
    for wrong in (own, "0198c0de-0000-7000-8000-000000000001"):
        body = check_problem(focal.post(f"{request_path}/documents", {**LETTER, "upload": wrong}), C.UNKNOWN_REFERENCE)
        assert places(body) == {"/upload": "unknown_reference"}
    assert focal.post(f"{request_path}/documents", {**LETTER, "upload": upload}).status_code == 201
    check_problem(focal.post(f"{request_path}/documents", {**LETTER, "upload": upload}), C.UNKNOWN_REFERENCE)


def test_what_is_known_of_an_upload_cannot_be_said_otherwise(focal: ApiClient, request_path: str) -> None:
    said = {**LETTER, "upload": send(focal).body["id"], "media_type": "text/html", "sha256": "a" * 64}
    body = check_problem(focal.post(f"{request_path}/documents", said), C.RULE_BROKEN)
    assert places(body) == {"/media_type": "known_already", "/sha256": "known_already"}


@pytest.mark.parametrize(
    "name",
    [
        "",
        "pdf",
        ".pdf",
        "a.pdf.",
        "..%2f..%2fa.pdf",
        "a%00.pdf",
        "a%0d%0aX:1.pdf",
        "x" * 150 + ".pdf",
        "a%5cb.pdf",
        "fdp%E2%80%AEexe.pdf",
    ],
)
def test_names_are_no_paths_and_say_what_they_are(focal: ApiClient, name: str, folder: Path) -> None:
    body = check_problem(send(focal, name), C.INVALID_INPUT)
    assert set(places(body)) == {"file_name"}
    assert not files(folder)


def test_content_that_is_not_what_its_name_says_is_not_kept(focal: ApiClient, folder: Path) -> None:
    for name, content, code in (
        ("a.pdf", b"MZ\x90", "file_content"),
        ("a.exe", b"MZ\x90", "file_kind"),
        ("a.docx", docx(("word/vbaProject.bin", b"x")), "file_macros"),
    ):
        english = check_problem(send(focal, name, content), C.RULE_BROKEN)
        french = check_problem(send(focal, name, content, {"Accept-Language": "fr"}), C.RULE_BROKEN)
        assert [error["code"] for error in english["errors"]] == [code]
        assert french["errors"][0]["detail"] != english["errors"][0]["detail"]
    assert not files(folder)
    assert not StoredFile.objects.exists()


def test_size_type_and_role_are_looked_at_first(focal: ApiClient, group: SmallGroup, settings: Settings) -> None:
    settings.FILE_BYTES = len(PDF) - 1
    check_problem(send(focal), C.BODY_TOO_LARGE)
    check_problem(
        focal.call("POST", "/uploads?file_name=a.pdf", raw=PDF, content_type="application/pdf"),
        C.UNSUPPORTED_MEDIA_TYPE,
    )
    check_problem(focal.call("POST", "/uploads?file_name=a.pdf", {}), C.UNSUPPORTED_MEDIA_TYPE)
    check_problem(send(ApiClient.of(group.viewer, timezone.now())), C.PERMISSION_DENIED)
    check_problem(send(ApiClient()), C.NOT_AUTHENTICATED)


def test_a_repeated_call_keeps_one_file(focal: ApiClient, folder: Path) -> None:
    first, again = (send(focal, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert first.body == again.body
    assert len(files(folder)) == 1
    check_problem(send(focal, content=PDF + b"\n", headers={"Idempotency-Key": "k"}), C.IDEMPOTENCY_KEY_REUSED)


def test_what_nobody_needs_is_swept(focal: ApiClient, request_path: str, folder: Path) -> None:
    now = timezone.now()
    upload, lost = send(focal).body["id"], send(focal).body["id"]
    document = focal.post(f"{request_path}/documents", {**LETTER, "upload": upload}).body
    stray = folder / "ab" / ("ab" * 16)
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"left by a crash")
    assert uploads.sweep(at=now) == 0
    old = (now - timedelta(days=2)).timestamp()
    os.utime(stray, (old, old))
    assert uploads.sweep(at=now + timedelta(minutes=1)) == 1, "the stray alone"
    tomorrow = now + timedelta(days=1, minutes=1)
    assert uploads.sweep(at=tomorrow) == 1
    assert StoredFile.objects.get(public_id=lost).purged_at == tomorrow
    check_problem(focal.post(f"{request_path}/documents", {**LETTER, "upload": lost}), C.UNKNOWN_REFERENCE)
    assert focal.client.get(document["content_url"], headers=focal.headers).content == PDF
    Document.objects.update(removed_at=now, removed_by="test")
    assert uploads.sweep(at=now + timedelta(days=29)) == 0
    assert uploads.sweep(at=now + timedelta(days=31)) == 1
    assert files(folder) == []
    assert StoredFile.objects.get(public_id=upload).sha256 == hashlib.sha256(PDF).hexdigest(), "what there was is known"


def test_a_sweep_that_does_not_see_the_folder_calls_nothing_purged(
    focal: ApiClient, folder: Path, settings: Settings
) -> None:
    send(focal)
    tomorrow = timezone.now() + timedelta(days=1, minutes=1)
    settings.FILES_DIR = folder.with_name("not mounted")
    with pytest.raises(FileNotFoundError, match="not mounted"):
        uploads.sweep(at=tomorrow)
    assert StoredFile.objects.get().purged_at is None
    settings.FILES_DIR = folder
    assert uploads.sweep(at=tomorrow) == 1
    assert files(folder) == []


def test_a_sweep_with_nothing_to_delete_needs_no_folder(settings: Settings, tmp_path: Path) -> None:
    settings.FILES_DIR = tmp_path / "not mounted"
    assert uploads.sweep(at=timezone.now()) == 0


def test_a_file_that_went_before_a_crash_is_called_purged_by_the_next_sweep(focal: ApiClient, folder: Path) -> None:
    send(focal)
    (stored,) = files(folder)
    stored.unlink()
    tomorrow = timezone.now() + timedelta(days=1, minutes=1)
    assert uploads.sweep(at=tomorrow) == 1
    assert StoredFile.objects.get().purged_at == tomorrow


def test_a_file_that_was_called_purged_elsewhere_goes_with_the_next_sweep_that_sees_it(
    focal: ApiClient, folder: Path, settings: Settings
) -> None:
    """A mount point without its disk, say: the folder is there, and empty."""
    send(focal)
    send(focal, "kept.pdf")
    tomorrow = timezone.now() + timedelta(days=1, minutes=1)
    StoredFile.objects.filter(file_name="kept.pdf").update(kept_until=tomorrow + timedelta(days=9))
    settings.FILES_DIR = folder.with_name("empty")
    settings.FILES_DIR.mkdir()
    assert uploads.sweep(at=tomorrow) == 1
    settings.FILES_DIR = folder
    assert len(files(folder)) == 2
    assert uploads.sweep(at=tomorrow) == 1
    assert [path.name for path in files(folder)] == [StoredFile.objects.get(file_name="kept.pdf").name]


def test_a_file_that_was_changed_on_the_disk_is_not_given_out(
    focal: ApiClient, request_path: str, folder: Path
) -> None:
    upload = send(focal).body["id"]
    document = focal.post(f"{request_path}/documents", {**LETTER, "upload": upload}).body
    (stored,) = files(folder)
    stored.write_bytes(b"something else")
    focal.client.raise_request_exception = False
    check_problem(focal.get(document["content_url"]), C.INTERNAL_ERROR)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "zz" * 16, "ab" * 15, "AB" * 16])
def test_the_storage_takes_only_names_that_it_gave(name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        storage.path_of(name)


def test_a_write_that_fails_leaves_no_file_under_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        storage.write(PDF)
    assert [path.suffix for path in files(folder)] == [storage.UNFINISHED]
