"""Content-Disposition (RFC 6266) made of any file name that a client tells."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tusd_py.serving.disposition import file_name, present

anything = st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode))
HEADER = re.compile(
    r"""(?:inline|attachment)
    (?:;\ filename="(?P<plain>(?:[^"\\]|\\")+)"
    (?:;\ filename\*=UTF-8''(?P<full>[\w!\#$&+.^`|~%-]+))?)?""",
    re.VERBOSE | re.ASCII,
)


def disposition(name: bytes | str, content_type: str = "image/png") -> str:
    value = name if isinstance(name, bytes) else name.encode()
    return present({"filename": value, "filetype": content_type.encode()}).content_disposition


@given(name=anything, kind=anything)
@example(name=b'a"\r\nSet-Cookie: x=\x00', kind=b"text/html\r\nX: y")
@example(name=b"\\", kind=b'text/plain; charset="')
def test_no_metadata_can_leave_its_header(name: bytes, kind: bytes) -> None:
    presentation = present({"name": name, "type": kind})
    assert re.fullmatch(r"[ -~]+", presentation.content_disposition)
    assert re.fullmatch(r"[ -~]+", presentation.content_type)
    assert HEADER.fullmatch(presentation.content_disposition)
    assert len(presentation.content_disposition) < 4096


@given(name=anything)
def test_the_header_reads_back_as_the_cleaned_name(name: bytes) -> None:
    match = HEADER.fullmatch(disposition(name))
    assert match is not None
    plain, full = match.group("plain", "full")
    read = unquote_to_bytes(full).decode() if full else (plain or "").replace(r"\"", '"')
    assert read == file_name({"filename": name})


@given(name=anything)
def test_file_name_has_no_path_control_or_leading_dot(name: bytes) -> None:
    assert not re.search(r"[/\\\x00-\x1f\x7f-\x9f]|^\.", file_name({"filename": name}))


def test_a_plain_name_needs_no_extended_form() -> None:
    assert disposition("report 1.png") == 'inline; filename="report 1.png"'


def test_quotes_are_escaped() -> None:
    assert disposition('file.jpg"evil').startswith(r'inline; filename="file.jpg\"evil"; filename*=UTF-8' + "''")


def test_non_ascii_name_has_utf8_and_fallback() -> None:
    assert disposition("naïve €.txt") == (
        "inline; filename=\"na_ve _.txt\"; filename*=UTF-8''na%C3%AFve%20%E2%82%AC.txt"
    )


def test_percent_sign_is_encoded_and_replaced() -> None:
    """A percent sign is encoded in `filename*`, and replaced in the fallback, which some clients would decode."""
    assert disposition("100%41.txt") == "inline; filename=\"100_41.txt\"; filename*=UTF-8''100%2541.txt"


@pytest.mark.parametrize(
    ("raw_name", "name"),
    [
        ("../../etc/passwd", "passwd"),
        (r"C:\Users\me\cv.doc", "cv.doc"),
        ("dir/", ""),
        ("..", ""),
        (".hidden", "hidden"),
        ("  a b \t", "a b"),
        ("a\r\nb\x00c", "abc"),
        ("invoice\u202ecod.exe", "invoicecod.exe"),
        ("👩\u200d💻.txt", "👩\u200d💻.txt"),
    ],
)
def test_a_name_loses_what_could_mislead_a_person_or_a_disk(raw_name: str, name: str) -> None:
    assert file_name({"filename": raw_name.encode()}) == name


def test_a_long_name_keeps_its_start_and_its_extension() -> None:
    name = file_name({"filename": b"a" * 1000 + b".tar.gz"})
    assert (len(name), name[:3], name[-7:]) == (163, "aaa", ".tar.gz")


def test_bytes_that_are_no_utf_8_still_give_a_name() -> None:
    assert file_name({"filename": b"caf\xe9.txt"}) == "caf\ufffd.txt"


def test_name_stands_in_for_a_filename_that_is_missing_or_empty() -> None:
    assert file_name({"name": b"b.txt"}) == file_name({"filename": b"/", "name": b"b.txt"}) == "b.txt"
    assert file_name({"filename": b"a.txt", "name": b"b.txt"}) == "a.txt"


def test_object_without_metadata_is_unnamed_attachment() -> None:
    presentation = present({})
    assert (presentation.content_type, presentation.content_disposition) == ("application/octet-stream", "attachment")
