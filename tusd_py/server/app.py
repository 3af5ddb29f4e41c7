"""The aiohttp application, run by `tusd_py.server` or mounted in another application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec

from aiohttp import web

from tusd_py.config import Settings
from tusd_py.domain.errors import ConfigurationError, Unavailable, WrongPair
from tusd_py.engine.engine import Engine
from tusd_py.engine.listing import last_seq
from tusd_py.events_out.deliverer import Deliverer
from tusd_py.http.concurrency import Concurrency, ConcurrencyLimits
from tusd_py.http.connection.connection_limits import Connections
from tusd_py.http.context import CONTEXT, Context
from tusd_py.http.filter_middleware import filter_requests
from tusd_py.http.handlers.page import PageFacts, add_page
from tusd_py.http.handlers.probes import add_probes, unreachable
from tusd_py.http.links import Links
from tusd_py.http.request_filter import RequestFilter
from tusd_py.http.routes import add_routes, decorate
from tusd_py.live.listeners import Count
from tusd_py.live.live import Live
from tusd_py.ports.authenticator import Authenticator
from tusd_py.ports.meter import Meters
from tusd_py.ports.state import StateStore
from tusd_py.ports.storage import Storage
from tusd_py.protocol.choice import Interim, Wires
from tusd_py.recent import Recent
from tusd_py.server.auth_wiring import open_authenticator, rights, token_issuer
from tusd_py.server.background import running
from tusd_py.server.event_wiring import check_hooks, delivering, disclosure, open_hooks, subscriptions
from tusd_py.server.job_wiring import doing_jobs, job_subscriptions
from tusd_py.server.live_wiring import listener_count, telling
from tusd_py.server.plain_wiring import plain_terms
from tusd_py.server.question_wiring import asking
from tusd_py.server.tracing_wiring import find_tracing, pairing_of, sink_wrapper, span_meters
from tusd_py.server.trust_wiring import cors_rule, local_access, proxy_trust
from tusd_py.server.wiring import open_engine
from tusd_py.telemetry.audit import Audit
from tusd_py.telemetry.log import LogMeter, LogObserver, get_logger
from tusd_py.telemetry.metrics import Metrics
from tusd_py.transfer.budget import Budget
from tusd_py.transfer.memory import Memory

_READY_SECONDS = 2.0
_PING_SECONDS = 5.0
_LOOK_SECONDS = 0.5

CONFIG_ERROR = web.AppKey("config_error", asyncio.Future[ConfigurationError])
"""The key of a future. It gets, as its result, the error by which the settings turn out not to work after the start."""

DELIVERER = web.AppKey("deliverer", Deliverer)


def create_app(settings: Settings | None = None, hooks: object = None) -> web.Application:
    """Return an application with the upload URLs below `settings.base_path`, and `/healthz`, `/readyz`, `/metrics`.

    `settings` are by default `Settings()`, which reads no environment. With `settings.metrics_address`, `/healthz`,
    `/readyz` and `/metrics` are left out: the application that `create_probes` returns has them. With `settings.ui`,
    the upload page is at `/`. The application may be mounted in another one with `add_subapp`. `hooks` is an object
    whose methods are called as hooks, instead of the one that `settings.hooks_python` names.

    Raises ConfigurationError if the upload page was never built, if the dashboard's library is missing, or if the
    settings don't allow `hooks` (see `check_hooks`). The application's startup opens storage and state, among others,
    and may raise ConfigurationError; its shutdown lets running uploads save the bytes that they have received.
    """
    chosen = settings or Settings()
    if chosen.dashboard and find_spec("htpy") is None:
        raise ConfigurationError("dashboard needs the package htpy: install tusd-py[dashboard]")
    if hooks is not None:
        check_hooks(chosen)
    app = web.Application(middlewares=[filter_requests])
    if chosen.metrics_address is None:
        add_probes(app)
    add_routes(app, chosen.base_path, _switched_on(chosen))
    if chosen.ui:
        add_page(app, _page_facts(chosen))
    app.on_response_prepare.append(decorate)
    app.on_shutdown.append(_drain)
    app.cleanup_ctx.append(lambda app: _open(app, chosen, hooks))
    return app


def _switched_on(settings: Settings) -> Collection[str]:
    """Return the names of the optional groups of routes, as `add_routes` takes them, that the settings switch on."""
    switches = {
        "tokens": "token" in settings.auth,
        "live": settings.live,
        "direct": settings.direct_uploads,
        "listing": settings.listing,
        "dashboard": settings.dashboard,
        "jobs": settings.jobs,
    }
    return {name for name, on in switches.items() if on}


def create_probes(app: web.Application) -> web.Application:
    """Return an application with `/healthz`, `/readyz` and `/metrics` of `app`, which must be started before it.

    It has its own count of connections, so that it still answers when clients have as many connections as `app` allows.
    """
    probes = web.Application()
    add_probes(probes)
    probes.on_response_prepare.append(decorate)
    probes.on_startup.append(partial(_share_context, app))
    return probes


async def _share_context(app: web.Application, probes: web.Application) -> None:
    context = app[CONTEXT]
    probes[CONTEXT] = replace(context, connections=Connections(context.connections.limit))


async def _open(app: web.Application, settings: Settings, python_hooks: object) -> AsyncIterator[None]:
    budget = Budget(settings.memory_budget)
    metrics = Metrics(lambda: budget.used, budget.limit)
    log = get_logger("tusd_py")
    tracing = find_tracing()
    observers, meter = (metrics, LogObserver(log)), Meters((metrics, LogMeter(log), *span_meters(tracing)))
    wishes = [*subscriptions(settings, python_hooks), *job_subscriptions(settings)]
    pairing, listeners = pairing_of(tracing), listener_count(settings)
    async with (
        open_engine(settings, budget, observers, meter, wishes, pairing) as opened,
        telling(settings, opened, listeners) as (engine, live),
        open_authenticator(settings, engine.observer) as authenticator,
        open_hooks(settings, engine.observer, python_hooks) as hooks,
    ):
        deliverers = delivering(settings, engine, hooks, sink_wrapper(tracing))
        engine = asking(settings, engine, hooks)  # noqa: PLW2901
        context = _context(settings, _Parts(engine, authenticator, live, listeners, budget, metrics))
        context = app[CONTEXT] = replace(context, disclosure=disclosure(settings, python_hooks), tracing=tracing)
        await _check_stores(engine)
        config_error = app[CONFIG_ERROR] = asyncio.get_running_loop().create_future()
        async with (
            deliverers as app[DELIVERER],
            running(engine, context.memory.slabs, config_error),
            doing_jobs(settings, engine) as service,
        ):
            if service is not None:
                app[CONTEXT] = replace(context, jobs=service, cancel_job=service.cancel)
            yield


@dataclass(frozen=True, slots=True)
class _Parts:
    """The engine and the other objects that a starting server has opened or made, from which the `Context` of its HTTP
    handlers is built."""

    engine: Engine
    authenticator: Authenticator | None
    live: Live | None
    listeners: Count
    budget: Budget
    metrics: Metrics


def _context(settings: Settings, parts: _Parts) -> Context:
    engine = parts.engine
    cors, trust, redirects = cors_rule(settings), proxy_trust(settings), settings.download_mode == "redirect"
    return Context(
        engine=replace(engine, rights=rights(settings)),
        authenticator=parts.authenticator,
        local_access=local_access(settings, trust),
        live=parts.live,
        listeners=parts.listeners,
        token_issuer=token_issuer(settings) if "token" in settings.auth else None,
        wires=_wires(settings, engine),
        plain=plain_terms(settings),
        metrics=parts.metrics,
        audit=Audit(on=settings.log_audit),
        concurrency=Concurrency(_concurrency_limits(settings)),
        connections=Connections(settings.max_connections, settings.max_client_connections),
        unreachable=Recent(partial(unreachable, engine), _READY_SECONDS),
        last_seq=Recent(partial(last_seq, engine), _LOOK_SECONDS),
        heartbeat=settings.live_heartbeat,
        memory=Memory(parts.budget),
        network_timeout=settings.network_timeout,
        min_data_rate=settings.min_data_rate or 0,
        trust=trust,
        request_filter=RequestFilter(hosts=settings.allowed_hosts, cors=cors, trust=trust),
        public_endpoint=settings.public_endpoint,
        redirect_downloads=redirects,
        links=Links(engine, redirects=redirects and _finished_are_safe(settings)),
        cors=cors,
    )


def _wires(settings: Settings, engine: Engine) -> Wires:
    interim = Interim(settings.ietf_interim_responses)
    return Wires(engine.limits, engine.clock, interim, plain=settings.plain_uploads)


def _page_facts(settings: Settings) -> PageFacts:
    return PageFacts(
        endpoint=settings.public_endpoint or settings.base_path.removeprefix("/"),
        max_size=settings.max_size,
        downloads=not settings.disable_download,
        live=settings.live and settings.listing,
        forms=settings.plain_uploads,
        accept=tuple(f".{extension}" for extension in settings.allowed_extensions) or settings.allowed_types,
    )


def _finished_are_safe(settings: Settings) -> bool:
    """Return True if clients can't terminate finished uploads, apart from partial ones, which have no reading link.
    Then the id of such an upload, which its object's key may reveal, gives only the right to read it."""
    return settings.disable_termination or not settings.terminate_finished


