"""A server process: start, banner, signals and clean shutdown."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import aiohttp
from aiohttp import web

from tusd_py.config import Settings
from tusd_py.config.addresses import UnixAddress
from tusd_py.config.openness import exposures
from tusd_py.domain.errors import ConfigurationError
from tusd_py.http.connection import internals
from tusd_py.http.connection.heads import Runner
from tusd_py.http.context import CONTEXT
from tusd_py.server.app import CONFIG_ERROR, create_app, create_probes
from tusd_py.server.descriptors import throttle_accept_warnings, use_all_descriptors
from tusd_py.server.listening import Listeners, ServerListeners, listen_error, socket_address
from tusd_py.server.socket_file import BACKLOG
from tusd_py.server.tracing_wiring import exporting
from tusd_py.telemetry.access import AccessLog
from tusd_py.telemetry.log import configure_logging, get_logger
from tusd_py.transfer.heap import Heap, use_one_heap
from tusd_py.version import __version__

_FIELD = 256 * 1024
"""The lowest limit of one header field, in bytes; settings can only raise it."""
_URL = 256
"""Bytes of Upload-Concat for each partial upload that a final upload may name (`max-partials`). If they
make less than `_FIELD` in all, `_FIELD` is the limit."""
_FIELDS = 32 * 1024
"""Bytes by which the limit of a head's size is greater than the limits of Upload-Concat and Upload-Metadata together,
for all other fields. Only the limits of the head and of each field are enforced."""
_READ = 8 * 1024
"""Bytes of aiohttp's read buffer. Outside the memory budget, aiohttp buffers at most twice this and one read from the
socket of a request's body."""

_UNKNOWN_AIOHTTP = (
    "aiohttp {} differs from the versions that this server knows, so that only aiohttp's own limits apply to heads and "
    "connections: install the version in requirements.lock"
)

_PROBE_SHUTDOWN_SECONDS = 1.0
"""The shutdown timeout of probes, in seconds: no data is lost with their answers."""
_TRIM_AFTER = 16
"""The heap is trimmed once the number of connections has fallen by at least this, or the used bytes of the memory
budget have fallen by at least the budget divided by this; in either case, to half of the peak or less."""
_ALLOCATIONS = 20_000
"""The threshold of the cycle collector: container objects, allocated less freed, from one collection to the next."""


def run_server(settings: Settings, listeners: ServerListeners, watch: int | None = None) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit code 0. A second signal ends the process at once, with exit
    code 1.

    A worker has the file descriptor `watch`, and shuts down, too, once `watch` is readable: the supervisor has
    ended. A worker takes any number of signals for one: a signal to all processes reaches it both directly and
    through the supervisor, which kills its workers at a second signal.

    Before it returns, it removes the files of `listeners` and closes their sockets; after an error, the caller must
    close them. Raises ConfigurationError.
    """
    configure_logging(settings.log_format, settings.log_level)
    use_one_heap()
    use_all_descriptors()
    with exporting(os.environ):
        return asyncio.run(_serve(settings, listeners, watch))


async def _serve(settings: Settings, listeners: ServerListeners, watch: int | None) -> int:
    shutdown = asyncio.Event()
    _watch_signals(shutdown, watch)
    throttle_accept_warnings(asyncio.get_running_loop())
    app = create_app(settings)
    runner = make_runner(settings, app)
    probes = make_runner(settings, create_probes(app), shutdown_timeout=_PROBE_SHUTDOWN_SECONDS)
    runners = {runner: listeners.public, probes: listeners.metrics}
    async with AsyncExitStack() as stack:
        for server, sockets in reversed(runners.items()):  # probes end last: they report that it drains
            stack.push_async_callback(_end, server, sockets)
        for server, sockets in runners.items():
            await server.setup()
            await _listen(server, sockets)
        _print_banner(settings, listeners)
        _collect_less()
        with _trimming(runner):
            await _wait(shutdown, app[CONFIG_ERROR])
    return 0


async def _end(server: web.AppRunner, sockets: Listeners) -> None:
    sockets.remove_files()
    await server.cleanup()


@contextmanager
def _trimming(runner: web.AppRunner) -> Iterator[None]:
    task = asyncio.create_task(_trim_heap(runner))
    try:
        yield
    finally:
        task.cancel()


async def _trim_heap(runner: web.AppRunner) -> None:
    """Return free memory to the system, once many connections have ended or much of the memory budget was freed. Runs
    until it is cancelled.

    It isn't for an application that is mounted in another one: that process doesn't belong to this server.
    """
    budget = runner.app[CONTEXT].memory.budget
    heap = Heap({lambda: _connections(runner): _TRIM_AFTER, lambda: budget.used: budget.limit // _TRIM_AFTER})
    while True:
        await asyncio.sleep(1)
        heap.look(asyncio.get_running_loop().time())


def _connections(runner: web.AppRunner) -> int:
    return len(runner.server.connections) if runner.server is not None else 0


async def _wait(shutdown: asyncio.Event, config_error: asyncio.Future[ConfigurationError]) -> None:
    """Wait for the shutdown. Raises the ConfigurationError that `config_error` gets, if that comes first."""
    waiter = asyncio.create_task(shutdown.wait())
    await asyncio.wait((waiter, config_error), return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    if config_error.done():
        raise config_error.result()


def _collect_less() -> None:
    """Make the cycle collector ignore the objects that exist now, and run rarely: it finds next to nothing, and took a
    fifth of the CPU time at a thousand uploads.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, 20, 100)


