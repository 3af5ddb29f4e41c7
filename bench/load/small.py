"""`python -m bench.load.small URL --operation create|upload|head`: successive small requests on each of several
connections.

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
"""An `Upload-Metadata` for creations with both `filename` and `filetype`: tuspyserver refuses a HEAD of an upload that
lacks one of them."""
_WARM_UP = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The measurements of all connections together: the requests a second and their latencies in milliseconds, without
    those of the warm-up, and `client_cpu`, the process's CPU seconds in all."""

    per_s: float
    p50_ms: float
    p99_ms: float
    requests: int
    """The number of all answered requests, those of the warm-up included."""
    client_cpu: float


class Requester:
    """One connection for successive equal requests: `send` sends one, and `receive` reads its response."""

    def __init__(self, address: tuple[str, int], message: bytes, status: bytes) -> None:
        self.sock = socket.create_connection(address)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._message = message
        self._status = status
        self._read = b""
        self._sent_at = 0.0

    def send(self) -> None:
        self._sent_at = time.perf_counter()
        self.sock.sendall(self._message)

    def receive(self) -> float | None:
        """Read from the socket; return the latency in seconds if the response is complete, else None. Raises
        LoadError."""
        if not (data := self.sock.recv(65536)):
            raise LoadError("the server closed the connection")
        self._read += data
        if not self._whole():
            return None
        if self._read[9:12] != self._status:
            raise LoadError(f"answered {self._read[:200]!r}")
        self._read = b""
        return time.perf_counter() - self._sent_at

    def _whole(self) -> bool:
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end or self._message.startswith(b"HEAD"):
            return bool(end)
        lower = head.lower()
        if b"transfer-encoding: chunked" in lower:
            return body.endswith(b"0\r\n\r\n")
        _, _, length = lower.partition(b"content-length:")
        return len(body) >= int(length.partition(b"\r\n")[0] or 0)


def requesters(options: argparse.Namespace) -> list[Requester]:
    parts = urlsplit(options.url)
    address = (str(parts.hostname), int(parts.port or 80))
    return [_requester(options, address) for _ in range(options.connections)]


def _requester(options: argparse.Namespace, address: tuple[str, int]) -> Requester:
    match options.operation:
        case "create":
            return Requester(
                address, request("POST", options.url, {**TUS, **_NAMED, "Upload-Length": "1024"}, 0), b"201"
            )
        case "upload":
            head = request("POST", options.url, {**BYTES, **_NAMED, "Upload-Length": "1024"}, KIB)
            return Requester(address, head + bytes(KIB), b"201")
        case _:
            return Requester(address, request("HEAD", create(options.url, KIB, _NAMED), TUS), b"200")


def run(options: argparse.Namespace) -> Report:
    selector = selectors.DefaultSelector()
    for requester in requesters(options):
        selector.register(requester.sock, selectors.EVENT_READ, requester)
        requester.send()
    warm_up = _run(selector, _WARM_UP)
    started = time.perf_counter()
    latencies = _run(selector, options.seconds)
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Report(
        per_s=len(latencies) / seconds,
        p50_ms=1000 * median(latencies),
        p99_ms=1000 * quantiles(latencies, n=100)[98],
        requests=len(warm_up) + len(latencies),
        client_cpu=used.ru_utime + used.ru_stime,
    )


def _run(selector: selectors.BaseSelector, seconds: float) -> list[float]:
    latencies: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for key, _ in selector.select(1.0):
            if (latency := key.data.receive()) is not None:
                latencies.append(latency)
                key.data.send()
    return latencies


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--operation", choices=("create", "upload", "head"), required=True)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=3.0)
    return parser.parse_args()


if __name__ == "__main__":
    json.dump(asdict(run(_arguments())), sys.stdout)