def _concurrency_limits(settings: Settings) -> ConcurrencyLimits:
    return ConcurrencyLimits(
        uploads=settings.max_uploads,
        client_uploads=settings.max_client_uploads,
        client_requests=settings.max_client_requests,
        client_creations=settings.max_client_creations,
    )


async def _drain(app: web.Application) -> None:
    context = app[CONTEXT]
    context.concurrency.close()
    if context.live is not None:
        context.live.hub.close()
        await context.live.turns.drain()
    if context.jobs is not None:
        context.jobs.runner.close()
    app[DELIVERER].close()


async def _check_stores(engine: Engine) -> None:
    """Ping storage and state, and log each that doesn't answer. That is no error: both may start after the server.

    If both answer, check that they belong together. Raises WrongPair if they don't, and any other
    ConfigurationError that a call raises, such as that for a database of a newer version.
    """
    answers = [
        await _answers(engine, name, place) for name, place in (("storage", engine.storage), ("state", engine.state))
    ]
    if not all(answers):
        return
    try:
        await engine.state.installation()
    except WrongPair:
        raise
    except Unavailable as error:
        engine.observer.trouble("installation is not known", reason=str(error))


async def _answers(engine: Engine, name: str, place: Storage | StateStore) -> bool:
    try:
        async with asyncio.timeout(_PING_SECONDS):
            await place.ping()
    except (Unavailable, TimeoutError) as error:
        engine.observer.trouble(f"{name} can't be reached", place=place.name, reason=str(error) or "no answer")
        return False
    return True
