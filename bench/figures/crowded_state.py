"""An increasing number of uploads in the SQLite state: the cost of HEAD, of a page of the list and of a sweep."""

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
from tusd_py.domain.upload import Times, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.engine import Engine
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.server.wiring import open_engine
from tusd_py.transfer.budget import Budget

NAME = "state"
COUNTS = (10, 100, 1_000, 10_000, 100_000)
_EXPIRED = 100
_BATCH = 1000
_DAY = 86_400.0


def measure(bench: Bench) -> None:
    """Measure HEAD, listing, sweeps and the size of the state with 10, 100, 1,000, 10,000 and 100,000 uploads (in a
    quick run up to 10,000) in one SQLite file, which is kept between the steps: each adds the uploads that are missing.
    The load client of HEAD adds a few more in each step, which the later steps find too."""
    with bench.temporary() as directory, sink() as s3:
        path, present = directory / "state.db", 0
        # both have one storage: a state belongs to one
        system = tusdpy("tusd-py", "--storage", f"file:{directory / 'data'}", state=f"sqlite:{path}")
        for count in COUNTS[:-1] if bench.quick else COUNTS:
            with bench.attempt(NAME, system):
                values = asyncio.run(_engine(directory, path, count - present))
                present = count
                bench.record(NAME, system, f"{count:,}", **values, **_heads(bench, system, s3))


def _heads(bench: Bench, system: System, s3: Sink) -> dict[str, float]:
    with bench.served(system, s3) as server, watched(server.pid, s3.pid) as usage:
        report = load("small", server.url, operation="head", seconds=2)
    return {"head_p50_ms": report["p50_ms"], "head_cpu_ms": 1000 * usage.cpu / report["requests"]}


async def _engine(directory: Path, path: Path, added: int) -> dict[str, float]:
    """Add `added` uploads to the SQLite state at `path`, with a storage below `directory`. Return the milliseconds to
    list a page of at most 1,000 uploads (`list_ms`), to sweep with nothing due (`idle_sweep_ms`), and to sweep each of
    100 more uploads, which have expired (`sweep_ms`); and the database's bytes (`state`)."""
    settings = load_settings({"storage": f"file:{directory / 'data'}", "state": f"sqlite:{path}"}, None, {})
    async with open_engine(settings, Budget(settings.memory_budget)) as engine:
        await _fill(engine, added, _DAY)
        listed = await _took(lambda: engine.state.list(None, 1000))
        idle = await _took(lambda: sweep(engine))
        await _fill(engine, _EXPIRED, -1.0)
        swept = await _took(lambda: sweep(engine), times=1)
    return {"list_ms": listed, "idle_sweep_ms": idle, "sweep_ms": swept / _EXPIRED, "state": state_size(path)}


async def _took(work: Callable[[], Awaitable[object]], times: int = 20) -> float:
    """Run `work` `times` times, one after another; return the milliseconds of the fastest run."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        await work()
        seconds.append(time.perf_counter() - started)
    return 1000 * min(seconds)


async def _fill(engine: Engine, count: int, lifetime: float) -> None:
    """Create uploads that expire in `lifetime` seconds, in batches that share commits."""
    for start in range(0, count, _BATCH):
        await asyncio.gather(*(_create(engine, lifetime) for _ in range(min(_BATCH, count - start))))


async def _create(engine: Engine, lifetime: float) -> None:
    now = time.time()
    times = Times(created_at=now, updated_at=now, expires_at=now + lifetime)
    upload = Upload(id=UploadId(secrets.token_hex(16)), length=MIB, times=times)
    await engine.state.create(replace(upload, cursor=engine.storage.start(upload)))
