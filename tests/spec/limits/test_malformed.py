"""Requests that the server can't read as HTTP: answered with a fixed text at once, counted, and neither echoed nor
logged; codings that it doesn't support, and bytes after a request with Upgrade."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.raw import connected
from tests.support.server import serving
from tests.support.tus import TusClient

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECRET = b"SECRET-TOKEN-123"
COUNTER = 'tusdpy_errors_total{code="malformed-request"}'
MALFORMED = {
    "a control character in a credential": b"GET /files/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
    + SECRET
    + b"\x01\r\n\r\n",
    "a version that isn't": b"GET /files/?X-Token=" + SECRET + b" HTTP/9.9\r\n\r\n",
    "no request line": SECRET + b"\r\n\r\n",
    "two framings": b"POST /files/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\nCookie: "
    + SECRET
    + b"\r\n\r\n",
    "an expectation beyond ASCII": b"PATCH /metrics HTTP/1.1\r\nHost: x\r\nExpect: \xff" + SECRET + b"\r\n\r\n",
    "the same of an upload": b"PATCH /files/x HTTP/1.1\r\nHost: x\r\nExpect: \xff" + SECRET + b"\r\n\r\n",
    "question marks": b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"?" * 200_000 + SECRET + b"\x01\r\n\r\n",
}


@pytest.mark.parametrize("kind", MALFORMED)
async def test_malformed_request_gets_a_fixed_400(tus_strict: TusClient, kind: str) -> None:
    """A request that the server can't read as HTTP answers 400 with a fixed text that repeats nothing of it; the
    connection is closed, and a metric counts the request."""
    before = await counted(tus_strict)
    async with connected(tus_strict.port) as connection:
        await connection.send(MALFORMED[kind])
        answer = await connection.answer()
        assert await connection.read_rest() == b""
    assert (answer.status, answer.body) == (
        400,
        b"malformed-request: this is no HTTP request that the server can read\n",
    )
    assert (answer.headers["server"], answer.headers["x-content-type-options"]) == ("tusd-py", "nosniff")
    assert await counted(tus_strict) == before + 1


async def test_the_log_tells_how_long_it_was_and_from_where(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        async with connected(server.port) as connection:
            await connection.send(MALFORMED["a control character in a credential"])
            assert (await connection.answer()).status == 400
        length = len(MALFORMED["a control character in a credential"])
        (line,) = [line for line in server.log().splitlines() if f"bytes={length} " in f"{line} "]
        assert "127.0.0.1" in line
        assert SECRET.decode() not in server.log()


async def counted(tus: TusClient) -> float:
    answer = await tus.get(f"http://127.0.0.1:{tus.port}/metrics")
    lines = [line.split() for line in answer.body.decode().splitlines()]
    return next((float(value[-1]) for name, *value in lines if name == COUNTER), 0.0)


async def test_unsupported_coding_is_501_and_stores_nothing(tus_strict: TusClient) -> None:
    url = await tus_strict.create(5)
    async with connected(tus_strict.port) as connection:
        await connection.patch(url, 0, b"5\r\nhello\r\n0\r\n\r\n", transfer_encoding="gzip, chunked")
        answer = await connection.answer()
    assert (answer.status, answer.body.partition(b":")[0]) == (501, b"unsupported-coding")
    assert await tus_strict.offset(url) == 0


async def test_what_is_dropped_behind_an_upgrade_is_known_to_be(tus_strict: TusClient) -> None:
    async with connected(tus_strict.port) as connection:
        upgrade = b"OPTIONS /files/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
        await connection.send(upgrade + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = await connection.answer()
        assert (answer.status, answer.headers["connection"]) == (204, "close")
        assert await connection.read_rest() == b""
