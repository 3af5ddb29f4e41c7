"""`python -m bench.load.finish URL --hook URL`: 1 KiB uploads, one after another, and the hook that is called for each.

Prints one JSON object, the fields of `Report`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from asyncio import StreamReader, StreamWriter
from collections import defaultdict
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from urllib.parse import urlsplit

from bench.load.http import BYTES, LoadError, request
from bench.load.receiver import receive

KIB = 1024
_WARM_UP = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Milliseconds from the arrival at the client of the response to its upload until the hook is called for that
    upload; 0 if the call came first."""

    p50_ms: float
    p99_ms: float


class Calls:
    """The times at which the server first called the hook for each upload, by the upload's id: `hear` takes the body of
    each call, and `time` waits for the first call for an id."""

    def __init__(self) -> None:
        self._times = defaultdict[str, asyncio.Future[float]](asyncio.get_running_loop().create_future)

    def hear(self, body: bytes) -> None:
        called = self._times[json.loads(body)["Event"]["Upload"]["ID"]]
        if not called.done():
            called.set_result(time.perf_counter())

    async def time(self, name: str) -> float:
        return await self._times[name]


async def run(options: argparse.Namespace) -> Report:
    calls, parts = Calls(), urlsplit(options.url)
    message = request("POST", options.url, {**BYTES, "Upload-Length": str(KIB)}, KIB) + bytes(KIB)
    async with await receive(options.hook, calls.hear):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        await _delays(calls, reader, writer, message, _WARM_UP)
        delays = await _delays(calls, reader, writer, message, options.seconds)
        writer.close()
    return Report(p50_ms=1000 * median(delays), p99_ms=1000 * quantiles(delays, n=100)[98])


async def _delays(
    calls: Calls, reader: StreamReader, writer: StreamWriter, message: bytes, seconds: float
) -> list[float]:
    delays, until = list[float](), time.perf_counter() + seconds
    while time.perf_counter() < until:
        writer.write(message)
        head = await reader.readuntil(b"\r\n\r\n")
        answered = time.perf_counter()
        delays.append(max(await calls.time(_name(head)) - answered, 0.0))
    return delays


def _name(head: bytes) -> str:
    """Return an upload's id, from the Location in the head of the response to its creation. Raises LoadError if it has
    none."""
    lines = (line.partition(b": ") for line in head.split(b"\r\n"))
    location = next((value for name, _, value in lines if name.lower() == b"location"), None)
    if location is None:
        raise LoadError(f"answered {head[:200]!r}")
    return location.rpartition(b"/")[2].decode()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--hook", required=True)
    parser.add_argument("--seconds", type=float, default=3.0)
    return parser.parse_args()


if __name__ == "__main__":
    json.dump(asdict(asyncio.run(run(_arguments()))), sys.stdout)
