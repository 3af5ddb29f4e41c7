"""The type of a file by its first bytes, judged by the marks that the library puremagic lists."""

from __future__ import annotations

import os

import pytest

from tests.support.uploads import upload
from tusd_py.domain.content_types import HEAD_BYTES, check_content, has_allowed_mark
from tusd_py.domain.refusals import TypeNotAllowed
from tusd_py.transfer.file_marks import FileMarks

MARKS = FileMarks()

PNG = b"\x89PNG\r\n\x1a\n" + bytes(30)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(30)
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
PROGRAM = b"MZ\x90\x00" + bytes(60)
ZIP = b"PK\x03\x04\x14\x00" + bytes(30)
PAGE = b"<!DOCTYPE html><script>alert(1)</script>"
NOISE = bytes([7, *range(200, 250)])


def check(kind: str, head: bytes, *allowed: str) -> None:
    record = upload(metadata={"filetype": kind.encode()})
    check_content(record, head, MARKS.find(head), MARKS.kinds, allowed or (kind,))


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("image/png", PNG),
        ("image/jpeg; q=1", JPEG),
        ("IMAGE/WEBP", b"RIFF\x24\x00\x00\x00WEBPVP8 "),
        ("audio/wav", b"RIFF\x24\x00\x00\x00WAVEfmt "),
        ("video/mp4", b"\x00\x00\x00\x18ftypmp42" + bytes(20)),
        ("video/quicktime", b"\x00\x00\x00\x14ftypqt  " + bytes(20)),
        ("video/webm", b"\x1a\x45\xdf\xa3" + bytes(20)),
        ("video/x-matroska", b"\x1a\x45\xdf\xa3" + bytes(20)),
        ("audio/mpeg", b"ID3\x03" + bytes(20)),
        ("image/bmp", b"BM\x36\x00" + bytes(20)),
        ("image/gif", b"GIF89a" + bytes(20)),
        ("application/pdf", PDF),
        ("application/zip", ZIP),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", ZIP),
        ("application/gzip", b"\x1f\x8b\x08" + bytes(20)),
        ("image/svg+xml", b"<svg xmlns="),
        ("image/svg+xml", b'<?xml version="1.0"?><svg'),
        ("image/svg+xml", b"<!-- drawn by hand -->\n<svg"),
        ("text/xml", b'<?xml version="1.0"?><a/>'),
        ("text/html", PAGE),
        ("application/json", b'{"a": 1}'),
        ("application/json", b"[1, 2]"),
        ("text/csv", b"ID;name\n1;a\n"),
        ("text/csv", b"BMW;sales\n"),
        ("text/plain", "Übung".encode()),
        ("text/plain", b"\xff\xfea\x00b\x00"),
        ("application/x-own-format", NOISE),
        ("application/x-own-format", b"mine"),
    ],
)
def test_a_file_of_its_declared_type(kind: str, head: bytes) -> None:
    check(kind, head, kind.partition(";")[0].lower())


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("image/png", JPEG),
        ("image/png", PROGRAM),
        ("image/png", PAGE),
        ("image/png", NOISE),
        ("image/png", PNG[:4]),
        ("application/pdf", ZIP),
        ("text/plain", PAGE),
        ("text/plain", PDF),
        ("text/plain", PROGRAM),
        ("text/csv", NOISE),
        ("application/json", PAGE),
        ("image/svg+xml", PAGE),
        ("application/x-own-format", PAGE),
        ("application/x-own-format", PROGRAM),
    ],
)
def test_a_file_of_another_type(kind: str, head: bytes) -> None:
    with pytest.raises(TypeNotAllowed, match="these bytes aren't of the declared type"):
        check(kind, head)


def test_declared_type_may_differ_within_allowed_ones() -> None:
    check("image/png", JPEG, "image/*")
    check("image/png", PDF, "image/png", "application/pdf")


@pytest.mark.parametrize("allowed", ["*/*", "application/octet-stream"])
def test_bytes_of_no_type_are_taken_where_any_are(allowed: str) -> None:
    check("image/png", NOISE, allowed)


def test_more_bytes_take_no_mark_away() -> None:
    record = upload(metadata={"filetype": b"image/png"})
    for further in (b"", PDF, PAGE, NOISE, os.urandom(HEAD_BYTES)):
        assert has_allowed_mark(record, MARKS.find(PNG + further), ("image/png",))
    assert not has_allowed_mark(record, MARKS.find(b""), ("image/png",))


def test_marks_lie_within_the_bytes_that_are_judged() -> None:
    assert max(row.offset + len(row.mark) for row in MARKS._rows) <= HEAD_BYTES
    tar = bytes(257) + b"ustar\x0000" + bytes(200)
    assert "application/x-tar" in {mark.kind for mark in MARKS.find(tar)}
