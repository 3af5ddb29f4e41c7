"""A program in a process that is forked from one that has imported tusd-py: importing takes three quarters of the time
that a new interpreter needs until the server answers."""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import multiprocessing
import os
import pkgutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from unittest.mock import patch

_ROOT = Path(__file__).parent.parent.parent
_PRELOADED = "tests.support.preloaded"
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([_PRELOADED])
_PR_SET_PDEATHSIG = 1
_LOOKS = 0.01
"""Seconds after which `Forked.wait` looks again if its process has ended."""


class Forked:
    """A forked process, with the attributes and methods of asyncio's Process that `Server`, the launcher of the server
    under test (tests/support/server.py), uses."""

    def __init__(
        self, program: str, arguments: Sequence[str], *, cwd: Path, environment: Mapping[str, str], out: Path, err: Path
    ) -> None:
        """Run the Python source `program` as `python -c` does, in the directory `cwd`, with only the variables of
        `environment`. Modules of tusd-py are imported already, so PYTHONWARNINGS=error makes errors only of later
        warnings. Output is appended to the files `out` and `err`."""
        _start_fork_server()
        self._process = _CONTEXT.Process(
            target=_run, args=(program, arguments, cwd, dict(environment), out.absolute(), err.absolute()), daemon=True
        )
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Return the exit code: None while the process runs, minus the signal's number if a signal ended it."""
        return self._process.exitcode

    async def wait(self) -> int:
        while (code := self.returncode) is None:
            await asyncio.sleep(_LOOKS)
        return code

    def send_signal(self, sig: signal.Signals) -> None:
        if self.returncode is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def import_all(package: str) -> None:
    """Import the package's modules: those, too, that the server imports once it needs them."""
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        importlib.import_module(module.name)


@cache
def _start_fork_server() -> None:
    """Start the fork server with the project's root as PYTHONPATH: the fork server of Python 3.11 ignores this
    process's `sys.path`."""
    with patch.dict(os.environ, {"PYTHONPATH": str(_ROOT)}):
        forkserver.ensure_running()


def _run(
    program: str, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str], out: Path, err: Path
) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # it ends with the tests, however they end
    for path, descriptor in ((Path(os.devnull), 0), (out, 1), (err, 2)):
        _open_as(path, descriptor)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    if environment.get("PYTHONWARNINGS") == "error":
        warnings.simplefilter("error")
    time.tzset()
    tempfile.tempdir = None  # which is asked for once, and follows TMPDIR
    sys.argv = ["-c", *arguments]
    exec(program, {"__name__": "__main__"})


def _open_as(path: Path, descriptor: int) -> None:
    opened = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    os.dup2(opened, descriptor)
    os.close(opened)
