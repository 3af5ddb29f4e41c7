"""A connection that is taken over from aiohttp for a request's body, and given back to it."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from mmap import mmap
from random import Random
from typing import Any

import pytest
from aiohttp import web

from tests.support.raw import RawConnection, connected
from tusd_py.http.connection import socket_reader
from tusd_py.http.connection.socket_reader import SocketReader, State, take_over
from tusd_py.ports.body import Chunk
from tusd_py.transfer.budget import Budget
from tusd_py.transfer.slabs import MIN_SLAB, SLAB, Slabs

Handler = Callable[[SocketReader, web.Request], Awaitable[str]]

KIB, MIB = 1024, 1024 * 1024
PATIENCE = 10.0


@pytest.fixture(autouse=True)
def least_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_reader, "_LEAST", 1)


@asynccontextmanager
async def serving(handler: Handler, **options: Any) -> AsyncIterator[RawConnection]:
    """Yield a connection to a server that takes the connection over for each request's body and answers with the text
    that `handler` returns, or with `by aiohttp: ` and the body if aiohttp must read that. `options` are those of
    `AppRunner`."""

    async def handle(request: web.Request) -> web.Response:
        reader = take_over(request, Slabs(Budget(256 * MIB)))
        text = f"by aiohttp: {await request.text()}" if reader is None else await handler(reader, request)
        return web.Response(text=text)

    app = web.Application()
    app.router.add_route("*", "/x", handle)
    runner = web.AppRunner(app, handler_cancellation=False, shutdown_timeout=1.0, **options)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with connected(runner.addresses[0][1]) as client:
            yield client
    finally:
        await runner.cleanup()


def head(length: int, *fields: bytes) -> bytes:
    return b"\r\n".join([b"PATCH /x HTTP/1.1", b"Host: x", b"Content-Length: %d" % length, *fields, b"", b""])


async def ask(client: RawConnection, body: bytes) -> None:
    """Send a request's head, and 20 ms later, when its handler has begun, the body."""
    await client.send(head(len(body)))
    await asyncio.sleep(0.02)
    await client.send(body)


async def everything(reader: SocketReader, _: web.Request | None = None) -> list[Chunk]:
    chunks = []
    while chunk := await reader.read(PATIENCE):
        chunks.append(chunk)
    return chunks


async def echo(reader: SocketReader, _: web.Request) -> str:
    return b"".join(await everything(reader)).decode()


async def test_the_next_request_on_the_connection_is_served_as_ever() -> None:
    async with serving(echo) as client:
        for body in (b"abc", b"defg", b"h"):
            await ask(client, body)
            assert (await client.answer()).body == body


async def test_bytes_after_a_body_are_the_next_request() -> None:
    async with serving(echo) as client:
        await client.send(head(6) + b"abc")
        await asyncio.sleep(0.02)
        await client.send(b"def" + head(4) + b"gh")
        assert (await client.answer()).body == b"abcdef"
        await client.send(b"ij" + head(0) + head(1))
        assert (await client.answer()).body == b"ghij"
        assert (await client.answer()).body == b"by aiohttp: "
        await client.send(b"k")
        assert (await client.answer()).body == b"k"


async def test_released_body_is_read_by_aiohttp() -> None:
    """After `SocketReader.release`, aiohttp reads the body to its end, for `request.content`, and the connection serves
    the next request."""
    data = bytes(range(256)) * KIB

    async def first_then_rest(reader: SocketReader, request: web.Request) -> str:
        mine = bytes(await reader.read(PATIENCE))
        reader.release()
        while chunk := reader.take():
            mine += chunk
        remaining = await request.content.read()
        return str(mine + remaining == data)

    async with serving(first_then_rest) as client:
        for _ in range(2):
            await ask(client, data)
            assert (await client.answer()).body == b"True"


async def test_a_rest_that_nobody_reads_is_left_to_aiohttp() -> None:
    async def refuse(reader: SocketReader, _: web.Request) -> str:
        await reader.read(PATIENCE)
        reader.release()
        return "no"

    async with serving(refuse) as client:
        for _ in range(2):
            await client.send(head(300 * KIB) + bytes(KIB))
            assert (await client.answer()).body == b"no"
            await client.send(bytes(299 * KIB))


async def test_a_client_whose_bytes_nobody_takes_is_not_read_from() -> None:
    go, sizes = asyncio.Event(), list[int]()

    async def wait(reader: SocketReader, _: web.Request) -> str:
        first = await reader.read(PATIENCE)
        while reader._state is not State.PAUSED:  # noqa: ASYNC110 (no event marks it)
            await asyncio.sleep(0.01)
        sizes.append(reader._queue.size)
        go.set()
        return str(len(first) + sum(map(len, await everything(reader))))

    async with serving(wait) as client:
        await client.send(head(32 * MIB))
        sending = asyncio.create_task(client.send(bytes(32 * MIB)))
        await go.wait()
        await sending
        assert (await client.answer()).body == str(32 * MIB).encode()
    assert sizes[0] <= 2 * SLAB


async def test_slabs_are_small_for_who_brings_little_at_a_time() -> None:
    sizes = list[int]()

    async def measure(reader: SocketReader, _: web.Request) -> str:
        while await reader.read(PATIENCE):
            sizes.append(len(reader._queue._slab))
        return ""

    async with serving(measure) as client:
        await client.send(head(100 * KIB))
        for _ in range(100):
            await client.send(bytes(KIB))
            await asyncio.sleep(0.001)
        await client.answer()
    assert max(sizes) <= MIN_SLAB


