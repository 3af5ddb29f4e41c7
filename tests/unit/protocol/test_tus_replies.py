"""tus 1.0: the replies to discovery, to requests that succeed, and for each refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.support.uploads import changed
from tests.unit.protocol.tus_heads import (
    BARE_LIMITS,
    DONE,
    EXPIRY,
    FINAL,
    ID,
    OPEN,
    OTHER_ID,
    head,
    wire,
)
from tusd_py.domain import (
    access_refusals,
    form_refusals,
    hook_refusals,
    job_faults,
    live_refusals,
    refusals,
    scan_refusals,
)
from tusd_py.domain.limits import Limits
from tusd_py.domain.phase import Phase
from tusd_py.domain.refusals import Refusal
from tusd_py.domain.upload import Kind, Upload


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
    ("upload", "with_body", "expected"),
    [
        (OPEN, False, {"Upload-Expires": EXPIRY}),
        (OPEN, True, {"Upload-Expires": EXPIRY, "Upload-Offset": "4"}),
        (replace(OPEN, offset=0), True, {"Upload-Expires": EXPIRY, "Upload-Offset": "0"}),
        (DONE, False, {}),
        (DONE, True, {"Upload-Offset": "10"}),
        (changed(OPEN, expires_at=None), False, {}),
    ],
)
def test_a_created_upload_tells_where_it_is(upload: Upload, expected: Mapping[str, str], *, with_body: bool) -> None:
    reply = wire().created(upload, "http://x/files/a", with_body=with_body)
    assert (reply.status, reply.text) == (201, None)
    assert reply.headers == {**COMMON, "Location": "http://x/files/a", **expected}


@pytest.mark.parametrize(
    ("upload", "expected"),
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
def test_an_inspected_upload_tells_all_a_client_needs_to_go_on(upload: Upload, expected: Mapping[str, str]) -> None:
    reply = wire().inspected(upload, "/files/")
    assert (reply.status, reply.text) == (200, None)
    assert reply.headers == {**COMMON, **expected}


@pytest.mark.parametrize(
    ("upload", "expected"),
    [(OPEN, {"Upload-Offset": "4", "Upload-Expires": EXPIRY}), (DONE, {"Upload-Offset": "10"})],
)
def test_an_append_is_answered_with_the_new_offset(upload: Upload, expected: Mapping[str, str]) -> None:
    reply = wire().appended(upload, str)
    assert (reply.status, reply.text) == (204, None)
    assert reply.headers == {**COMMON, **expected}


def test_a_termination_is_answered_with_nothing() -> None:
    reply = wire().terminated()
    assert (reply.status, reply.text) == (204, None)
    assert reply.headers == COMMON


# Refusals

REFUSALS: list[tuple[Refusal, int, dict[str, str]]] = [
    (refusals.Malformed("why"), 400, {}),
    (refusals.InconsistentLength("why"), 400, {}),
    (refusals.BadQuery("why"), 400, {}),
    (refusals.AlreadyComplete(), 400, {}),
    (refusals.WrongParts("parts"), 400, {}),
    (refusals.UnsupportedExtension("why"), 400, {}),
    (form_refusals.BadForm("why"), 400, {}),
    (form_refusals.BadField(), 400, {}),
    (form_refusals.NoFile(), 400, {}),
    (form_refusals.FieldsAfterFile(), 400, {}),
    (form_refusals.TooManyFields("why"), 400, {}),
    (form_refusals.FieldsTooLarge("why"), 400, {}),
    (form_refusals.TooManyFiles("why"), 400, {}),
    (refusals.Forbidden("why"), 403, {}),
    (access_refusals.BadToken(), 403, {}),
    (refusals.CrossSite(), 403, {}),
    (refusals.UploadNotFound(), 404, {}),
    (refusals.NotReady(), 404, {}),
    (refusals.MethodNotAllowed(("POST", "OPTIONS")), 405, {"Allow": "POST, OPTIONS"}),
    (refusals.OffsetMismatch(expected=4, provided=9), 409, {"Upload-Offset": "4"}),
    (refusals.UploadGone(), 410, {}),
    (refusals.UnsupportedVersion(), 412, {"Tus-Version": "1.0.0"}),
    (refusals.TooLarge("why"), 413, {}),
    (refusals.Misdirected(), 421, {}),
    (refusals.WrongContentType("why"), 415, {}),
    (refusals.TypeNotAllowed("why"), 415, {}),
    (refusals.ExpectationFailed(), 417, {}),
    (refusals.UploadLocked(), 423, {"Retry-After": "1"}),
    (refusals.Paused(), 423, {"Retry-After": "5"}),
    (live_refusals.ForeignOrigin(), 403, {}),
    (live_refusals.TerminationDisabled(), 403, {}),
    (
        live_refusals.UpgradeRequired(),
        426,
        {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"},
    ),
    (live_refusals.TooManyListeners("too many"), 429, {"Retry-After": "5"}),
    (refusals.TooManyRequests(), 429, {"Retry-After": "5"}),
    (refusals.TooManyRequests("too many", retry_after=900), 429, {"Retry-After": "900"}),
    (refusals.ChecksumMismatch(), 460, {}),
    (refusals.DigestMismatch(), 460, {}),
    (refusals.UnsupportedCoding(), 501, {}),
    (access_refusals.Unauthenticated(), 401, {"WWW-Authenticate": "Bearer"}),
    (access_refusals.Unauthenticated(invalid=True), 401, {"WWW-Authenticate": 'Bearer error="invalid_token"'}),
    (hook_refusals.UploadRejected(), 400, {}),
    (hook_refusals.UploadStopped(), 400, {}),
    (hook_refusals.TerminationRejected(), 400, {}),
    (hook_refusals.AccessRejected(), 403, {}),
    (access_refusals.InsufficientScope("creation alone"), 403, {}),
    (access_refusals.TokenUsedUp(), 403, {}),
    (refusals.NameTaken(), 409, {}),
    (job_faults.BadJob("no such kind"), 400, {}),
    (job_faults.BadExport("no ids"), 400, {}),
    (job_faults.JobNotFound(), 404, {}),
    (job_faults.NotFinished(), 409, {}),
    (job_faults.JobEnded(), 409, {}),
    (scan_refusals.Infected(), 422, {}),
    (scan_refusals.Unscanned(), 422, {}),
    (access_refusals.OverQuota("no room"), 413, {}),
    (refusals.ServiceUnavailable(), 503, {"Retry-After": "5"}),
    (refusals.StoreFull(), 503, {"Retry-After": "30"}),
    (refusals.TooManyUploads("too many"), 503, {"Retry-After": "30"}),
    (live_refusals.ListenersFull(), 503, {"Retry-After": "5"}),
    (access_refusals.AuthUnavailable(), 503, {"Retry-After": "5"}),
    (hook_refusals.HookFailed(), 503, {"Retry-After": "5"}),
    (scan_refusals.ScannerUnavailable(), 503, {"Retry-After": "5"}),
]


def test_every_refusal_there_is_has_a_status() -> None:
    families = (Refusal, refusals.ServiceUnavailable, hook_refusals.HookRejected, scan_refusals.ScanRejected)
    kinds = {kind for family in families for kind in family.__subclasses__()}
    assert {type(refusal) for refusal, _, _ in REFUSALS} == kinds - {
        hook_refusals.HookRejected,
        scan_refusals.ScanRejected,
    }


@pytest.mark.parametrize(("refusal", "status", "details"), REFUSALS)
def test_a_refusal_says_why(refusal: Refusal, status: int, details: Mapping[str, str]) -> None:
    reply = wire().refuse(refusal, head("PATCH"))
    assert (reply.status, reply.text) == (status, f"{refusal.code}: {refusal.message}\n")
    assert reply.headers == {**COMMON, **details}


@pytest.mark.parametrize(("refusal", "status", "details"), REFUSALS[:-7])
def test_a_refused_head_has_no_body(refusal: Refusal, status: int, details: Mapping[str, str]) -> None:
    reply = wire().refuse(refusal, head("HEAD"))
    assert (reply.status, reply.text) == (status, None)
    assert reply.headers == {**COMMON, **details}


@pytest.mark.parametrize("refusal", [refusal for refusal, *_ in REFUSALS[-7:]])
def test_unavailable_head_is_423(refusal: Refusal) -> None:
    """HEAD is answered 423 where other methods are answered 503: a client that gets a 503 to a HEAD starts over."""
    reply = wire().refuse(refusal, head("HEAD"))
    assert (reply.status, reply.text) == (423, None)
    assert reply.headers == {**COMMON, "Retry-After": "1"}
