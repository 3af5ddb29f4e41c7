"""tus 1.0: heads to intents, outcomes to replies."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from tusd_py.model import Kind, Phase, Upload, UploadId
from tusd_py.protocol import refusals
from tusd_py.protocol.intents import Append, Body, Checksum, Create, Inspect, Intent, Terminate
from tusd_py.protocol.limits import Limits
from tusd_py.protocol.refusals import Malformed, MethodNotAllowed, Refusal, UnsupportedVersion, WrongContentType
from tusd_py.protocol.tus import Tus
from tusd_py.protocol.wire import RequestHead, Wire

ID = UploadId("0123456789abcdef0123456789abcdef")
OTHER_ID = UploadId("f" * 32)
OPEN = Upload(id=ID, length=10, offset=4, created_at=0.0, updated_at=0.0, expires_at=784111777.0)
DONE = replace(OPEN, offset=10, phase=Phase.DONE)
FINAL = replace(DONE, kind=Kind.FINAL, partials=(OTHER_ID, ID))
EXPIRY = "Sun, 06 Nov 1994 08:49:37 GMT"

TYPE = {"Content-Type": "application/offset+octet-stream"}
SHA1 = hashlib.sha1(b"hello", usedforsecurity=False).digest()
CHECKSUM = {"Upload-Checksum": f"sha1 {base64.b64encode(SHA1).decode()}"}
BARE_LIMITS = Limits(termination=False, concatenation=False, downloads=False)


def wire(limits: Limits | None = None) -> Tus:
    return Tus(limits or Limits(expire_after=60))


def head(
    method: str,
    headers: Mapping[str, str] | None = None,
    *,
    on_upload: bool = True,
    content_length: int | None = 0,
    version: str | None = "1.0.0",
) -> RequestHead:
    fields = CIMultiDict(headers or {})
    if version is not None:
        fields["tus-resumable"] = version
    return RequestHead(method=method, on_upload=on_upload, headers=fields, content_length=content_length)


def post(headers: Mapping[str, str], content_length: int | None = 0, limits: Limits | None = None) -> Intent:
    return wire(limits).read(head("POST", headers, on_upload=False, content_length=content_length))


def patch(headers: Mapping[str, str], content_length: int | None = 5) -> Intent:
    return wire().read(head("PATCH", headers, content_length=content_length))


# Version and method


OTHERS = ["0.2.2", "1.0", "1.0.0, 0.2.2", ""]


@pytest.mark.parametrize("version", [None, *OTHERS])
@pytest.mark.parametrize(("method", "on_upload"), [("POST", False), ("PATCH", True)])
def test_whatever_brings_something_needs_our_version(method: str, version: str | None, *, on_upload: bool) -> None:
    with pytest.raises(UnsupportedVersion):
        wire().read(head(method, {"Upload-Length": "1"}, on_upload=on_upload, version=version))


@pytest.mark.parametrize("version", OTHERS)
def test_to_terminate_one_need_not_name_a_version_but_must_not_name_another(version: str) -> None:
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


# Replies


def test_discovery_tells_what_is_wired() -> None:
    reply = wire(Limits(expire_after=60, max_length=5, announced_max_length=9)).discover()
    assert reply.status == 204
    assert dict(reply.headers) == {
        "Cache-Control": "no-store",
        "Tus-Version": "1.0.0",
        "Tus-Extension": "creation,creation-with-upload,creation-defer-length,expiration,checksum,"
        "termination,concatenation",
        "Tus-Checksum-Algorithm": "sha1,sha256,sha512,md5,crc32c",
        "Tus-Max-Size": "9",
    }


def test_discovery_is_silent_about_what_is_switched_off() -> None:
    reply = wire(BARE_LIMITS).discover()
    assert reply.headers["Tus-Extension"] == "creation,creation-with-upload,creation-defer-length,checksum"
    assert "Tus-Max-Size" not in reply.headers


COMMON = {"Tus-Resumable": "1.0.0", "Cache-Control": "no-store"}


@pytest.mark.parametrize(
    ("upload", "with_body", "told"),
    [
        (OPEN, False, {"Upload-Expires": EXPIRY}),
        (OPEN, True, {"Upload-Expires": EXPIRY, "Upload-Offset": "4"}),
        (replace(OPEN, offset=0), True, {"Upload-Expires": EXPIRY, "Upload-Offset": "0"}),
        (DONE, False, {}),
        (DONE, True, {"Upload-Offset": "10"}),
        (replace(OPEN, expires_at=None), False, {}),
    ],
)
def test_a_created_upload_tells_where_it_is(upload: Upload, told: Mapping[str, str], *, with_body: bool) -> None:
    reply = wire().created(upload, "http://x/files/a", with_body=with_body)
    assert (reply.status, reply.text) == (201, None)
    assert reply.headers == {**COMMON, "Location": "http://x/files/a", **told}


@pytest.mark.parametrize(
    ("upload", "told"),
    [
        (OPEN, {"Upload-Offset": "4", "Upload-Length": "10", "Upload-Expires": EXPIRY}),
        (replace(OPEN, offset=0), {"Upload-Offset": "0", "Upload-Length": "10", "Upload-Expires": EXPIRY}),
        (replace(OPEN, length=None), {"Upload-Offset": "4", "Upload-Defer-Length": "1", "Upload-Expires": EXPIRY}),
        (DONE, {"Upload-Offset": "10", "Upload-Length": "10"}),
        (replace(DONE, offset=0, length=0), {"Upload-Offset": "0", "Upload-Length": "0"}),
        (
            replace(DONE, metadata={"name": b"a", "flag": b""}),
            {"Upload-Offset": "10", "Upload-Length": "10", "Upload-Metadata": "name YQ==,flag"},
        ),
        (
            replace(DONE, kind=Kind.PARTIAL),
            {"Upload-Offset": "10", "Upload-Length": "10", "Upload-Concat": "partial"},
        ),
        (
            FINAL,
            {
                "Upload-Offset": "10",
                "Upload-Length": "10",
                "Upload-Concat": f"final;/files/{OTHER_ID} /files/{ID}",
            },
        ),
        (
            replace(FINAL, phase=Phase.FINISHING),
            {"Upload-Length": "10", "Upload-Concat": f"final;/files/{OTHER_ID} /files/{ID}"},
        ),
    ],
)
def test_an_inspected_upload_tells_all_a_client_needs_to_go_on(upload: Upload, told: Mapping[str, str]) -> None:
    reply = wire().inspected(upload, "/files/")
    assert (reply.status, reply.text) == (200, None)
    assert reply.headers == {**COMMON, **told}


@pytest.mark.parametrize(
    ("upload", "told"),
    [(OPEN, {"Upload-Offset": "4", "Upload-Expires": EXPIRY}), (DONE, {"Upload-Offset": "10"})],
)
def test_an_append_is_answered_with_the_new_offset(upload: Upload, told: Mapping[str, str]) -> None:
    reply = wire().appended(upload, str)
    assert (reply.status, reply.text) == (204, None)
    assert reply.headers == {**COMMON, **told}


def test_a_termination_is_answered_with_nothing() -> None:
    reply = wire().terminated()
    assert (reply.status, reply.text) == (204, None)
    assert reply.headers == COMMON


# Refusals

REFUSALS: list[tuple[Refusal, int, dict[str, str]]] = [
    (refusals.Malformed("why"), 400, {}),
    (refusals.InconsistentLength("why"), 400, {}),
    (refusals.AlreadyComplete(), 400, {}),
    (refusals.WrongParts("parts"), 400, {}),
    (refusals.UnsupportedExtension("why"), 400, {}),
    (refusals.Forbidden("why"), 403, {}),
    (refusals.UploadNotFound(), 404, {}),
    (refusals.NotReady(), 404, {}),
    (refusals.MethodNotAllowed(("POST", "OPTIONS")), 405, {"Allow": "POST, OPTIONS"}),
    (refusals.OffsetMismatch(expected=4, provided=9), 409, {"Upload-Offset": "4"}),
    (refusals.UploadGone(), 410, {}),
    (refusals.UnsupportedVersion(), 412, {"Tus-Version": "1.0.0"}),
    (refusals.TooLarge("why"), 413, {}),
    (refusals.WrongContentType("why"), 415, {}),
    (refusals.ExpectationFailed(), 417, {}),
    (refusals.UploadLocked(), 423, {"Retry-After": "1"}),
    (refusals.TooManyRequests(), 429, {"Retry-After": "5"}),
    (refusals.ChecksumMismatch(), 460, {}),
    (refusals.DigestMismatch(), 460, {}),
    (refusals.ServiceUnavailable(), 503, {"Retry-After": "5"}),
]


def test_every_refusal_there_is_has_a_status() -> None:
    assert {type(refusal) for refusal, _, _ in REFUSALS} == set(Refusal.__subclasses__())


@pytest.mark.parametrize(("refusal", "status", "details"), REFUSALS)
def test_a_refusal_says_why(refusal: Refusal, status: int, details: Mapping[str, str]) -> None:
    reply = wire().refuse(refusal, head("PATCH"))
    assert (reply.status, reply.text) == (status, f"{refusal.code}: {refusal.message}\n")
    assert reply.headers == {**COMMON, **details}


@pytest.mark.parametrize(("refusal", "status", "details"), REFUSALS[:-1])
def test_a_refused_head_has_no_body(refusal: Refusal, status: int, details: Mapping[str, str]) -> None:
    reply = wire().refuse(refusal, head("HEAD"))
    assert (reply.status, reply.text) == (status, None)
    assert reply.headers == {**COMMON, **details}


def test_a_head_that_cannot_be_answered_now_is_locked_since_clients_start_over_after_a_503() -> None:
    reply = wire().refuse(refusals.ServiceUnavailable(), head("HEAD"))
    assert (reply.status, reply.text) == (423, None)
    assert reply.headers == {**COMMON, "Retry-After": "1"}


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
HEADS = st.builds(
    RequestHead,
    method=st.sampled_from(["POST", "HEAD", "PATCH", "DELETE", "GET", "PUT"]),
    on_upload=st.booleans(),
    headers=st.dictionaries(st.sampled_from(NAMES), VALUES).map(
        lambda fields: CIMultiDict({"Tus-Resumable": "1.0.0"} | fields)
    ),
    content_length=st.none() | st.integers(min_value=0),
)


@given(HEADS)
def test_any_head_is_read_or_refused_with_headers_that_are_safe_to_send(soup: RequestHead) -> None:
    protocol: Wire = wire()
    try:
        protocol.read(soup)
    except Refusal as refusal:
        reply = protocol.refuse(refusal, soup)
        assert 400 <= reply.status < 500
        sent = [*reply.headers.values(), (reply.text or "").rstrip("\n")]
        assert all(value.isascii() and value.isprintable() for value in sent)
