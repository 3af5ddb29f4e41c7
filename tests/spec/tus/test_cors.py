"""CORS header fields (Fetch standard): on answers to an allowed origin, errors too, and on the preflight before; not on
those to other origins, nor on those of /healthz, /readyz and /metrics."""

from __future__ import annotations

import pytest

from tests.support.exchange import Answer
from tests.support.tus import TusClient

pytestmark = pytest.mark.asyncio(loop_scope="session")

ORIGIN = "https://shop.example"
METHODS = {"POST", "PUT", "HEAD", "PATCH", "OPTIONS", "DELETE", "GET"}
ALLOWED = (
    "Authorization, Content-Type, Tus-Resumable, Upload-Length, Upload-Defer-Length, Upload-Metadata, Upload-Offset, "
    "Upload-Concat, Upload-Checksum, X-HTTP-Method-Override, X-Request-ID, X-Requested-With, Upload-Complete, "
    "Upload-Incomplete, Upload-Draft-Interop-Version, Content-Disposition, Content-Digest, Repr-Digest, "
    "Want-Repr-Digest, Want-Content-Digest"
)
EXPOSED = (
    "Location, Upload-Offset, Upload-Length, Upload-Metadata, Upload-Defer-Length, Upload-Concat, Upload-Expires, "
    "Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, Upload-Complete, "
    "Upload-Incomplete, Upload-Limit, Upload-Draft-Interop-Version, Retry-After, X-Request-ID"
)


def listed(field: str) -> set[str]:
    return set(field.replace(" ", "").split(","))


async def answers(tus: TusClient) -> list[Answer]:
    """Send requests with an Origin; return successes, refusals, and errors of the HTTP framework, in a fixed order."""
    upload, origin = await tus.create(5, b"abc"), {"origin": ORIGIN}
    return [
        await tus.post(upload_length=1, **origin),
        await tus.head(upload, **origin),
        await tus.patch(upload, 3, b"d", **origin),
        await tus.get(upload, **origin),
        await tus.post(**origin),
        await tus.head(tus.url + "0" * 32, **origin),
        await tus.patch(upload, 0, b"x", **origin),
        await tus.patch(upload, 4, b"xyz", **origin),
        await tus.request("PUT", upload, **origin),
        await tus.request("GET", f"http://127.0.0.1:{tus.port}/nowhere", **origin),
        await tus.post(b"", upload_length=1, expect="miracles", **origin),
    ]


@pytest.mark.parametrize("on_upload", [True, False])
async def test_t87_a_preflight_allows_every_method_and_field_for_long(tus: TusClient, *, on_upload: bool) -> None:
    url = await tus.create(5) if on_upload else tus.url
    answer = await tus.options(url, origin=ORIGIN, access_control_request_method="PATCH")
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert listed(answer.headers["Access-Control-Allow-Methods"]) == METHODS
    assert listed(ALLOWED) <= listed(answer.headers["Access-Control-Allow-Headers"])
    assert int(answer.headers["Access-Control-Max-Age"]) >= 7200


async def test_t88_every_answer_exposes_the_fields_of_tus(tus: TusClient) -> None:
    for answer in [*await answers(tus), await tus.options(origin=ORIGIN)]:
        assert listed(EXPOSED) <= listed(answer.headers["Access-Control-Expose-Headers"]), answer


async def test_t89_errors_have_cors_and_tus_resumable_too(tus: TusClient) -> None:
    refusals = await answers(tus)
    assert [answer.status for answer in refusals] == [201, 200, 204, 404, 400, 404, 409, 413, 405, 404, 417]
    for answer in refusals:
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert answer.headers["Tus-Resumable"] == "1.0.0"


async def test_t90_with_credentials_the_exact_origin_is_named(tus_strict: TusClient) -> None:
    for answer in (
        await tus_strict.post(upload_length=1, origin="https://app.example"),
        await tus_strict.options(origin="https://app.example", access_control_request_method="POST"),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert "Origin" in listed(answer.headers["Vary"])


@pytest.mark.parametrize("origin", ["https://evil.example", "https://app.example.evil", "xhttps://app.example", "null"])
async def test_t90_an_origin_that_is_not_allowed_hears_nothing(tus_strict: TusClient, origin: str) -> None:
    for answer in (await tus_strict.post(upload_length=1, origin=origin), await tus_strict.options(origin=origin)):
        assert not [name for name in answer.headers if name.startswith("Access-Control-")]
        assert "Origin" in listed(answer.headers["Vary"])


async def test_t90_without_credentials_none_are_allowed(tus: TusClient) -> None:
    assert "Access-Control-Allow-Credentials" not in (await tus.options(origin=ORIGIN)).headers


@pytest.mark.parametrize("path", ["healthz", "readyz", "metrics"])
@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("HEAD", 200), ("OPTIONS", 405), ("PUT", 405)])
async def test_what_is_not_for_pages_says_nothing_about_cors(
    tus: TusClient, path: str, method: str, status: int
) -> None:
    asking = {"origin": ORIGIN, "access_control_request_method": "GET"}
    answer = await tus.request(method, f"http://127.0.0.1:{tus.port}/{path}", **asking)
    assert answer.status == status
    assert not [name for name in answer.headers if name.startswith("Access-Control-") or name == "Vary"]
