"""tus 1.0: heads to intents."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.heads import any_head
from tests.unit.protocol.tus_heads import (
    BARE_LIMITS,
    CHECKSUM,
    SHA1,
    TYPE,
    head,
    patch,
    post,
    wire,
)
from tusd_py.domain import refusals
from tusd_py.domain.digest import Checksum
from tusd_py.domain.intents import Append, Body, Create, Inspect, Terminate
from tusd_py.domain.limits import Limits
from tusd_py.domain.refusals import Malformed, MethodNotAllowed, Refusal, UnsupportedVersion, WrongContentType
from tusd_py.domain.upload import Kind
from tusd_py.protocol.wire import RequestHead, Wire

# Version and method


OTHERS = ["0.2.2", "1.0", "1.0.0, 0.2.2", ""]


@pytest.mark.parametrize("version", [None, *OTHERS])
@pytest.mark.parametrize(("method", "on_upload"), [("POST", False), ("PATCH", True)])
def test_whatever_brings_something_needs_our_version(method: str, version: str | None, *, on_upload: bool) -> None:
    with pytest.raises(UnsupportedVersion):
        wire().read(head(method, {"Upload-Length": "1"}, on_upload=on_upload, version=version))


@pytest.mark.parametrize("version", OTHERS)
def test_delete_may_omit_the_version(version: str) -> None:
    """A DELETE may omit the version, but not name another one."""
    assert wire().read(head("DELETE", version=None)) == Terminate()
    with pytest.raises(UnsupportedVersion):
        wire().read(head("DELETE", version=version))


@pytest.mark.parametrize("version", [None, "0.2.2"])
def test_an_offset_is_told_to_anyone(version: str | None) -> None:
    assert wire().read(head("HEAD", version=version)) == Inspect()


@pytest.mark.parametrize(
    ("method", "on_upload", "limits", "allow"),
    [
        ("GET", False, Limits(), ("POST", "OPTIONS")),
        ("HEAD", False, Limits(), ("POST", "OPTIONS")),
        ("PATCH", False, Limits(), ("POST", "OPTIONS")),
        ("DELETE", False, Limits(), ("POST", "OPTIONS")),
        ("POST", True, Limits(), ("HEAD", "PATCH", "DELETE", "GET", "OPTIONS")),
        ("PUT", True, Limits(), ("HEAD", "PATCH", "DELETE", "GET", "OPTIONS")),
        ("BREW", True, Limits(), ("HEAD", "PATCH", "DELETE", "GET", "OPTIONS")),
        ("patch", True, Limits(), ("HEAD", "PATCH", "DELETE", "GET", "OPTIONS")),
        ("DELETE", True, BARE_LIMITS, ("HEAD", "PATCH", "OPTIONS")),
        ("GET", True, BARE_LIMITS, ("HEAD", "PATCH", "OPTIONS")),
    ],
)
def test_a_method_that_makes_no_sense_is_told_those_that_do(
    method: str, limits: Limits, allow: tuple[str, ...], *, on_upload: bool
) -> None:
    with pytest.raises(MethodNotAllowed) as refused:
        wire(limits).read(head(method, on_upload=on_upload))
    assert refused.value.allow == allow


def test_deleting_terminates() -> None:
    assert wire().read(head("DELETE")) == Terminate()


# Creating


@pytest.mark.parametrize(
    ("headers", "content_length", "intent"),
    [
        ({"Upload-Length": "10"}, 0, Create(length=10)),
        ({"Upload-Length": "0"}, 0, Create(length=0)),
        ({"Upload-Defer-Length": "1"}, 0, Create(length=None)),
        ({"Upload-Length": "10", "Upload-Metadata": ""}, 0, Create(length=10)),
        ({"Upload-Length": "10", "Upload-Metadata": "name YQ=="}, 0, Create(length=10, metadata={"name": b"a"})),
        ({"Upload-Length": "10", "Content-Type": "application/octet-stream"}, 0, Create(length=10)),
        ({"Upload-Length": "10", **TYPE}, 0, Create(length=10)),
        ({"Upload-Length": "10", **TYPE}, 5, Create(length=10, body=Body(length=5))),
        ({"Upload-Length": "10", **TYPE}, None, Create(length=10, body=Body(length=None))),
        ({"Upload-Defer-Length": "1", **TYPE}, 5, Create(length=None, body=Body(length=5))),
        ({"Upload-Length": "10", "Upload-Concat": "partial"}, 0, Create(length=10, kind=Kind.PARTIAL)),
        (
            {"Upload-Length": "10", **TYPE, **CHECKSUM},
            5,
            Create(length=10, body=Body(length=5, checksum=Checksum(algorithm="sha1", digest=SHA1))),
        ),
        (
            {"Upload-Concat": "final;/files/a http://x/files/b", "Upload-Metadata": "name YQ=="},
            0,
            Create(kind=Kind.FINAL, partials=("/files/a", "http://x/files/b"), metadata={"name": b"a"}),
        ),
    ],
)
def test_a_creation_is_read(headers: Mapping[str, str], content_length: int | None, intent: Create) -> None:
    assert post(headers, content_length) == intent


@pytest.mark.parametrize("junk", ["sha1 MmFhZTZj", "whirlpool YQ==", ""])
def test_what_describes_bytes_means_nothing_where_none_are(junk: str) -> None:
    headers = {"Upload-Length": "10", "Upload-Checksum": junk, "Content-Encoding": "gzip", **TYPE}
    assert post(headers) == Create(length=10)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Upload-Length": "10", "Upload-Defer-Length": "1"},
        {"Upload-Length": "-1"},
        {"Upload-Defer-Length": "0"},
        {"Upload-Length": "10", "Upload-Metadata": "name not base64"},
        {"Upload-Length": "10", "Upload-Concat": "something"},
        {"Upload-Concat": "partial"},
        {"Upload-Concat": "final;"},
        {"Upload-Concat": "final;/files/a", "Upload-Length": "10"},
        {"Upload-Concat": "final;/files/a", "Upload-Defer-Length": "1"},
    ],
)
def test_a_creation_against_its_grammar_is_refused(headers: Mapping[str, str]) -> None:
    with pytest.raises(Malformed):
        post(headers)


@pytest.mark.parametrize("content_length", [1, None])
def test_a_final_upload_brings_no_body(content_length: int | None) -> None:
    with pytest.raises(Malformed):
        post({"Upload-Concat": "final;/files/a", **TYPE}, content_length)


@pytest.mark.parametrize("content_length", [1, None])
@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}, {**TYPE, "Content-Encoding": "gzip"}])
def test_a_first_body_of_another_type_is_never_lost_in_silence(
    headers: Mapping[str, str], content_length: int | None
) -> None:
    with pytest.raises(WrongContentType):
        post({"Upload-Length": "10", **headers}, content_length)


@pytest.mark.parametrize("concat", ["partial", "final;/files/a"])
def test_concatenation_that_is_switched_off_is_refused(concat: str) -> None:
    with pytest.raises(refusals.UnsupportedExtension):
        post({"Upload-Length": "10", "Upload-Concat": concat}, limits=BARE_LIMITS)


# Appending


@pytest.mark.parametrize(
    ("headers", "content_length", "intent"),
    [
        ({}, 5, Append(offset=4, body=Body(length=5))),
        ({}, None, Append(offset=4, body=Body(length=None))),
        ({}, 0, Append(offset=4, body=Body(length=0))),
        ({"Upload-Length": "9"}, 0, Append(offset=4, length=9, body=Body(length=0))),
        ({"Upload-Concat": "partial"}, 5, Append(offset=4, body=Body(length=5))),
        ({"Upload-Concat": "nonsense"}, 5, Append(offset=4, body=Body(length=5))),
        ({"Content-Type": "Application/Offset+Octet-Stream; charset=x"}, 5, Append(offset=4, body=Body(length=5))),
        ({"Content-Encoding": "Identity"}, 5, Append(offset=4, body=Body(length=5))),
        ({"Trailer": "Upload-Checksum"}, None, Append(offset=4, body=Body(length=None))),
        (CHECKSUM, 5, Append(offset=4, body=Body(length=5, checksum=Checksum(algorithm="sha1", digest=SHA1)))),
    ],
)
def test_an_append_is_read(headers: Mapping[str, str], content_length: int | None, intent: Append) -> None:
    assert patch({"Upload-Offset": "4", **TYPE, **headers}, content_length) == intent


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Upload-Offset": "-4"},
        {"Upload-Offset": ""},
        {"Upload-Offset": "4", "Upload-Length": "+9"},
        {"Upload-Offset": "4", "Upload-Checksum": "crc64 YQ=="},
        {"Upload-Offset": "4", "Upload-Checksum": "sha1"},
    ],
)
def test_an_append_against_its_grammar_is_refused(headers: Mapping[str, str]) -> None:
    with pytest.raises(Malformed):
        patch({**TYPE, **headers})


@pytest.mark.parametrize("content_length", [0, 5, None])
@pytest.mark.parametrize(
    "headers", [{}, {"Content-Type": "application/octet-stream"}, {**TYPE, "Content-Encoding": "gzip"}]
)
def test_an_append_of_another_type_is_refused(headers: Mapping[str, str], content_length: int | None) -> None:
    with pytest.raises(WrongContentType):
        patch({"Upload-Offset": "4", **headers}, content_length)


# Anything at all

NAMES = [
    "Tus-Resumable",
    "Upload-Length",
    "Upload-Defer-Length",
    "Upload-Offset",
    "Upload-Metadata",
    "Upload-Checksum",
    "Upload-Concat",
    "Content-Type",
    "Content-Encoding",
]
NEAR_MISSES = ["1.0.0", "0", "1", "18446744073709551616", TYPE["Content-Type"], "name YQ==", "a b,c", "partial"]
VALUES = st.text(st.characters()) | st.sampled_from([*NEAR_MISSES, "final;/files/a", CHECKSUM["Upload-Checksum"]])
HEADS = any_head(NAMES, VALUES, {"Tus-Resumable": "1.0.0"})


@given(HEADS)
def test_any_head_gets_safe_headers(soup: RequestHead) -> None:
    """Any head is read, or refused by a 4xx whose header fields and text are printable ASCII, but for the text's last
    line end."""
    protocol: Wire = wire()
    try:
        protocol.read(soup)
    except Refusal as refusal:
        reply = protocol.refuse(refusal, soup)
        assert 400 <= reply.status < 500
        texts = [*reply.headers.values(), (reply.text or "").rstrip("\n")]
        assert all(value.isascii() and value.isprintable() for value in texts)
