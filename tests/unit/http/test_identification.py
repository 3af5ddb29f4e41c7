"""Which requests have their credential checked, how often, and what happens if the credential isn't good."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDict

from tusd_py import create_app
from tusd_py.config import load_settings
from tusd_py.domain.caller import Caller
from tusd_py.domain.principal import Principal
from tusd_py.domain.refusals import Forbidden, Refusal
from tusd_py.domain.rights import Rights
from tusd_py.http.concurrency import Concurrency, ConcurrencyLimits
from tusd_py.http.context import CONTEXT

Client = TestClient[web.Request, web.Application]
TUS = {"Tus-Resumable": "1.0.0"}
CREATION = {**TUS, "Upload-Length": "3", "Content-Type": "application/offset+octet-stream"}


class Guests:
    """An authenticator that identifies every client as the same guest, or raises `refusal` if that is set."""

    def __init__(self) -> None:
        self.callers = list[Caller]()
        self.refusal: Refusal | None = None

    async def identify(self, caller: Caller) -> Principal:
        self.callers.append(caller)
        if self.refusal is not None:
            raise self.refusal
        return Principal(subject="guest")

    async def aclose(self) -> None:
        """Do nothing: `Guests` opens nothing."""


@pytest.fixture
def guests() -> Guests:
    return Guests()


@pytest.fixture
async def client(guests: Guests, tmp_path: Path) -> AsyncIterator[Client]:
    app = create_app(load_settings({"state": "memory:", "storage": f"file:{tmp_path}"}, None, {}))

    async def admit_guests(app: web.Application) -> None:
        context = app[CONTEXT]
        engine = replace(context.engine, rights=Rights(authenticating=True))
        app[CONTEXT] = replace(context, engine=engine, authenticator=guests)

    app.on_startup.append(admit_guests)
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_each_request_for_uploads_is_checked_once(client: Client, guests: Guests) -> None:
    async with client.post("/files/", headers=CREATION, data=b"abc") as created:
        assert created.status == 201
        url, link = created.headers["Location"], created.headers["Link"].partition(">")[0][1:]
    for method in ("HEAD", "GET", "DELETE"):
        async with client.session.request(method, url, headers=TUS) as answer:
            assert answer.status < 300
    assert [caller.method for caller in guests.callers] == ["POST", "HEAD", "GET", "DELETE"]
    assert {caller.endpoint for caller in guests.callers} == {url.rpartition("/")[0] + "/"}
    assert link


async def test_preflights_and_reading_links_are_not_checked(client: Client, guests: Guests) -> None:
    async with client.post("/files/", headers=CREATION, data=b"abc") as created:
        link = created.headers["Link"].partition(">")[0][1:]
    guests.callers.clear()
    guests.refusal = Forbidden("not you")
    for method, url in (("OPTIONS", created.headers["Location"]), ("GET", link), ("HEAD", link), ("GET", "/healthz")):
        async with client.session.request(method, client.make_url(url) if url[0] == "/" else url) as answer:
            assert answer.status < 300
    assert guests.callers == []


async def test_a_refusal_waits_until_a_right_is_asked_for(client: Client, guests: Guests) -> None:
    async with client.post("/files/", headers=CREATION, data=b"abc") as created:
        url = created.headers["Location"]
    guests.refusal = Forbidden("not you")
    async with client.session.head(url, headers=TUS) as answer:
        assert (answer.status, "Link" in answer.headers) == (200, False)
    async with client.session.get(url) as answer:
        assert (answer.status, await answer.text()) == (403, "forbidden: not you\n")


async def test_a_target_that_is_a_url_is_told_as_its_path(client: Client, guests: Guests) -> None:
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(b"HEAD http://up.example:81/files/%61?b=%2f HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    await reader.read()
    writer.close()
    assert [(caller.target, caller.endpoint) for caller in guests.callers] == [
        ("/files/%61?b=%2f", "http://up.example:81/files/")
    ]


@pytest.mark.parametrize("lines", [("HEAD", "DELETE"), ("DELETE, HEAD",), ("\udcff",), ("",), ("A" * 1000,)])
async def test_text_that_is_not_one_method_is_refused(client: Client, guests: Guests, lines: tuple[str, ...]) -> None:
    """An X-HTTP-Method-Override that isn't one name of a method, of 32 letters at most, is refused with 400 `malformed`
    before the credential is checked: an authentication server would be told the method."""
    async with client.post("/files/", headers=CREATION) as created:
        url = created.headers["Location"]
    guests.callers.clear()
    fields = [*TUS.items(), *(("X-HTTP-Method-Override", line) for line in lines)]
    async with client.session.post(url, headers=CIMultiDict(fields)) as answer:
        assert (answer.status, (await answer.text())[:11]) == (400, "malformed: ")
    assert guests.callers == []


async def test_options_as_an_override_are_answered_as_options(client: Client) -> None:
    """A POST that is overridden to OPTIONS is a 204 without Tus-Resumable, and doesn't count for the client's limit of
    requests."""
    assert client.app is not None
    context = client.app[CONTEXT]
    full = replace(context, concurrency=Concurrency(ConcurrencyLimits(client_requests=0)))
    client.app._state[CONTEXT] = full
    async with client.post("/files/", headers={**TUS, "X-HTTP-Method-Override": "OPTIONS"}) as answer:
        assert answer.status == 204
        assert "Tus-Resumable" not in answer.headers
