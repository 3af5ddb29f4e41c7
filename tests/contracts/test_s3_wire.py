"""The server's own S3 client, which sends the requests that carry bytes: with an S3 that is slow, answers early,
redirects, hangs up or falls silent, and with keys of any characters."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from random import randbytes

import pytest

from devtools.seaweed import SeaweedFS
from tusd_py.domain.errors import UploadLost
from tusd_py.ports.body import Chunk
from tusd_py.ports.meter import Meter
from tusd_py.storage.s3.api import requests as wire
from tusd_py.storage.s3.api.client import S3Client
from tusd_py.storage.s3.api.connect import connect
from tusd_py.storage.s3.api.errors import S3Error, S3TransientError
from tusd_py.storage.s3.api.requests import Payload, RawRequest, RawS3
from tusd_py.storage.s3.options import S3Options

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

PATIENCE = 20.0


def payload(*chunks: Chunk) -> Payload:
    async def stream() -> AsyncIterator[Chunk]:
        for chunk in chunks:
            yield chunk

    return Payload(length=len(b"".join(chunks)), chunks=stream)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")


@asynccontextmanager
async def served(serve: Serve) -> AsyncIterator[RawS3]:
    """Yield a `RawS3`, the part of the server's own S3 client that signs a request and sends it once, without retries.
    It sends to a fake S3, which calls `serve` with each connection and breaks the connection once `serve` returns."""

    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(closing, "127.0.0.1", 0)
    endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, connect(S3Options(bucket="bucket", endpoint_url=endpoint), Meter()) as connection:
        yield connection.client._raw


def client_of(s3: RawS3, guard: Callable[[], None] = lambda: None) -> S3Client:
    """Return a client that sends by `s3` and retries, for calls that need no botocore; `guard` is called before each
    attempt of any of them but `get`."""
    return S3Client(None, s3, "bucket", Meter(), guard)  # type: ignore[arg-type]  # botocore isn't asked


async def put(s3: RawS3, data: Payload) -> None:
    async with s3.send(RawRequest(operation="PutObject", method="PUT", key="k", payload=data)) as answer:
        await answer.read()


async def test_a_lost_body_ends_its_request() -> None:
    """A body whose source raises UploadLost makes the request raise UploadLost."""

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async def lost_chunks() -> AsyncIterator[bytes]:
        yield b"a"
        raise UploadLost("tail")

    async with served(serve) as s3:
        with pytest.raises(UploadLost, match="tail"):
            await put(s3, Payload(length=2, chunks=lost_chunks))


@pytest.mark.parametrize("size", [3, 1_000_000])
async def test_a_body_is_sent_once_in_each_attempt(size: int) -> None:
    """If S3 takes a whole body but hangs up without an answer, the client sends it again. Before each attempt it calls
    its `guard`, as the lease may be over; the result is `troubled`, as S3 may yet store the body of the first
    attempt."""
    bodies, guards = list[bytes](), list[int]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        bodies.append(await reader.readexactly(size))
        if len(bodies) > 1:
            writer.write(b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 0\r\n\r\n')
            await reader.read()

    async with served(serve) as s3:
        client = client_of(s3, lambda: guards.append(len(bodies)))
        stored = await client.put("k", payload(b"a" * size), {})
    assert stored.troubled
    assert guards == [0, 1], "asked before each"
    assert bodies == [b"a" * size] * 2


async def read(client: S3Client) -> None:
    assert [chunk async for chunk in client.get("k")] == [b"?"]


DEMANDS: Mapping[str, Callable[[S3Client], Awaitable[object]]] = {
    "a small body": lambda client: client.put("k", payload(b"abc"), {}),
    "a large body": lambda client: client.put("k", payload(*[b"a" * 500_000] * 2), {}),
    "a download": read,
    "a look": lambda client: client.reach("k"),
}


@pytest.mark.parametrize("demand", DEMANDS)
async def test_no_kept_connection_that_is_dead_shows(demand: str) -> None:
    """A request on a kept connection that S3 closes without an answer is sent again, on a new connection, and
    succeeds."""
    connections, answers = 0, 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections, answers
        connections += 1
        length = re.search(rb"Content-Length: ([0-9]+)", await reader.readuntil(b"\r\n\r\n"))
        await reader.readexactly(int(length[1]) if length else 0)
        answers += 1
        writer.write(b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 1\r\n\r\n?')
        await reader.readuntil(b"\r\n\r\n")  # the next request on it is not answered

    async with served(serve) as s3:
        for _ in range(2):
            await DEMANDS[demand](client_of(s3))
    assert (connections, answers) == (2, 2)


async def test_a_large_body_arrives_slowly_and_whole() -> None:
    """A large body, in more chunks than go into one system call, arrives unchanged at an S3 that reads it slowly."""
    sizes = (1, 300_000, 2_000_000, 64 * 1024, 7, 5_000_000, *[100] * 200)  # more than go into one system call
    chunks = [randbytes(size) for size in sizes]
    arrived = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        while len(arrived) < sum(map(len, chunks)):
            arrived.extend(await reader.read(100_000))
            await asyncio.sleep(0.001)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await reader.read()

    async with served(serve) as s3:
        await put(s3, payload(*[memoryview(chunk) for chunk in chunks]))
    assert arrived == b"".join(chunks)


async def test_an_early_reply_is_read() -> None:
    """If S3 answers with an error before it has read the whole request body, the request raises that error as
    S3Error."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 25\r\n\r\n<Code>AccessDenied</Code>")
        await asyncio.sleep(PATIENCE)

    async with served(serve) as s3, asyncio.timeout(PATIENCE):
        with pytest.raises(S3Error, match="403 AccessDenied"):
            await put(s3, payload(bytes(64 * 1024 * 1024)))


