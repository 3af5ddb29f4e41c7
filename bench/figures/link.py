"""Single uploads, and a download, with an S3 that answers after 30 ms and carries 80 MB/s on each connection."""

from __future__ import annotations

from bench import systems
from bench.bench import Bench
from bench.loads import load
from bench.places import MIB
from bench.sinks import sink
from bench.systems.base import Served, System

NAME = "link"
LATENCY, RATE = 0.03, 80e6
FAST = "as fast as it goes"
BACK = "and back"
PACED = "at 60 MB/s"
_PACE = 60e6
_SIZES = (204 * MIB, 225 * MIB, 246 * MIB)
"""The lengths of uploads, whose last parts are about half full on average, for parts of 50 MiB and of 8 MiB, so that
neither size has an advantage."""
_SEND_BUFFER = 256 * 1024
"""The client's SO_SNDBUF in bytes: small, so that nearly all bytes handed to the kernel have left the client."""


def measure(bench: Bench) -> None:
    """Measure the speed of an upload by a client that is faster than a connection to S3, and of its download (except
    through relays), and uploads of three lengths by a client that sends 60 MB/s, which is slower; of all uploads also
    the seconds from the last byte to the response."""
    extra = () if bench.quick else (systems.CHECKED, systems.TUSD_UNHASHED, systems.TUS_NODE)
    chosen = (systems.NGINX, systems.PLAIN, systems.TUSD, *extra)
    with sink(latency=LATENCY, rate=RATE) as s3:
        for system in bench.in_turn(NAME, chosen):
            with bench.attempt(NAME, system), bench.served(system, s3) as server:
                url = _fast(bench, system, server)
                if not system.relays:
                    _back(bench, system, url)
                for size in _SIZES:
                    _paced(bench, system, server, size)


def _fast(bench: Bench, system: System, server: Served) -> str:
    report = load("bulk", server.url, size=256 * MIB, send_buffer=_SEND_BUFFER, **system.load)
    speed = report["size"] / report["seconds"]
    bench.record(NAME, system, FAST, bytes_per_s=speed, wait=report["waits"][0])
    return str(report["urls"][0])


def _back(bench: Bench, system: System, url: str) -> None:
    report = load("bulk", url, mode="get", size=256 * MIB)
    bench.record(NAME, system, BACK, bytes_per_s=report["size"] / report["seconds"])


def _paced(bench: Bench, system: System, server: Served, size: int) -> None:
    report = load("bulk", server.url, size=size, rate=_PACE, send_buffer=_SEND_BUFFER, **system.load)
    bench.record(NAME, system, PACED, bytes_per_s=size / report["seconds"], wait=report["waits"][0])
