"""Several processes that share one port. Each is a whole server; they meet in the state store and the storage."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from contextlib import closing
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import SimpleQueue

from tusd_py.config import Settings
from tusd_py.domain.errors import ConfigurationError
from tusd_py.http.handlers.page import check_built
from tusd_py.server.listening import Places, bound
from tusd_py.server.process import run_server
from tusd_py.telemetry.log import configure_logging, get_logger
from tusd_py.telemetry.sharing import shared_metrics, worker_left

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_CONTEXT = multiprocessing.get_context("spawn")


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; a second one ends at once. Returns the exit code. Raises ConfigurationError."""
    with bound(settings) as places:
        if settings.workers == 1:
            return run_server(settings, places)
        configure_logging(settings.log_format, settings.log_level)
        if settings.ui:
            check_built()  # once, rather than in each worker
        with shared_metrics():
            return _Crew(settings, places).run()


class _Crew:
    """The workers, and the one who minds them. One that dies is replaced; one that can't start ends them all."""

    def __init__(self, settings: Settings, places: Places) -> None:
        """`places` are kept for all workers: their ports, and sockets that they share."""
        self._settings = settings
        self._places = places
        self._workers: list[SpawnProcess] = []
        self._complaints = _CONTEXT.SimpleQueue()
        self._signals = 0

    def run(self) -> int:
        for name in _SIGNALS:
            signal.signal(name, lambda *_: self._signalled())
        for _ in range(self._settings.workers):
            self._hire()
        while self._workers:
            wait([worker.sentinel for worker in self._workers])
            codes = [self._bury(worker) for worker in self._workers[:] if worker.exitcode is not None]
            if not self._signals and any(code > 0 for code in codes):
                self._signalled()
                return self._fail()
        return 0 if self._signals <= 1 else 1

    def _wait_for_all(self, code: int) -> int:
        for worker in self._workers:
            worker.join()
        return code

    def _fail(self) -> int:
        """What all of them complain of is said once. Raises ConfigurationError."""
        code = self._wait_for_all(1)
        if not self._complaints.empty():
            raise ConfigurationError(self._complaints.get())
        return code

    def _hire(self) -> None:
        """Nobody, once the end has begun: the sockets are closed by then."""
        try:
            places = self._places.once_more()
        except OSError:
            if self._signals:
                return
            raise
        with closing(places):
            worker = _CONTEXT.Process(target=_work, args=(self._settings, places, self._complaints))
            worker.start()
        self._workers.append(worker)
        if self._signals:  # while it was started: it hasn't been told
            worker.terminate()

    def _bury(self, worker: SpawnProcess) -> int:
        """Killed by a signal that we didn't send: somebody else takes its place."""
        code = worker.exitcode or 0
        self._workers.remove(worker)
        if worker.pid is not None:
            worker_left(worker.pid)
        if code < 0 and not self._signals:
            get_logger("tusd_py.workers").warning("worker died", pid=worker.pid, signal=-code)
            self._hire()
        return code

    def _signalled(self) -> None:
        self._signals += 1
        self._places.public.close()
        for worker in self._workers:
            if self._signals == 1:
                worker.terminate()
            else:
                worker.kill()


def _work(settings: Settings, places: Places, complaints: SimpleQueue[str]) -> None:
    """A worker's whole life. It ends with the one who minds it, however that one ends."""
    parent = multiprocessing.parent_process()
    try:
        code = run_server(settings, places, watch=None if parent is None else parent.sentinel)
    except ConfigurationError as error:
        complaints.put(str(error))
        code = 2
    sys.exit(code)
