"""The aiohttp application: to be run by `server`, or mounted in another application."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial

from aiohttp import web

from tusd_py.config import Settings
from tusd_py.domain.errors import ConfigurationError, Unavailable, WrongPair
from tusd_py.engine.engine import Engine
from tusd_py.engine.garbage import tidy
from tusd_py.engine.installation import renew
from tusd_py.engine.maintenance import sweep
from tusd_py.http.admission import Admission, Crowd
from tusd_py.http.connection.limits import Connections
from tusd_py.http.context import CONTEXT, Context
from tusd_py.http.cors import Cors
from tusd_py.http.door import Door
from tusd_py.http.forwarded import Trust
from tusd_py.http.guard import guard
from tusd_py.http.handlers.page import PageFacts, add_page
from tusd_py.http.handlers.probes import add_probes, unreachable
from tusd_py.http.links import Links
from tusd_py.http.routes import add_routes, decorate
from tusd_py.ports.meter import Meters
from tusd_py.ports.state import StateStore
from tusd_py.ports.storage import Storage
from tusd_py.protocol.choice import Interim, Wires
from tusd_py.recent import Recent
from tusd_py.server.wiring import open_engine
from tusd_py.tasks import end
from tusd_py.telemetry.audit import Audit
from tusd_py.telemetry.log import LogMeter, LogObserver, get_logger
from tusd_py.telemetry.metrics import Metrics
from tusd_py.transfer.budget import Budget
from tusd_py.transfer.overhead import Overhead
from tusd_py.transfer.share import Share
from tusd_py.transfer.slabs import Slabs

_SWEEP_SECONDS = 5.0
_TIDY_SECONDS = 3600.0
_RENEW_SECONDS = 86400.0
_TRIM_SECONDS = 1.0
_LOOK_SECONDS = 1.0
_READY_SECONDS = 2.0
_PATIENCE = 5.0
_DOWNLOADS, _TEXTS = 4, 8
"""The fraction of the memory budget that downloads may take, and that long heads and lists may."""

MISTAKE = web.AppKey("mistake", asyncio.Future[ConfigurationError])
"""Done once it turned out, after the start, that the settings can't work."""


def create_app(settings: Settings | None = None) -> web.Application:
    """An application with the upload URLs below `settings.base_path`, and `/healthz`, `/readyz`, `/metrics`.

    With `settings.ui`, the page for people is at `/`; raises ConfigurationError if it was never built. With
    `settings.metrics_address` the last three are in `create_probes` instead. The application may be mounted in another
    one with `add_subapp`. It opens storage and state when it starts, which raises ConfigurationError, and when it shuts
    down it lets running uploads save what they have.
    """
    chosen = settings or Settings()
    app = web.Application(middlewares=[guard])
    if chosen.metrics_address is None:
        add_probes(app)
    add_routes(app, chosen.base_path, direct=chosen.direct_uploads)
    if chosen.ui:
        add_page(app, _page_facts(chosen))
    app.on_response_prepare.append(decorate)
    app.on_shutdown.append(_drain)
    app.cleanup_ctx.append(lambda app: _open(app, chosen))
    return app


def create_probes(app: web.Application) -> web.Application:
    """An application with `/healthz`, `/readyz` and `/metrics` of `app`, which must have been started before it.

    Its connections are counted apart: where clients have taken all there are, it still answers.
    """
    probes = web.Application()
    add_probes(probes)
    probes.on_response_prepare.append(decorate)
    probes.on_startup.append(partial(_look_at, app))
    return probes


async def _look_at(app: web.Application, probes: web.Application) -> None:
    seen = app[CONTEXT]
    probes[CONTEXT] = replace(seen, connections=Connections(seen.connections.most))


