"""The kind `command`: a program of the operator gets an upload's bytes on its standard input."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from pathlib import Path

from tusd_py.domain.job_faults import BadJob, JobFault
from tusd_py.domain.upload import Upload
from tusd_py.jobs.work import Args, PlainKind, Result, Work
from tusd_py.processes import kill, read_output
from tusd_py.serving.disposition import file_name

_KEPT = 64 * 1024
"""Bytes of the output that are kept."""


class Command(PlainKind):
    """The kind `command`. Arguments: `{"name":"thumb"}`, an executable file in the operator's `folder`. Result:
    `{"exit":0,"stdout":"...","truncated":false}`; the job fails if the program exits with another code. No shell is
    involved."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        """Take the commands from `folder`. They get the environment `environ` without this server's settings
        (`TUSD_PY_...`), which may be secret."""
        self._folder = folder.absolute()
        self._environ = {name: value for name, value in environ.items() if not name.startswith("TUSD_PY_")}

    def check(self, args: Args) -> Args:
        name = args.get("name")
        if args.keys() != {"name"} or not isinstance(name, str) or not self._has(name):
            raise BadJob("command takes the name of one of the commands that this server has")
        return {"name": name}

    async def run(self, work: Work) -> Result:
        upload = await work.upload()
        process = await self._start(work.job.args["name"], upload)
        try:
            output, _, code = await asyncio.gather(
                read_output(process, _KEPT), _write(process, work.read(upload)), process.wait()
            )
        except BaseException:
            await kill(process)
            raise
        if code:
            raise JobFault("command-failed", f"exit {code}" if code > 0 else f"signal {-code}")
        return {"exit": 0, "stdout": output[:_KEPT].decode("utf-8", "replace"), "truncated": len(output) > _KEPT}

    def _has(self, name: str) -> bool:
        """Return True if `name` is the name of an executable file in the operator's folder itself, not below it."""
        path = self._folder / name
        plain = name not in {"", ".", ".."} and not {"/", "\0"} & set(name)
        try:
            return plain and path.is_file() and os.access(path, os.X_OK)
        except OSError:  # a name longer than the file system has
            return False

    async def _start(self, name: str, upload: Upload) -> Process:
        variables = {"TUS_ID": upload.id, "TUS_SIZE": str(upload.offset), "TUS_FILENAME": file_name(upload.metadata)}
        try:
            return await asyncio.create_subprocess_exec(
                str(self._folder / name),
                cwd=self._folder,
                env={**self._environ, **variables},
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                start_new_session=True,
            )
        except (OSError, ValueError):
            raise JobFault("command-failed", "the command can't be run") from None


async def _write(process: Process, chunks: AsyncGenerator[bytes, None]) -> None:
    """Write the bytes to the program's standard input and close it. The program need not read all bytes. Closes
    `chunks`; raises what `chunks` raises."""
    assert process.stdin is not None  # noqa: S101  for mypy: it is a pipe
    async with aclosing(chunks):
        with suppress(BrokenPipeError, ConnectionResetError):
            async for chunk in chunks:
                process.stdin.write(chunk)
                await process.stdin.drain()
            process.stdin.close()
            await process.stdin.wait_closed()
