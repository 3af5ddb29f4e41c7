"""Programs that don't outlive this process: a guard, which is a small shell, kills a program whose server has died."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tusd_py.processes import kill

_GUARD = ("/bin/sh", "-c", "read -r whole && exec >&- && read -r ended || kill -KILL 0")
"""The command line of the guard. The guard's standard output is the pipe to the standard input of the guarded program;
the guard writes nothing there, and keeps the pipe open, as the pipe's end would tell the program that its input is
complete. The first line that the guard reads says that the input is complete, and the guard closes the pipe; the second
line says that the program has ended. If the guard's own input ends before the second line, the server is dead, and the
guard kills its process group, to which the program belongs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A program that runs, and its guard."""

    process: Process
    guard: Process
    stdin: asyncio.StreamWriter

    async def write(self, chunks: AsyncGenerator[bytes, None]) -> None:
        """Write the bytes to the program's standard input, and end that input; the program need not read all of it.
        Closes `chunks`; raises what `chunks` raises: the input hasn't ended then."""
        async with aclosing(chunks):
            with suppress(BrokenPipeError, ConnectionResetError):
                async for chunk in chunks:
                    self.stdin.write(chunk)
                    await self.stdin.drain()
                self.stdin.close()
                await self.stdin.wait_closed()
        await self._tell_guard()

    async def _tell_guard(self) -> None:
        assert self.guard.stdin is not None  # noqa: S101  for mypy: it is a pipe
        with suppress(BrokenPipeError, ConnectionResetError):
            self.guard.stdin.write(b"\n")
            await self.guard.stdin.drain()

    async def dismiss_guard(self) -> None:
        """Let the guard end, and wait for its end. The program must have ended, and its input, too (`write`)."""
        await self._tell_guard()
        await self.guard.wait()


@asynccontextmanager
async def running(program: Path, folder: Path, environ: Mapping[str, str]) -> AsyncIterator[Guarded]:
    """Run the program in the folder with this environment, and yield it with its guard. The context must write the
    program's input (`Guarded.write`) and wait for the program's end. If the context raises, kill the program's process
    group, and only then end the program's input. Raises OSError or ValueError if the program can't be run."""
    guarded = await _start(program, folder, environ)
    try:
        yield guarded
        await guarded.dismiss_guard()
    except BaseException:
        await kill(guarded.process, guarded.guard.pid)
        raise
    finally:
        _abort(guarded.stdin)


async def _start(program: Path, folder: Path, environ: Mapping[str, str]) -> Guarded:
    source, sink = os.pipe()
    with os.fdopen(source, "rb", 0):
        stdin = await _writer(sink)
        try:
            guard = await asyncio.create_subprocess_exec(
                *_GUARD, stdin=PIPE, stdout=sink, stderr=DEVNULL, env={}, process_group=0
            )
            process = await _join(guard, program, folder, environ, source)
        except BaseException:
            _abort(stdin)
            raise
    return Guarded(process=process, guard=guard, stdin=stdin)


async def _join(guard: Process, program: Path, folder: Path, environ: Mapping[str, str], source: int) -> Process:
    """Start the program in the guard's process group; its input is the pipe `source`. If that fails, end the guard and
    raise the error: OSError or ValueError if the program can't be run."""
    try:
        return await asyncio.create_subprocess_exec(
            str(program),
            cwd=folder,
            env=environ,
            stdin=source,
            stdout=PIPE,
            stderr=DEVNULL,
            process_group=guard.pid,
        )
    except BaseException:
        guard.kill()
        await guard.wait()
        raise


def _abort(writer: asyncio.StreamWriter) -> None:
    if not writer.is_closing():
        writer.transport.abort()


async def _writer(descriptor: int) -> asyncio.StreamWriter:
    """Return a writer to the pipe `descriptor`; closing the writer closes the descriptor."""
    loop = asyncio.get_running_loop()
    protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader())
    transport, _ = await loop.connect_write_pipe(lambda: protocol, os.fdopen(descriptor, "wb", 0))
    return asyncio.StreamWriter(transport, protocol, None, loop)