async def _open(app: web.Application, settings: Settings) -> AsyncIterator[None]:
    budget = Budget(settings.memory_budget)
    metrics = Metrics(lambda: budget.used, budget.limit)
    cors, trust, redirects = _cors(settings), _trust(settings), settings.download_mode == "redirect"
    log = get_logger("tusd_py")
    async with open_engine(settings, budget, (metrics, LogObserver(log)), Meters((metrics, LogMeter(log)))) as engine:
        app[CONTEXT] = Context(
            engine=engine,
            wires=Wires(engine.limits, engine.clock, Interim(settings.rufh_interim)),
            metrics=metrics,
            audit=Audit(on=settings.log_audit),
            admission=Admission(_crowd(settings)),
            connections=Connections(settings.max_connections, settings.max_client_connections),
            unreachable=Recent(partial(unreachable, engine), _READY_SECONDS),
            slabs=Slabs(budget),
            budget=budget,
            overhead=Overhead(budget),
            downloads=Share(budget, _DOWNLOADS),
            texts=Share(budget, _TEXTS),
            network_timeout=settings.network_timeout,
            min_data_rate=settings.min_data_rate or 0,
            trust=trust,
            door=Door(hosts=settings.allowed_hosts, cors=cors, trust=trust),
            public_endpoint=settings.public_endpoint,
            redirect_downloads=redirects,
            links=Links(engine, redirects=redirects and _keeps_finished(settings)),
            cors=cors,
        )
        await _look_around(engine)
        mistake = app[MISTAKE] = asyncio.get_running_loop().create_future()
        chores = [
            asyncio.create_task(_for_ever(engine, mistake, _sweep, _SWEEP_SECONDS)),
            asyncio.create_task(_for_ever(engine, mistake, _tidy, _TIDY_SECONDS)),
            asyncio.create_task(_for_ever(engine, mistake, renew, _TIDY_SECONDS, _RENEW_SECONDS)),
            asyncio.create_task(_trim(app[CONTEXT].slabs)),
            asyncio.create_task(_look_at_room(engine)),
        ]
        yield
        await end(*chores)


def _page_facts(settings: Settings) -> PageFacts:
    return PageFacts(
        endpoint=settings.public_endpoint or settings.base_path.removeprefix("/"),
        max_size=settings.max_size,
        downloads=not settings.disable_download,
        accept=tuple(f".{extension}" for extension in settings.allowed_extensions) or settings.allowed_types,
    )


def _cors(settings: Settings) -> Cors | None:
    if settings.disable_cors:
        return None
    return Cors(
        allow_origin=settings.cors_allow_origin,
        allow_credentials=settings.cors_allow_credentials,
        allow_headers=settings.cors_allow_headers,
    )


def _trust(settings: Settings) -> Trust:
    networks = settings.trusted_proxies if settings.behind_proxy else ()
    return Trust(networks=networks, family=settings.proxy_headers)


def _keeps_finished(settings: Settings) -> bool:
    """The id of a finished upload, which its object's key may tell, gives no more right than to read it."""
    return settings.disable_termination or not settings.terminate_finished


def _crowd(settings: Settings) -> Crowd:
    return Crowd(
        uploads=settings.max_uploads,
        client_uploads=settings.max_client_uploads,
        client_requests=settings.max_client_requests,
        client_creations=settings.max_client_creations,
    )


async def _drain(app: web.Application) -> None:
    app[CONTEXT].admission.close()


async def _look_around(engine: Engine) -> None:
    """Say at once what can't be reached. It may come up later than we do, so this isn't the end; a wrong pair is.

    Raises ConfigurationError.
    """
    reached = [
        await _reached(engine, name, place) for name, place in (("storage", engine.storage), ("state", engine.state))
    ]
    if not all(reached):
        return
    try:
        await engine.state.installation()
    except WrongPair:
        raise
    except Unavailable as error:
        engine.observer.trouble("installation is not known", reason=str(error))


async def _reached(engine: Engine, name: str, place: Storage | StateStore) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE):
            await place.ping()
    except (Unavailable, TimeoutError) as error:
        engine.observer.trouble(f"{name} can't be reached", place=place.name, reason=str(error) or "no answer")
        return False
    return True


async def _for_ever(
    engine: Engine,
    mistake: asyncio.Future[ConfigurationError],
    chore: Callable[[Engine], Awaitable[None]],
    first: float,
    seconds: float | None = None,
) -> None:
    """At irregular times, so that nodes that started together don't do it together: after `first` seconds or so, then
    each `seconds` or so."""
    pause = first
    while True:
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 (no secret)
        pause = seconds or first
        try:
            await chore(engine)
        except (ConfigurationError, Unavailable) as error:
            engine.observer.trouble("sweep-failed", reason=str(error))
            if isinstance(error, ConfigurationError) and not mistake.done():
                mistake.set_result(error)


async def _trim(slabs: Slabs) -> None:
    while True:
        await asyncio.sleep(_TRIM_SECONDS)
        slabs.trim()


async def _look_at_room(engine: Engine) -> None:
    while True:
        await engine.look_at_room()
        await asyncio.sleep(_LOOK_SECONDS)


async def _sweep(engine: Engine) -> None:
    await sweep(engine)


async def _tidy(engine: Engine) -> None:
    async for _ in tidy(engine):
        pass
