"""Commands as hooks: how they are run, and what may go wrong with them."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.deliveries import upload
from tests.support.tus import until
from tusd_py.domain.caller import NO_CALLER, Caller
from tusd_py.domain.trace import Trace
from tusd_py.events_out.formats.facts import Message
from tusd_py.events_out.hooks.call import Call, CallFailed, call_of
from tusd_py.events_out.hooks.command import CommandCaller

PATH = {"PATH": os.environ["PATH"]}
SECONDS = 20.0


def call(hook: str = "post-finish", body: bytes = b'{"a":1}') -> Call:
    return call_of(Message(name=hook, body=body), "evt_1", upload(), NO_CALLER, ())


def write(folder: Path, script: str, hook: str = "post-finish") -> None:
    (folder / hook).write_text(f"#!/bin/sh\n{script}\n")
    (folder / hook).chmod(0o755)


async def run(folder: Path, script: str, *, seconds: float = SECONDS, body: bytes = b'{"a":1}') -> bytes:
    write(folder, script)
    return (await CommandCaller(folder, 4, PATH).call(call(body=body), seconds)).body


async def test_it_gets_the_body_the_environment_and_the_folder(tmp_path: Path) -> None:
    environ = {**PATH, "MINE": "1", "TUSD_PY_HOOKS_SECRET": "s3cret", "TUSD_PY_AUTH_TOKEN_SECRET_FILE": "s3cret"}
    write(tmp_path, "cat; pwd; env | sort")
    result = await CommandCaller(tmp_path, 4, environ, limit=9999).call(call(), SECONDS)
    text = result.body.decode()
    assert text.startswith(f'{{"a":1}}{tmp_path}\n')
    assert {"MINE=1", f"TUS_ID={1:032x}", "TUS_SIZE=5", "TUS_OFFSET=5", "TUS_EVENT_ID=evt_1"} <= set(text.splitlines())
    assert "s3cret" not in text


async def test_a_missing_one_is_fine(tmp_path: Path) -> None:
    result = await CommandCaller(tmp_path, 4, PATH).call(call(), SECONDS)
    assert (result.ok, result.body) == (True, b"")


async def test_a_body_that_is_not_read_is_no_failure(tmp_path: Path) -> None:
    assert await run(tmp_path, "exec echo done", body=b"x" * 1_000_000) == b"done\n"


@pytest.mark.parametrize(("script", "reason"), [("exit 3", "exit 3"), ("kill -9 $$", "signal 9")])
async def test_one_that_fails_has_failed(script: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(CallFailed, match=reason):
        await run(tmp_path, script)


async def test_one_that_can_not_be_run_has_failed(tmp_path: Path) -> None:
    (tmp_path / "post-finish").write_text("#!/bin/sh\n")
    with pytest.raises(CallFailed, match="can't run: Permission denied"):
        await CommandCaller(tmp_path, 4, PATH).call(call(), SECONDS)


async def test_it_is_killed_with_its_children_when_its_time_is_over(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with pytest.raises(CallFailed, match="timeout"):
        await run(tmp_path, f"sleep 1000 & echo $! $$ > {pids}; wait", seconds=2.0)
    killed_pids = [int(pid) for pid in pids.read_text().split()]

    async def ended() -> bool:
        return all(map(has_ended, killed_pids))

    await until(ended)


def has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_a_child_that_holds_the_output_is_killed_too(tmp_path: Path) -> None:
    with pytest.raises(CallFailed, match="timeout"):
        await run(tmp_path, "sleep 1000 & exit 0", seconds=0.5)


async def test_much_output_is_cut(tmp_path: Path) -> None:
    assert await run(tmp_path, "head -c 5000000 /dev/zero") == b"\0" * (5 * 1024 + 1)


async def test_only_so_many_run_at_a_time(tmp_path: Path) -> None:
    counter = f"""exec {sys.executable} -c '
import os, time
os.mkdir(f"running-{{os.getpid()}}")
print(len([name for name in os.listdir(".") if name.startswith("running-")]))
time.sleep(0.1)
os.rmdir(f"running-{{os.getpid()}}")'"""
    write(tmp_path, counter)
    caller = CommandCaller(tmp_path, 2, PATH)
    results = await asyncio.gather(*(caller.call(call(), SECONDS) for _ in range(6)))
    assert {int(result.body) for result in results} == {1, 2}


async def test_a_call_that_is_cancelled_ends_its_command(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    write(tmp_path, f"echo $$ > {pid}; exec sleep 1000")
    task = asyncio.create_task(CommandCaller(tmp_path, 2, PATH).call(call(), SECONDS))

    async def written() -> bool:
        return pid.exists() and bool(pid.read_text())

    await until(written)
    task.cancel()
    await asyncio.wait([task])
    assert not psutil.pid_exists(int(pid.read_text()))


async def test_the_trace_is_in_the_environment(tmp_path: Path) -> None:
    trace = Trace(f"00-{'1' * 32}-{'2' * 16}-01", "a=1")
    write(tmp_path, 'printf %s "$TRACEPARENT $TRACESTATE"')
    call = call_of(Message(name="post-finish", body=b"{}"), "evt_1", upload(), Caller(span=trace), ())
    assert (await CommandCaller(tmp_path, 4, PATH).call(call, SECONDS)).body == f"{trace.parent} a=1".encode()
