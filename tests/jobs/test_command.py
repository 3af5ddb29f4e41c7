"""Jobs of kind command: programs of the operator."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import aiohttp
import pytest

from tests.jobs.asking import JobClient, until
from tests.support.installation import Start
from tests.support.writing import random_bytes

SCRIPTS = {
    "count": 'wc -c; echo "$TUS_ID $TUS_SIZE $TUS_FILENAME $# $TUSD_PY_SECRET_THING"',
    "fail": "cat >/dev/null; echo oops >&2; exit 3",
    "deaf": "echo done",
    "much": "head -c 70000 /dev/zero | tr '\\000' x",
    "half": "sleep 600 & echo $! > child; echo $$ > started; head -c 1000 >/dev/null; sleep 9; wc -c > counted",
    "hang": "sleep 600 & echo $! > child; echo $$ > started; wait",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    commands = tmp_path / "commands"
    commands.mkdir()
    for name, script in SCRIPTS.items():
        (commands / name).write_text(f"#!/bin/sh\n{script}\n")
        (commands / name).chmod(0o755)
    (commands / "text").write_text("no program")
    (tmp_path / "outside").write_text("#!/bin/sh\necho outside\n")
    (tmp_path / "outside").chmod(0o755)
    return commands


@pytest.fixture
async def client(start: Start, session: aiohttp.ClientSession, folder: Path) -> JobClient:
    server = start(jobs_dir=folder, jobs_timeout="5s", lock_ttl="3s")
    await server.start()
    return JobClient(session, server)


async def test_a_command_gets_the_bytes_and_facts_of_the_upload(client: JobClient) -> None:
    data = random_bytes(1_000_000)
    upload = await client.uploaded(data, filename="a b;$(id).bin")
    job = await client.do(upload, "command", {"name": "count"})
    assert job["result"] == {
        "exit": 0,
        "stdout": f"{len(data)}\n{upload} {len(data)} a b;$(id).bin 0 \n",
        "truncated": False,
    }


async def test_a_command_that_fails_is_not_repeated(client: JobClient) -> None:
    job = await client.do(await client.uploaded(b"12345"), "command", {"name": "fail"})
    assert (job["phase"], job["attempt"], job["result"]) == ("failed", 1, None)
    assert job["error"] == {"code": "command-failed", "message": "exit 3"}


async def test_a_command_may_leave_its_input_unread(client: JobClient) -> None:
    job = await client.do(await client.uploaded(random_bytes(2_000_000)), "command", {"name": "deaf"})
    assert job["result"] == {"exit": 0, "stdout": "done\n", "truncated": False}


async def test_the_first_64_kib_of_the_output_are_kept(client: JobClient) -> None:
    job = await client.do(await client.uploaded(b"1"), "command", {"name": "much"})
    assert job["result"] == {"exit": 0, "stdout": "x" * 65_536, "truncated": True}


@pytest.mark.parametrize(
    "name", ["text", "none", "../outside", "/bin/sh", "", ".", "..", "count\0", "x" * 256, "\ud800", 7, None, ["count"]]
)
async def test_what_is_no_command_of_the_folder_is_refused(client: JobClient, name: object) -> None:
    answer = await client.ask(await client.uploaded(b"1"), "command", {"name": name})
    assert (answer.status, answer.body.partition(b":")[0]) == (400, b"bad-job")


async def test_at_the_timeout_a_command_is_killed_with_its_children(client: JobClient, folder: Path) -> None:
    job = await client.do(await client.uploaded(b"1"), "command", {"name": "hang"})
    assert (job["phase"], job["attempt"], job["error"]["code"]) == ("failed", 1, "timeout")
    await _ended(folder)


async def test_a_cancelled_command_is_killed(client: JobClient, folder: Path) -> None:
    job = await client.submit(await client.uploaded(b"1"), "command", {"name": "hang"})
    await _started(folder)
    assert (await client.cancel(job["id"])).status == 204
    assert (await client.job(job["id"]))["phase"] == "cancelled"
    await _ended(folder)


async def test_a_command_ends_with_its_killed_server(client: JobClient, folder: Path) -> None:
    """A command and its child processes are killed if the server is killed; the command doesn't see the end of its
    input, so it can't take a part of the file for the whole."""
    await client.submit(await client.uploaded(random_bytes(5_000_000)), "command", {"name": "half"})
    await _started(folder)
    os.kill(client.server.pid, signal.SIGKILL)
    await _ended(folder)
    assert not (folder / "counted").exists()


async def _started(folder: Path) -> None:
    await until((folder / "started").exists)


async def _ended(folder: Path) -> None:
    """Wait until neither the command nor its child runs. Raises TimeoutError after `PATIENCE` seconds."""
    pids = [int((folder / name).read_text()) for name in ("started", "child")]
    await until(lambda: not any(_is_running(pid) for pid in pids))


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
