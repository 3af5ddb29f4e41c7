"""Calls of commands in a folder, as tusd's file hooks."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tusd_py.events_out.hooks.call import TIMEOUT, Call, CallFailed, Result
from tusd_py.events_out.hooks.http import BODY_LIMIT
from tusd_py.processes import kill, read_output


class CommandCaller:
    """A caller of commands: each is the file with the hook's name in a folder. A call without such a file succeeds. A
    call waits while as many commands run as may run at a time; that wait doesn't count for the call's timeout.
    """

    def __init__(self, folder: Path, concurrency: int, environ: Mapping[str, str], limit: int = BODY_LIMIT) -> None:
        """Call the commands in `folder`, at most `concurrency` at a time. Their environment is `environ`
        without this server's settings that have SECRET in their names, and the variables of the call
        (`Call.environment`). A result has at most `limit` + 1 bytes of output: the last shows that there
        were more.
        """
        self._folder, self._limit = folder.absolute(), limit
        self._slots = asyncio.Semaphore(concurrency)
        self._environ = {name: value for name, value in environ.items() if not _is_secret(name)}

    async def call(self, call: Call, seconds: float) -> Result:
        command = self._folder / call.message.name
        if not command.exists():
            return Result()
        async with self._slots:
            try:
                async with asyncio.timeout(seconds):
                    return Result(body=await self._run(await self._start(command, call), call.message.body))
            except TimeoutError:
                raise CallFailed(TIMEOUT) from None

    async def aclose(self) -> None:
        """Do nothing: a command ends with its call."""

    async def _start(self, command: Path, call: Call) -> Process:
        try:
            return await asyncio.create_subprocess_exec(
                str(command),
                cwd=self._folder,
                env={**self._environ, **call.environment},
                stdin=PIPE,
                stdout=PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise CallFailed(f"can't run: {error.strerror}") from error

    async def _run(self, process: Process, body: bytes) -> bytes:
        """Return the command's output, at most `limit` + 1 bytes (`__init__`). Raises CallFailed if the command
        ends by a signal or with a code other than 0. Kills the command if this call is cancelled.
        """
        try:
            output, _, code = await asyncio.gather(
                read_output(process, self._limit), _write(process, body), process.wait()
            )
        except BaseException:
            await kill(process)
            raise
        if code:
            raise CallFailed(f"exit {code}" if code > 0 else f"signal {-code}")
        return output


async def _write(process: Process, body: bytes) -> None:
    """Write the body to the command's input, which the command need not read."""
    assert process.stdin is not None  # noqa: S101  for mypy: it is a pipe
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(body)
        await process.stdin.drain()
        process.stdin.close()
        await process.stdin.wait_closed()


def _is_secret(name: str) -> bool:
    return name.startswith("TUSD_PY_") and "SECRET" in name
