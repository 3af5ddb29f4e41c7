"""Proxies that ask a login service for each request's user, as docs/auth.md and docs/tutorials/nginx-login.md show
them, in front of a server that believes the user they name. The service isn't asked for OPTIONS."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from devtools.certificates import Certificate
from devtools.proxies import FRONTS, Edit
from tests.support.credentials import scripted
from tests.support.parts import started
from tests.support.server import ROOT, Server

TUS = {"Tus-Resumable": "1.0.0"}
CREATION = {**TUS, "Upload-Length": "5", "Content-Type": "application/offset+octet-stream"}
ALICE, BOB = {"Cookie": "session=alice"}, {"Cookie": "session=bob"}
GUIDE, TUTORIAL = ROOT / "docs" / "auth.md", ROOT / "docs" / "tutorials" / "nginx-login.md"
Session = aiohttp.ClientSession


async def log_in(request: web.Request) -> web.StreamResponse:
    """Answer 204 with the value of the cookie `session` as the user in Remote-User, the header that Authelia uses; 401
    if the cookie is absent or empty."""
    user = request.cookies.get("session", "")
    return web.Response(status=204, headers={"Remote-User": user}) if user else web.Response(status=401)


def example(page: Path, start: str) -> str:
    """Return the first of the Markdown page's code blocks that contains `start`, without its fences. Raises
    StopIteration if none does."""
    blocks: list[str] = re.findall(r"```\w*\n(.*?)```", page.read_text(), re.DOTALL)
    return next(block for block in blocks if start in block)


def nginx_with(login: str) -> Edit:
    def edit(text: str) -> str:
        location = example(TUTORIAL, "location = /_may_upload").replace(
            "http://127.0.0.1:5000/may-upload", f"{login}verify"
        )
        text = text.replace(
            "        proxy_pass http://tusd_py;\n",
            f"        proxy_pass http://tusd_py;\n{example(GUIDE, 'auth_request_set')}",
            1,
        )
        return text.replace("    location @no_node {", f"{location}\n    location @no_node {{", 1)

    return edit


def caddy_with(login: str) -> Edit:
    def edit(text: str) -> str:
        directive = example(GUIDE, "forward_auth").replace("127.0.0.1:9091", login.removeprefix("http://").rstrip("/"))
        guarded = f"@login not method OPTIONS\n{directive.replace('forward_auth ', 'forward_auth @login ')}"
        return text.replace("handle @uploads {", f"handle @uploads {{\n{guarded}", 1)

    return edit


EDITS: Mapping[str, Callable[[str], Edit]] = {"nginx": nginx_with, "caddy": caddy_with}


@asynccontextmanager
async def guarded(kind: str, directory: Path, certificate: Certificate) -> AsyncIterator[tuple[Session, str, Server]]:
    """Yield an HTTP session that trusts the proxy's certificate, the proxy's URL of the creation endpoint, and the
    server behind the proxy. The proxy, of this `kind` (`nginx` or `caddy`), asks `log_in` for the user of each request
    but OPTIONS."""
    server = Server(
        directory, storage="file:data", state="memory:", auth="proxy", auth_user_header="X-Auth-User", behind_proxy=True
    )
    async with scripted(log_in) as login:
        await server.start()
        try:
            edit = EDITS[kind](login.url)
            with started(FRONTS[kind](directory / kind, certificate, [server.port], edit)) as front:
                connector = aiohttp.TCPConnector(ssl=front.tls())
                async with aiohttp.ClientSession(connector=connector) as session:
                    yield session, front.url, server
        finally:
            await server.stop()


@pytest.mark.parametrize("kind", FRONTS)
async def test_uploads_belong_to_the_user_whom_the_proxy_names(
    kind: str, tmp_path: Path, certificate: Certificate
) -> None:
    async with guarded(kind, tmp_path, certificate) as (session, url, _):
        async with session.post(url, headers={**CREATION, **ALICE}, data=b"12") as answer:
            assert answer.status == 201, await answer.text()
            upload = answer.headers["Location"]
        fields = {**TUS, "Upload-Offset": "2", "Content-Type": "application/offset+octet-stream"}
        statuses = []
        for login in ({}, BOB, ALICE):
            async with session.patch(upload, headers={**fields, **login}, data=b"345") as answer:
                statuses.append(answer.status)
        assert statuses == [401, 404, 204]
        for login, status in (({}, 401), (BOB, 404), (ALICE, 200)):
            async with session.get(upload, headers=login) as answer:
                assert answer.status == status


@pytest.mark.parametrize("kind", FRONTS)
async def test_what_the_client_says_it_is_does_not_count(kind: str, tmp_path: Path, certificate: Certificate) -> None:
    forged = {"X-Auth-User": "alice", "Remote-User": "alice"}
    async with guarded(kind, tmp_path, certificate) as (session, url, _):
        async with session.post(url, headers={**CREATION, **forged}) as answer:
            assert answer.status == 401
        async with session.post(url, headers={**CREATION, **ALICE}) as answer:
            upload = answer.headers["Location"]
        async with session.delete(upload, headers={**TUS, **BOB, **forged}) as answer:
            assert answer.status == 404


@pytest.mark.parametrize("kind", FRONTS)
async def test_browsers_ask_before_they_log_in(kind: str, tmp_path: Path, certificate: Certificate) -> None:
    asking = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    async with (
        guarded(kind, tmp_path, certificate) as (session, url, _),
        session.options(url, headers=asking) as answer,
    ):
        assert answer.status in {200, 204}
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]
