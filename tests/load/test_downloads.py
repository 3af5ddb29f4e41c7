"""Downloads that their clients don't read take hardly any memory, and continue once they are read."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from devtools.seaweed import SeaweedFS
from tests.load.measuring import MIB, measured
from tests.support.node import client_of, watched_memory
from tests.support.writing import random_bytes

BUDGET = 32 * MIB
COUNT = 400
LENGTH = 12 * MIB
"""The bytes of each download: more than the system takes into the buffers of a socket."""
READ = 5
"""The number of downloads that are read in the end, one after another."""
_SECONDS = 3.0


class Unread:
    """A client that sends a GET and reads nothing of the answer until `body` is called: the system's buffers hold the
    beginning, and the server keeps the rest."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.port is not None
        self._path = parts.path
        self._socket = socket.socket()
        self._address = ("127.0.0.1", parts.port)

    async def ask(self) -> None:
        loop = asyncio.get_running_loop()
        self.close()
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        self._socket.setblocking(False)
        await loop.sock_connect(self._socket, self._address)
        await loop.sock_sendall(self._socket, f"GET {self._path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    async def served(self) -> None:
        """Wait until an answer with status 200 has begun; ask again after each 503, and fail at any other status."""
        while not (begin := self._begin()).startswith(b"HTTP/1.1 200 "):
            if begin:
                assert begin.startswith(b"HTTP/1.1 503 ")
                await self.ask()
            await asyncio.sleep(0.2)

    def _begin(self) -> bytes:
        """Return up to 16 bytes of the answer and leave them in the system's buffer; empty if none have come."""
        try:
            return self._socket.recv(16, socket.MSG_PEEK)
        except BlockingIOError:
            return b""

    async def body(self) -> bytes:
        loop, got = asyncio.get_running_loop(), bytearray()
        while b"\r\n\r\n" not in got or len(got.partition(b"\r\n\r\n")[2]) < LENGTH:
            chunk = await loop.sock_recv(self._socket, MIB)
            assert chunk, f"the server hung up after {len(got)} bytes"
            got += chunk
        return bytes(got.partition(b"\r\n\r\n")[2])

    def close(self) -> None:
        self._socket.close()


@asynccontextmanager
async def unread(url: str, count: int) -> AsyncIterator[Sequence[Unread]]:
    """Yield `count` clients that have sent a GET of `url` and read nothing of the answers until `body` is called; close
    them at the end of the block."""
    clients = [Unread(url) for _ in range(count)]
    try:
        for client in clients:
            await client.ask()
        yield clients
    finally:
        for client in clients:
            client.close()


@pytest.mark.timeout(300)
async def test_unread_downloads_stay_within_the_budget(
    seaweed: SeaweedFS, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four hundred downloads that aren't read keep the server within its bound of memory (`Measured.check`) and don't
    hinder an upload; five of them, read later, are whole. Once the clients have closed all connections, the memory is
    given back (`Measured.check_given_back`)."""
    data = random_bytes(LENGTH)
    with capsys.disabled():
        print()
        async with measured(seaweed, tmp_path, BUDGET) as place, client_of(place.server) as client:
            url = await client.create(LENGTH)
            await client.patch(url, 0, data)
            async with watched_memory(place.server) as samples, unread(url, COUNT) as clients:
                await asyncio.gather(*(client.served() for client in clients))
                await asyncio.sleep(_SECONDS)
                uploaded = await client.create(LENGTH)
                assert (await client.patch(uploaded, 0, data)).status == 204
                for reader in clients[:: COUNT // READ]:
                    assert hashlib.sha256(await reader.body()).digest() == hashlib.sha256(data).digest()
            place.check(samples, COUNT)
            await place.check_given_back(COUNT)
