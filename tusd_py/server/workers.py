"""The worker processes and their supervisor. Workers share the server's addresses; each is a complete server on the
same state and storage."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import SimpleQueue

from tusd_py.config import Settings
from tusd_py.domain.errors import ConfigurationError
from tusd_py.http.handlers.page import check_built
from tusd_py.server.listening import ServerListeners, bind_listeners
from tusd_py.server.process import run_server
from tusd_py.telemetry.log import configure_logging, get_logger
from tusd_py.telemetry.sharing import forget_worker, shared_metrics

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_CONTEXT = multiprocessing.get_context("spawn")
_RETRIES = 10
"""The number of retries of the start of a worker that replaces a dead one: what prevents the start, such as a limit on
processes, may pass."""
_PAUSE_SECONDS = 0.5
"""The pause in seconds before each retry of the start of a worker that replaces a dead one."""


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT, in this process or, with `workers` above 1, in as many worker processes; a second
    signal ends the server at once, with exit code 1. Returns the exit code: 0, or 1 if a worker failed or was killed at
    a second signal.

    Raises ConfigurationError, OSError.
    """
    with bind_listeners(settings) as listeners:
        if settings.workers == 1:
            return run_server(settings, listeners)
        configure_logging(settings.log_format, settings.log_level)
        if settings.ui:
            check_built()  # once, rather than in each worker
        with shared_metrics():
            return _Supervisor(settings, listeners).run()


class _Supervisor:
    """The supervisor of the workers: it starts them, and replaces a worker that ended by a signal or with exit
    code 0, as after a SIGTERM to this worker alone. Once a worker fails, with an exit code above 0, or the
    supervisor itself gets a signal, all workers are ended and none is replaced; likewise if one can't be started.
    """

    def __init__(self, settings: Settings, listeners: ServerListeners) -> None:
        """Take the listeners. The public ones stay open until the workers are told to end, so that the TCP ports
        remain taken, and each new worker can be given duplicates of the UNIX sockets."""
        self._settings = settings
        self._listeners = listeners
        self._workers: list[SpawnProcess] = []
        self._errors = _CONTEXT.SimpleQueue()
        self._ending = False
        self._signal_count = 0

    def run(self) -> int:
        """Run the workers until all have ended, and return the exit code: 0, or 1 if a worker failed or after a second
        signal. Raises ConfigurationError if a failed worker has sent one, or OSError if a worker can't be started."""
        for name in _SIGNALS:
            signal.signal(name, lambda *_: self._handle_signal())
        try:
            return self._supervise()
        except BaseException:  # at the exit, this process would wait for workers that go on
            self._end_all()
            self._wait_for_all(1)
            raise

    def _supervise(self) -> int:
        for _ in range(self._settings.workers):
            self._start_worker()
        is_failed = False
        while self._workers:
            wait([worker.sentinel for worker in self._workers])
            codes = [self._reap(worker) for worker in self._workers[:] if worker.exitcode is not None]
            is_failed |= any(code > 0 for code in codes)
            if is_failed and not self._ending:
                self._end_all()
                return self._fail()
        return 1 if is_failed or self._signal_count > 1 else 0

    def _wait_for_all(self, code: int) -> int:
        for worker in self._workers:
            worker.join()
        return code

    def _fail(self) -> int:
        """Wait for all workers, and report the error that they have in common once: raises the ConfigurationError that
        a worker has sent; without one, returns the exit code 1."""
        code = self._wait_for_all(1)
        if not self._errors.empty():
            raise ConfigurationError(self._errors.get())
        return code

    def _replace_worker(self) -> None:
        """Start a worker in the place of a dead one, with up to `_RETRIES` retries. Raises OSError if the last one
        fails."""
        for _ in range(_RETRIES):
            try:
                return self._start_worker()
            except OSError as error:
                get_logger("tusd_py.workers").warning("worker not started", reason=str(error))
            time.sleep(_PAUSE_SECONDS)
        return self._start_worker()

    def _start_worker(self) -> None:
        """Start a worker. If this server was told to end, before or meanwhile, start none, or end the new worker at
        once. Raises OSError."""
        try:
            worker = self._new_process()
        except OSError:
            if self._ending:  # a signal has closed the sockets
                return
            raise
        self._workers.append(worker)
        if self._ending:  # a signal came during the start: this worker wasn't told
            self._end(worker)

    def _new_process(self) -> SpawnProcess:
        """Return a worker's process, started. Raises OSError."""
        with closing(self._listeners.duplicate()) as listeners:
            worker = _CONTEXT.Process(target=_work, args=(self._settings, listeners, self._errors))
            with _interrupts_blocked():
                worker.start()
        return worker

    def _reap(self, worker: SpawnProcess) -> int:
        """Forget a dead worker, and replace it unless it failed or this server was told to end. Returns its exit code;
        negative for a signal. Raises OSError if the new worker can't be started."""
        code = worker.exitcode or 0
        self._workers.remove(worker)
        if worker.pid is not None:
            forget_worker(worker.pid)
        if code <= 0 and not self._ending:
            _log_end(worker.pid, code)
            self._replace_worker()
        return code

    def _handle_signal(self) -> None:
        self._signal_count += 1
        self._end_all()

    def _end_all(self) -> None:
        self._ending = True
        self._listeners.public.close()
        for worker in self._workers:
            self._end(worker)

    def _end(self, worker: SpawnProcess) -> None:
        """Tell the worker to shut down (SIGTERM), even if it was told so before; kill it instead (SIGKILL) if this
        server got more than one signal."""
        if self._signal_count > 1:
            worker.kill()
        else:
            worker.terminate()


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block SIGINT within the context, so that a process started there gets Ctrl-C only once that process
    unblocks SIGINT: during its imports, Ctrl-C would print a stack.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _log_end(pid: int | None, code: int) -> None:
    log = get_logger("tusd_py.workers")
    if code:
        log.warning("worker died", pid=pid, signal=-code)
    else:
        log.warning("worker ended", pid=pid)


def _work(settings: Settings, listeners: ServerListeners, errors: SimpleQueue[str]) -> None:
    """Run a worker and exit with its code; put the message of a ConfigurationError into `errors` and exit with 2. The
    worker also ends when the supervisor's process ends in any way."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until it serves, it dies of Ctrl-C as it does of SIGTERM
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    parent = multiprocessing.parent_process()
    try:
        code = run_server(settings, listeners, watch=None if parent is None else parent.sentinel)
    except ConfigurationError as error:
        errors.put(str(error))
        code = 2
    sys.exit(code)
