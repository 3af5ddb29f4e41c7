"""Background tasks of a server: sweeps, garbage collection, rewriting of the storage's installation id, unmapping of
unused slabs, measuring of free space and counting of unfinished uploads.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tusd_py.domain.errors import ConfigurationError, Unavailable
from tusd_py.engine.engine import Engine
from tusd_py.engine.expiry_sweep import sweep
from tusd_py.engine.garbage_collection import collect_garbage
from tusd_py.engine.installation import renew
from tusd_py.tasks import end
from tusd_py.transfer.slabs import Slabs

_SWEEP_SECONDS = 5.0
_GARBAGE_SECONDS = 3600.0
_RENEW_SECONDS = 86400.0
_TRIM_SECONDS = 1.0
_SPACE_SECONDS = 1.0


@asynccontextmanager
async def running(
    engine: Engine, slabs: Slabs, config_error: asyncio.Future[ConfigurationError]
) -> AsyncIterator[None]:
    """Run the background tasks until the context ends. `config_error` gets the first ConfigurationError of a task as
    its result: the settings turned out not to work."""
    tasks = [
        asyncio.create_task(_repeat(engine, config_error, _sweep, _SWEEP_SECONDS)),
        asyncio.create_task(_repeat(engine, config_error, _collect_garbage, _GARBAGE_SECONDS)),
        asyncio.create_task(_repeat(engine, config_error, renew, _GARBAGE_SECONDS, _RENEW_SECONDS)),
        asyncio.create_task(_trim(slabs)),
        asyncio.create_task(_repeat(engine, config_error, Engine.measure_stores, 0.0, _SPACE_SECONDS)),
    ]
    try:
        yield
    finally:
        await end(*tasks)


async def _repeat(
    engine: Engine,
    config_error: asyncio.Future[ConfigurationError],
    action: Callable[[Engine], Awaitable[None]],
    first: float,
    seconds: float | None = None,
) -> None:
    """Run the action after about `first` seconds, and then again and again, each time about `seconds` (by default
    `first`) after its end, until cancelled. The pauses vary at random by up to half, so that nodes that started
    together don't run it together.

    Logs errors and goes on; a ConfigurationError becomes the result of `config_error`, unless that has one.
    """
    pause = first
    while True:
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 (no secret)
        pause = seconds or first
        try:
            await action(engine)
        except (ConfigurationError, Unavailable) as error:
            engine.observer.trouble("sweep failed", reason=str(error))
            if isinstance(error, ConfigurationError) and not config_error.done():
                config_error.set_result(error)
        except Exception as error:  # noqa: BLE001 - logged with its stack; without the task nothing would expire
            context = {"message": "a background task failed; it will run again", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)


async def _trim(slabs: Slabs) -> None:
    while True:
        await asyncio.sleep(_TRIM_SECONDS)
        slabs.trim()


async def _sweep(engine: Engine) -> None:
    await sweep(engine)


async def _collect_garbage(engine: Engine) -> None:
    async for _ in collect_garbage(engine):
        pass
