"""Hooks over HTTP: the time from the response to a client's upload to the call of the hook, and the calls a second
while many stored events are delivered."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench.bench import Bench
from bench.loads import command, load
from bench.process import running, wait_until_answering
from bench.sinks import Sink, sink
from bench.systems.base import System
from bench.systems.ours import tusdpy
from devtools.ports import free_port
from devtools.redis import RedisServer
from tusd_py.config import Settings, load_settings
from tusd_py.domain.events import Event, EventType
from tusd_py.domain.upload import Times, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.engine import Engine
from tusd_py.ports.outbox import Outbox
from tusd_py.server.event_wiring import delivering, open_hooks, subscriptions
from tusd_py.server.wiring import open_engine
from tusd_py.transfer.budget import Budget

NAME = "events"
SQLITE, REDIS = "tusd-py", "tusd-py on Redis"
_UPLOADS, _BATCH = 2000, 500
_TYPES = (EventType.CREATED, EventType.FINISHED)


def measure(bench: Bench) -> None:
    """Measure tusd-py with its state on SQLite and on Redis: the wait for a hook's call after an upload into
    `bench.sink`, and the delivery of stored events, which needs no S3."""
    hook = f"http://127.0.0.1:{free_port()}/"
    flags = ("--s3-checksum", "none", "--hooks-http", hook, "--hooks-enabled-events", "post-finish")
    with bench.temporary() as directory, RedisServer(directory) as server, sink() as s3:
        redis = tusdpy(REDIS, *flags, state=server.url)
        for system in bench.in_turn(NAME, (tusdpy(SQLITE, *flags), redis)):
            with bench.attempt(NAME, system):
                drained = _drained(bench, server.url if system is redis else None, hook)
                bench.record(NAME, system, "", **_delay(bench, system, s3, hook), **drained)


def _delay(bench: Bench, system: System, s3: Sink, hook: str) -> dict[str, float]:
    with bench.served(system, s3) as server:
        return load("finish", server.url, hook=hook, seconds=2 if bench.quick else 4)


def _drained(bench: Bench, redis: str | None, hook: str) -> dict[str, float]:
    """Measure the delivery of stored events by this process to a receiver at the URL `hook`, with the state on the
    Redis at the URL `redis` or, if None, in a new SQLite file. Return the deliveries a second (`per_s`) and this
    process's CPU milliseconds for each (`cpu_ms`)."""
    with bench.temporary() as directory, _receiver(directory, hook):
        state = redis or f"sqlite:{directory / 'state.db'}"
        chosen = {"storage": f"file:{directory / 'data'}", "state": state, "redis_prefix": f"{directory.name}:"}
        hooks = {"hooks_http": hook, "hooks_enabled_events": "post-create,post-finish"}
        return asyncio.run(_drain(load_settings({**chosen, **hooks}, None, {})))


@contextmanager
def _receiver(directory: Path, hook: str) -> Iterator[None]:
    with running(command("receiver", hook), directory, {**os.environ}) as process:
        wait_until_answering(process, int(hook.rpartition(":")[2].strip("/")), "/", directory / "log")
        yield


async def _drain(settings: Settings) -> dict[str, float]:
    """Store events, deliver all of them, and return the deliveries a second and this process's CPU milliseconds for
    each."""
    async with (
        open_engine(settings, Budget(settings.memory_budget)) as engine,
        open_hooks(settings, engine.observer) as hooks,
    ):
        outbox = engine.state.outbox
        assert outbox is not None  # for mypy: both states have one
        await outbox.register(subscriptions(settings))
        await _fill(engine)
        started, cpu = time.perf_counter(), time.process_time()
        async with delivering(settings, engine, hooks):
            await _empty(outbox)
        count = _UPLOADS * len(_TYPES)
        seconds, cost = time.perf_counter() - started, time.process_time() - cpu
    return {"per_s": count / seconds, "cpu_ms": 1000 * cost / count}


async def _empty(outbox: Outbox) -> None:
    while any(backlog.pending for backlog in await outbox.backlogs()):
        await asyncio.sleep(0.05)


async def _fill(engine: Engine) -> None:
    """Create 2,000 uploads, each with the events `created` and `finished`, in batches that share commits."""
    for _ in range(0, _UPLOADS, _BATCH):
        await asyncio.gather(*(_create(engine) for _ in range(_BATCH)))


async def _create(engine: Engine) -> None:
    upload = Upload(id=UploadId(secrets.token_hex(16)), length=1, times=Times.at_creation(time.time()))
    upload = replace(upload, cursor=engine.storage.start(upload))
    await engine.state.create(upload, events=[Event(type=type_, upload=upload) for type_ in _TYPES])
