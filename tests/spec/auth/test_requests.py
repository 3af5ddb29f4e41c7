"""Requests with credentials: refusals come before the body is read, logs name the owner, and the answer is 503 while a
credential can't be checked."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
import pytest

from tests.spec.auth.conftest import KEY
from tests.spec.auth.stock import CALLERS, Stock, alice, read, rufh, tus
from tests.support.credentials import SECRET, signing_key
from tests.support.direct import DirectClient
from tests.support.logins import JWT, bearing
from tests.support.raw import connected
from tests.support.rufh import PARTIAL, problem
from tests.support.server import Server, serving
from tests.support.sites import Site
from tests.support.tus import OCTETS, TusClient, encoded, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

WITH_KEY = {"X-Api-Key": KEY}


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("protocol", ["tus", "IETF"])
async def test_no_byte_is_asked_for_before_a_refusal(
    stock_owned: Stock, caller: str, method: str, protocol: str
) -> None:
    if (caller, method) == ("bob", "POST"):
        return
    url = stock_owned.endpoint if method == "POST" else stock_owned.open
    usual: dict[str, object] = (
        {"upload_length": 9, "content_type": OCTETS} if method == "POST" else {"content_type": OCTETS}
    )
    if protocol == "IETF":
        kind = {"content_type": PARTIAL} if method == "PATCH" else {}
        usual = {"tus_resumable": None, "upload_draft_interop_version": 8, "upload_complete": "?0", **kind}
    fields = {name.lower(): value for name, value in CALLERS[caller]().items()}
    async with connected(urlsplit(url).port or 80) as connection:
        headers = {"upload_offset": 3, "content_length": 3, "expect": "100-continue", **usual, **fields}
        await connection.head(method, url, **headers)
        assert (await connection.answer()).status == (404 if caller == "bob" else 401)


async def test_the_ietfs_refusals_are_problems_with_the_same_codes(
    session: aiohttp.ClientSession, stock_owned: Stock
) -> None:
    refusal = problem(await rufh(session, stock_owned.endpoint, {}).begin(b"abc"))
    assert (refusal["status"], refusal["code"]) == (401, "unauthenticated")
    refusal = problem(await rufh(session, stock_owned.endpoint, bearing("bob")).get(stock_owned.open))
    assert (refusal["status"], refusal["code"]) == (404, "not-found")


async def test_what_cannot_be_checked_now_is_503_and_keeps_the_place(
    session: aiohttp.ClientSession, away: Site, stock_owned: Stock
) -> None:
    token = {"Authorization": f"Bearer {signing_key().token()}"}
    client = tus(session, away.server.url, token)
    refused = await client.post(upload_length=3)
    assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
    assert refused.body.startswith(b"auth-unavailable: ")
    refusal = await rufh(session, away.server.url, token).begin(b"abc")
    assert (refusal.status, problem(refusal)["code"], "Retry-After" in refusal.headers) == (
        503,
        "auth-unavailable",
        True,
    )
    url = await tus(session, away.server.url, alice()).create(3)
    assert (await client.patch(url, 0, b"abc")).status == 503
    assert (await client.head(url)).status == 200
    assert (await TusClient(session, away.server.url).post(upload_length=3)).status == 401
    assert stock_owned.endpoint != away.server.url


async def test_an_application_creates_and_its_page_goes_on_by_the_url(
    session: aiohttp.ClientSession, by_url: Site
) -> None:
    url = await tus(session, by_url.server.url, WITH_KEY).create(6)
    page = TusClient(session, by_url.server.url)
    assert (await page.patch(url, 0, b"abc")).offset == 3
    assert await page.offset(url) == 3
    assert (await page.patch(url, 3, b"def")).offset == 6
    assert (await page.get(url)).status == (await page.delete(url)).status == 401
    assert (await tus(session, by_url.server.url, alice()).get(url)).status == 404
    owner = tus(session, by_url.server.url, WITH_KEY)
    link = (await owner.head(url)).headers["Link"].partition(">")[0][1:]
    assert await read(owner, url) == await read(page, link) == b"abcdef"
    assert (await owner.delete(url)).status == 204


async def test_partials_of_another_owner_are_not_there(session: aiohttp.ClientSession, owned: Site) -> None:
    hers, his = (tus(session, owned.server.url, bearing(subject)) for subject in ("alice", "bob"))
    [partial] = await hers.partials(b"abc")
    refused = await his.final(partial)
    assert (refused.status, refused.body) == (400, b"malformed: Upload-Concat names an upload that is not here\n")
    assert (await hers.final(partial)).status == 201


async def test_a_direct_upload_is_owned_and_continued_by_its_id(session: aiohttp.ClientSession, by_url: Site) -> None:
    async with aiohttp.ClientSession(headers=alice()) as hers:
        upload = await DirectClient(hers, by_url.server.url).begin()
    page = DirectClient(session, by_url.server.url)
    done = await page.complete(upload, await page.parts(upload, b"abc"))
    assert done.status == 200
    assert (await page.request("GET", done.json["location"])).status == 401
    assert await read(tus(session, by_url.server.url, alice()), done.json["location"]) == b"abc"


async def test_log_lines_name_the_owner_and_no_credential(session: aiohttp.ClientSession, owned: Site) -> None:
    client, fields = tus(session, owned.server.url, bearing("carol")), bearing("carol")
    url = await client.create(3, b"abc")
    assert (await client.patch(url, 7, b"x")).status == 409
    assert (await TusClient(session, f"{owned.server.url}?token=hidden").post(upload_length=1)).status == 401
    lines = [json.loads(line) for line in owned.server.log().splitlines() if line.startswith("{")]
    events = [(line["event"], line.get("code")) for line in lines if line.get("owner") == "carol"]
    assert events == [("upload created", None), ("upload finished", None), ("request refused", "offset-mismatch")]
    assert fields["Authorization"].partition(" ")[2] not in owned.server.log()
    assert "hidden" not in owned.server.log()


async def test_the_owner_is_on_the_record(session: aiohttp.ClientSession, owned: Site) -> None:
    url = await tus(session, owned.server.url, alice()).create(3)
    outcome = await owned.server.command("uploads", "show", url.rpartition("/")[2])
    assert json.loads(outcome.out)["owner"] == "alice"
    ended = await owned.server.command("uploads", "terminate", url.rpartition("/")[2])
    assert ended.code == 0, ended


async def test_what_a_key_allows_limits_what_is_made_with_it(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    policy = "max-size=10,types=image/* text/plain,quota-rate=3/h"
    (tmp_path / "keys").write_text(f"app:{sha256(KEY.encode()).hexdigest()}:{policy}\n")
    async with serving(tmp_path, auth="api-key", auth_keys_file=tmp_path / "keys") as server:
        await _is_limited(session, server)


async def _is_limited(session: aiohttp.ClientSession, server: Server) -> None:
    client, png = tus(session, server.url, WITH_KEY), {"upload_metadata": f"filetype {encoded(b'image/png')}"}
    assert (await client.post(upload_length=11, **png)).status == 413
    refused = await client.post(upload_length=1)
    assert (refused.status, refused.body.partition(b":")[0]) == (415, b"type-not-allowed")
    url = await client.create(None, **png)
    page = TusClient(session, server.url)
    assert (await page.patch(url, 0, b"abc")).offset == 3
    assert (await page.patch(url, 3, b"defghijk")).status == 413
    assert (await page.patch(url, 3, b"d", upload_length=11)).status == 413
    assert (await page.patch(url, 3, b"defghij", upload_length=10)).offset == 10
    ietf = rufh(session, server.url, WITH_KEY)
    assert (await ietf.begin(b"abc", content_type="video/mp4")).status == 415
    assert (await ietf.begin(b"abc", content_type="text/plain")).status == 201
    await client.create(1, **png)
    refused = await client.post(upload_length=1, **png)
    assert (refused.status, refused.body.partition(b":")[0]) == (429, b"too-many-requests")
    assert 0 < int(refused.headers["Retry-After"]) <= 1200


async def test_a_key_without_the_scope_is_403(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"app:{sha256(KEY.encode()).hexdigest()}:scopes=tokens\n")
    async with serving(tmp_path, auth="api-key", auth_keys_file=tmp_path / "keys") as server:
        refused = await tus(session, server.url, WITH_KEY).post(upload_length=1)
        assert (refused.status, refused.body.partition(b":")[0]) == (403, b"insufficient-scope")
        assert refused.headers["Tus-Resumable"] == "1.0.0"


async def test_a_key_prefix_comes_before_the_names_of_files(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"app:{sha256(KEY.encode()).hexdigest()}:key-prefix=team/a-\n")
    settings: dict[str, Any] = {"auth": "api-key,token", "auth_token_secret": SECRET}
    async with serving(tmp_path, auth_keys_file=tmp_path / "keys", **settings) as server:
        application = tus(session, server.url, WITH_KEY)
        answer = await application.request("POST", urljoin(server.url, "/tokens"), b'{"key": "b/c"}')
        token = {"Authorization": f"Bearer {json.loads(answer.body)['token']}"}
        for fields in (WITH_KEY, token):
            url = await tus(session, server.url, fields).create(3, b"abc")
            name = url.removeprefix(server.url)
            assert (tmp_path / "data" / f"team/a-{name}").read_bytes() == b"abc"
        assert name == "b/c"


async def test_the_same_name_in_another_tenant_is_another_owner(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    settings: dict[str, Any] = {**JWT, "auth_tenant_claim": "org"}
    async with serving(tmp_path, **settings) as server:
        url = await tus(session, server.url, bearing("ann", org="acme")).create(3, b"abc")
        for tenant, status in (({"org": "other"}, 404), ({}, 404), ({"org": "acme"}, 200)):
            assert (await tus(session, server.url, bearing("ann", **tenant)).get(url)).status == status


async def test_an_upload_outlives_an_expired_credential(session: aiohttp.ClientSession, owned: Site) -> None:
    """A PATCH with an expired credential answers 401 and changes nothing; with a good one, the upload goes on."""
    client = tus(session, owned.server.url, alice())
    url = await client.create(6)
    expired = tus(session, owned.server.url, CALLERS["expired"]())
    assert (await client.patch(url, 0, b"abc")).offset == 3
    assert (await expired.patch(url, 3, b"def")).status == 401
    assert await expired.offset(url) == 3
    assert (await client.patch(url, 3, b"def")).offset == 6

    async def logged() -> bool:
        return '"code": "unauthenticated"' in owned.server.log()

    await until(logged)
