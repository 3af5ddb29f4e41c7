"""The routes of health checks and metrics: /healthz, /readyz and /metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from aiohttp import hdrs, web

from tusd_py.domain.errors import Unavailable
from tusd_py.engine.engine import Engine
from tusd_py.http.context import CONTEXT
from tusd_py.telemetry.metrics import CONTENT_TYPE

_PING_TIMEOUT = 5.0
"""Seconds in which the storage or the state store must answer."""
_SERVED = (hdrs.METH_GET, hdrs.METH_HEAD)


def add_probes(app: web.Application) -> None:
    for path, answer in {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}.items():
        app.router.add_get(path, answer)
        app.router.add_route("*", path, _refuse)


def is_probe(request: web.Request) -> bool:
    """Return True for a request to /healthz, /readyz or /metrics: pages don't need them, so they get no CORS header
    fields, not even in a refusal."""
    return request.match_info.handler in (healthz, readyz, metrics, _refuse)


async def healthz(_: web.Request) -> web.Response:
    """Answer 200, always: the process is alive."""
    return web.Response(text="ok\n")


async def readyz(request: web.Request) -> web.Response:
    """Answer 200 if storage and state are reachable, have space and belong together, and the server isn't shutting
    down; else 503 with the reasons. Little free space is a warning in the text.

    However many clients ask, storage and state are checked at most once in a few seconds.
    """
    context = request.app[CONTEXT]
    room = context.engine.free_space
    missing = ["draining"] if context.concurrency.closed else [*await context.unreachable.get()]
    missing += [f"{name} is full" for name in sorted(room.full)]
    if missing:
        return web.Response(status=503, text=f"not ready: {', '.join(missing)}\n", headers={hdrs.RETRY_AFTER: "5"})
    warnings = [f"{name} is almost full" for name in sorted(room.almost_full)]
    return web.Response(text="\n".join(["ready", *warnings, ""]))


async def metrics(request: web.Request) -> web.Response:
    """Answer with the metrics as Prometheus text."""
    return web.Response(body=request.app[CONTEXT].metrics.exposition(), headers={hdrs.CONTENT_TYPE: CONTENT_TYPE})


async def _refuse(request: web.Request) -> web.Response:
    raise web.HTTPMethodNotAllowed(request.method, _SERVED)


async def unreachable(engine: Engine) -> Sequence[str]:
    """Return the names of failed checks for /readyz: `storage` or `state` if unreachable, `installation` if
    these two aren't known to belong together; none if all is well.
    """
    pings = {"storage": engine.storage.ping, "state": engine.state.ping}
    answers = await asyncio.gather(*(_reachable(ping()) for ping in pings.values()))
    missing = [name for name, reachable in zip(pings, answers, strict=True) if not reachable]
    if missing or await _reachable(engine.state.installation()):
        return missing
    return ["installation"]


async def _reachable(ping: Coroutine[Any, Any, object]) -> bool:
    try:
        async with asyncio.timeout(_PING_TIMEOUT):
            await ping
    except (Unavailable, TimeoutError):
        return False
    return True
