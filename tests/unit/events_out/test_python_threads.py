"""Methods of `hooks-python` that never return, as one that waits for a server without a timeout."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.support.deliveries import upload
from tusd_py.domain.caller import NO_CALLER
from tusd_py.events_out.formats.facts import Message
from tusd_py.events_out.hooks import python
from tusd_py.events_out.hooks.call import Call, CallFailed, call_of
from tusd_py.events_out.hooks.python import PythonCaller
from tusd_py.ports.observer import Observer

THREADS = 3
SCRIPT = """
import asyncio, time
from tests.unit.events_out.test_python_threads import CALL
from tusd_py.events_out.hooks.call import CallFailed
from tusd_py.events_out.hooks.python import PythonCaller
from tusd_py.ports.observer import Observer

class Hooks:
    def post_finish(self, call):
        time.sleep(600)

async def main():
    caller = PythonCaller(Hooks(), Observer())
    try:
        await caller.call(CALL, 0.1)
    except CallFailed as error:
        print(error)
    await caller.aclose()

asyncio.run(main())
"""


def _call(hook: str) -> Call:
    return call_of(Message(name=hook, body=b"{}"), "id", upload(), NO_CALLER, ())


CALL = _call("post-finish")


class Hooks:
    """A method that returns once `released` is set, and one that returns at once."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def post_finish(self, call: Mapping[str, Any]) -> None:
        del call
        self.released.wait()

    def post_create(self, call: Mapping[str, Any]) -> str:
        del call
        return threading.current_thread().name


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    hooks = Hooks()
    yield hooks
    hooks.released.set()


@pytest.fixture
def caller(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> PythonCaller:
    monkeypatch.setattr(python, "_THREADS", THREADS)
    return PythonCaller(hooks, Observer())


async def _hang(caller: PythonCaller, count: int) -> None:
    outcomes = await asyncio.gather(*(caller.call(CALL, 0.05) for _ in range(count)), return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["timeout"] * count


async def test_hung_methods_take_no_thread_of_the_server(caller: PythonCaller) -> None:
    loop = asyncio.get_running_loop()
    before = getattr(loop, "_default_executor", None)
    await _hang(caller, THREADS)
    assert getattr(loop, "_default_executor", None) is before


async def test_calls_fail_at_once_while_all_threads_hang(caller: PythonCaller, hooks: Hooks) -> None:
    await _hang(caller, THREADS)
    with pytest.raises(CallFailed, match="no free thread"):
        await caller.call(_call("post-create"), 600)
    hooks.released.set()
    await _first_answer(caller)


async def test_a_call_waits_for_a_thread_that_is_busy(caller: PythonCaller, hooks: Hooks) -> None:
    calls = [asyncio.create_task(caller.call(CALL, 60)) for _ in range(THREADS)]
    await asyncio.sleep(0)
    last = asyncio.create_task(caller.call(_call("post-create"), 60))
    await asyncio.sleep(0.05)
    assert not last.done()
    hooks.released.set()
    assert (await last).body.startswith(b'"hooks ')
    await asyncio.gather(*calls)


async def test_a_hung_method_leaves_the_other_threads_free(caller: PythonCaller) -> None:
    await _hang(caller, THREADS - 1)
    answers = [(await caller.call(_call("post-create"), 60)).body for _ in range(2 * THREADS)]
    assert len(set(answers)) == 1


async def test_a_thread_that_cant_start_takes_no_place(caller: PythonCaller, monkeypatch: pytest.MonkeyPatch) -> None:
    """While no thread is idle and none can be started, as in a container that limits them, calls of methods that aren't
    `async` fail; the first call once threads can be started succeeds."""
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", _refused)
        for _ in range(THREADS + 1):
            with pytest.raises(CallFailed, match="no free thread"):
                await caller.call(_call("post-create"), 5)
    assert (await caller.call(_call("post-create"), 60)).body == b'"hooks 1"'


async def test_idle_threads_do_what_no_further_thread_can_start_for(
    caller: PythonCaller, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await caller.call(_call("post-create"), 60)).body == b'"hooks 1"'
    monkeypatch.setattr(threading.Thread, "start", _refused)
    for _ in range(THREADS + 1):
        assert (await caller.call(_call("post-create"), 60)).body == b'"hooks 1"'


def _refused(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_a_hung_method_does_not_hold_up_the_end() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "timeout\n"


async def _first_answer(caller: PythonCaller) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await caller.call(_call("post-create"), 30)
            except CallFailed:
                await asyncio.sleep(0.01)
            else:
                return
