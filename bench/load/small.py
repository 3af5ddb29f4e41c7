"""`python -m bench.load.small URL`: small requests, one after another on each of several connections.

Prints one JSON object, the fields of `Report`.
"""

from __future__ import annotations

import argparse
import json
import resource
import selectors
import socket
import sys
import time
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from urllib.parse import urlsplit

from bench.load.http import BYTES, TUS, LoadError, create, request

KIB = 1024
_NAMED = {"Upload-Metadata": "filename d29ybGQ=,filetype dGV4dC9wbGFpbg=="}
"""Both: tuspyserver refuses a HEAD where one of them is missing."""
_WARM_UP = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the clients saw. Latencies in milliseconds."""

    per_s: float
    p50_ms: float
    p99_ms: float
    requests: int
    """All of them, those of the warm-up too."""
    client_cpu: float


class Asker:
    """One connection that asks again as soon as it is answered."""

    def __init__(self, address: tuple[str, int], asks: bytes, status: bytes) -> None:
        self.sock = socket.create_connection(address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._asks = asks
        self._status = status
        self._read = b""
        self._asked = 0.0

    def ask(self) -> None:
        self._asked = time.perf_counter()
        self.sock.sendall(self._asks)

    def hear(self) -> float | None:
        """Seconds that the answer took, once it is whole."""
        if not (data := self.sock.recv(65536)):
            raise LoadError("the server closed the connection")
        self._read += data
        if not self._whole():
            return None
        if self._read[9:12] != self._status:
            raise LoadError(f"answered {self._read[:200]!r}")
        self._read = b""
        return time.perf_counter() - self._asked

    def _whole(self) -> bool:
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end or self._asks.startswith(b"HEAD"):
            return bool(end)
        lower = head.lower()
        if b"transfer-encoding: chunked" in lower:
            return body.endswith(b"0\r\n\r\n")
        _, _, length = lower.partition(b"content-length:")
        return len(body) >= int(length.partition(b"\r\n")[0] or 0)


def askers(options: argparse.Namespace) -> list[Asker]:
    parts = urlsplit(options.url)
    address = (str(parts.hostname), int(parts.port or 80))
    return [_asker(options, address) for _ in range(options.connections)]


def _asker(options: argparse.Namespace, address: tuple[str, int]) -> Asker:
    match options.operation:
        case "create":
            return Asker(address, request("POST", options.url, {**TUS, **_NAMED, "Upload-Length": "1024"}, 0), b"201")
        case "upload":
            head = request("POST", options.url, {**BYTES, **_NAMED, "Upload-Length": "1024"}, KIB)
            return Asker(address, head + bytes(KIB), b"201")
        case _:
            return Asker(address, request("HEAD", create(options.url, KIB, _NAMED), TUS), b"200")


def run(options: argparse.Namespace) -> Report:
    selector = selectors.DefaultSelector()
    for asker in askers(options):
        selector.register(asker.sock, selectors.EVENT_READ, asker)
        asker.ask()
    warm = _run(selector, _WARM_UP)
    started = time.perf_counter()
    took = _run(selector, options.seconds)
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Report(
        per_s=len(took) / seconds,
        p50_ms=1000 * median(took),
        p99_ms=1000 * quantiles(took, n=100)[98],
        requests=len(warm) + len(took),
        client_cpu=used.ru_utime + used.ru_stime,
    )


def _run(selector: selectors.BaseSelector, seconds: float) -> list[float]:
    took: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for key, _ in selector.select(1.0):
            if (heard := key.data.hear()) is not None:
                took.append(heard)
                key.data.ask()
    return took


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--operation", choices=("create", "upload", "head"), required=True)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=3.0)
    return parser.parse_args()


if __name__ == "__main__":
    json.dump(asdict(run(_arguments())), sys.stdout)