async def test_a_client_that_has_become_slow_holds_no_large_slab() -> None:
    """Once a client sends little after much, each of its last two chunks lies in a buffer of at most two minimal
    slabs."""
    chunks = list[Chunk]()

    async def gather(reader: SocketReader, _: web.Request) -> str:
        await asyncio.sleep(0.05)
        while chunk := await reader.read(PATIENCE):
            chunks.append(chunk)
            await asyncio.sleep(0.002)
        return str(sum(map(len, chunks)))

    async with serving(gather) as client:
        await client.send(head(9 * MIB))
        await client.send(bytes(4 * MIB + 1000))
        while sum(map(len, chunks)) < 4 * MIB + 1000:  # noqa: ASYNC110 (only looking tells)
            await asyncio.sleep(0.01)
        large = max(memoryview(chunk).nbytes for chunk in chunks)
        del chunks[:]
        for count in range(1, 8):  # on a busy machine the first may still lie in a large one
            await client.send(bytes(1000))
            while len(chunks) < count:  # noqa: ASYNC110 (only looking tells)
                await asyncio.sleep(0.01)
        buffers = [memoryview(chunk).obj for chunk in chunks]
        await client.send(bytes(5 * MIB - 8000))
        await client.answer()
    assert large > 128 * KIB
    assert [memoryview(buffer).nbytes <= 2 * MIN_SLAB for buffer in buffers[-2:]] == [True] * 2


@pytest.mark.parametrize("seed", range(10))
async def test_random_paces_lose_no_byte(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_reader, "_GATHER", 0.003)
    sender, taker = Random(seed), Random(seed + 1000)
    data = sender.randbytes(MIB)

    async def take(reader: SocketReader, _: web.Request) -> str:
        got = b""
        while chunk := await reader.read(PATIENCE):
            got += chunk
            await asyncio.sleep(taker.choice([0, 0.004, 0.008]))
        return str(got == data)

    async with serving(take) as client:
        await client.send(head(len(data)))
        at = 0
        while at < len(data):
            size = sender.choice([100, 9_000, 30_000])
            await client.send(data[at : at + size])
            at += size
            await asyncio.sleep(sender.choice([0, 0, 0.002, 0.006]))
        assert (await client.answer()).body == b"True"


async def test_slabs_are_large_for_who_brings_much(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, lend = list[int](), Slabs.lend

    def lent(slabs: Slabs, size: int) -> memoryview:
        sizes.append(len(slab := lend(slabs, size)))
        return slab

    async def measure(reader: SocketReader, _: web.Request) -> str:
        while await reader.read(PATIENCE):  # noqa: ASYNC110 (so that more comes)
            await asyncio.sleep(0.002)
        return ""

    monkeypatch.setattr(Slabs, "lend", lent)
    async with serving(measure) as client:
        await client.send(head(16 * MIB))
        await client.send(bytes(16 * MIB))
        await client.answer()
    assert max(sizes) == SLAB


class NoHugePages(mmap):
    """Memory of a kernel that was built without huge pages."""

    def madvise(self, *_: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")


def no_arena(fileno: int, length: int, **options: Any) -> mmap:
    """Map memory as on a system that maps no more than 64 KiB at a time: raise OSError (ENOMEM) for more."""
    if length > 64 * KIB:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")
    return mmap(fileno, length, **options)


@pytest.mark.parametrize(("mapped", "size"), [(NoHugePages, SLAB), (no_arena, MIN_SLAB)])
async def test_a_fast_body_arrives_whole_without_arenas(
    monkeypatch: pytest.MonkeyPatch, mapped: Callable[..., mmap], size: int
) -> None:
    """A fast body arrives whole on a system without huge pages, and on one that can't map the 2 MiB that large slabs
    are cut from, where a minimal slab takes the place of each large one."""
    data, chunks = Random(0).randbytes(8 * MIB), list[Chunk]()

    async def take(reader: SocketReader, _: web.Request) -> str:
        while chunk := await reader.read(PATIENCE):
            chunks.append(chunk)
            await asyncio.sleep(0.002)  # so that more comes
        return str(b"".join(chunks) == data)

    monkeypatch.setattr("mmap.mmap", mapped)
    assert len(Slabs(Budget(256 * MIB)).lend(SLAB)) == size
    async with serving(take) as client:
        await client.send(head(len(data)))
        await client.send(data)
        assert (await client.answer()).body == b"True"


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        (b"Content-Length: 0", b""),
        (b"Transfer-Encoding: chunked", b"3\r\nabc\r\n0\r\n\r\n"),
        (b"Content-Length: 3\r\nContent-Encoding: gzip", b"abc"),
    ],
)
async def test_aiohttp_reads_what_is_not_a_plain_body(framing: bytes, body: bytes) -> None:
    async with serving(echo, auto_decompress=False) as client:
        await client.send(b"PATCH /x HTTP/1.1\r\nHost: x\r\n" + framing + b"\r\n\r\n")
        await asyncio.sleep(0.02)
        await client.send(body)
        assert (await client.answer()).body == b"by aiohttp: " + (b"abc" if body else b"")
