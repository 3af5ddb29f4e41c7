"""`end` ends tasks that ignore a first cancellation or end late, `wait_out` waits for its work though it is cancelled,
and sweeps go on after an error."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import web

import tusd_py.server.background
from tusd_py.config import load_settings
from tusd_py.domain.errors import StateUnavailable
from tusd_py.engine.engine import Engine
from tusd_py.server.app import create_app
from tusd_py.tasks import end, wait_out


async def stubborn() -> None:
    """Ignore the first cancellation, as redis-py does when it takes it for a timeout, and end with the second."""
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    await asyncio.Event().wait()


async def slow() -> None:
    """End after 0.25 s, even if cancelled earlier."""
    until = asyncio.get_running_loop().time() + 0.25
    while (seconds := until - asyncio.get_running_loop().time()) > 0:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(seconds)


async def failing() -> None:
    raise OSError


async def test_a_task_that_swallows_its_cancellation_ends() -> None:
    tasks = [asyncio.create_task(job()) for job in (stubborn, failing, stubborn)]
    await asyncio.sleep(0)
    await end(*tasks)
    assert all(task.done() for task in tasks)


async def test_a_task_that_ends_another_does_not_leave_it_behind() -> None:
    """A task that ends a slow helper while it is ended itself is cancelled only after the helper has ended."""
    helper = asyncio.create_task(slow())

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await end(helper)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await end(task)
    assert task.cancelled()
    assert helper.done()


async def test_without_tasks_nothing_is_waited_for() -> None:
    await end(None)


async def test_what_is_waited_out_ends_before_its_waiter() -> None:
    """A task in `wait_out` ends only after the work that it waits for, however often it is cancelled."""
    work: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(wait_out(work))
    ending = asyncio.create_task(end(waiting))
    await asyncio.wait({ending}, timeout=0.5)
    assert not waiting.done()
    work.set_exception(OSError())
    await ending
    assert waiting.cancelled()


async def test_a_server_ends_whose_sweep_takes_its_end_for_a_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeping = asyncio.Event()

    async def sweep(_: Engine) -> None:
        if sweeping.is_set():
            await asyncio.Event().wait()
        sweeping.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise StateUnavailable("Redis: no answer") from None

    monkeypatch.setattr(tusd_py.server.background, "_sweep", sweep)
    monkeypatch.setattr(tusd_py.server.background, "_SWEEP_SECONDS", 0.01)
    runner = web.AppRunner(create_app(load_settings({"storage": f"file:{tmp_path}", "state": "memory:"}, None, {})))
    await runner.setup()
    await sweeping.wait()
    async with asyncio.timeout(30):
        await runner.cleanup()


async def test_a_sweep_goes_on_after_an_error_that_it_does_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep that raises an unexpected error, as for a record that it can't read, is followed by the next sweep; the
    error goes to the event loop's exception handler, which logs it."""
    errors, again = list[object](), asyncio.Event()

    async def sweep(_: Engine) -> None:
        if errors:
            again.set()
        raise ValueError("a record of another program")

    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))
    monkeypatch.setattr(tusd_py.server.background, "_sweep", sweep)
    monkeypatch.setattr(tusd_py.server.background, "_SWEEP_SECONDS", 0.01)
    runner = web.AppRunner(create_app(load_settings({"storage": f"file:{tmp_path}", "state": "memory:"}, None, {})))
    await runner.setup()
    async with asyncio.timeout(30):
        await again.wait()
        await runner.cleanup()
    assert {str(error) for error in errors} == {"a record of another program"}
