"""The assembly of hooks and sinks from settings: the module that knows every caller of hooks, and every sink but that
of jobs."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from tusd_py.config import RedisState, Settings
from tusd_py.config.addresses import TcpAddress
from tusd_py.config.event_kinds import SinkAddress
from tusd_py.domain.errors import ConfigurationError
from tusd_py.domain.events import EventType
from tusd_py.domain.thresholds import DEFAULT
from tusd_py.engine.engine import Engine
from tusd_py.events_out.courier import Courier
from tusd_py.events_out.deliverer import Deliverer
from tusd_py.events_out.facts_reader import FactsReader
from tusd_py.events_out.formats import FORMATS
from tusd_py.events_out.formats.tusd import HOOKS
from tusd_py.events_out.hooks.call import HookCaller
from tusd_py.events_out.hooks.command import CommandCaller
from tusd_py.events_out.hooks.http import HttpCaller
from tusd_py.events_out.hooks.python import PythonCaller, load_hooks
from tusd_py.events_out.lane import Lane
from tusd_py.events_out.schedule import Schedule
from tusd_py.events_out.signing import Signer
from tusd_py.events_out.sinks.broker import BrokerSink
from tusd_py.events_out.sinks.hook import HookSink
from tusd_py.events_out.upkeep import Upkeep
from tusd_py.http.disclosure import Disclosure
from tusd_py.ports.observer import Observer
from tusd_py.ports.outbox import FEED, Outbox, Subscription
from tusd_py.ports.sink import Sink
from tusd_py.server.broker_wiring import open_broker

_TUSD = "tusd"


@dataclass(frozen=True, slots=True, kw_only=True)
class HookKind:
    """The one way in which this server calls hooks: over HTTP, as commands or in Python."""

    name: str
    """The name of the setting by which the hooks are called, which is also the name of their sink: `hooks-http`,
    `hooks-dir` or `hooks-python`."""
    caller: HookCaller
    seconds: float
    """The timeout in seconds of an attempt at an event, and of a question with all its attempts."""
    concurrency: int
    """The maximum number of events that are delivered to hooks at a time."""


def subscriptions(settings: Settings, hooks: object = None) -> Sequence[Subscription]:
    """Return the subscriptions to events: of the hooks, if there are any (see `hook_kind`), of each address in
    `events_to`, and, with the setting `live` or `dashboard`, of the feed (`GET /events`)."""
    feed = Subscription(name=FEED, format=FEED, types=frozenset(EventType))
    return [
        *_hook_subscriptions(settings, hooks),
        *_address_subscriptions(settings),
        *([feed] if settings.keeps_events else []),
    ]


def _hook_subscriptions(settings: Settings, hooks: object) -> Iterator[Subscription]:
    name = hook_kind(settings, hooks)
    if name is not None:
        types = (type_ for type_, hook in HOOKS.items() if hook in settings.hooks_enabled_events)
        yield Subscription(name=name, format=_TUSD, types=frozenset(types))


def _address_subscriptions(settings: Settings) -> Iterator[Subscription]:
    for address in settings.events_to:
        types = frozenset(settings.events_types)
        yield Subscription(name=str(address), format=settings.events_format, types=types)


def disclosure(settings: Settings, hooks: object = None) -> Disclosure | None:
    """Return the reader of those details of a request that are read for hooks and for the addresses in `events_to`:
    the peer, the URL of the creation endpoint, and which header fields may be stored. None if there are neither hooks
    nor addresses. For `hooks` see `hook_kind`."""
    wishes = [*_hook_subscriptions(settings, hooks), *_address_subscriptions(settings)]
    if not wishes:
        return None
    return Disclosure(
        public_endpoint=settings.public_endpoint,
        storable=frozenset(name.lower() for name in settings.hooks_http_forward_headers),
        verbose=any(wish.format == _TUSD for wish in wishes),
    )


def hook_kind(settings: Settings, hooks: object) -> str | None:
    """Return the name of the setting by which hooks are called, `hooks-http`, `hooks-dir` or `hooks-python` (also with
    `hooks`, an object in Python); the first that is set. None without hooks."""
    if settings.hooks_http is not None:
        return "hooks-http"
    if settings.hooks_dir is not None:
        return "hooks-dir"
    return None if settings.hooks_python is None and hooks is None else "hooks-python"


def check_hooks(settings: Settings) -> None:
    """Check that an application with the settings may have an object as its hooks. Raises ConfigurationError if
    `hooks_http` or `hooks_dir` is set, or `events_timeout` isn't shorter than `events_lease`."""
    if settings.hooks_http or settings.hooks_dir:
        raise ConfigurationError("create_app got hooks, and hooks-http or hooks-dir is set: choose one of them")
    if settings.events_timeout >= settings.events_lease:  # the settings check this for hooks that they name
        raise ConfigurationError("create_app got hooks: events-lease must be longer than events-timeout")


@asynccontextmanager
async def open_hooks(settings: Settings, observer: Observer, hooks: object = None) -> AsyncIterator[HookKind | None]:
    """Yield the hooks that the settings name, None without any. `hooks`, an object in Python, takes the place of the
    one that `hooks_python` names. Closes the hooks' caller at the end of the context. Raises ConfigurationError if the
    object that `hooks_python` names can't be loaded."""
    kind = _hook_kind(settings, observer, hooks)
    try:
        yield kind
    finally:
        if kind is not None:
            await kind.caller.aclose()


