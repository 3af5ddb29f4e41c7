"""Undocumented parts of aiohttp and asyncio exist, and where they don't, the documented way is taken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web, web_protocol
from aiohttp.http import HttpRequestParser

from tusd_py import create_app
from tusd_py.config import load_settings
from tusd_py.http.connection import internals
from tusd_py.http.connection.heads import Runner
from tusd_py.server.process import make_runner

BODY = bytes(300_000)


def test_all_of_it_is_there() -> None:
    """The locked version of aiohttp has all internals that the server uses. If an upgrade lacks one, adapt
    `internals`."""
    assert internals.REPLACES_PARSERS
    assert internals.COUNTS_HEADS
    assert internals.FORGETS_CONNECTIONS


@pytest.mark.parametrize("name", [*internals.PARSER, *internals.CONNECTION])
def test_without_one_of_the_names_heads_are_not_counted(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    _hide(monkeypatch, web_protocol.RequestHandler, name)
    assert not internals.can_count_heads()


@pytest.mark.parametrize("name", internals.PARSER)
def test_without_one_of_these_parsers_are_not_replaced(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    _hide(monkeypatch, web_protocol.RequestHandler, name)
    assert not internals.can_replace_parsers()


@pytest.mark.parametrize("name", internals.FORGOTTEN)
def test_without_one_of_these_connections_are_not_forgotten(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    _hide(monkeypatch, web_protocol.RequestHandler, name)
    assert not internals.can_forget_connections()


def test_a_handler_that_would_close_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(internals, "forget", lambda http: http.force_close())
    assert not internals.can_forget_connections()


def _hide(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> None:
    """Make the attribute raise AttributeError in all instances of the class, even if it is inherited or set in them."""
    original: Any = owner.__getattribute__

    def hidden(self: object, attribute: str) -> Any:
        if attribute == name:
            raise AttributeError(attribute)
        return original(self, attribute)

    monkeypatch.setattr(owner, "__getattribute__", hidden)


@pytest.mark.parametrize("name", internals.SERVER)
def test_without_one_of_the_server_s_names_heads_are_not_counted(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    _hide(monkeypatch, web.Server, name)
    assert not internals.can_count_heads()


def test_a_parser_that_takes_other_arguments_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(*positional: Any, max_line_size: int, max_headers: int) -> HttpRequestParser:
        raise AssertionError(positional, max_line_size, max_headers)

    monkeypatch.setattr(internals, "HttpRequestParser", refusing)
    assert not internals.can_replace_parsers()
    assert not internals.can_count_heads()


def test_a_transport_of_another_name_is_left_to_aiohttp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(internals, "SocketTransport", None)
    assert not internals.can_replace_parsers()


async def test_where_it_declines_uploads_go_the_ordinary_way(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(internals, "REPLACES_PARSERS", False)
    monkeypatch.setattr(internals, "COUNTS_HEADS", False)
    settings = load_settings({"storage": f"file:{tmp_path}", "state": "memory:"}, None, {})
    runner = make_runner(settings, create_app(settings))
    assert not isinstance(runner, Runner)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        assert await _upload(f"http://127.0.0.1:{runner.addresses[0][1]}/files/") == BODY
    finally:
        await runner.cleanup()
    assert any("aiohttp not known" in record.getMessage() for record in caplog.records)


async def _upload(endpoint: str) -> bytes:
    head = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": str(len(BODY)),
        "Content-Type": "application/offset+octet-stream",
    }
    async with ClientSession() as session:
        async with session.post(endpoint, data=BODY, headers=head) as created:
            assert (created.status, created.headers["Upload-Offset"]) == (201, str(len(BODY)))
        async with session.get(created.headers["Location"]) as read:
            return await read.read()
