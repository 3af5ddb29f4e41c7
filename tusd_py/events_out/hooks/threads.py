"""Threads for code that may never return."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class NoThread(Exception):
    """Every thread is held by work that goes on though its call was given up; or the system starts no further one."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that code raised, as a value: an asyncio future can't hold StopIteration, takes the CancelledError of
    concurrent.futures for a cancellation, and has SystemExit end the loop.
    """

    error: BaseException


class Threads:
    """A pool of threads that doesn't hold up the end of the process, even if their work never returns: they are daemon
    threads, unlike those of asyncio and of ThreadPoolExecutor.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._free = asyncio.Semaphore(size)
        self._queue = SimpleQueue[Callable[[], None] | None]()
        self._started = self._busy = 0
        self._overdue = set[asyncio.Future[Any]]()

    async def run(self, work: Callable[[], T]) -> T | Failure:
        """Wait for a free thread, run `work` in it and return the result, or what it raised. If the call is cancelled
        while `work` runs, `work` goes on, and its thread is free once it has returned. Raises NoThread.
        """
        if len(self._overdue) == self._size:
            raise NoThread
        await self._free.acquire()
        try:
            running = asyncio.wrap_future(self._begin(partial(copy_context().run, work)))
        except RuntimeError:  # the system has no thread for it
            self._free.release()
            raise NoThread from None
        self._busy += 1
        running.add_done_callback(lambda _: self._end_work())
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            self._overdue.add(running)
            running.add_done_callback(self._overdue.discard)
            raise

    def close(self) -> None:
        """Have each thread end once its work has returned; doesn't wait for that."""
        for _ in range(self._started):
            self._queue.put(None)

    def _end_work(self) -> None:
        self._busy -= 1
        self._free.release()

    def _begin(self, work: Callable[[], T]) -> Future[T | Failure]:
        outcome = Future[T | Failure]()
        outcome.set_running_or_notify_cancel()
        if self._busy == self._started:
            threading.Thread(target=self._serve, name=f"hooks {self._started + 1}", daemon=True).start()
            self._started += 1
        self._queue.put(partial(_work, work, outcome))
        return outcome

    def _serve(self) -> None:
        while (work := self._queue.get()) is not None:
            work()


def _work(work: Callable[[], Any], outcome: Future[Any]) -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - the waiting task judges it
        result = Failure(error)
    outcome.set_result(result)