@pytest.mark.parametrize("size", [1, 64 * 1024 * 1024])
async def test_a_connection_that_breaks_under_a_body_is_trouble(size: int) -> None:
    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with served(serve) as s3, asyncio.timeout(PATIENCE):
        with pytest.raises(S3TransientError):
            await put(s3, payload(bytes(size)))


async def test_an_s3_that_falls_silent_is_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_TIMEOUT_SECONDS", 0.1)

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with served(serve) as s3:
        with pytest.raises(S3TransientError):
            await put(s3, payload(b"abc"))


async def test_an_s3_that_takes_no_more_of_a_body_is_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_TIMEOUT_SECONDS", 0.1)
    ended = asyncio.Event()

    async def serve(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await ended.wait()

    async with served(serve) as s3:
        with pytest.raises(S3TransientError):
            await asyncio.wait_for(put(s3, payload(*[bytes(1024**2)] * 32)), 20)
        ended.set()


async def test_a_download_goes_on_where_its_connection_broke() -> None:
    heads = list[bytes]()
    answers = [
        b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 6\r\n\r\nabc',
        b'HTTP/1.1 206 Partial Content\r\nETag: "e"\r\nContent-Range: bytes 3-5/6\r\nContent-Length: 3\r\n\r\ndef',
    ]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answers[len(heads) - 1])
        writer.write_eof()
        await reader.read()

    async with served(serve) as s3:
        assert b"".join([chunk async for chunk in client_of(s3).get("k")]) == b"abcdef"
    assert b"Range: bytes=3-\r\n" in heads[1]


@pytest.mark.parametrize("key", ["plain", "a b", "a+b", "a~b", "ä/☃", "a%2Fb", "a=b&c?d#e", "'(x)'*!"])
async def test_a_key_of_any_characters_is_signed_as_s3_reads_it(
    seaweed: SeaweedFS, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    for name, value in seaweed.user.environment().items():
        monkeypatch.setenv(name, value)
    options = S3Options(bucket="uploads", endpoint_url=seaweed.endpoint)
    async with connect(options, Meter()) as connection:
        client = connection.client
        await client.put(f"keys/{key}", payload(b"abc"), {})
        assert b"".join([chunk async for chunk in client.get(f"keys/{key}")]) == b"abc"
        assert f"keys/{key}" in [listed.key async for listed in client.list_objects("keys/")]


async def test_a_redirect_is_a_configuration_error() -> None:
    """A redirect, which comes from a wrong configuration, raises S3Error and isn't followed."""
    heads = list[bytes]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 39\r\n\r\n")
        writer.write(b"<Error><Code>Elsewhere</Code></Error>  ")
        await reader.read()

    async with served(serve) as s3:
        with pytest.raises(S3Error, match="307 Elsewhere"):
            await put(s3, payload(b"abc"))
    assert len(heads) == 1
