"""`python -m bench.load.listeners URL --count COUNT`: many listeners of one upload, which wait for changes.

Prints "ready" once each has its first event or, over WebSocket, its 101. For each line on standard input the process
changes the upload once, waits until all have been told, and prints one JSON object, the fields of `Report`.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from urllib.parse import urlsplit

from bench.load.http import BYTES, Client, LoadError, absolute, create, request

LENGTH = 1024 * 1024
"""Bytes of the upload: more than there are changes, each of which appends one byte."""
_ADDRESSES = 100
"""The number of loopback addresses from which the listeners connect."""
_AT_ONCE = 50
"""The number of listeners that connect at a time."""
_BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "en-GB,en;q=0.9,de;q=0.8",
    "Cache-Control": "no-cache",
    "Origin": "https://page.example",
    "Referer": "https://page.example/",
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "cross-site",
}
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Milliseconds from the request that changes the upload until a listener is told."""

    p50_ms: float
    p99_ms: float
    last_ms: float


class Events:
    """An upload of tusd-py, whose listeners are told of changes by server-sent events."""

    first, news = b"event: state", b"event: progress"
    """The bytes that mark the first event, and the event of each change."""

    def __init__(self, url: str) -> None:
        self._url, self._offset = create(url, LENGTH), 0

    @property
    def listening(self) -> bytes:
        return request("GET", f"{self._url}/events", {**_BROWSER, "Accept": "text/event-stream"})

    def change(self) -> bytes:
        """Return the bytes of a PATCH that appends one byte to the upload; each call returns the one for the next
        offset."""
        head = request("PATCH", self._url, {**BYTES, "Upload-Offset": str(self._offset)}, 1)
        self._offset += 1
        return head + b"x"


class Socket:
    """A made-up upload of Companion, whose listeners are told of changes over WebSockets."""

    first, news = b"101 Switching Protocols", b'"action":"progress"'

    def __init__(self, url: str) -> None:
        self._listening, self._change = (absolute(url, f"/{path}/{'0' * 32}") for path in ("api", "change"))

    @property
    def listening(self) -> bytes:
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        return request("GET", self._listening, {**_BROWSER, **upgrade, "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg=="})

    def change(self) -> bytes:
        """Return a request that makes the server send a progress message to its listeners."""
        return request("POST", self._change, {}, 0)


_KINDS: Mapping[str, type[Events | Socket]] = {"events": Events, "socket": Socket}


class Crowd:
    """The connections of all listeners to one upload."""

    def __init__(self, url: str, kind: str, count: int) -> None:
        self._url, self._upload = url, _KINDS[kind](url)
        self._poll = select.epoll()
        self._listeners = dict[int, socket.socket]()
        for start in range(0, count, _AT_ONCE):
            self._open(range(start, min(start + _AT_ONCE, count)))

    def change(self) -> Report:
        """Change the upload, wait until all listeners are told, and return their delays. Raises LoadError."""
        with Client(self._url) as client:
            sent_at = time.perf_counter()
            client.sock.sendall(self._upload.change())
            times = self._times(self._upload.news, set(self._listeners), client)
            del times[client.sock.fileno()]
        delays = sorted(1000 * (came_at - sent_at) for came_at in times.values())
        *_, p99 = quantiles(delays, n=100)
        return Report(p50_ms=median(delays), p99_ms=p99, last_ms=delays[-1])

    def _open(self, numbers: range) -> None:
        parts, head = urlsplit(self._url), self._upload.listening
        opened = set[int]()
        for number in numbers:
            source = (f"127.0.0.{2 + number % _ADDRESSES}", 0)
            listener = socket.create_connection((parts.hostname, parts.port), source_address=source)
            listener.sendall(head)
            self._poll.register(listener, select.EPOLLIN)
            self._listeners[listener.fileno()] = listener
            opened.add(listener.fileno())
        self._times(self._upload.first, opened)

    def _times(self, word: bytes, missing: set[int], client: Client | None = None) -> dict[int, float]:
        """Wait until each listener whose file descriptor is in `missing` has received `word`, and `client`, if it is
        given, the first bytes of a response; return the time of each by file descriptor, by `time.perf_counter`. Raises
        LoadError if it takes more than 60 s or the server closes a connection."""
        times, until = dict[int, float](), time.perf_counter() + _PATIENCE
        if client is not None:
            self._poll.register(client.sock, select.EPOLLIN)
            missing = missing | {client.sock.fileno()}
        while missing:
            if time.perf_counter() > until:
                raise LoadError(f"{len(missing)} listeners weren't told")
            for number, data, came_at in self._readable(client):
                if word in data or number not in self._listeners:
                    times[number] = came_at
                    missing.discard(number)
        if client is not None:
            self._poll.unregister(client.sock)
        return times

    def _readable(self, client: Client | None) -> Iterator[tuple[int, bytes, float]]:
        for number, _ in self._poll.poll(1):
            connection = self._listeners[number] if client is None or number in self._listeners else client.sock
            if not (data := connection.recv(65536)):
                raise LoadError("the server closed a connection")
            yield number, data, time.perf_counter()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--kind", choices=_KINDS, default="events")
    parser.add_argument("--count", type=int, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    options = _arguments()
    crowd = Crowd(options.url, options.kind, options.count)
    print("ready", flush=True)
    for _ in sys.stdin:
        print(json.dumps(asdict(crowd.change())), flush=True)
