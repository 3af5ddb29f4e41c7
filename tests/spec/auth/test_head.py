"""HEAD by the URL alone, unless `auth-head` requires a credential, tells a client what it needs to continue, and
nothing about the content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from tests.spec.auth.stock import CALLERS, Stock, alice, read, rufh, tus
from tests.support.logins import Fields, bearing
from tests.support.raw import stalled_patch
from tests.support.rufh import VERSIONS
from tests.support.sites import Site
from tests.support.tus import TusClient, encoded

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAME = {"upload_metadata": f"filename {encoded(b'secret.txt')}"}
ABOUT_CONTENT = {
    "Upload-Metadata",
    "Link",
    "Content-Type",
    "Content-Disposition",
    "ETag",
    "Repr-Digest",
    "Last-Modified",
}
STRANGERS = pytest.mark.parametrize("caller", ["none", "expired", "forged"])


def place(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that a client continues with, but not Upload-Limit: it counts down, so two answers differ."""
    return {
        name: value
        for name, value in headers.items()
        if name.startswith("Upload-") and name not in {"Upload-Metadata", "Upload-Limit"}
    }


@STRANGERS
@pytest.mark.parametrize("protocol", ["tus", "none"])
async def test_url_alone_shows_offsets_without_content(
    session: aiohttp.ClientSession, stock_owned: Stock, stock_by_url: Stock, caller: str, protocol: str
) -> None:
    options: dict[str, Any] = {"tus_resumable": "1.0.0" if protocol == "tus" else None}
    for stock in (stock_owned, stock_by_url):
        for url in (stock.open, stock.done):
            answer = await tus(session, stock.endpoint, CALLERS[caller]()).head(url, **options)
            hers = await tus(session, stock.endpoint, alice()).head(url, **options)
            assert (answer.status, place(answer.headers)) == (200, place(hers.headers))
            assert not ABOUT_CONTENT & answer.headers.keys()
            assert hers.headers["Upload-Metadata"].startswith("filename ")
        assert "Link" in hers.headers


@STRANGERS
@pytest.mark.parametrize("version", VERSIONS)
async def test_in_the_ietfs_protocol_too(
    session: aiohttp.ClientSession, stock_owned: Stock, caller: str, version: int
) -> None:
    for url in (stock_owned.open, stock_owned.done):
        answer = await _at(rufh(session, stock_owned.endpoint, CALLERS[caller]()), version).head(url)
        hers = await _at(rufh(session, stock_owned.endpoint, alice()), version).head(url)
        assert (answer.status, place(answer.headers)) == (204, place(hers.headers))
        assert not ABOUT_CONTENT & answer.headers.keys()


def _at(client: Any, version: int) -> Any:
    client.always = {**client.always, "upload_draft_interop_version": version}
    return client


@STRANGERS
async def test_it_makes_no_writer_leave(session: aiohttp.ClientSession, owned: Site, caller: str) -> None:
    """A HEAD without a good credential, where only its owner may continue an upload, tells the recorded offset and
    makes no writer leave; nor does another owner's HEAD, or a PATCH or DELETE of these callers. The owner's HEAD
    does."""
    hers, his = (tus(session, owned.server.url, bearing(subject)) for subject in ("alice", "bob"))
    stranger = tus(session, owned.server.url, CALLERS[caller]())
    url = await hers.create(9)
    async with stalled_patch(hers, url, 0, b"abc", **_fields(alice())) as writing:
        assert (await stranger.head(url)).offset == 0
        assert (await his.head(url)).status == 404
        for client, status in ((stranger, 401), (his, 404)):
            assert (await client.patch(url, 0, b"x")).status == status
            assert (await client.delete(url)).status == status
        await writing.send(b"6\r\ndefghi\r\n0\r\n\r\n")
        assert (await writing.answer()).headers["upload-offset"] == "9"
    async with stalled_patch(hers, url2 := await hers.create(9), 0, b"abc", **_fields(alice())):
        assert (await hers.head(url2)).offset == 3


def _fields(fields: Fields) -> dict[str, str]:
    return {name.lower(): value for name, value in fields.items()}


async def test_where_the_url_is_enough_it_makes_a_writer_leave(session: aiohttp.ClientSession, by_url: Site) -> None:
    """A HEAD without a credential makes a writer save and leave where the URL is enough to continue: a client whose
    connection broke has to learn the offset."""
    hers, anyone = tus(session, by_url.server.url, alice()), TusClient(session, by_url.server.url)
    url = await hers.create(6, **NAME)
    async with stalled_patch(hers, url, 0, b"abc"):
        answer = await anyone.head(url)
        assert (answer.offset, "Upload-Metadata" in answer.headers) == (3, False)
    finished = await anyone.patch(url, 3, b"def")
    assert (finished.status, finished.offset, "Link" in finished.headers) == (204, 6, False)
    assert (await anyone.get(url)).status == 401
    assert await read(hers, url) == b"abcdef"


async def test_head_needs_a_credential_where_that_is_set(session: aiohttp.ClientSession, strict: Site) -> None:
    url = await tus(session, strict.server.url, alice()).create(3, **NAME)
    for caller, challenge in (("none", "Bearer"), ("expired", 'Bearer error="invalid_token"')):
        refused = await tus(session, strict.server.url, CALLERS[caller]()).head(url)
        assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, challenge)
        refused = await rufh(session, strict.server.url, CALLERS[caller]()).head(url)
        assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, challenge)
    assert (await tus(session, strict.server.url, bearing("bob")).head(url)).status == 404
    assert (await tus(session, strict.server.url, alice()).head(url)).status == 200


async def test_unknown_upload_is_404_for_any_caller(session: aiohttp.ClientSession, owned: Site) -> None:
    for fields in (*(caller() for caller in CALLERS.values()), alice()):
        assert (await tus(session, owned.server.url, fields).head(f"{owned.server.url}{'0' * 32}")).status == 404
