"""The assembly of live updates about uploads from settings: the only module that knows every bus, the adapter by which
processes tell each other which uploads have changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from tusd_py import config
from tusd_py.config import Settings
from tusd_py.domain.events import EventType
from tusd_py.domain.rights import Watcher
from tusd_py.engine.engine import Engine
from tusd_py.events_out.formats import cloudevents
from tusd_py.jobs.on_finish import NAME
from tusd_py.live.bus.memory import MemoryBus
from tusd_py.live.bus.sqlite import SqliteBus
from tusd_py.live.hub import Hub
from tusd_py.live.listeners import Caps, Count
from tusd_py.live.live import Live
from tusd_py.live.reader import SnapshotReader
from tusd_py.ports.bus import Bus
from tusd_py.ports.observer import Observers
from tusd_py.ports.outbox import StoredEvent
from tusd_py.server.event_wiring import facts_reader


@asynccontextmanager
async def telling(settings: Settings, engine: Engine, count: Count) -> AsyncIterator[tuple[Engine, Live | None]]:
    """Yield the engine with a hub among its observers, which tells listeners (clients that wait for changes) what
    changes, and the `Live` through which handlers serve them; without the setting `live`, the same engine and None.
    `count` counts all listeners of the process, of which the hub's are a part. Raises ConfigurationError."""
    if not settings.live:
        yield engine, None
        return
    reader = SnapshotReader(
        state=engine.state, has_jobs=settings.has_jobs, jobs_sink=NAME if settings.jobs_on_finish else None
    )
    async with _bus(settings) as bus:
        hub = Hub(reader.read, bus, count)
        async with hub.running():
            live = Live(hub=hub, heartbeat=settings.live_heartbeat, format_event=_format(settings, engine))
            yield replace(engine, observer=Observers((engine.observer, hub))), live


@asynccontextmanager
async def _bus(settings: Settings) -> AsyncIterator[Bus]:
    match settings.state:
        case config.MemoryState():
            yield MemoryBus()
        case config.SqliteState(path):
            yield SqliteBus(path)
        case config.RedisState(url):
            from tusd_py.backends.redis.connection import connect  # noqa: PLC0415  the library takes a while
            from tusd_py.backends.redis.schema import Keys  # noqa: PLC0415  likewise
            from tusd_py.live.bus.redis import RedisBus  # noqa: PLC0415  likewise

            bus = RedisBus(connect(url.get_secret_value()), Keys(settings.redis_prefix).live)
            try:
                yield bus
            finally:
                await bus.aclose()


def listener_count(settings: Settings) -> Count:
    """Return an empty count of a process's listeners: the clients that wait for changes of uploads, jobs, the feed,
    lists or the dashboard. It refuses those beyond the limits of the settings."""
    return Count(
        Caps(
            process=settings.live_max_listeners,
            upload=settings.live_max_upload_listeners,
            client=settings.live_max_client_listeners,
        )
    )


def _format(settings: Settings, engine: Engine) -> Callable[[StoredEvent, Watcher], bytes]:
    """Return the function that formats an event of the feed (`GET /events`) for a watcher: as a CloudEvent in JSON
    (structured mode), for any `events_format` of the settings. Only a watcher that sees all is told the place of the
    object and the request."""
    reader = facts_reader(settings, engine)

    def format_event(event: StoredEvent, watcher: Watcher) -> bytes:
        if event.type is EventType.JOB:
            return cloudevents.structured_job(reader.read_job(event)).body
        form = cloudevents.structured if watcher.sees_all else cloudevents.structured_for_owner
        return form(reader.read_stored(event)).body

    return format_event
