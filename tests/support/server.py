"""The server under test, `tusd-py serve`, as a separate process, which a test can configure, start, signal and kill."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import psutil

from devtools.part import mortal
from devtools.ports import free_port
from tests.support.forked import Forked
from tests.support.metrics import total

ROOT = Path(__file__).parent.parent.parent
READY_WITHIN = 60.0
STOP_WITHIN = 40.0
"""Seconds in which a server must end after a signal: more than the default of `shutdown-timeout`."""

STRICT = {"PYTHONWARNINGS": "error"}
DEBUG = {"PYTHONASYNCIODEBUG": "1"}

PROGRAM = "from tusd_py import cli; cli.main()"
READ_BY_AIOHTTP = f"""
import sys
from tusd_py.http.connection import socket_reader
socket_reader._LEAST = sys.maxsize
{PROGRAM}
"""
"""The Python source of a `tusd-py` in which aiohttp reads every body. With `PROGRAM`, it reads only those that are
chunked, encoded or short, or come over TLS; `socket_reader` reads the others."""


def looks_every(seconds: float) -> str:
    """Return the Python source of a `tusd-py` whose /readyz checks at most every `seconds` if storage and state can be
    reached; with 0, at each request."""
    return f"from tusd_py.server import app; app._READY_SECONDS = {seconds}; {PROGRAM}"


class ServerError(RuntimeError):
    """The server didn't start, didn't end or isn't running; in the first two cases the message ends with its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The exit status of a command, its standard output and its standard error."""

    code: int
    out: str
    err: str


