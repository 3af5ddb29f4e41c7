"""The receivers of docs/hooks.md, as they stand there: they verify, and know an event that comes again."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from devtools.part import mortal
from devtools.ports import free_port
from scripts import node
from tests.support.deliveries import READER, delivery
from tests.support.server import ROOT
from tests.support.tus import until
from tusd_py.events_out.formats import FORMATS
from tusd_py.events_out.hooks.http import HttpCaller
from tusd_py.events_out.signing import Signer
from tusd_py.events_out.sinks.hook import HookSink
from tusd_py.ports.sink import DeliveryFailed

PAGE = (ROOT / "docs" / "hooks.md").read_text()
PROGRAMS = {language: re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[0] for language in ("python", "js")}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


@pytest.fixture(params=PROGRAMS)
async def running(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Process, int]]:
    """A running receiver of docs/hooks.md, as its process and its port. A test runs once with the receiver in Python
    and once with that in JavaScript."""
    language, port = request.param, free_port()
    program = tmp_path / ("receiver.cjs" if language == "js" else "receiver.py")
    program.write_text(PROGRAMS[language])
    command = sys.executable if language == "python" else shutil.which("node", path=node.environment()["PATH"])
    assert command is not None
    process = await asyncio.create_subprocess_exec(
        *mortal(command, str(program)),
        cwd=tmp_path,
        env={"HOOKS_SECRET": SECRET, "PORT": str(port)},
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,
    )
    await until(lambda: listens(port))
    yield process, port
    with suppress(ProcessLookupError):
        process.kill()
    await process.communicate()


async def listens(port: int) -> bool:
    try:
        async with aiohttp.ClientSession() as session, session.post(f"http://127.0.0.1:{port}/", data=b"{}") as answer:
            return answer.status == 401
    except aiohttp.ClientError:
        return False


async def publish(port: int, *secrets: str) -> None:
    """Send the receiver at `port` an event, always the same one, as the server does; it is signed with `secrets`, or
    not signed if there are none. Raises DeliveryFailed if the answer is no 2xx, or there is none."""
    sink = HookSink(HttpCaller(f"http://127.0.0.1:{port}/", Signer(secrets)), READER, FORMATS["tusd"], 20.0)
    try:
        await sink.publish(delivery())
    finally:
        await sink.aclose()


async def test_documented_receivers_verify_and_deduplicate(running: tuple[Process, int]) -> None:
    """Each receiver of docs/hooks.md answers 401 to an event without a good signature, and acts once on an event that
    is sent three times."""
    process, port = running
    bad: Sequence[tuple[str, ...]] = ((), (OTHER,))
    good: Sequence[tuple[str, ...]] = ((SECRET,), (OTHER, SECRET), (SECRET,))
    for secrets in bad:
        with pytest.raises(DeliveryFailed, match="HTTP 401"):
            await publish(port, *secrets)
    for secrets in good:
        await publish(port, *secrets)
    assert process.stdout is not None
    process.kill()
    output = (await process.stdout.read()).decode().splitlines()
    assert output == [f"post-finish {1:032x}"]


def test_they_are_short() -> None:
    assert all(program.count("\n") < 30 for program in PROGRAMS.values())
