"""Threads for code that may never return."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class NoThread(Exception):
    """Every thread is held by work that goes on though its call was given up."""


class Threads:
    """A pool of threads that doesn't hold up the end of the process, even if their work never returns: they are daemon
    threads, unlike those of asyncio and of ThreadPoolExecutor.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._free = asyncio.Semaphore(size)
        self._queue = SimpleQueue[Callable[[], None] | None]()
        self._started = 0
        self._overdue = set[asyncio.Future[Any]]()

    async def run(self, work: Callable[[], T]) -> T:
        """Wait for a free thread, run `work` in it and return the result. If the call is cancelled, `work` goes on, and
        its thread is free once it has returned. Raises NoThread.
        """
        if len(self._overdue) == self._size:
            raise NoThread
        await self._free.acquire()
        running = asyncio.wrap_future(self._begin(partial(copy_context().run, work)))
        running.add_done_callback(lambda _: self._free.release())
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            self._overdue.add(running)
            running.add_done_callback(self._overdue.discard)
            raise

    def close(self) -> None:
        """End the threads: each once its work has returned."""
        for _ in range(self._started):
            self._queue.put(None)

    def _begin(self, work: Callable[[], T]) -> Future[T]:
        outcome = Future[T]()
        outcome.set_running_or_notify_cancel()
        self._queue.put(partial(_work, work, outcome))
        if self._started < self._size:
            self._started += 1
            threading.Thread(target=self._serve, name=f"hooks {self._started}", daemon=True).start()
        return outcome

    def _serve(self) -> None:
        while (work := self._queue.get()) is not None:
            work()


def _work(work: Callable[[], Any], outcome: Future[Any]) -> None:
    try:
        outcome.set_result(work())
    except BaseException as error:  # noqa: BLE001 - raised in the waiting task
        outcome.set_exception(error)