def _watch_signals(shutdown: asyncio.Event, watch: int | None) -> None:
    loop = asyncio.get_running_loop()
    handle = _handle_signal if watch is None else asyncio.Event.set
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, handle, shutdown)
    if watch is not None:
        loop.add_reader(watch, _handle_supervisor_end, shutdown, watch)


def _handle_supervisor_end(shutdown: asyncio.Event, watch: int) -> None:
    asyncio.get_running_loop().remove_reader(watch)
    shutdown.set()


def _handle_signal(shutdown: asyncio.Event) -> None:
    if shutdown.is_set():
        os._exit(1)
    shutdown.set()


def make_runner(settings: Settings, app: web.Application, shutdown_timeout: float | None = None) -> web.AppRunner:
    """Return a runner for the application: it limits the memory of requests' heads, leaves bodies compressed, lets the
    handlers of lost connections continue, and closes idle connections. `shutdown_timeout` is in seconds, by default
    that of the settings.

    With an aiohttp of an unknown version it logs a warning, and only aiohttp's limits apply to heads and connections.
    """
    longest = max(_FIELD, _URL * settings.max_partials)
    options: dict[str, Any] = {
        "handle_signals": False,
        "auto_decompress": False,
        "handler_cancellation": False,
        "keepalive_timeout": settings.idle_timeout,
        "lingering_time": 2.0,
        "max_field_size": max(longest, settings.max_metadata_size),
        "max_line_size": 16 * 1024,
        "read_bufsize": _READ,
        "shutdown_timeout": settings.shutdown_timeout if shutdown_timeout is None else shutdown_timeout,
        "access_log_class": AccessLog,
        "access_log": logging.getLogger("aiohttp.access") if settings.log_access else None,
    }
    if internals.COUNTS_HEADS:
        return Runner(app, limit=longest + settings.max_metadata_size + _FIELDS, **options)
    get_logger("tusd_py.server").warning("aiohttp not known", reason=_UNKNOWN_AIOHTTP.format(aiohttp.__version__))
    return web.AppRunner(app, **options)


async def _listen(runner: web.AppRunner, listeners: Listeners) -> None:
    for listening in listeners.sockets:
        try:
            await web.SockSite(runner, listening, backlog=BACKLOG).start()
        except OSError as error:
            raise listen_error(socket_address(listening), error) from error


def _print_banner(settings: Settings, listeners: ServerListeners) -> None:
    """Print on stderr, like all logs: the version, the URL of uploads (the public endpoint, or without one that at each
    address), storage, state, memory budget, how long unfinished uploads are kept, the URLs of probes at addresses of
    their own, and settings that leave the server open."""
    url = settings.public_endpoint or ", ".join(_urls(listeners.public, settings.base_path))
    unfinished = "without an end" if settings.expire_after is None else f"{settings.expire_after:g} s"
    lines = (
        f"tusd-py {__version__} takes uploads at {url}",
        f"  bytes go to {settings.storage}, records to {settings.state}",
        f"  part buffers share {settings.memory_budget} bytes; unfinished uploads are kept {unfinished}",
    )
    probes = (f"  /metrics, /healthz and /readyz are at {url}" for url in _urls(listeners.metrics, "/"))
    sys.stderr.write("\n".join((*lines, *probes, *_exposures(settings))) + "\n")


def _urls(listeners: Listeners, path: str) -> Iterator[str]:
    for address in map(socket_address, listeners.sockets):
        yield str(address) if isinstance(address, UnixAddress) else f"http://{address}{path}"


def _exposures(settings: Settings) -> Iterator[str]:
    if settings.is_open:
        yield "  OPEN: clients on other machines need no login: set auth, or see docs/auth.md"
    if risks := exposures(settings):
        login = "" if settings.auth or settings.is_open else "clients need no login, and "
        yield f"  {login}open settings are: {', '.join(risks)} (docs/security.md)"
