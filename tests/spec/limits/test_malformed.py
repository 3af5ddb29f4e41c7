"""What is no HTTP: answered in our words at once, counted, and never repeated to anyone."""

from __future__ import annotations

import pytest

from tests.support.raw import connected
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
    "question marks": b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"?" * 200_000 + SECRET + b"\x01\r\n\r\n",
}


@pytest.mark.parametrize("kind", MALFORMED)
async def test_it_is_refused_in_our_words_and_what_it_held_is_not_repeated(tus_strict: TusClient, kind: str) -> None:
    before = await counted(tus_strict)
    async with connected(tus_strict.port) as connection:
        await connection.send(MALFORMED[kind])
        answer = await connection.answer()
        assert await connection.rest() == b""
    assert (answer.status, answer.body) == (
        400,
        b"malformed-request: this is no HTTP request that the server can read\n",
    )
    assert (answer.headers["server"], answer.headers["x-content-type-options"]) == ("tusd-py", "nosniff")
    assert await counted(tus_strict) == before + 1


async def counted(tus: TusClient) -> float:
    answer = await tus.get(f"http://127.0.0.1:{tus.port}/metrics")
    lines = [line.split() for line in answer.body.decode().splitlines()]
    return next((float(value[-1]) for name, *value in lines if name == COUNTER), 0.0)
