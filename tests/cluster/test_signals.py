"""Signals to a server with two workers: to all of its processes, as Ctrl-C and systemd send them, to the supervisor
alone, and to workers alone."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests.support.node import client_of
from tests.support.raw import RawConnection, connected, patching
from tests.support.server import Server, serving
from tests.support.tus import TusClient, until

MIB = 1024 * 1024
COUNT = 300_000
"""Bytes that a writer has brought when the signal comes."""


@asynccontextmanager
async def pair(directory: Path) -> AsyncIterator[tuple[Server, TusClient]]:
    async with serving(directory, workers=2) as server, client_of(server) as client:
        await until(lambda: are_ready(server))
        yield server, client


async def are_ready(server: Server) -> bool:
    """Return True once both workers have logged their URL."""
    return server.log().count("takes uploads at") == 2


def workers(server: Server) -> list[psutil.Process]:
    return [child for child in psutil.Process(server.pid).children() if is_worker(child)]


def is_worker(process: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # or a zombie
        return False


def signal_children(server: Server, sig: signal.Signals) -> None:
    """Send the signal to all descendants of the supervisor: with the supervisor, these are a systemd control group."""
    for child in psutil.Process(server.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it had nothing more to do
            child.send_signal(sig)


async def are_replaced(server: Server, former: list[psutil.Process]) -> bool:
    return len([worker for worker in workers(server) if worker not in former]) == 2


def limit_descriptors(server: Server) -> tuple[int, int]:
    """Lower the supervisor's limit of file descriptors so that it can't start a worker; return the soft and hard limit
    before."""
    _, hard = limits = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (psutil.Process(server.pid).num_fds(), hard))
    return limits


async def is_replaced(server: Server, former: psutil.Process) -> bool:
    return len([worker for worker in workers(server) if worker != former]) == 2


async def is_logged(server: Server, event: str) -> bool:
    return event in server.log()


async def received(server: Server) -> bool:
    return await server.metric("received_bytes_total") >= COUNT


async def is_closed(server: Server, socket_count: int) -> bool:
    """Return True once the server refuses connections and the supervisor has fewer than `socket_count` sockets: each
    process has handled the first signal then, and takes the next for a second one."""
    try:
        async with connected(server.port):
            return False
    except ConnectionRefusedError:
        return count_sockets(server) < socket_count


def count_sockets(server: Server) -> int:
    """Return the number of the supervisor's sockets, among them those that it has bound for its workers."""
    count = 0
    for descriptor in Path(f"/proc/{server.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            count += descriptor.readlink().name.startswith("socket:")
    return count


@asynccontextmanager
async def downloading(server: Server, client: TusClient) -> AsyncIterator[RawConnection]:
    """Yield the connection of a client that reads only the head of a 64 MiB download, so that the server has to wait
    for the client when it shuts down."""
    url = await client.create(64 * MIB)
    await client.patch(url, 0, bytes(64 * MIB))
    async with connected(server.port) as connection:
        await connection.head("GET", url)
        yield connection


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_to_all_processes_saves_every_byte(tmp_path: Path, sig: signal.Signals) -> None:
    async with pair(tmp_path) as (server, client):
        url = await client.create(MIB)
        async with patching(url, 0, MIB) as writer:
            await writer.send(bytes(COUNT))
            await until(lambda: received(server))
            signal_children(server, sig)
            assert await server.stop(sig) == 0
            assert await writer.status() == 503
        await server.start()
        assert await client.offset(url) == COUNT


@pytest.mark.parametrize(("sig", "is_to_all"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
async def test_a_second_signal_ends_all_at_once(tmp_path: Path, *, sig: signal.Signals, is_to_all: bool) -> None:
    async with pair(tmp_path) as (server, client), downloading(server, client):
        members, socket_count = workers(server), count_sockets(server)
        os.kill(server.pid, sig)
        signal_children(server, sig)
        await until(lambda: is_closed(server, socket_count))
        assert any(member.is_running() for member in members)
        if is_to_all:
            signal_children(server, sig)
        async with asyncio.timeout(20):  # less than shutdown-timeout
            assert await server.stop(sig) == 1
        assert not any(member.is_running() for member in members)


async def test_a_worker_told_to_end_saves_and_is_replaced(tmp_path: Path) -> None:
    async with pair(tmp_path) as (server, client):
        former = workers(server)
        url = await client.create(MIB)
        async with patching(url, 0, MIB) as writer:
            await writer.send(bytes(COUNT))
            await until(lambda: received(server))
            for worker in former:
                worker.terminate()
            assert await writer.status() == 503
        await until(lambda: are_replaced(server, former))
        assert server.log().count("worker ended") == 2
        assert await server.stop() == 0
        await server.start()
        assert await client.offset(url) == COUNT


async def test_a_server_without_replacement_ends(tmp_path: Path) -> None:
    """A server that can't replace a dead worker, even after retries, ends with exit code 1, and its other workers with
    it; the last line of its log is the error, without a traceback."""
    async with pair(tmp_path) as (server, _):
        members = workers(server)
        limit_descriptors(server)
        members[0].kill()
        async with asyncio.timeout(20):
            assert await server.wait() == 1
        assert not any(member.is_running() for member in members)
        assert server.log().endswith("\ntusd-py: [Errno 24] Too many open files\n")


async def test_a_replacement_is_tried_again(tmp_path: Path) -> None:
    async with pair(tmp_path) as (server, _):
        former = workers(server)
        limits = limit_descriptors(server)
        former[0].kill()
        await until(lambda: is_logged(server, "worker not started"))
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, limits)
        await until(lambda: is_replaced(server, former[0]))
        assert await server.stop() == 0
