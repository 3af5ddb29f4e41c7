"""The IETF's protocol on the wire: heads to intents, records to answers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from tests.support.heads import any_head
from tests.support.uploads import changed, upload
from tusd_py.domain import refusals
from tusd_py.domain.digest import WholeDigest
from tusd_py.domain.intents import Append, Body, Completion, Create, Inspect, Terminate
from tusd_py.domain.limits import Limits
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import Malformed, Refusal
from tusd_py.protocol.choice import Interim, Wires
from tusd_py.protocol.wire import RequestHead, Wire

NOW = 1000.0
OPEN = upload(length=10, offset=4, expires_at=NOW + 60.9)
DONE = changed(OPEN, phase=Phase.DONE, offset=10, expires_at=None)
TYPE = {"Content-Type": "application/partial-upload"}


def head(method: str, *, content_length: int | None = 0, **fields: str) -> RequestHead:
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    on_upload = method not in {"POST", "PUT"}
    return RequestHead(method=method, on_upload=on_upload, headers=CIMultiDict(headers), content_length=content_length)


def spoken(version: int | None, method: str = "HEAD", interim: Interim = Interim.ON, **limits: float) -> Wire:
    """Return the wire chosen for a request with the last 5 bytes of an upload, in this interop version; None leaves the
    version out."""
    version_field = {} if version is None else {"upload_draft_interop_version": str(version)}
    fields = {"upload_complete": "?1", "upload_incomplete": "?0", "content_type": TYPE["Content-Type"]}
    wires = Wires(Limits(**limits), lambda: NOW, interim)  # type: ignore[arg-type]  # fields by name
    return wires.choose(head(method, content_length=5, **version_field, **fields))


# Heads to intents


@pytest.mark.parametrize(
    ("version", "completeness", "completion"),
    [
        ("3", {"upload_incomplete": "?0"}, Completion.WITH_THIS),
        ("3", {"upload_incomplete": "?1"}, Completion.WHEN_FULL),
        ("4", {"upload_complete": "?0"}, Completion.WHEN_FULL),
        ("6", {"upload_complete": "?1"}, Completion.WITH_THIS),
        ("6", {"upload_complete": "?0"}, Completion.WHEN_FULL),
        ("7", {"upload_complete": "?0"}, Completion.NOT_YET),
        ("8", {"upload_complete": "?0"}, Completion.NOT_YET),
        ("99", {"upload_complete": "?0"}, Completion.NOT_YET),
    ],
)
def test_each_version_says_in_its_way_what_is_the_end(
    version: str, completeness: dict[str, str], completion: Completion
) -> None:
    fields = {"upload_draft_interop_version": version, "upload_offset": "4", "content_type": TYPE["Content-Type"]}
    request = head("PATCH", content_length=6, **fields, **completeness)
    read = Wires(Limits(), lambda: NOW, Interim.AUTO).choose(request).read(request)
    assert read == Append(offset=4, body=Body(length=6), completion=completion, strict=True)


@pytest.mark.parametrize(("version", "field"), [("3", "upload_complete"), ("4", "upload_incomplete")])
def test_another_version_s_word_for_it_says_nothing(version: str, field: str) -> None:
    fields = {"upload_draft_interop_version": version, field: "?1"}
    request = head("POST", content_length=0, **fields)
    with pytest.raises(Malformed):
        Wires(Limits(), lambda: NOW, Interim.AUTO).choose(request).read(request)


@pytest.mark.parametrize(
    ("fields", "content_length", "intent"),
    [
        ({"upload_complete": "?0"}, 0, Create(completion=Completion.NOT_YET, strict=True)),
        (
            {"upload_complete": "?0", "upload_length": "10"},
            3,
            Create(length=10, body=Body(length=3), completion=Completion.NOT_YET, strict=True),
        ),
        ({"upload_complete": "?1"}, 0, Create(body=Body(length=0), completion=Completion.WITH_THIS, strict=True)),
        ({"upload_complete": "?1"}, None, Create(body=Body(length=None), completion=Completion.WITH_THIS, strict=True)),
    ],
)
def test_creating(fields: dict[str, str], content_length: int | None, intent: Create) -> None:
    request = head("PUT", content_length=content_length, **fields)
    assert Wires(Limits(), lambda: NOW, Interim.AUTO).choose(request).read(request) == intent


@pytest.mark.parametrize(("method", "intent"), [("HEAD", Inspect()), ("GET", Inspect()), ("DELETE", Terminate())])
def test_looking_and_cancelling(method: str, intent: object) -> None:
    request = head(method, upload_draft_interop_version="8")
    assert Wires(Limits(), lambda: NOW, Interim.AUTO).choose(request).read(request) == intent


# Answers


def test_inspection_reports_offset_and_remaining_age() -> None:
    reply = spoken(8, max_length=100).inspected(OPEN, "/files/")
    assert (reply.status, reply.text) == (204, None)
    assert reply.headers == {
        "Cache-Control": "no-store",
        "Upload-Draft-Interop-Version": "8",
        "Upload-Offset": "4",
        "Upload-Complete": "?0",
        "Upload-Limit": "min-size=0, max-size=100, max-age=60",
        "Upload-Length": "10",
    }


def test_the_first_version_says_the_opposite() -> None:
    assert spoken(3).inspected(OPEN, "/files/").headers["Upload-Incomplete"] == "?1"
    assert spoken(3).inspected(DONE, "/files/").headers["Upload-Incomplete"] == "?0"


def test_repr_digest_is_sent_once_verified() -> None:
    announced = replace(OPEN, digest=WholeDigest(algorithm="sha256", value="00" * 32))
    assert "Repr-Digest" not in spoken(8).inspected(announced, "/files/").headers
    record = replace(DONE, digest=WholeDigest(algorithm="sha256", value="00" * 32))
    assert spoken(8).inspected(record, "/files/").headers["Repr-Digest"] == f"sha-256=:{'A' * 43}=:"


def test_the_last_byte_is_left_to_the_final_response() -> None:
    assert spoken(8, "PATCH").progressed(OPEN) is not None
    assert spoken(8, "PATCH").progressed(replace(OPEN, offset=10)) is None
    assert spoken(8, "PATCH").progressed(replace(OPEN, offset=10, explicit_completion=True)) is not None


@pytest.mark.parametrize(
    ("version", "started", "progressed"), [(None, False, False), (4, True, False), (5, True, True)]
)
def test_interim_responses_go_to_those_that_know_them(version: int | None, *, started: bool, progressed: bool) -> None:
    wire = spoken(version, "PATCH")
    assert (wire.started(OPEN, "http://x/files/1") is not None, wire.progressed(OPEN) is not None) == (
        started,
        progressed,
    )
    silent = spoken(version, "PATCH", Interim.OFF)
    assert (silent.started(OPEN, "http://x/files/1"), silent.progressed(OPEN)) == (None, None)


@pytest.mark.parametrize("kind", Refusal.__subclasses__(), ids=lambda kind: kind.code)
def test_every_refusal_is_a_problem_with_its_stable_code(kind: type[Refusal]) -> None:
    refusal: Refusal
    match kind:
        case refusals.OffsetMismatch:
            refusal = refusals.OffsetMismatch(expected=4, provided=9)
        case refusals.MethodNotAllowed:
            refusal = refusals.MethodNotAllowed(("POST",))
        case _:
            refusal = kind() if kind.__init__ is not Refusal.__init__ else kind("why")  # type: ignore[call-arg]
    reply = spoken(8).refuse(refusal, head("PATCH"))
    assert reply.text is not None
    problem = json.loads(reply.text)
    assert (problem["code"], problem["detail"], problem["status"]) == (kind.code, refusal.message, reply.status)
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert spoken(8).refuse(refusal, head("HEAD")).text is None


# Anything at all

NAMES = [
    "Upload-Draft-Interop-Version",
    "Upload-Length",
    "Upload-Offset",
    "Upload-Complete",
    "Upload-Incomplete",
    "Upload-Metadata",
    "Content-Type",
    "Content-Encoding",
    "Content-Disposition",
    "Content-Digest",
    "Repr-Digest",
    "Want-Repr-Digest",
]
NEAR_MISSES = [
    "?1",
    "?0",
    "8",
    "3",
    "10",
    TYPE["Content-Type"],
    "sha-256=:AAAA:",
    "sha-256=5",
    "inline; filename*=utf-8''%",
    "inline; filename*=utf-8''\udcff; filename=\udc80",
]
VALUES = st.text(st.characters()) | st.sampled_from(NEAR_MISSES)
HEADS = any_head(NAMES, VALUES, {"Upload-Draft-Interop-Version": "8"})


@given(HEADS)
def test_any_head_gets_safe_headers(soup: RequestHead) -> None:
    """Any head is read, or refused by a 4xx whose header fields and text are printable ASCII."""
    wire = Wires(Limits(), lambda: NOW, Interim.ON).choose(soup)
    try:
        wire.read(soup)
    except Refusal as refusal:
        reply = wire.refuse(refusal, soup)
        assert 400 <= reply.status < 500
        texts = [*reply.headers.values(), reply.text or ""]
        assert all(value.isascii() and value.isprintable() for value in texts)
