"""GET /dashboard of a running server, and its forms."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.exchange import Answer, exchange
from tests.support.installation import Start
from tests.support.logins import JWT, bearing
from tests.support.server import Server, serving
from tests.support.tus import TusClient

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def server(start: Start, state: Mapping[str, str]) -> Server:
    server = start(dashboard=True, **state)
    await server.start()
    return server


async def page(client: TusClient, **headers: str) -> Answer:
    return await client.send("GET", origin(client) + "/dashboard?follow=0", None, headers)


def origin(client: TusClient) -> str:
    return client.url.removesuffix("/files/")


def token_in(answer: Answer) -> str:
    return str(re.findall(r'name="token" value="([^"]+)"', answer.body.decode())[0])


async def submit(client: TusClient, path: str, token: str, **headers: str) -> Answer:
    fields = {**FORM, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await client.send("POST", f"{origin(client)}/dashboard/{path}", f"token={token}".encode(), fields)


async def test_the_page_admits_its_styles_and_no_script(client: TusClient) -> None:
    await client.create(4, b"a")
    answers = [await page(client) for _ in range(2)]
    nonces = list[str]()
    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        nonces.append(policy.partition("'nonce-")[2].partition("'")[0])
        assert policy == (
            f"default-src 'none'; style-src 'nonce-{nonces[-1]}'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert (answer.headers["Cache-Control"], answer.headers["X-Accel-Buffering"]) == ("no-store", "no")
        html = answer.body.decode()
        assert set(re.findall(r"<style[^>]*>", html)) == {f'<style nonce="{nonces[-1]}">'}
        assert not re.search(r"<script|\son\w+=|\sstyle=|javascript:", html)
        assert "http-equiv" not in html
    assert nonces[0] != nonces[1]
    assert min(map(len, nonces)) >= 22


async def read_until(answer: aiohttp.ClientResponse, words: str) -> None:
    html = ""
    async with asyncio.timeout(60):
        while words not in html:
            piece = await answer.content.readany()
            assert piece, html
            html += piece.decode()


async def test_values_and_uploads_appear_while_the_response_runs(
    client: TusClient, session: aiohttp.ClientSession
) -> None:
    url = await client.create(4, b"a")
    name = url.rpartition("/")[2]
    async with session.get(f"{origin(client)}/dashboard") as answer:
        await read_until(answer, f".u-{name}{{--p:25}}</style>")
        await client.patch(url, 1, b"b")
        await read_until(answer, f".u-{name}{{--p:50}}</style>")
        second = await client.create(9)
        await read_until(answer, f'<article class="u-{second.rpartition("/")[2]}" slot="uploads">')
        await client.patch(url, 2, b"cd")
        await read_until(answer, f'.u-{name}{{--phase:"done"}}</style>')
        await client.request("DELETE", second)
        await read_until(answer, f".u-{second.rpartition('/')[2]}{{display:none}}")


async def test_a_form_terminates_an_upload(client: TusClient) -> None:
    url = await client.create(4)
    path = f"uploads/{url.rpartition('/')[2]}/terminate"
    token = token_in(await page(client))
    for refused, code in {
        "": await submit(client, path, ""),
        "wrong": await submit(client, path, token[:-1] + ("0" if token[-1] != "0" else "1")),
    }.items():
        assert (code.status, code.body.partition(b":")[0]) == (403, b"bad-token"), refused
    for foreign in ({"Origin": "https://other.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}):
        answer = await submit(client, path, token, **foreign)
        assert (answer.status, answer.body.partition(b":")[0]) == (403, b"cross-site")
    assert await client.offset(url) == 0
    good = await submit(client, path, token, Origin=origin(client), Sec_Fetch_Site="same-origin")
    assert (good.status, good.headers["Location"]) == (303, "/dashboard")
    assert (await client.head(url)).status == 404
    again = await submit(client, path, token)
    assert (again.status, again.body.partition(b":")[0]) == (404, b"not-found")
    assert (await client.send("GET", f"{origin(client)}/dashboard/{path}", None, {})).status == 405


async def test_what_there_is_not_cannot_be_asked_for(client: TusClient) -> None:
    await client.create(1)
    token = token_in(await page(client))
    for path in ("uploads/x/terminate", "other"):
        answer = await submit(client, path, token)
        assert (answer.status, answer.body.partition(b":")[0]) == (404, b"not-found"), path
    for path in (f"jobs/{'a' * 32}/cancel", "events/evt_x/retry"):
        answer = await submit(client, path, token)
        assert (answer.status, answer.body.partition(b":")[0]) == (403, b"bad-token"), path


@pytest.mark.parametrize("setting", ["disable_termination", "terminate_finished"])
async def test_a_form_keeps_to_what_is_switched_off(
    tmp_path: Path, session: aiohttp.ClientSession, setting: str
) -> None:
    """The form of a page that was sent before a setting forbade termination is refused with 403, and the upload
    stays."""
    place: dict[str, Any] = {"storage": f"file:{tmp_path}/data", "state": f"sqlite:{tmp_path}/state", "dashboard": True}
    async with serving(tmp_path, **place) as server:
        client = TusClient(session, server.url)
        name = (await client.create(1, b"a")).rpartition("/")[2]
        token = token_in(await page(client))
    async with serving(tmp_path, **place, **{setting: setting == "disable_termination"}) as server:
        client = TusClient(session, server.url)
        answer = await submit(client, f"uploads/{name}/terminate", token)
        assert answer.status == 403
        assert (await client.head(f"{server.url}{name}")).status == 200


async def test_an_owner_sees_and_ends_its_own(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    checked: dict[str, Any] = {"dashboard": True, **JWT}
    async with serving(tmp_path, storage=f"file:{tmp_path}/data", state="memory:", **checked) as server:
        client = TusClient(session, server.url)
        urls = {name: await client.create(1, **bearing(name)) for name in ("alice", "bob")}
        assert (await page(client)).status == 401
        own = await page(client, **bearing("alice"))
        assert urls["alice"].encode() in own.body
        assert urls["bob"].encode() not in own.body
        path = f"uploads/{urls['bob'].rpartition('/')[2]}/terminate"
        assert (await submit(client, path, token_in(own), **bearing("alice"))).status == 404
        assert (await submit(client, path, token_in(own), **bearing("bob"))).status == 403
        bobs = token_in(await page(client, **bearing("bob")))
        assert (await submit(client, path, bobs, **bearing("bob"))).status == 303


async def test_a_failed_delivery_is_sent_again(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    settings: dict[str, Any] = {"dashboard": True, "events_to": "http://127.0.0.1:9/", "events_schedule": "0s"}
    async with serving(tmp_path, storage=f"file:{tmp_path}/data", state="memory:", **settings) as server:
        client = TusClient(session, server.url)
        await client.create(1, b"a")
        async with session.get(f"{server.origin}/dashboard") as answer:
            await read_until(answer, "Send again")
        html = await page(client)
        assert b"have failed" in html.body
        form = r'action="/dashboard/(events/[^"]+/retry)"><input type="hidden" name="token" value="([^"]+)"'
        ((path, token), *_) = re.findall(form, html.body.decode())
        assert (await submit(client, path, token)).status == 303
        assert (await submit(client, "events/evt_x/retry", token)).status == 404


async def test_switched_off_there_is_nothing(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    async with serving(tmp_path, storage=f"file:{tmp_path}/data", state="memory:") as server:
        for path in ("/dashboard", "/dashboard/events/x/retry"):
            answer = await exchange(session, "GET", f"{server.origin}{path}", None, None)
            assert (answer.status, answer.body.partition(b":")[0]) == (404, b"not-found")
