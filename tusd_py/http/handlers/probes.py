"""For whoever watches the server: is it alive, can it take uploads, what has it done."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from aiohttp import hdrs, web

from tusd_py.domain.errors import Unavailable
from tusd_py.engine.engine import Engine
from tusd_py.http.context import CONTEXT
from tusd_py.telemetry.metrics import CONTENT_TYPE

_PATIENCE = 5.0
_SERVED = (hdrs.METH_GET, hdrs.METH_HEAD)


def add_probes(app: web.Application) -> None:
    for path, answer in {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}.items():
        app.router.add_get(path, answer)
        app.router.add_route("*", path, _refuse)


def is_probe(request: web.Request) -> bool:
    """Pages have no business with these: they are told nothing about CORS, not even in a refusal."""
    return request.match_info.handler in (healthz, readyz, metrics, _refuse)


async def healthz(_: web.Request) -> web.Response:
    """The process answers."""
    return web.Response(text="ok\n")


async def readyz(request: web.Request) -> web.Response:
    """Storage and state can be reached, have room and are one installation, and the server isn't closing; else 503.

    However many ask, a look at storage and state is made every few seconds at most.
    """
    context = request.app[CONTEXT]
    room = context.engine.room
    missing = ["draining"] if context.admission.closed else [*await context.unreachable.get()]
    missing += [f"{name} is full" for name in sorted(room.full)]
    if missing:
        return web.Response(status=503, text=f"not ready: {', '.join(missing)}\n", headers={hdrs.RETRY_AFTER: "5"})
    warnings = [f"{name} is almost full" for name in sorted(room.almost_full)]
    return web.Response(text="\n".join(["ready", *warnings, ""]))


async def metrics(request: web.Request) -> web.Response:
    """Prometheus text."""
    return web.Response(body=request.app[CONTEXT].metrics.exposition(), headers={hdrs.CONTENT_TYPE: CONTENT_TYPE})


async def _refuse(request: web.Request) -> web.Response:
    raise web.HTTPMethodNotAllowed(request.method, _SERVED)


async def unreachable(engine: Engine) -> Sequence[str]:
    """What /readyz names when it is 503: nothing of it if storage and state can be reached, and belong together."""
    pings = {"storage": engine.storage.ping, "state": engine.state.ping}
    answers = await asyncio.gather(*(_reachable(ping()) for ping in pings.values()))
    missing = [name for name, reachable in zip(pings, answers, strict=True) if not reachable]
    if missing or await _reachable(engine.state.installation()):
        return missing
    return ["installation"]


async def _reachable(ping: Coroutine[Any, Any, object]) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE):
            await ping
    except (Unavailable, TimeoutError):
        return False
    return True
