"""The command line together with a live server, and the server's own start and end, on a real S3."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from devtools.ports import has_ipv6
from devtools.redis import RedisServer
from devtools.seaweed import SeaweedFS
from tests.e2e.conftest import Deploy
from tests.e2e.curl import BYTES, Transfer, run, transfer
from tests.e2e.deployment import MIB, Deployment, deployed
from tests.support.bucket import upload_id
from tests.support.server import ROOT, Outcome, Server, serving
from tests.support.tus import TusClient, until


@pytest.fixture
async def half(deployment: Deployment, curl: str, data: bytes) -> str:
    """The URL of an upload that has 9 MiB of its 20 MiB + 17 bytes."""
    return await created(deployment, curl, data, 9 * MIB)


async def created(deployment: Deployment, curl: str, data: bytes, sent_bytes: int) -> str:
    flags = ("-X", "POST", "--data-binary", "@-")
    answer = await run(
        curl, deployment.url, *flags, data=data[:sent_bytes], Upload_Length=str(len(data)), Content_Type=BYTES
    )
    assert answer.status == 201
    return answer.headers["location"]


@asynccontextmanager
async def writing(curl: str, url: str, remaining: Path) -> AsyncIterator[Transfer]:
    """A run of curl that sends the file `remaining` to `url` by a PATCH at offset 9 MiB, at 700 KiB a second: a quarter
    of a minute for 11 MiB."""
    flags = ("--limit-rate", "700k", "-X", "PATCH", "-T", str(remaining))
    async with transfer(curl, url, *flags, Upload_Offset=str(9 * MIB), Content_Type=BYTES) as slowly:
        yield slowly


def lines(outcome: Outcome) -> list[str]:
    return outcome.out.splitlines()


async def status(url: str) -> int:
    async with aiohttp.ClientSession() as session:
        return (await TusClient(session, url).head(url)).status


# check


async def test_check_finds_all_well(deployment: Deployment) -> None:
    outcome = await deployment.server.command("check")
    assert (outcome.code, outcome.err) == (0, "")
    assert len(lines(outcome)) > 3
    assert all(line.startswith("ok ") for line in lines(outcome))


@pytest.mark.parametrize("wrong", ["bucket", "credentials"])
async def test_check_says_in_one_line_each_what_is_wrong(seaweed: SeaweedFS, tmp_path: Path, wrong: str) -> None:
    user = replace(seaweed.user, name="stranger") if wrong == "credentials" else seaweed.user
    server = Server(
        tmp_path,
        environment=user.environment(),
        storage="s3://nowhere/" if wrong == "bucket" else f"s3://{seaweed.bucket}/",
        s3_endpoint_url=seaweed.endpoint,
        s3_profile="seaweedfs",
    )
    outcome = await server.command("check")
    assert outcome.code == 1
    assert [line for line in lines(outcome) if line.startswith("FAIL storage bucket ")]
    assert {line.split()[0] for line in lines(outcome)} == {"ok", "FAIL"}
    assert outcome.err == ""


# uploads


async def test_an_operator_sees_an_upload(deployment: Deployment, half: str) -> None:
    table, record, listed = await asyncio.gather(
        deployment.server.command("uploads", "list"),
        deployment.server.command("uploads", "show", upload_id(half)),
        deployment.server.command("uploads", "list", "--json"),
    )
    assert [line for line in lines(table) if line.startswith(upload_id(half)) and f"{9 * MIB}/{20 * MIB + 17}" in line]
    assert json.loads(record.out)["offset"] == 9 * MIB
    assert json.loads(record.out) in [json.loads(line) for line in lines(listed)]
    assert (table.code, record.code, listed.code) == (0, 0, 0)


async def test_an_upload_that_is_unknown_is_one_line(deployment: Deployment) -> None:
    outcome = await deployment.server.command("uploads", "show", "0" * 32)
    assert (outcome.code, outcome.out) == (1, "")
    assert len(outcome.err.splitlines()) == 1


async def test_terminate_ends_an_upload_that_is_being_written(
    deploy: Deploy, curl: str, data: bytes, tmp_path: Path
) -> None:
    (tmp_path / "rest").write_bytes(data[9 * MIB :])
    async with deploy() as deployment:
        url = await created(deployment, curl, data, 9 * MIB)
        async with writing(curl, url, tmp_path / "rest") as slowly:
            await deployment.until_received(9 * MIB + 1)
            outcome = await deployment.server.command("uploads", "terminate", upload_id(url))
            assert (await slowly.answer()).status == 423
        assert (outcome.code, outcome.out, outcome.err) == (0, f"{upload_id(url)} terminated\n", "")
        assert await status(url) == 404
        assert deployment.residue() == []


async def test_expire_removes_the_expired_from_s3(deploy: Deploy, curl: str, data: bytes) -> None:
    async with deploy(expire_after="2s") as deployment:
        url = await created(deployment, curl, data, 9 * MIB)
        await deployment.server.kill()
        assert len(deployment.residue()) == 2, "a multipart upload and a tail"
        await asyncio.sleep(2)
        outcome = await deployment.server.command("uploads", "expire")
        assert (outcome.code, outcome.out, outcome.err) == (0, "1 expired\n", "")
        assert deployment.residue() == []
        await deployment.server.start()
        assert await status(url) == 404


async def test_the_server_removes_the_expired_itself(deploy: Deploy, curl: str, data: bytes) -> None:
    async with deploy(expire_after="1s") as deployment:
        await created(deployment, curl, data, 9 * MIB)
        async with asyncio.timeout(20):
            while deployment.residue():  # noqa: ASYNC110 (another process's work)
                await asyncio.sleep(0.2)
        assert await deployment.server.metric("uploads_expired_total") == 1
        assert lines(await deployment.server.command("uploads", "list"))[1:] == []


# start and end


async def test_help_names_the_commands(tmp_path: Path) -> None:
    outcome = await Server(tmp_path).command("--help")
    assert outcome.code == 0
    assert all(command in outcome.out for command in ("serve", "check", "uploads"))


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_port_in_use_is_one_line(deployment: Deployment, tmp_path: Path, workers: str) -> None:
    port = str(deployment.server.port)
    outcome = await Server(tmp_path).command("serve", "--port", port, "--workers", workers)
    assert outcome.code == 2
    assert outcome.err == f"tusd-py: can't listen on 127.0.0.1:{port}: Address already in use\n"


@pytest.mark.parametrize("workers", [1, 2])
async def test_one_host_is_both_address_families(tmp_path: Path, workers: int) -> None:
    if not has_ipv6():
        pytest.skip("this machine has no IPv6")
    async with serving(tmp_path, host="::", workers=workers) as server, aiohttp.ClientSession() as session:
        for host in ("127.0.0.1", "[::1]"):
            url = f"http://{host}:{server.port}/files/"
            assert (await TusClient(session, url).create(3)).startswith(url)
        assert f"takes uploads at http://[::]:{server.port}/files/" in server.log()


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_page_that_was_never_built_is_one_line(tmp_path: Path, workers: str) -> None:
    shutil.copytree(ROOT / "tusd_py", tmp_path / "tusd_py", ignore=shutil.ignore_patterns("ui"))
    outcome = await Server(tmp_path, forked=False).command("serve", "--ui", "--workers", workers)
    assert outcome.code == 2
    assert outcome.err.startswith(f"tusd-py: ui on: there is no page in {tmp_path}/tusd_py/ui: run make setup")
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize("workers", [1, 2])
async def test_an_idle_server_ends_at_once_when_asked(deploy: Deploy, workers: int) -> None:
    async with deploy(workers=workers) as deployment, aiohttp.ClientSession() as session:
        async with session.options(deployment.url) as answer:
            assert answer.status == 204
        async with asyncio.timeout(20):  # less than shutdown-timeout
            assert await deployment.server.stop() == 0


@pytest.mark.parametrize("workers", [1, 2])
async def test_the_second_signal_ends_a_server_that_is_still_busy(
    deploy: Deploy, curl: str, data: bytes, workers: int
) -> None:
    async with deploy(workers=workers, shutdown_timeout="120s") as deployment:
        url = await created(deployment, curl, data, len(data))
        async with transfer(curl, url, "--limit-rate", "100k", "-o", "/dev/null"):
            await deployment.until_sent(1)
            stopping = asyncio.create_task(deployment.server.stop())
            await deployment.until_closed()
            assert not stopping.done()
            async with asyncio.timeout(30):
                code = await deployment.server.stop(signal.SIGINT)
                assert (code, await stopping) == (1, 1)


# readiness


async def test_readiness_names_unavailable_parts(tmp_path: Path) -> None:
    with SeaweedFS(tmp_path / "seaweed") as weed, RedisServer(tmp_path) as state:
        async with deployed(tmp_path, weed, "ready", state=state.url) as deployment:
            await says(deployment, 200, "ready\n")
            state.stop()
            await says(deployment, 503, "not ready: state\n")
            weed.stop()
            await says(deployment, 503, "not ready: storage, state\n")
            state.start()
            await says(deployment, 503, "not ready: storage\n")


async def says(deployment: Deployment, status: int, text: str) -> None:
    """Wait until /readyz answers with this status and text: the server checks storage and state at most every 2
    seconds. Raises TimeoutError after 30 seconds."""

    async def is_answered() -> bool:
        async with aiohttp.ClientSession() as session, session.get(f"{deployment.server.origin}/readyz") as answer:
            return (answer.status, await answer.text()) == (status, text)

    await until(is_answered)
