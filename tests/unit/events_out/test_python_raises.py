"""Errors of all sorts that methods of `hooks-python` raise: each fails its call, and nothing else."""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from tests.support.deliveries import upload
from tests.support.tus import until
from tusd_py.domain.caller import NO_CALLER
from tusd_py.events_out.formats.facts import Message
from tusd_py.events_out.hooks import python
from tusd_py.events_out.hooks.call import Call, CallFailed, call_of
from tusd_py.events_out.hooks.python import PythonCaller
from tusd_py.ports.observer import Observer

HOOKS = ("pre-create", "pre-finish")
"""A hook whose method runs in a thread, and one whose method is `async`."""
ERRORS = (
    KeyError("x"),
    StopIteration(),
    StopAsyncIteration(),
    SystemExit(0),
    KeyboardInterrupt(),
    TimeoutError(),
    concurrent.futures.CancelledError(),
    asyncio.CancelledError(),
)

FROM_COROUTINE = "RuntimeError"
"""The name of the error in place of a StopIteration that leaves an `async` method (PEP 479)."""


class Hooks:
    """Hooks that raise `error` after `seconds`; if `error` is None, they return their argument."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.seconds = 0.0

    def pre_create(self, call: Mapping[str, Any]) -> object:
        time.sleep(self.seconds)
        return self._answer(call)

    async def pre_finish(self, call: Mapping[str, Any]) -> object:
        await asyncio.sleep(self.seconds)
        return self._answer(call)

    def _answer(self, call: Mapping[str, Any]) -> object:
        if self.error is not None:
            raise self.error
        return call


def _call(hook: str) -> Call:
    return call_of(Message(name=hook, body=b"{}"), "id", upload(), NO_CALLER, ())


@pytest.fixture
def hooks() -> Hooks:
    return Hooks()


@pytest.fixture
def caller(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> PythonCaller:
    """Return a caller with one thread: if a call kept it, further calls of methods that aren't `async` would fail."""
    monkeypatch.setattr(python, "_THREADS", 1)
    return PythonCaller(hooks, Observer())


@pytest_asyncio.fixture(autouse=True)
async def stacks() -> AsyncIterator[None]:
    """Check after each test that nothing reached the event loop's exception handler."""
    contexts = list[Mapping[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: contexts.append(context))
    yield
    assert contexts == []


@pytest.mark.parametrize("error", ERRORS, ids=repr)
@pytest.mark.parametrize("hook", HOOKS)
async def test_each_error_fails_its_call_alone(
    hooks: Hooks, caller: PythonCaller, hook: str, error: BaseException
) -> None:
    hooks.error = error
    from_coroutine = hook == "pre-finish" and isinstance(error, StopIteration)
    with pytest.raises(CallFailed, match=f"^{FROM_COROUTINE if from_coroutine else type(error).__name__}$"):
        await caller.call(_call(hook), 5.0)
    hooks.error = None
    assert (await caller.call(_call(hook), 5.0)).body == b"{}"


@pytest.mark.parametrize("error", ERRORS, ids=repr)
async def test_an_error_after_the_timeout_frees_the_thread(
    hooks: Hooks, caller: PythonCaller, error: BaseException
) -> None:
    hooks.error, hooks.seconds = error, 0.2
    with pytest.raises(CallFailed, match="timeout"):
        await caller.call(_call("pre-create"), 0.02)
    await until(partial(_is_free, caller))
    hooks.error = None
    assert (await caller.call(_call("pre-create"), 5.0)).body == b"{}"


async def _is_free(caller: PythonCaller) -> bool:
    return not caller._threads._overdue


async def test_an_answer_that_isnt_json_fails_its_call(caller: PythonCaller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hooks, "_answer", lambda *_: object())
    for hook in HOOKS:
        with pytest.raises(CallFailed, match="TypeError"):
            await caller.call(_call(hook), 5.0)


@pytest.mark.parametrize("hook", HOOKS)
async def test_the_end_of_the_caller_is_no_failure(hooks: Hooks, caller: PythonCaller, hook: str) -> None:
    """A call that is cancelled, as at a shutdown, raises no CallFailed: it isn't counted as an attempt."""
    hooks.seconds = 0.2
    calling = asyncio.create_task(caller.call(_call(hook), 5.0))
    await asyncio.sleep(0.05)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
