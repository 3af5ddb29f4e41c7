"""The kind `command`: a program of the operator gets an upload's bytes on its standard input."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tusd_py.domain.job_faults import BadJob, JobFault
from tusd_py.domain.upload import Upload
from tusd_py.jobs.guarded import Guarded, running
from tusd_py.jobs.work import Args, PlainKind, Result, Work
from tusd_py.processes import read_output
from tusd_py.serving.disposition import file_name

_KEPT = 64 * 1024
"""The most bytes of a program's standard output that are kept in the job's result."""


class Command(PlainKind):
    """The kind `command`. Arguments: `{"name":"thumb"}`, an executable file in the operator's `folder`. Result:
    `{"exit":0,"stdout":"...","truncated":false}`; the job fails if the program exits with another code or is killed by
    a signal. The program isn't run through a shell."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        """Take the commands from `folder`. They get the environment `environ` without this server's settings
        (`TUSD_PY_...`), which may be secret, and with TUS_ID, TUS_SIZE and TUS_FILENAME, which describe the upload."""
        self._folder = folder.absolute()
        self._environ = {name: value for name, value in environ.items() if not name.startswith("TUSD_PY_")}

    def check(self, args: Args) -> Args:
        name = args.get("name")
        if args.keys() != {"name"} or not isinstance(name, str) or not self._has(name):
            raise BadJob("command takes the name of one of the commands that this server has")
        return {"name": name}

    async def run(self, work: Work) -> Result:
        upload = await work.upload()
        async with self._running(work.job.args["name"], upload) as program:
            output, _, code = await asyncio.gather(
                read_output(program.process, _KEPT), program.write(work.read(upload)), program.process.wait()
            )
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

    @asynccontextmanager
    async def _running(self, name: str, upload: Upload) -> AsyncIterator[Guarded]:
        variables = {"TUS_ID": upload.id, "TUS_SIZE": str(upload.offset), "TUS_FILENAME": file_name(upload.metadata)}
        async with AsyncExitStack() as stack:
            try:
                program = await stack.enter_async_context(
                    running(self._folder / name, self._folder, {**self._environ, **variables})
                )
            except (OSError, ValueError):
                raise JobFault("command-failed", "the command can't be run") from None
            yield program
