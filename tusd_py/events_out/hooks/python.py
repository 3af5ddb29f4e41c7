"""Calls of Python code in this process."""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from tusd_py.domain.errors import ConfigurationError
from tusd_py.events_out.hooks.call import TIMEOUT, Call, CallFailed, Result
from tusd_py.events_out.hooks.threads import Failure, NoThread, Threads
from tusd_py.ports.observer import Observer

Method = Callable[[Mapping[str, Any]], Any]

_THREADS = 32
"""The most methods that run in threads at a time, including those that go on after their calls were given up."""


class PythonCaller:
    """A caller of an object's methods: `post_finish(call)` for the hook post-finish. A call without such a method
    succeeds.

    A method gets the call's JSON as a dict, and returns None or the answer's JSON, as Python values. A method that
    isn't `async` runs in a thread, and goes on if its call times out or is cancelled; while methods whose calls have
    ended so hold all threads, further calls of methods that aren't `async` fail at once.
    """

    def __init__(self, hooks: object, observer: Observer) -> None:
        self._hooks, self._observer = hooks, observer
        self._threads = Threads(_THREADS)

    async def call(self, call: Call, seconds: float) -> Result:
        method = getattr(self._hooks, call.message.name.replace("-", "_"), None)
        if method is None:
            return Result()
        try:
            async with asyncio.timeout(seconds):
                outcome = await self._run(method, json.loads(call.message.body))
        except TimeoutError:
            raise CallFailed(TIMEOUT) from None
        except NoThread:
            raise CallFailed("no free thread") from None
        if isinstance(outcome, Failure):
            stack = "".join(traceback.format_exception(outcome.error))
            self._observer.trouble("hook raised", hook=call.message.name, exception=stack)
            raise CallFailed(type(outcome.error).__name__) from outcome.error
        return Result(body=outcome)

    async def aclose(self) -> None:
        """Have each thread end once its method has returned; doesn't wait for that. The object with the methods isn't
        closed."""
        self._threads.close()

    async def _run(self, method: Method, call: Mapping[str, Any]) -> bytes | Failure:
        """Return the answer as JSON, empty for None, or what the method raised. Raises NoThread, but not for an `async`
        method."""
        if inspect.iscoroutinefunction(method):
            return await _awaited(method, call)
        return await self._threads.run(lambda: _encoded(method(call)))


async def _awaited(method: Method, call: Mapping[str, Any]) -> bytes | Failure:
    """Return the answer of an `async` method as JSON, empty for None, or what it raised. Raises CancelledError only if
    the running task is cancelled; a CancelledError from the method, such as that of a task that it awaits, is returned
    as a Failure.
    """
    before = _cancellations()
    try:
        return _encoded(await method(call))
    except GeneratorExit:
        raise
    except BaseException as error:  # SystemExit would end the loop
        if isinstance(error, asyncio.CancelledError) and _cancellations() > before:
            raise
        return Failure(error)


def _cancellations() -> int:
    """Return the number of cancellations of the running task, without those that were withdrawn (`Task.uncancel`); 0 if
    no task runs."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _encoded(answer: object) -> bytes:
    return b"" if answer is None else json.dumps(answer).encode()


def load_hooks(name: str) -> object:
    """Return the object that `module:name` names; a class is instantiated. Modules are searched in the current folder,
    too. Raises ConfigurationError if the import, the name or the class fails."""
    module, _, attribute = name.partition(":")
    if (folder := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, folder)
    try:
        hooks = getattr(import_module(module), attribute)
        return hooks() if inspect.isclass(hooks) else hooks
    except Exception as error:
        raise ConfigurationError(f"hooks-python {name}: {type(error).__name__}: {error}") from error
