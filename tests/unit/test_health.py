"""`tusd-py health` asks the server at the address that its settings give for probes; no answer, or one that isn't 200,
is an error."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from devtools.ports import has_ipv6
from tusd_py.cli import health
from tusd_py.cli.commands import ask_health
from tusd_py.config import Settings, load_settings
from tusd_py.domain.errors import ConfigurationError


@asynccontextmanager
async def answering(status: int, host: str, path: Path | None = None) -> AsyncIterator[int]:
    """Run a server on a free port of `host`, and yield the port. Its `/healthz` answers with `status`; with `path`, it
    listens at that UNIX socket, too."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(status=status)

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, host, 0).start()
    if path is not None:
        await web.UnixSite(runner, path).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `health.probe` wait 30 s for an answer in place of 2, as a busy machine may take longer."""
    monkeypatch.setattr(health, "_PATIENCE", 30.0)


def settings(host: str, port: int) -> Settings:
    return load_settings({"host": host, "port": str(port)}, None, {})


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "::"])
async def test_it_is_asked_at_the_address_that_is_listened_to(host: str) -> None:
    if ":" in host and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    async with answering(200, host) as port:
        assert (await asyncio.to_thread(health.probe, settings(host, port))).endswith(f"port {port}")


@pytest.mark.parametrize("apart", [True, False])
async def test_it_is_asked_where_the_probes_are(tmp_path: Path, *, apart: bool) -> None:
    path = tmp_path / "s"
    options = {"metrics_address": f"unix:{path}"} if apart else {"unix_socket": str(path)}
    with pytest.raises(OSError, match=f"unix:{path} gives no answer: No such file"):
        health.probe(load_settings(options, None, {}))
    async with answering(200, "127.0.0.1", path):
        assert await asyncio.to_thread(health.probe, load_settings(options, None, {})) == f"ok    unix:{path}"


async def test_of_several_addresses_the_first_is_asked() -> None:
    async with answering(200, "127.0.0.2") as port:
        assert await asyncio.to_thread(health.probe, settings("127.0.0.2,127.0.0.3", port))


async def test_an_address_for_probes_comes_first() -> None:
    async with answering(200, "127.0.0.1") as port:
        options = {"host": "127.0.0.2", "unix_socket": "/nowhere", "metrics_address": f"127.0.0.1:{port}"}
        assert await asyncio.to_thread(health.probe, load_settings(options, None, {})) == f"ok    127.0.0.1 port {port}"


async def test_an_answer_that_is_no_200_is_told() -> None:
    async with answering(503, "127.0.0.1") as port:
        with pytest.raises(OSError, match="answers 503"):
            await asyncio.to_thread(health.probe, settings("127.0.0.1", port))


def test_no_answer_is_told() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1 port {port} gives no answer: Connection refused"):
            health.probe(settings("0.0.0.0", port))


@pytest.mark.parametrize("host", ["a..b", "a" * 64])
def test_a_name_that_the_dns_can_not_have_is_told(host: str) -> None:
    with pytest.raises(OSError, match=f"^{host} port 1 gives no answer: UnicodeError$"):
        health.probe(settings(host, 1))


def test_a_port_that_is_another_at_each_start_can_not_be_asked() -> None:
    with pytest.raises(ConfigurationError, match="set port"):
        health.probe(settings("127.0.0.1", 0))


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        (["/opt/bin/python", "/opt/bin/tusd-py", "serve"], []),
        (["python", "tusd-py", "serve", "--port", "9000"], ["--port", "9000"]),
        (["/sbin/docker-init", "--", "tusd-py", "serve", "--config", "/x y.toml"], ["--config", "/x y.toml"]),
        (["sleep", "infinity"], []),
    ],
)
def test_in_a_container_the_flags_are_those_of_its_server(
    tmp_path: Path, words: Sequence[str], flags: Sequence[str]
) -> None:
    process = tmp_path / "cmdline"
    process.write_bytes(b"".join(word.encode() + b"\0" for word in words))
    assert list(health.flags_of_container(process)) == flags


@pytest.mark.parametrize("way", ["flag", "file", "variable"])
async def test_in_a_container_the_port_is_found_however_it_is_set(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with answering(200, "127.0.0.1") as port:
        file = tmp_path / "settings.toml"
        file.write_text(f"port = {port}\n")
        if way == "variable":
            monkeypatch.setenv("TUSD_PY_PORT", str(port))
        flags = {"flag": ["--port", str(port)], "file": ["--config", str(file)], "variable": []}[way]
        monkeypatch.setattr(health, "flags_of_container", lambda: flags)
        code = await asyncio.to_thread(ask_health.main, ["--container"], standalone_mode=False)
    assert code == 0