def _hook_kind(settings: Settings, observer: Observer, hooks: object) -> HookKind | None:
    name = hook_kind(settings, hooks)
    if name is None:
        return None
    if settings.hooks_dir is not None:
        return HookKind(
            name=name,
            caller=CommandCaller(
                settings.hooks_dir, settings.hooks_dir_concurrency, os.environ, settings.hooks_http_size_limit
            ),
            seconds=settings.hooks_dir_timeout,
            concurrency=settings.hooks_dir_concurrency,
        )
    http = settings.hooks_http is not None
    return HookKind(
        name=name,
        caller=_http_caller(settings) if http else _python_caller(settings, observer, hooks),
        seconds=settings.hooks_http_timeout if http else settings.events_timeout,
        concurrency=DEFAULT.deliveries,
    )


def _http_caller(settings: Settings) -> HttpCaller:
    assert settings.hooks_http is not None  # noqa: S101  for mypy: the caller has checked it
    return HttpCaller(
        settings.hooks_http.get_secret_value(),
        _signer(settings),
        verify=not settings.hooks_http_skip_verify,
        limit=settings.hooks_http_size_limit,
    )


def _python_caller(settings: Settings, observer: Observer, hooks: object) -> PythonCaller:
    return PythonCaller(load_hooks(settings.hooks_python or "") if hooks is None else hooks, observer)


def _signer(settings: Settings) -> Signer:
    return Signer([secret.get_secret_value() for secret in settings.hooks_secret])


@asynccontextmanager
async def delivering(
    settings: Settings, engine: Engine, hooks: HookKind | None, wrap: Callable[[Sink], Sink] | None = None
) -> AsyncIterator[Deliverer]:
    """Deliver events of the engine's outbox to the hooks and to the addresses in `events_to`, each sink wrapped by
    `wrap` if that isn't None, until `Deliverer.close`, at the latest until the end of the context; measure backlogs and
    remove old events meanwhile. Yield the deliverer. Without an outbox in the state, nothing is delivered or
    removed. Raises ConfigurationError."""
    async with AsyncExitStack() as stack:
        lanes = list[Lane]()
        if (outbox := engine.state.outbox) is not None:
            to = partial(lane, settings, engine, outbox, wrap)
            lanes = [to(*parts) async for parts in _sinks(settings, engine, hooks, stack)]
            await stack.enter_async_context(_upkeep(settings, engine, outbox, delivers=bool(lanes)).running())
        deliverer = Deliverer(lanes, settings.shutdown_timeout)
        await stack.enter_async_context(deliverer.running())
        yield deliverer


def _upkeep(settings: Settings, engine: Engine, outbox: Outbox, *, delivers: bool) -> Upkeep:
    return Upkeep(
        outbox=outbox,
        retention=settings.events_retention,
        clock=engine.clock,
        meter=engine.meter,
        observer=engine.observer,
        delivers=delivers,
    )


async def _sinks(
    settings: Settings, engine: Engine, hooks: HookKind | None, stack: AsyncExitStack
) -> AsyncIterator[tuple[str, Sink, int]]:
    """Yield, for the hooks and for each address in `events_to`: the sink's name, the sink, and the maximum number of
    events to deliver to it at a time. Pushes the closing of the addresses' sinks onto `stack`. Raises
    ConfigurationError."""
    reader = facts_reader(settings, engine)
    if hooks is not None:
        forward = settings.hooks_http_forward_headers if settings.hooks_http is not None else ()
        yield hooks.name, HookSink(hooks.caller, reader, FORMATS[_TUSD], hooks.seconds, forward), hooks.concurrency
    for address in settings.events_to:
        sink = await _open(settings, address, reader)
        stack.push_async_callback(sink.aclose)
        yield str(address), sink, DEFAULT.deliveries


def lane(
    settings: Settings,
    engine: Engine,
    outbox: Outbox,
    wrap: Callable[[Sink], Sink] | None,
    name: str,
    sink: Sink,
    concurrency: int,
) -> Lane:
    """Return the lane that delivers events from the outbox to the sink `name`, wrapped by `wrap` if that isn't None, up
    to `concurrency` events at a time."""
    courier = Courier(
        sink=sink if wrap is None else wrap(sink),
        outbox=outbox,
        schedule=Schedule(pauses=settings.events_schedule, lease=settings.events_lease),
        clock=engine.clock,
        observer=engine.observer,
        meter=engine.meter,
    )
    strict = settings.hooks_order == "strict"
    return Lane(name=name, courier=courier, concurrency=concurrency, strict=strict)


async def _open(settings: Settings, address: SinkAddress, reader: FactsReader) -> Sink:
    """Return a sink that sends events, as `reader` reads them, to the address: an HTTP endpoint or a broker. Raises
    ConfigurationError."""
    form, url = FORMATS[settings.events_format], address.url.get_secret_value()
    if address.scheme in {"http", "https"}:
        return HookSink(HttpCaller(url, _signer(settings)), reader, form, settings.events_timeout)
    state = settings.state.url.get_secret_value() if isinstance(settings.state, RedisState) else ""
    return BrokerSink(await open_broker(address.scheme, url, state), reader, form, settings.events_timeout)


def facts_reader(settings: Settings, engine: Engine) -> FactsReader:
    """Return the reader that turns stored events into the facts that messages are made of, among them the URL of the
    creation endpoint: the public endpoint if that is set, else the URL that the event's request gave; if it gave none,
    that at the first TCP address in the settings (localhost without one)."""
    address = next((address for address in settings.addresses if isinstance(address, TcpAddress)), "localhost")
    return FactsReader(
        storage=engine.storage,
        endpoint=settings.public_endpoint or f"http://{address}{settings.base_path}",
        fixed_endpoint=settings.public_endpoint is not None,
    )