class Server:
    """`tusd-py serve` in `directory`, with settings named as in `Settings`. The port stays the same from one start to
    the next.

    The environment is that of the tests without variables that could configure the server (`is_foreign`), with
    PYTHONPATH and AWS_EC2_METADATA_DISABLED set, plus `environment`. Python's warnings are errors. `debug` is asyncio's
    debug mode, in which a server takes three times the CPU; the fixtures of `sites` use it. A server with workers, or
    not `forked`, starts a new interpreter, which takes a second longer.
    """

    def __init__(
        self,
        directory: Path,
        *,
        environment: Mapping[str, str] | None = None,
        debug: bool = False,
        forked: bool = True,
        **settings: object,
    ) -> None:
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.url = f"{self.origin}/files/"
        self._directory = directory
        self.program = PROGRAM
        self._environment = {**_bare(), **STRICT, **(DEBUG if debug else {}), **(environment or {})}
        self._socket = settings.get("unix_socket")
        self._alive_is = 404 if "metrics_address" in settings else 200
        """The status that `/healthz` of the main port has once the server runs: 404 if another address serves it."""
        self._is_forked = forked and "workers" not in settings
        self._flags = [flag for name, value in settings.items() for flag in _flag(name, value)]
        self._process: Process | Forked | None = None

    @property
    def pid(self) -> int:
        return self._running().pid

    def session(self) -> aiohttp.ClientSession:
        """A session for requests to `origin`, through the UNIX socket if the server listens on one."""
        return aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self._socket)) if self._socket else None)

    def rss(self) -> int:
        """Return the resident bytes of the process and its descendants, such as workers."""
        process = psutil.Process(self.pid)
        return sum(part.memory_info().rss for part in (process, *process.children(recursive=True)))

    async def metric(self, name: str) -> float:
        """Return the sum over all labels of the metric `tusdpy_{name}`, a counter or a gauge."""
        async with self.session() as session, session.get(f"{self.origin}/metrics") as answer:
            return total(await answer.text(), name)

    def log(self) -> str:
        """Return what the server has written so far, from its first start on."""
        return self._log.read_text(errors="replace")

    async def start(self) -> None:
        """Start the server and return once it answers `/healthz`. Raises ServerError if the process ends before that,
        or takes too long and is killed."""
        arguments = ("serve", "--port", str(self.port), *self._flags)
        self._process = await self._run(arguments, self._environment, out=self._log, err=self._log)
        try:
            async with asyncio.timeout(READY_WITHIN):
                await self._wait_until_alive()
        except BaseException as error:
            await self.kill()
            if isinstance(error, TimeoutError):
                raise ServerError(f"no answer within {READY_WITHIN:.0f} s\n{self.log()}") from None
            raise

    async def command(self, *arguments: str) -> Outcome:
        """Run another `tusd-py` command in the server's directory, with its settings and its environment but for
        asyncio's debug mode. A setting that `arguments` repeat has the value given there."""
        words = next(n for n, word in enumerate((*arguments, "--")) if word.startswith("-"))
        with TemporaryDirectory() as directory:
            out, err = Path(directory, "out"), Path(directory, "err")
            arguments = (*arguments[:words], *self._flags, *arguments[words:])
            environment = {**self._environment, "PYTHONASYNCIODEBUG": ""}  # which would speak on stderr
            process = await self._run(arguments, environment, out=out, err=err)
            return Outcome(code=await process.wait(), out=out.read_text(), err=err.read_text())

    async def stop(self, sig: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal and return the exit code. Raises ServerError if the server wasn't started since the last
        `stop`, `wait` or `kill`, or if it doesn't end within `STOP_WITHIN` (40) seconds and is killed. If it has ended
        already, no signal is sent; without `forked`, ProcessLookupError may be raised then."""
        process = self._running()
        process.send_signal(sig)
        try:
            async with asyncio.timeout(STOP_WITHIN):
                code = await process.wait()
        except TimeoutError:
            await self.kill()
            raise ServerError(f"still there {STOP_WITHIN:.0f} s after {sig.name}\n{self.log()}") from None
        self._process = None
        return code

    async def wait(self) -> int:
        """Wait until the server ends, without sending it a signal; return its exit code, at once if it has ended
        already. Raises ServerError if it wasn't started since the last `stop`, `wait` or `kill`."""
        code = await self._running().wait()
        self._process = None
        return code

    async def kill(self) -> None:
        """Kill the server and its descendants, such as workers, with SIGKILL, so that they can't clean up, and wait
        until the server has ended. Do nothing if it isn't running."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    child.kill()
            process.kill()
        await process.wait()

    @property
    def _log(self) -> Path:
        return self._directory / f"server-{self.port}.log"

    async def _run(
        self, arguments: Sequence[str], environment: Mapping[str, str], *, out: Path, err: Path
    ) -> Process | Forked:
        """Start `program` with these arguments in the server's directory, and return its process without waiting for
        the end. Its output is appended to the files `out` and `err`."""
        if self._is_forked:
            return Forked(self.program, arguments, cwd=self._directory, environment=environment, out=out, err=err)
        with out.open("ab") as stdout, err.open("ab") as stderr:
            return await asyncio.create_subprocess_exec(
                *mortal(sys.executable, "-c", self.program, *arguments),
                cwd=self._directory,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )

    def _running(self) -> Process | Forked:
        if self._process is None:
            raise ServerError("the server is not running")
        return self._process

    async def _wait_until_alive(self) -> None:
        async with self.session() as session:
            while not await self._alive(session):
                if self._running().returncode is not None:
                    raise ServerError(f"ended with code {self._running().returncode}\n{self.log()}")
                await asyncio.sleep(0.05)

    async def _alive(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.origin}/healthz") as answer:
                return answer.status == self._alive_is
        except aiohttp.ClientError:
            return False


def is_foreign(name: str) -> bool:
    """Return True if a variable of the tests' environment could configure the server or its S3 client."""
    return name.startswith(("AWS_", "TUSD_PY_", "SSL_CERT_", "REQUESTS_")) or name.lower().endswith("_proxy")


def _bare() -> dict[str, str]:
    variables = {name: value for name, value in os.environ.items() if not is_foreign(name)}
    return {**variables, "PYTHONPATH": str(ROOT), "AWS_EC2_METADATA_DISABLED": "true"}


def _flag(name: str, value: object) -> list[str]:
    flag = name.replace("_", "-")
    match value:
        case True:
            return [f"--{flag}"]
        case False:
            return [f"--no-{flag}"]
        case _:
            return [f"--{flag}", str(value)]


@asynccontextmanager
async def serving(directory: Path, **arguments: Any) -> AsyncIterator[Server]:
    """Run a server while the block lasts, then kill it (SIGKILL); the arguments are those of `Server`."""
    server = Server(directory, **arguments)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()
