"""The supervisor of workers: if it ends all because one has failed, that doesn't count as a signal; only a second
signal to the server kills them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from tusd_py.config import Settings
from tusd_py.server import workers
from tusd_py.server.listening import ServerListeners


class Worker:
    """A stand-in for a worker's process, which records each call of `terminate` and `kill` in `calls`."""

    def __init__(self) -> None:
        self.calls = list[str]()

    def terminate(self) -> None:
        self.calls.append("terminate")

    def kill(self) -> None:
        self.calls.append("kill")


def test_only_a_second_signal_kills() -> None:
    listeners = SimpleNamespace(public=SimpleNamespace(close=lambda: None))
    supervisor = workers._Supervisor(Settings(), cast("ServerListeners", listeners))
    worker = Worker()
    supervisor._workers.append(worker)  # type: ignore[arg-type]
    supervisor._end_all()  # as another worker has failed
    supervisor._handle_signal()
    assert worker.calls == ["terminate", "terminate"]
    supervisor._handle_signal()
    assert worker.calls[2:] == ["kill"]
