"""The requests to S3, and the bytes written to local disks, for a creation, a HEAD and single uploads."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench import systems
from bench.bench import Bench
from bench.load.http import BYTES, TUS, Client, LoadError, create, request
from bench.loads import load
from bench.places import MIB
from bench.probe import watched
from bench.sinks import Sink, sink
from bench.systems.base import Served
from bench.systems.ours import tusdpy

NAME = "requests"
STATELESS = tusdpy("tusd-py, no state file", "--s3-checksum", "none", state="memory:")
_LATE = 0.3
"""Seconds to wait for requests to S3 that follow the response."""


def measure(bench: Bench) -> None:
    """Count the requests to S3, their bytes and the bytes written to local disks, once for each system and case: the
    counts of requests don't depend on timing."""
    chosen = (systems.PLAIN, STATELESS, *systems.ON_S3[:1], systems.TUS_NODE)
    with sink() as s3:
        for system in bench.in_turn(NAME, chosen):
            with bench.attempt(NAME, system), bench.served(system, s3) as server:
                for case, act in CASES.items():
                    bench.record(NAME, system, case, **_counted(server, s3, act))


def _counted(server: Served, s3: Sink, act: Callable[[str], None]) -> dict[str, float]:
    s3.counts()
    with watched(server.pid, s3.pid) as usage:
        act(server.url)
        time.sleep(_LATE)
    counts = s3.counts()
    operations: dict[str, float] = {f"op {name}": count for name, count in counts["requests"].items()}
    total = sum(counts["requests"].values())
    return {"requests": total, "bytes": sum(counts["bytes"].values()), "written": usage.written, **operations}


def _creation(url: str) -> None:
    create(url, MIB)


def _head(url: str) -> None:
    upload = create(url, MIB)
    with Client(upload) as client:
        _expect(client.ask("HEAD", upload, TUS).status, 200)


def _small(url: str) -> None:
    with Client(url) as client:
        client.sock.sendall(request("POST", url, {**BYTES, "Upload-Length": str(MIB)}, MIB) + bytes(MIB))
        _expect(client.answer().status, 201)


def _one_patch(url: str) -> None:
    load("bulk", url, size=128 * MIB)


def _many_patches(url: str) -> None:
    load("bulk", url, size=32 * MIB, piece=MIB)


def _expect(status: int, expected: int) -> None:
    if status != expected:
        raise LoadError(f"{status} instead of {expected}")


CASES: dict[str, Callable[[str], None]] = {
    "creation": _creation,
    "creation and a HEAD": _head,
    "POST with 1 MiB": _small,
    "128 MiB in one PATCH": _one_patch,
    "32 MiB in 32 PATCHes": _many_patches,
}
