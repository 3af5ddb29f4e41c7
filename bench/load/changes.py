"""`python -m bench.load.changes URL --way WAY`: listeners, and changes that each of them is told.

Prints "ready" once all listen, and waits for a line of standard input before it measures. Then prints one JSON object,
the fields of `Report`, and keeps the connections open until standard input ends.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from dataclasses import dataclass
from functools import partial
from statistics import median
from urllib.parse import urlsplit

from bench.load.http import BYTES, Client, LoadError, create, request
from bench.load.steps import measure
from bench.load.ways import WAYS, Way

_PAUSE = 1.1
"""Seconds between changes: progress of one upload is told once a second at most."""
_PATIENCE = 30.0
_LENGTH = 1024 * 1024
_REVISION = re.compile(rb'"revision":(\d+)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The median milliseconds from a listener's request to the first byte of the response (`first_ms`), and from the
    response to a change to the arrival at the last listener (`last_ms`; 0 if it arrives first). Without listeners all
    fields are 0.

    `bytes_each` are the bytes in both directions for each listener and change, and `count` is listeners times changes.
    """

    first_ms: float
    last_ms: float
    bytes_each: float
    count: int


class Listener(asyncio.Protocol):
    """One connection that is told of changes."""

    def __init__(self, way: Way, url: str) -> None:
        self._way, self._url = way, url
        self._tail = b""
        self.opened = asyncio.get_running_loop().create_future()
        self.events, self.size, self.last_at = 0, 0, 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._asked_at = time.perf_counter()
        self._ask(0)

    def _ask(self, revision: int) -> None:
        message = request("GET", self._url + self._way.path.format(revision), self._way.headers)
        self._transport.write(message)
        self.size += len(message)

    def data_received(self, data: bytes) -> None:
        self.last_at = time.perf_counter()
        if not self.opened.done():
            self.opened.set_result(self.last_at - self._asked_at)
        self.size += len(data)
        text = self._tail + data
        self.events += text.count(self._way.mark)
        self._tail = text.rpartition(self._way.mark)[2][-4096:]
        if self._way.polls and self._way.mark in text:
            self._ask(int(_REVISION.findall(text)[-1]))


async def run(options: argparse.Namespace) -> None:
    way, parts = WAYS[options.way], urlsplit(options.url)
    upload = create(options.url, _LENGTH)
    listeners = list[Listener]()
    with Client(options.url) as client:
        for _ in range(options.listeners):
            above = upload if way.of_upload else f"http://{parts.netloc}"
            loop = asyncio.get_running_loop()
            _, listener = await loop.create_connection(partial(Listener, way, above), parts.hostname, parts.port)
            listeners.append(listener)
            await listener.opened
        await asyncio.sleep(1)  # what is told at first is over
        await measure(_changes(options, client, upload, listeners))


async def _changes(options: argparse.Namespace, client: Client, upload: str, listeners: list[Listener]) -> Report:
    size, delays = sum(listener.size for listener in listeners), list[float]()
    for number in range(options.changes):
        before = [listener.events for listener in listeners]
        answered = await asyncio.to_thread(_change, WAYS[options.way], client, options.url, upload, number)
        await _until_told(listeners, before)
        delays += [max(listener.last_at for listener in listeners) - answered] if listeners else []
        await asyncio.sleep(max(0.0, answered + _PAUSE - time.perf_counter()))
    count = len(listeners) * options.changes
    return Report(
        first_ms=1000 * median([listener.opened.result() for listener in listeners] or [0.0]),
        last_ms=1000 * max(0.0, median(delays or [0.0])),
        bytes_each=(sum(listener.size for listener in listeners) - size) / (count or 1),
        count=count,
    )


def _change(way: Way, client: Client, url: str, upload: str, number: int) -> float:
    """Append a byte to `upload` at the offset `number` if `way.of_upload`, else create another upload at `url`; return
    the time of the response, by `time.perf_counter`. Raises LoadError; EOFError or OSError if the connection breaks."""
    if way.of_upload:
        client.sock.sendall(request("PATCH", upload, {**BYTES, "Upload-Offset": str(number)}, 1) + b"0")
        if (status := client.answer().status) != 204:  # noqa: PLR2004
            raise LoadError(f"PATCH was answered {status}")
    else:
        create(url, 1)
    return time.perf_counter()


async def _until_told(listeners: list[Listener], before: list[int]) -> None:
    async with asyncio.timeout(_PATIENCE):
        while any(listener.events <= count for listener, count in zip(listeners, before, strict=True)):
            await asyncio.sleep(0.02)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--way", choices=WAYS, required=True)
    parser.add_argument("--listeners", type=int, default=200)
    parser.add_argument("--changes", type=int, default=10)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(run(_arguments()))
