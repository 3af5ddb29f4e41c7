"""`python -m bench.load.listeners URL`: many listeners of one upload's events, which wait for changes.

Prints "ready" once each has its first event. For each line on standard input it changes the upload once, waits until
all have been told, and prints one JSON object, the fields of `Report`.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from statistics import quantiles
from urllib.parse import urlsplit

from bench.load.http import BYTES, Client, LoadError, create, request

LENGTH = 1024 * 1024
"""Bytes of the upload: more than there are changes."""
_ADDRESSES = 100
"""Addresses from which clients come."""
_AT_ONCE = 50
"""Listeners that begin at a time."""
_BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
    "Accept": "text/event-stream",
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
    """Milliseconds from the answer to the change until a listener has it; 0 if it has it earlier."""

    p50_ms: float
    p99_ms: float
    last_ms: float


class Crowd:
    """The listeners."""

    def __init__(self, url: str, count: int) -> None:
        self._url = create(url, LENGTH)
        self._offset = 0
        self._poll = select.epoll()
        self._listeners = dict[int, socket.socket]()
        for start in range(0, count, _AT_ONCE):
            self._open(range(start, min(start + _AT_ONCE, count)))

    def change(self) -> Report:
        """Send one byte, and wait until all listeners are told."""
        with Client(self._url) as client:
            head = request("PATCH", self._url, {**BYTES, "Upload-Offset": str(self._offset)}, 1)
            client.sock.sendall(head + b"x")
            self._offset += 1
            times = self._times(b"event: progress", set(self._listeners), client)
            answered = times.pop(client.sock.fileno())
        delays = sorted(max(1000 * (came_at - answered), 0.0) for came_at in times.values())
        *_, p99 = quantiles(delays, n=100)
        return Report(p50_ms=delays[len(delays) // 2], p99_ms=p99, last_ms=delays[-1])

    def _open(self, numbers: range) -> None:
        head = request("GET", f"{self._url}/events", _BROWSER)
        parts, opened = urlsplit(self._url), set[int]()
        for number in numbers:
            listener = socket.create_connection(
                (parts.hostname, parts.port), source_address=(f"127.0.0.{2 + number % _ADDRESSES}", 0)
            )
            listener.sendall(head)
            self._poll.register(listener, select.EPOLLIN)
            self._listeners[listener.fileno()] = listener
            opened.add(listener.fileno())
        self._times(b"event: state", opened)

    def _times(self, word: bytes, missing: set[int], client: Client | None = None) -> dict[int, float]:
        """Return when each of these has read `word`, and when the client was answered."""
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
    parser.add_argument("--count", type=int, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    options = _arguments()
    crowd = Crowd(options.url, options.count)
    print("ready", flush=True)
    for _ in sys.stdin:
        print(json.dumps(asdict(crowd.change())), flush=True)
