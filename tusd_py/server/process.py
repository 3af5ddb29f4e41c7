"""One server process, from a start that says what is where to a clean end."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from tusd_py.config import Settings
from tusd_py.config.addresses import UnixAddress
from tusd_py.config.openness import left_open
from tusd_py.domain.errors import ConfigurationError
from tusd_py.http.connection.heads import Runner
from tusd_py.http.context import CONTEXT
from tusd_py.server.app import MISTAKE, create_app, create_probes
from tusd_py.server.descriptors import say_seldom, use_all_descriptors
from tusd_py.server.listening import Listeners, Places, address_of, cannot_listen
from tusd_py.server.socket_file import BACKLOG
from tusd_py.telemetry.access import AccessLog
from tusd_py.telemetry.log import configure_logging
from tusd_py.transfer.heap import Heap, use_one_heap
from tusd_py.version import __version__

_FIELD = 256 * 1024
"""Bytes of a header field that are always read."""
_URL = 256
"""Bytes for each partial that a final upload may name."""
_FIELDS = 32 * 1024
"""Bytes of a head for all but Upload-Concat and Upload-Metadata."""
_READ = 8 * 1024
"""Above twice this, and one read from the socket, a connection holds nothing beside the memory budget."""

_NO_WAIT = 1.0
"""Seconds that answers of probes may take at the end: nothing is lost with them."""
_CROWD = 16
"""Connections, or one in so many bytes of the memory budget, after whose end memory is given back."""
_ALLOCATIONS = 20_000
"""Net new containers from one collection to the next."""


def run_server(settings: Settings, places: Places, watch: int | None = None) -> int:
    """Serve until SIGTERM or SIGINT, or until the file descriptor `watch` can be read; a second time, exit at once.

    Takes `places` over. Returns the exit code. Raises ConfigurationError.
    """
    configure_logging(settings.log_format, settings.log_level)
    use_one_heap()
    use_all_descriptors()
    return asyncio.run(_serve(settings, places, watch))


async def _serve(settings: Settings, places: Places, watch: int | None) -> int:
    ending = asyncio.Event()
    _end_on_signals(ending, watch)
    say_seldom(asyncio.get_running_loop())
    app = create_app(settings)
    runner, probes = make_runner(settings, app), make_runner(settings, create_probes(app), shutdown_timeout=_NO_WAIT)
    served = {runner: places.public, probes: places.metrics}  # in this order, to the end: probes tell of a drain
    try:
        for each, listeners in served.items():
            await each.setup()
            await _listen(each, listeners)
        _banner(settings, places)
        _collect_less()
        with _giving_back(runner):
            await _until(ending, app[MISTAKE])
    finally:
        for each, listeners in served.items():
            listeners.hide()
            await each.cleanup()
    return 0


@contextmanager
def _giving_back(runner: web.AppRunner) -> Iterator[None]:
    task = asyncio.create_task(_give_back(runner))
    try:
        yield
    finally:
        task.cancel()


async def _give_back(runner: web.AppRunner) -> None:
    """Let no memory lie about once a crowd has gone. Not for an application that is mounted elsewhere: that process is
    another's."""
    budget = runner.app[CONTEXT].budget
    heap = Heap({lambda: _connections(runner): _CROWD, lambda: budget.used: budget.limit // _CROWD})
    while True:
        await asyncio.sleep(1)
        heap.look(asyncio.get_running_loop().time())


def _connections(runner: web.AppRunner) -> int:
    return len(runner.server.connections) if runner.server is not None else 0


async def _until(ending: asyncio.Event, mistake: asyncio.Future[ConfigurationError]) -> None:
    """Raises the ConfigurationError of a mistake that couldn't be seen at the start."""
    asked = asyncio.create_task(ending.wait())
    await asyncio.wait((asked, mistake), return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if mistake.done():
        raise mistake.result()


def _collect_less() -> None:
    """Let the cycle collector pass over what stays for good, and come seldom: it finds next to nothing here, and with a
    thousand uploads cost a fifth of all."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, 20, 100)


def _end_on_signals(ending: asyncio.Event, watch: int | None) -> None:
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, _end, ending)
    if watch is not None:
        loop.add_reader(watch, _orphaned, ending, watch)


def _orphaned(ending: asyncio.Event, watch: int) -> None:
    asyncio.get_running_loop().remove_reader(watch)
    ending.set()


def _end(ending: asyncio.Event) -> None:
    if ending.is_set():
        os._exit(1)
    ending.set()


def make_runner(settings: Settings, app: web.Application, shutdown_timeout: float | None = None) -> Runner:
    """How an application is run: heads counted, nothing inflated or cancelled, no silent connection kept."""
    longest = max(_FIELD, _URL * settings.max_partials)
    return Runner(
        app,
        limit=longest + settings.max_metadata_size + _FIELDS,
        handle_signals=False,
        auto_decompress=False,
        handler_cancellation=False,
        keepalive_timeout=settings.idle_timeout,
        lingering_time=2.0,
        max_field_size=max(longest, settings.max_metadata_size),
        max_line_size=16 * 1024,
        read_bufsize=_READ,
        shutdown_timeout=settings.shutdown_timeout if shutdown_timeout is None else shutdown_timeout,
        access_log_class=AccessLog,
        access_log=logging.getLogger("aiohttp.access") if settings.log_access else None,
    )


async def _listen(runner: web.AppRunner, listeners: Listeners) -> None:
    for each in listeners.sockets:
        try:
            await web.SockSite(runner, each, backlog=BACKLOG).start()
        except OSError as error:
            raise cannot_listen(address_of(each), error) from error


def _banner(settings: Settings, places: Places) -> None:
    """What is stored where, on stderr like all logs."""
    url = settings.public_endpoint or ", ".join(_urls(places.public, settings.base_path))
    unfinished = "for ever" if settings.expire_after is None else f"{settings.expire_after:g} s"
    lines = (
        f"tusd-py {__version__} takes uploads at {url}",
        f"  bytes go to {settings.storage}, uploads are remembered in {settings.state}",
        f"  part buffers share {settings.memory_budget} bytes; unfinished uploads are kept {unfinished}",
    )
    apart = (f"  /metrics, /healthz and /readyz are at {url}" for url in _urls(places.metrics, "/"))
    sys.stderr.write("\n".join((*lines, *apart, *_open(settings))) + "\n")


def _urls(listeners: Listeners, path: str) -> Iterator[str]:
    for address in map(address_of, listeners.sockets):
        yield str(address) if isinstance(address, UnixAddress) else f"http://{address}{path}"


def _open(settings: Settings) -> Iterator[str]:
    if found := left_open(settings):
        yield f"  nobody has to say who they are, and open are: {', '.join(found)} (docs/security.md)"
