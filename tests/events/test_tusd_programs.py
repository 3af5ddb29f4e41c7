"""Programs written for tusd's hooks run unchanged: one over HTTP, and shell commands."""

from __future__ import annotations

import asyncio
import base64
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import aiohttp

from devtools.part import mortal
from devtools.ports import free_port
from tests.support.server import serving
from tests.support.tus import TusClient, until

PROGRAMS = Path(__file__).parent / "tusd_programs"
NAMED = {"upload_metadata": f"filename {base64.b64encode(b'a.txt').decode()},other YQ=="}


@asynccontextmanager
async def http_hooks(output: Path) -> AsyncIterator[str]:
    """Run http_hooks.py with its output going to `output`, and yield its URL."""
    port = free_port()
    with output.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *mortal(sys.executable, str(PROGRAMS / "http_hooks.py"), str(port)), stdout=file
        )
    try:
        await until(partial(listens, port))
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.kill()
        await process.wait()


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def complete(path: Path) -> bool:
    """Return True if the file ends with a whole line; False also if there is no file."""
    return content(path).endswith(b"\n")


def content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


async def upload(tus: TusClient) -> str:
    """Create an upload of 7 bytes with a filename, finish it with a second request, and return its URL."""
    url = await tus.create(7, b"hel", **NAMED)
    await tus.patch(url, 3, b"lo W")
    return url


async def test_a_program_for_hooks_over_http(tmp_path: Path) -> None:
    output = tmp_path / "output"
    async with (
        http_hooks(output) as address,
        serving(tmp_path, hooks_http=address, storage=f"file:{tmp_path}/data") as server,
        aiohttp.ClientSession() as session,
    ):
        tus = TusClient(session, server.url)
        refused = await tus.try_create(7)
        assert (refused.status, refused.body, refused.headers["X-Reason"]) == (422, b"a filename, please", "name")
        url = await upload(tus)
        name = url.rpartition("/")[2]
        assert name.startswith("mine-")
        metadata = dict(pair.split() for pair in (await tus.head(url)).headers["Upload-Metadata"].split(","))
        assert {key: base64.b64decode(value) for key, value in metadata.items()} == {
            "filename": b"a.txt",
            "by": b"hook",
        }
        await until(partial(complete, output))
    *words, path = content(output).decode().split()
    assert words == [name, "has", "7", "bytes:"]
    assert content(Path(path)) == b"hello W"


async def test_commands_in_the_shell(tmp_path: Path) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("pre-create", "post-finish"):
        shutil.copy(PROGRAMS / name, hooks)
    async with (
        serving(tmp_path, hooks_dir=str(hooks), storage=f"file:{tmp_path}/data") as server,
        aiohttp.ClientSession() as session,
    ):
        tus = TusClient(session, server.url)
        refused = await tus.try_create(7)
        assert (refused.status, refused.body) == (422, b"a filename, please")
        name = (await upload(tus)).rpartition("/")[2]
        await until(partial(complete, tmp_path / "finished"))
    assert content(tmp_path / "finished") == f"{name} 7\n".encode()
    assert content(tmp_path / "a.txt") == b"hello W"
