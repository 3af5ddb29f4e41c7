"""Uploads of increasing length: the cost of a byte must not depend on its offset."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

from bench import systems
from bench.bench import Bench
from bench.loads import load
from bench.places import GIB, MIB
from bench.probe import state_size, watched
from bench.sinks import Sink, sink
from bench.systems.base import Served
from tusd_py.backends.sqlite.state import SqliteState
from tusd_py.domain.upload import Times, Upload
from tusd_py.domain.upload_id import UploadId

NAME = "growth"
SAVES = "saves"
_SIZES = (64 * MIB, 256 * MIB, GIB, 4 * GIB, 16 * GIB)
_WINDOW = 500
PARTS = (500, 1_500, 4_000, 9_000)
_NOW = 1_800_000_000.0


def measure(bench: Bench) -> None:
    """Measure CPU per GiB, speed, memory, bytes written to disk for each part, and growth of the state, for uploads
    from 64 MiB to 16 GiB (in a quick run to 1 GiB)."""
    with sink() as s3:
        for system in bench.in_turn(NAME, (systems.CHECKED,)):
            for size in _SIZES[:3] if bench.quick else _SIZES:
                with bench.attempt(NAME, system), bench.served(system, s3) as server:
                    bench.record(NAME, system, _name(size), **_grown(server, s3, size))


def _grown(server: Served, s3: Sink, size: int) -> dict[str, float]:
    before = state_size(server.place.directory / "state.db")
    with watched(server.pid, s3.pid) as usage:
        report = load("bulk", server.url, size=size)
    return {
        "cpu_per_gib": usage.cpu / (size / GIB),
        "gib_per_s": size / GIB / report["seconds"],
        "peak_rss": usage.peak,
        "written_per_part": usage.written / (size / (8 * MIB)),
        "state": state_size(server.place.directory / "state.db") - before,
    }


def _name(size: int) -> str:
    return f"{size // GIB} GiB" if size >= GIB else f"{size // MIB} MiB"


def measure_saves(bench: Bench) -> None:
    """Measure the CPU and time of recording one more part of an upload in an SQLite state, by the number of parts
    recorded before."""
    for system in bench.in_turn(SAVES, (systems.PLAIN,)):
        with bench.temporary() as directory:
            for parts, values in asyncio.run(_saves(directory / "state.db")).items():
                bench.record(SAVES, system, f"{parts}", **values)


async def _saves(path: Path) -> dict[int, dict[str, float]]:
    state = SqliteState(path)
    times = Times(created_at=_NOW, updated_at=_NOW, expires_at=_NOW)
    upload = await state.create(Upload(id=UploadId("0" * 32), length=10_000 * 8 * MIB, times=times))
    measured = {}
    for parts in PARTS:
        upload = await _save(state, upload, parts - upload.revision + 1)
        cpu, wall = time.process_time(), time.perf_counter()
        upload = await _save(state, upload, _WINDOW)
        spent = {"cpu_us": time.process_time() - cpu, "wall_us": time.perf_counter() - wall}
        measured[parts] = {name: 1e6 * seconds / _WINDOW for name, seconds in spent.items()}
    await state.aclose()
    return measured


async def _save(state: SqliteState, upload: Upload, times: int) -> Upload:
    for number in range(times):
        entry = {"n": number, "len": 8 * MIB, "etag": "0" * 32, "crc": "AAAAAA=="}
        upload = await state.save(replace(upload, offset=upload.offset + 8 * MIB), [entry])
    return upload
