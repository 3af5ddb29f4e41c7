"""A slow scanner, and a replacement of a library function that uses a thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import aclosing
from datetime import datetime

from stream_zip import Method, stream_zip

from tests.simulation.network import Network, Service
from tusd_py.domain.scan import Scan, Verdict
from tusd_py.domain.scan_refusals import ScannerUnavailable

SCANNER = Service(
    name="scanner",
    patience=30.0,
    broken=lambda _: ScannerUnavailable(),
    refused=lambda _: ScannerUnavailable(),
    rumour=lambda _: ScannerUnavailable(),
)
VIRUS = "virus"
SECONDS = 7.0
"""The seconds that a scan takes: longer than a job is held without a renewal."""

_Member = tuple[str, datetime, int, Method, AsyncIterator[bytes]]


class SimulatedScanner:
    """The scanner as one node reaches it: it finds malware in the contents `infected`, and none in others."""

    def __init__(self, network: Network, infected: Collection[bytes]) -> None:
        self._network, self._infected = network, infected

    async def scan(self, size: int, chunks: AsyncGenerator[bytes, None]) -> Scan:
        async with aclosing(chunks):
            content = b"".join([chunk async for chunk in chunks])
        if len(content) != size:
            raise AssertionError(f"{len(content)} bytes were to be scanned, not {size}")
        await asyncio.sleep(SECONDS)
        infected = await self._network.ask(SCANNER, "scan", lambda: content in self._infected)
        return Scan(verdict=Verdict.FOUND, name=VIRUS) if infected else Scan(verdict=Verdict.CLEAN)


async def zipped(members: AsyncIterator[_Member], chunk_size: int) -> AsyncGenerator[bytes, None]:
    """Yield the ZIP archive of the members: replaces `async_stream_zip`, which reads and packs in a thread. All members
    are read first."""
    read = [
        (name, at, mode, method, [chunk async for chunk in content])
        async for name, at, mode, method, content in members
    ]
    for chunk in stream_zip(read, chunk_size=chunk_size):
        yield chunk
