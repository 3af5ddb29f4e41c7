"""A real server as another process: its start, its end and its log."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Self

from devtools.ports import free_port

HOST = "127.0.0.1"
_SETPRIV = shutil.which("setpriv")
_PLACES = (sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin")
"""The places in which `find` looks for a program, in order, after those that its caller names: this Python
environment's scripts, the PATH, and directories that only root's PATH has."""


class PartError(RuntimeError):
    """The error of a server (`Part`) that can't be started, or that isn't running when it must be; the message says
    which."""


class MissingPartError(PartError):
    """A program or source (`part`) that this machine lacks; `remedy` says how to get it."""

    def __init__(self, part: str, remedy: str) -> None:
        super().__init__(f"{part} is missing: {remedy}")
        self.part = part


class Part(ABC):
    """A server in a separate process group, which keeps its files in `directory`. It can be started again after a
    stop; `with` starts and stops it.

    Its port, directory and log stay the same from one start to the next.
    """

    name: ClassVar[str]
    ready_within: ClassVar[float] = 30.0
    """The seconds within which the server must serve after its start."""
    stop_within: ClassVar[float] = 1.0
    """The seconds between the signal to stop and SIGKILL, at most."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.log = directory / f"{self.name.lower()}.log"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Return the program and its arguments, to be run in the server's directory. Raises MissingPartError if the
        program isn't installed."""

    def environment(self) -> Mapping[str, str]:
        """Return this process's environment, with the server's directory as home directory."""
        return {**os.environ, "HOME": str(self._directory.absolute())}

    def trouble(self) -> str | None:
        """Return the reason why the server doesn't serve yet; None once it does, which by default is when its port
        accepts connections."""
        try:
            socket.create_connection((HOST, self.port), timeout=1).close()
        except OSError as error:
            return str(error)
        return None

    @property
    def pid(self) -> int:
        """The id of the process that `start` began, even if it has ended. Raises PartError before a start and after a
        stop."""
        if self._process is None:
            raise PartError(f"{self.name} is not running")
        return self._process.pid

    def start(self) -> None:
        """Start the server; return once it serves. Raises PartError if it ends or isn't ready in time, MissingPartError
        if it isn't installed."""
        self._directory.mkdir(parents=True, exist_ok=True)
        command = mortal(*self.command())
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self._directory,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the process that stops it, when its users are done
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.stop(signal.SIGKILL)
            raise

    def send(self, sig: signal.Signals) -> None:
        """Send a signal to the process group: SIGSTOP makes the server silent. Raises PartError before a start and
        after a stop."""
        os.killpg(self.pid, sig)

    def stop(self, sig: signal.Signals = signal.SIGTERM) -> None:
        """Send `sig` to the process group, if there is one, and SIGKILL after at most `stop_within` seconds. With
        SIGKILL the stop is a crash."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sig)
        with suppress(subprocess.TimeoutExpired):
            process.wait(self.stop_within)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # children that outlive it
        process.wait()

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self.ready_within
        while (trouble := self.trouble()) is not None:
            if process.poll() is not None:
                raise PartError(f"{self.name} ended with code {process.returncode}; see {self.log}")
            if time.monotonic() > deadline:
                raise PartError(f"{self.name} isn't ready after {self.ready_within:.0f} s ({trouble}); see {self.log}")
            time.sleep(0.02)


def mortal(*command: str) -> tuple[str, ...]:
    """Return `command`, changed so that its process is killed when the thread that starts it ends, thus also when that
    thread's process ends in any way; unchanged if there is no setpriv(1)."""
    return command if _SETPRIV is None else (_SETPRIV, "--pdeathsig", "KILL", *command)


def find(program: str, *places: str) -> str | None:
    """Return the path of `program` in the first of these directories that has it: `places`, this Python environment's
    scripts, the PATH, and directories that only root's PATH has; None if none has it."""
    return shutil.which(program, path=os.pathsep.join((*places, *_PLACES)))


def need(program: str, remedy: str, *places: str) -> str:
    """Return the program's path, as `find` does. Raises MissingPartError if there is none; `remedy` says how to get
    it."""
    path = find(program, *places)
    if path is None:
        raise MissingPartError(program, remedy)
    return path
