"""Uploads that are allowed by their declared type and name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.support.uploads import upload
from tusd_py.domain.allowed import check_allowed, has_extension, has_type
from tusd_py.domain.direct import DirectMode, DirectTransfer
from tusd_py.domain.direct_rules import plan_begin, plan_open
from tusd_py.domain.intents import Begin, Create
from tusd_py.domain.limits import Limits, PartLimits
from tusd_py.domain.refusals import TypeNotAllowed
from tusd_py.domain.rules import plan_create, plan_final
from tusd_py.domain.upload import Kind
from tusd_py.domain.upload_id import UploadId

ID = UploadId("0" * 32)
PICTURES = Limits(allowed_types=("image/*", "application/pdf"), allowed_extensions=("jpg", "tar.gz"))
PICTURE = {"filetype": b"image/jpeg", "filename": b"a.jpg"}
PROGRAM = {"filetype": b"application/x-msdownload", "filename": b"setup.exe"}


@pytest.mark.parametrize("kind", ["image/png", "IMAGE/svg+xml", "image/png; a=b", " application/pdf ", "image/*"])
def test_a_type_that_is_allowed(kind: str) -> None:
    assert has_type(kind, PICTURES.allowed_types)
    assert has_type(kind, ("*/*",))


@pytest.mark.parametrize("kind", ["", "image", "image/", "images/png", "x/image/png", "application/pdfx", "*/*", "/"])
def test_a_type_that_is_not_allowed(kind: str) -> None:
    assert not has_type(kind, PICTURES.allowed_types)


@pytest.mark.parametrize("kind", ["", "image", "/png", "image/", ";image/png"])
def test_what_is_no_type_is_not_any_type(kind: str) -> None:
    assert not has_type(kind, ("*/*",))


@pytest.mark.parametrize("name", ["a.jpg", "фото.JPG", "a.exe.jpg", "a/b\\c.jpg", "a.tar.gz", "..jpg"])
def test_a_name_that_is_allowed(name: str) -> None:
    assert has_extension(name, PICTURES.allowed_extensions)


@pytest.mark.parametrize(
    "name", ["", "jpg", ".jpg", "a/.jpg", "a\\.tar.gz", "a.gz", "a.jpg.exe", "a.jpg/", "a.jpg\0", "a.jpg ", "ajpg"]
)
def test_a_name_that_is_not_allowed(name: str) -> None:
    assert not has_extension(name, PICTURES.allowed_extensions)


@pytest.mark.parametrize(
    "metadata",
    [
        PICTURE,
        {"type": b"image/jpeg", "name": b"a.jpg"},
        {"contentType": b"image/jpeg", "name": b"a.jpg"},
        {**PROGRAM, **PICTURE},
        {"filetype": b"", "type": b"image/jpeg", "filename": b"", "name": b"a.jpg"},
    ],
)
def test_what_keeps_both_rules_is_taken(metadata: Mapping[str, bytes]) -> None:
    check_allowed(metadata, PICTURES)


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        PROGRAM,
        {**PICTURE, "filetype": b"text/html"},
        {**PICTURE, "filename": b"a.exe"},
        {"filetype": b"image/jpeg"},
        {"filename": b"a.jpg"},
        {**PROGRAM, "type": b"image/jpeg", "name": b"a.jpg"},
        {**PICTURE, "filename": b"\xff"},
    ],
)
def test_what_breaks_one_is_refused(metadata: Mapping[str, bytes]) -> None:
    with pytest.raises(TypeNotAllowed):
        check_allowed(metadata, PICTURES)
    check_allowed(metadata, Limits())


def test_a_refusal_says_what_is_taken() -> None:
    with pytest.raises(TypeNotAllowed, match=r"image/\*, application/pdf"):
        check_allowed({}, PICTURES)
    with pytest.raises(TypeNotAllowed, match=r"jpg, tar\.gz"):
        check_allowed({"filetype": b"image/png"}, PICTURES)


@pytest.mark.parametrize("metadata", [{}, {"filetype": b"image/png"}, {"filename": b"a.jpg"}])
def test_partial_uploads_need_declare_nothing_and_final_ones_all(metadata: Mapping[str, bytes]) -> None:
    intent = Create(kind=Kind.PARTIAL, length=1, metadata=metadata)
    assert plan_create(intent, upload_id=ID, limits=PICTURES, now=0).kind is Kind.PARTIAL
    with pytest.raises(TypeNotAllowed):
        plan_final(replace(intent, kind=Kind.FINAL), [], upload_id=ID, limits=PICTURES, now=0)
    assert plan_final(Create(kind=Kind.FINAL, metadata=PICTURE), [], upload_id=ID, limits=PICTURES, now=0)


@pytest.mark.parametrize("declared", ["filetype", "filename"])
def test_what_a_partial_upload_declares_counts(declared: str) -> None:
    intent = Create(kind=Kind.PARTIAL, length=1, metadata={declared: PROGRAM[declared]})
    with pytest.raises(TypeNotAllowed):
        plan_create(intent, upload_id=ID, limits=PICTURES, now=0)


def test_a_direct_upload_in_one_request_declares_all_at_once() -> None:
    intent = Begin(mode=DirectMode.WHOLE, metadata={"filename": b"a.jpg"})
    with pytest.raises(TypeNotAllowed):
        plan_begin(intent, upload_id=ID, limits=PICTURES, parts=PartLimits(), now=0)


def test_direct_upload_declares_its_type_before_opening() -> None:
    intent = Begin(mode=DirectMode.PARTS, metadata={"filename": b"a.jpg"})
    announced = plan_begin(intent, upload_id=ID, limits=PICTURES, parts=PartLimits(), now=0)
    assert plan_open(announced, {"filetype": b"image/png"}, limits=PICTURES).metadata["filetype"] == b"image/png"
    for metadata in ({}, {"filetype": b"text/html"}):
        with pytest.raises(TypeNotAllowed):
            plan_open(announced, metadata, limits=PICTURES)
    typed = upload(direct=DirectTransfer(mode=DirectMode.PARTS), metadata={"type": b"image/png", "filename": b"a.jpg"})
    assert plan_open(typed, {"filetype": b"text/html"}, limits=PICTURES).metadata == typed.metadata
