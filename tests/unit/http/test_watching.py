"""The callers that may list or watch uploads without naming one, and the queries of these requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tests.unit.http.test_identification import Guests
from tusd_py import create_app
from tusd_py.config import load_settings
from tusd_py.domain.access_refusals import InsufficientScope
from tusd_py.domain.principal import CREATE, LIST, READ, UPLOAD, WATCH, Principal
from tusd_py.domain.rights import Watcher, watcher
from tusd_py.http.context import CONTEXT, Context
from tusd_py.http.handlers.plain_refusals import ABSENT, plain_route
from tusd_py.http.handlers.queries import read_choice, read_flag, read_number
from tusd_py.http.handlers.watching import watcher_of

Client = TestClient[web.Request, web.Application]


async def _tell(request: web.Request, context: Context) -> web.StreamResponse:
    since, limit = read_number(request, "since", 7), read_number(request, "limit", 1, maximum=1000)
    values = [since, limit, read_flag(request, "follow"), read_choice(request, "format", ("csv", "json"))]
    return web.json_response([watcher_of(request, context).sees_all, *values])


async def client_of(directory: Path, guests: Guests | None = None, **settings: str) -> Client:
    app = create_app(load_settings({"state": "memory:", "storage": f"file:{directory}", **settings}, None, {}))
    app.router.add_route("*", "/told", plain_route(GET=_tell).answer)
    app.router.add_route("*", "/off", ABSENT.answer)

    async def admit(app: web.Application) -> None:
        app[CONTEXT] = replace(app[CONTEXT], authenticator=guests)

    app.on_startup.append(admit)
    client = TestClient[web.Request, web.Application](TestServer(app))
    await client.start_server()
    return client


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    client = await client_of(tmp_path)
    yield client
    await client.close()


async def text(client: Client, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    async with client.request(method, path, headers=headers) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("", "[true, 7, 1, false, null]"),
        ("?since=42&limit=1001&follow=1&format=csv&other=x", '[true, 42, 1000, true, "csv"]'),
        ("?since=999999999999999999&since=x&follow=0", "[true, 999999999999999999, 1, false, null]"),
    ],
)
async def test_a_query_is_read(client: Client, query: str, values: str) -> None:
    assert await text(client, f"/told{query}") == (200, values)


UNREADABLE = ("since=", "since=-1", "since=1e3", "since=+1", "since=٣", f"since={10**18}", "limit=x")
UNKNOWN = ("follow=yes", "follow=", "format=", "format=xml")


@pytest.mark.parametrize("query", [*UNREADABLE, *UNKNOWN])
async def test_a_value_that_cannot_be_read_is_refused(client: Client, query: str) -> None:
    status, words = await text(client, f"/told?{query}")
    assert (status, words[:11]) == (400, "bad-query: ")


async def test_other_methods_are_refused_and_preflights_are_answered(client: Client) -> None:
    async with client.post("/told", data=b"x" * 1000) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, OPTIONS")
        assert (await answer.text()).startswith("method-not-allowed: ")
    headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
    async with client.options("/told", headers=headers) as answer:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, "https://app.example")
    assert (await text(client, "/off"))[0] == 404
    assert (await text(client, "/off"))[1].startswith("not-found: ")


@pytest.mark.parametrize("base_path", ["/", "/uploads/"])
async def test_a_list_that_is_off_leaves_its_path_to_the_base_path(tmp_path: Path, base_path: str) -> None:
    client = await client_of(tmp_path, base_path=base_path)
    try:
        headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "1"}
        async with client.post(base_path.rstrip("/") or "/", headers=headers) as answer:
            assert answer.status == 201
        assert (await text(client, "/uploads", "OPTIONS"))[0] == 204
    finally:
        await client.close()


FOR = "X-Forwarded-For"
AUTO = {"behind_proxy": "on"}
PROXIED = {**AUTO, "allowed_hosts": "uploads.example"}
OTHER = {**AUTO, "proxy_headers": "forwarded"}


@pytest.mark.parametrize(
    ("settings", "headers", "status"),
    [
        ({}, {}, 200),
        ({"host": "0.0.0.0"}, {}, 401),
        ({"host": "127.0.0.1,192.0.2.1"}, {}, 401),
        (AUTO, {}, 200),
        (AUTO, {FOR: "127.0.0.1"}, 200),
        (AUTO, {FOR: "203.0.113.9"}, 401),
        (AUTO, {"Forwarded": 'for="[::1]"'}, 200),
        (AUTO, {"Forwarded": 'for="[::1], for=203.0.113.9'}, 401),
        (AUTO, {"Forwarded": "for=203.0.113.9", "X-Forwarded-Foo": "1"}, 401),
        (AUTO, {"Forwarded": "for=203.0.113.9", FOR: "127.0.0.1"}, 401),
        (AUTO, {"X-Forwarded-Proto": "https"}, 401),
        (OTHER, {FOR: "127.0.0.1"}, 401),
        (OTHER, {FOR: "203.0.113.9", "Forwarded": "for=127.0.0.1"}, 200),
        ({"behind_proxy": "off"}, {FOR: "127.0.0.1"}, 401),
        ({"behind_proxy": "off"}, {FOR: "203.0.113.9"}, 401),
    ],
)
async def test_without_authentication_clients_of_this_machine_see_all(
    tmp_path: Path, settings: dict[str, str], headers: dict[str, str], status: int
) -> None:
    client = await client_of(tmp_path, None, **settings)
    try:
        assert (await text(client, "/told", **headers))[0] == status
    finally:
        await client.close()


PAGE = "https://page.example"
NAMED = {"cors_allow_origin": "https://page\\.example"}
SITE, DEST = "Sec-Fetch-Site", "Sec-Fetch-Dest"


@pytest.mark.parametrize(
    ("settings", "headers", "status"),
    [
        ({}, {"Origin": "OWN", SITE: "same-origin"}, 200),
        ({}, {"Origin": PAGE, SITE: "cross-site"}, 401),
        ({}, {"Origin": PAGE}, 200),
        ({}, {"Origin": "http://localhost:1", SITE: "same-site"}, 200),
        ({}, {"Origin": "null", SITE: "cross-site"}, 401),
        (NAMED, {"Origin": PAGE, SITE: "cross-site"}, 200),
        (NAMED, {"Origin": "https://other.example", SITE: "cross-site"}, 401),
        ({}, {SITE: "same-origin"}, 200),
        ({}, {SITE: "none", DEST: "document"}, 200),
        ({}, {SITE: "cross-site", DEST: "document"}, 200),
        ({}, {SITE: "cross-site", DEST: "image"}, 401),
        ({}, {SITE: "cross-site", DEST: "iframe"}, 401),
    ],
)
async def test_without_authentication_pages_of_other_sites_see_none(
    tmp_path: Path, settings: dict[str, str], headers: dict[str, str], status: int
) -> None:
    client = await client_of(tmp_path, None, **settings)
    try:
        own = str(client.make_url("")).rstrip("/")
        fields = {name: value.replace("OWN", own) for name, value in headers.items()}
        assert (await text(client, "/told", **fields))[0] == status
    finally:
        await client.close()


@pytest.mark.parametrize(
    ("settings", "headers", "status"),
    [
        ({}, {"Host": "localhost:8080"}, 200),
        ({}, {"Host": "uploads.localhost"}, 200),
        ({}, {"Host": "localhost."}, 200),
        ({}, {"Host": "[::1]:8080"}, 200),
        ({}, {"Host": "evil.example:8080"}, 401),
        ({}, {"Host": "notlocalhost"}, 401),
        ({"allowed_hosts": "uploads.example"}, {"Host": "uploads.example"}, 200),
        (AUTO, {"X-Forwarded-Host": "evil.example", FOR: "127.0.0.1"}, 401),
        (AUTO, {"X-Forwarded-Host": "localhost", FOR: "127.0.0.1"}, 200),
        (AUTO, {"X-Forwarded-Host": "localhost", FOR: "127.0.0.1", "Host": "evil.example"}, 401),
        (AUTO, {"Forwarded": "for=127.0.0.1;host=localhost", "Host": "evil.example"}, 401),
        (PROXIED, {"X-Forwarded-Host": "uploads.example", FOR: "127.0.0.1"}, 200),
        (PROXIED, {"X-Forwarded-Host": "uploads.example", FOR: "127.0.0.1", "Host": "evil.example"}, 401),
    ],
)
async def test_without_authentication_the_host_is_this_machine(
    tmp_path: Path, settings: dict[str, str], headers: dict[str, str], status: int
) -> None:
    """Without authentication, the host of a request, as sent and as a trusted proxy reports it, must be an IP address,
    localhost, a name below it or one of `allowed-hosts`, else 401: another site's name may have this machine's
    address."""
    client = await client_of(tmp_path, None, **settings)
    try:
        answer = await text(client, "/told", **headers)
        assert (answer[0], "the host must be an IP address, localhost or" in answer[1]) == (status, status == 401)
    finally:
        await client.close()


async def test_a_refused_page_is_told_of_nothing_but_the_refusal(client: Client) -> None:
    async with client.get("/told", headers={"Origin": PAGE, SITE: "cross-site"}) as answer:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (401, PAGE)
        assert (await answer.text()).startswith("unauthenticated: ")


async def test_a_credential_decides_where_credentials_are_checked(tmp_path: Path) -> None:
    client = await client_of(tmp_path, Guests(), host="0.0.0.0")
    try:
        assert (await text(client, "/told"))[1].startswith("[false, ")
    finally:
        await client.close()


def test_a_watcher_sees_its_own_and_with_the_scope_all() -> None:
    alice = watcher(Principal(subject="alice"))
    assert [alice.sees(owner, None) for owner in ("alice", "bob", None)] == [True, False, False]
    assert not alice.sees("alice", "acme")
    tenants = watcher(Principal(subject="alice", tenant="acme"))
    assert (tenants.sees("alice", "acme"), tenants.sees("alice", None)) == (True, False)
    assert (alice.account, tenants.account, Watcher().account) == ("alice", "acme/alice", "")
    operator = watcher(Principal(subject="operator", scopes=frozenset({LIST})))
    assert operator.account is None
    assert [operator.sees(owner, None) for owner in ("alice", "operator", None)] == [True, True, True]
    assert not Watcher().sees(None, None)
    assert watcher(Principal(subject=None, scopes=frozenset({UPLOAD}))) == Watcher()


@pytest.mark.parametrize("scope", [CREATE, WATCH, READ])
def test_an_upload_token_sees_nothing(scope: str) -> None:
    with pytest.raises(InsufficientScope):
        watcher(Principal(subject="alice", scopes=frozenset({scope})))
