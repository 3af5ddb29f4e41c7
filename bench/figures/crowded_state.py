"""More and more uploads in the SQLite state: what HEAD, a page of the list and a sweep cost then."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from bench.bench import Bench
from bench.loads import load
from bench.places import MIB
from bench.probe import state_size, watched
from bench.sinks import Sink, sink
from bench.systems.base import System
from bench.systems.ours import tusdpy
from tusd_py.config import load_settings
from tusd_py.domain.upload import Upload, UploadId
from tusd_py.engine.engine import Engine
from tusd_py.engine.maintenance import sweep
from tusd_py.server.wiring import open_engine
from tusd_py.transfer.budget import Budget

NAME = "state"
COUNTS = (10, 100, 1_000, 10_000, 100_000)
_EXPIRED = 100
_BATCH = 1000
_DAY = 86_400.0


def measure(bench: Bench) -> None:
    """From 10 to 100,000 uploads; one file that grows."""
    with bench.room() as room, sink() as s3:
        path, there = room / "state.db", 0
        system = tusdpy("tusd-py", "--s3-checksum", "none", state=f"sqlite:{path}")
        for count in COUNTS[:-1] if bench.quick else COUNTS:
            with bench.attempt(NAME, system):
                values = asyncio.run(_engine(room, path, count - there))
                there = count
                bench.record(NAME, system, f"{count:,}", **values, **_heads(bench, system, s3))


def _heads(bench: Bench, system: System, s3: Sink) -> dict[str, float]:
    with bench.served(system, s3) as server, watched(server.pid, s3.pid) as usage:
        report = load("small", server.url, operation="head", seconds=2)
    return {"head_p50_ms": report["p50_ms"], "head_cpu_ms": 1000 * usage.cpu / report["requests"]}


async def _engine(room: Path, path: Path, more: int) -> dict[str, float]:
    """With so many more uploads: milliseconds of a page, of an idle sweep, and of a sweep for each that expired."""
    settings = load_settings({"storage": f"file:{room / 'data'}", "state": f"sqlite:{path}"}, None, {})
    async with open_engine(settings, Budget(settings.memory_budget)) as engine:
        await _fill(engine, more, _DAY)
        listed = await _took(lambda: engine.state.list(None, 1000))
        idle = await _took(lambda: sweep(engine))
        await _fill(engine, _EXPIRED, -1.0)
        swept = await _took(lambda: sweep(engine), times=1)
    return {"list_ms": listed, "idle_sweep_ms": idle, "sweep_ms": swept / _EXPIRED, "state": state_size(path)}


async def _took(work: Callable[[], Awaitable[object]], times: int = 20) -> float:
    """Milliseconds of the fastest."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        await work()
        seconds.append(time.perf_counter() - started)
    return 1000 * min(seconds)


async def _fill(engine: Engine, count: int, left: float) -> None:
    """As many uploads, that expire in `left` seconds; those of a batch share their commits."""
    for start in range(0, count, _BATCH):
        await asyncio.gather(*(_remember(engine, left) for _ in range(min(_BATCH, count - start))))


async def _remember(engine: Engine, left: float) -> None:
    now = time.time()
    upload = Upload(
        id=UploadId(secrets.token_hex(16)), length=MIB, created_at=now, updated_at=now, expires_at=now + left
    )
    await engine.state.create(replace(upload, cursor=engine.storage.start(upload)))
