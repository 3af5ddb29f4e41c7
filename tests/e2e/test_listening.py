"""A server on a UNIX socket, and one with a separate address for operators' routes."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from devtools.ports import free_port, has_ipv6
from tests.e2e.deployment import MIB
from tests.support.metrics import total
from tests.support.raw import connected
from tests.support.server import Server, serving
from tests.support.tus import TusClient, until

APART = ("healthz", "readyz", "metrics")


async def statuses(session: aiohttp.ClientSession, origin: str, **headers: str) -> list[int]:
    codes = []
    for path in APART:
        async with session.get(f"{origin}/{path}", headers=headers) as answer:
            assert not [name for name in answer.headers if name.startswith("Access-Control-")]
            codes.append(answer.status)
    return codes


async def counted(session: aiohttp.ClientSession, origin: str, metric: str) -> int:
    async with session.get(f"{origin}/metrics") as answer:
        return int(total(await answer.text(), metric.removeprefix("tusdpy_")))


async def created(session: aiohttp.ClientSession, server: Server) -> str:
    return await TusClient(session, server.url).create(5)


@pytest.mark.parametrize("workers", [1, 2])
async def test_an_upload_through_a_unix_socket(tmp_path: Path, workers: int) -> None:
    path = tmp_path / "s"
    async with serving(tmp_path, unix_socket=path, workers=workers) as server, server.session() as session:
        url = await created(session, server)
        assert (await TusClient(session, server.url).patch(url, 0, b"hello")).status == 204
        async with session.get(url) as answer:
            assert await answer.read() == b"hello"
        assert f"takes uploads at unix:{path}\n" in server.log()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", server.port)
        second = await Server(tmp_path).command("serve", "--unix-socket", str(path))
        assert (second.code, second.err) == (2, f"tusd-py: can't listen on unix:{path}: Address already in use\n")
        assert (await server.command("health")).out == f"ok    unix:{path}\n"
        assert await server.stop() == 0
        assert not path.exists()


async def test_a_client_on_a_unix_socket_is_one_of_this_machine(tmp_path: Path) -> None:
    """Without authentication a client on the UNIX socket may list the uploads; one that X-Forwarded-For places on
    another machine gets 401."""
    async with serving(tmp_path, unix_socket=tmp_path / "s", listing=True) as server, server.session() as session:
        for fields, status in (({}, 200), ({"X-Forwarded-For": "203.0.113.9"}, 401)):
            async with session.get(f"{server.origin}/uploads", headers=fields) as answer:
                assert answer.status == status


@pytest.mark.parametrize("workers", [1, 2])
async def test_the_socket_that_a_killed_server_left_is_replaced(tmp_path: Path, workers: int) -> None:
    path = tmp_path / "s"
    async with serving(tmp_path, unix_socket=path, workers=workers) as server:
        await server.kill()
        assert path.exists()
        await server.start()
        async with server.session() as session:
            await created(session, server)


async def test_a_worker_that_is_replaced_has_the_same_socket(tmp_path: Path) -> None:
    async with serving(tmp_path, unix_socket=tmp_path / "s", workers=2) as server, server.session() as session:
        for worker in psutil.Process(server.pid).children():
            if "spawn_main" in " ".join(worker.cmdline()):
                os.kill(worker.pid, signal.SIGKILL)
        await created(session, server)


@pytest.mark.parametrize("workers", [1, 2])
async def test_what_is_not_for_clients_has_an_address_of_its_own(tmp_path: Path, workers: int) -> None:
    port = free_port()
    apart, page = f"http://127.0.0.1:{port}", "https://evil.example"
    settings: dict[str, Any] = {
        "metrics_address": f"127.0.0.1:{port}",
        "workers": workers,
        "allowed_hosts": "127.0.0.1",
    }
    async with serving(tmp_path, **settings) as server, aiohttp.ClientSession() as session:
        assert await statuses(session, apart, Origin=page, Host="prometheus.internal") == [200, 200, 200]
        async with session.get(server.origin + "/metrics") as answer:
            assert answer.status == 404
        assert (await TusClient(session, f"{apart}/files/").try_create(5)).status == 404
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(connector=connector) as crowd:
            for _ in range(8):
                await created(crowd, server)
        assert {await counted(session, apart, "tusdpy_uploads_created_total") for _ in range(4)} == {8}
        assert (await server.command("health")).out == f"ok    127.0.0.1 port {port}\n"
        assert f"/metrics, /healthz and /readyz are at {apart}/\n" in server.log()
        assert await server.stop() == 0


async def test_probes_answer_where_clients_have_all_connections(tmp_path: Path) -> None:
    path = tmp_path / "m"
    async with (
        serving(tmp_path, metrics_address=f"unix:{path}", max_connections=2) as server,
        connected(server.port),
        connected(server.port),
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as probing,
        aiohttp.ClientSession() as session,
    ):
        async with session.get(server.origin) as answer:
            assert answer.status == 503
        assert await statuses(probing, "http://probe") == [200, 200, 200]


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_server_that_drains_says_so_and_is_not_found_any_more(tmp_path: Path, workers: int) -> None:
    path, port, content = tmp_path / "s", free_port(), bytes(32 * MIB)
    settings: dict[str, Any] = {
        "unix_socket": path,
        "metrics_address": f"127.0.0.1:{port}",
        "workers": workers,
    }
    connector = aiohttp.TCPConnector(force_close=True)
    async with (
        serving(tmp_path, **settings) as server,
        server.session() as session,
        aiohttp.ClientSession(connector=connector) as probing,
    ):
        url = await uploaded(session, server, content)
        async with session.get(url) as unread:
            stopping = asyncio.create_task(server.stop())
            await until(lambda: is_draining(probing, f"http://127.0.0.1:{port}"))
            assert not path.exists()
            async with asyncio.timeout(20):
                assert await unread.read() == content
        assert await stopping == 0


async def uploaded(session: aiohttp.ClientSession, server: Server, content: bytes) -> str:
    return await TusClient(session, server.url).create(len(content), content)


async def is_draining(session: aiohttp.ClientSession, origin: str) -> bool:
    """Return True if a worker answers /readyz with 503 `draining`, and then /healthz with 200; False if it isn't
    draining, or ends before it has answered both, as an idle worker may: ask again then."""
    with suppress(aiohttp.ClientConnectionError):
        async with session.get(f"{origin}/readyz") as answer:
            drains = (answer.status, await answer.text()) == (503, "not ready: draining\n")
        async with session.get(f"{origin}/healthz") as answer:
            assert answer.status == 200
        return drains
    return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("workers", [1, 2])
async def test_several_addresses_are_each_a_url(tmp_path: Path, workers: int) -> None:
    async with serving(tmp_path, host="127.0.0.1,::1", workers=workers) as server, aiohttp.ClientSession() as session:
        for origin in (f"http://127.0.0.1:{server.port}", f"http://[::1]:{server.port}"):
            url = await TusClient(session, f"{origin}/files/").create(5)
            assert url.startswith(f"{origin}/files/")
            assert f"{origin}/files/" in server.log()
        assert await server.stop() == 0


async def test_check_judges_each_address(tmp_path: Path) -> None:
    server = Server(tmp_path, host="127.0.0.1,0.0.0.0", metrics_address="0.0.0.0:9")
    open_to_others = [line for line in (await server.command("check")).out.splitlines() if line.startswith("ok   open")]
    assert "ok   open  0.0.0.0:8080: uploads of any size: see max-size" in open_to_others
    assert "ok   open  0.0.0.0:9: /metrics can be read: see metrics-address" in open_to_others
    assert not [line for line in open_to_others if "127.0.0.1" in line]
    inside = await Server(tmp_path, host="::", unix_socket=tmp_path / "s").command("check")
    assert not [line for line in inside.out.splitlines() if line.startswith("ok   open")]
