"""The audit: an event for each creation, finish and end of an upload, and with `log-audit` for each download and
refusal. It has the address of the client that caused it, as the server determines that behind a proxy."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.support.raw import connected
from tests.support.sites import Site
from tests.support.tus import TusClient, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

CLIENT = "203.0.113.7"
Event = dict[str, Any]


def fresh_client() -> dict[str, str]:
    """Return the headers of a request that comes from the address `CLIENT` through a proxy, with a unique request
    id."""
    return {"x_forwarded_for": f"198.51.100.1, {CLIENT}", "x_request_id": uuid4().hex}


def events(site: Site, belongs: Callable[[Event], bool]) -> list[Event]:
    """Return the events of the audit that `belongs` selects, without the fields `timestamp`, `logger` and `level`."""
    lines = [json.loads(line) for line in site.server.log().splitlines() if line.startswith("{")]
    entries = [line for line in lines if line["logger"] == "tusd_py.audit" and belongs(line)]
    return [{name: line[name] for name in line if name not in {"timestamp", "logger", "level"}} for line in entries]


def of_request(site: Site, headers: dict[str, str]) -> list[Event]:
    return events(site, lambda event: event.get("request_id") == headers["x_request_id"])


def caller(headers: dict[str, str], method: str) -> Event:
    return {"method": method, "address": CLIENT, "request_id": headers["x_request_id"]}


def id_of(url: str) -> str:
    return url.rpartition("/")[2]


async def test_creating_and_finishing_say_who_did_it(tus: TusClient, audited: Site) -> None:
    first, last = fresh_client(), fresh_client()
    url = await tus.create(5, b"he", **first)
    await tus.patch(url, 2, b"llo", **last)
    upload = {"id": id_of(url), "kind": "regular", "length": 5}
    assert of_request(audited, first) == [{"event": "upload created", **upload, "offset": 0, **caller(first, "POST")}]
    assert of_request(audited, last) == [{"event": "upload finished", **upload, "offset": 5, **caller(last, "PATCH")}]


async def test_termination_names_client_and_overriding_method(tus: TusClient, audited: Site) -> None:
    url, client = await tus.create(5), fresh_client()
    assert (await tus.request("POST", url, **client, x_http_method_override="DELETE")).status == 204
    (event,) = of_request(audited, client)
    assert event.items() >= {"event": "upload terminated", "id": id_of(url), **caller(client, "DELETE")}.items()


@pytest.mark.parametrize(("headers", "status", "sent_bytes"), [({}, 200, 5), ({"range": "bytes=1-2"}, 206, 2)])
async def test_a_download_says_who_got_how_much(
    tus: TusClient, audited: Site, headers: dict[str, str], status: int, sent_bytes: int
) -> None:
    url, client = await tus.create(5, b"hello"), fresh_client()
    await tus.get(url, **client, **headers)
    expected = {"event": "upload downloaded", "id": id_of(url), "status": status, "sent": sent_bytes, "complete": True}
    await until(lambda: is_logged(audited, client))
    assert of_request(audited, client) == [{**expected, **caller(client, "GET")}]


async def is_logged(site: Site, headers: dict[str, str]) -> bool:
    """Return True if the audit has a line about the request with these headers: it may come after the answer."""
    return bool(of_request(site, headers))


REFUSED: list[tuple[str, dict[str, object], int, str | None]] = [
    ("POST", {"upload_length": 1001}, 413, "too-large"),
    ("POST", {"upload_length": "x"}, 400, "malformed"),
    ("POST", {"upload_length": 5, "tus_resumable": "0.1"}, 412, "unsupported-version"),
    ("POST", {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"}, 403, "forbidden"),
    ("PUT", {}, 405, "method-not-allowed"),
]


@pytest.mark.parametrize(("method", "headers", "status", "code"), REFUSED)
async def test_a_refusal_says_why_and_to_whom(
    tus: TusClient, audited: Site, method: str, headers: dict[str, object], status: int, code: str | None
) -> None:
    client = fresh_client()
    assert (await tus.request(method, tus.url, **client, **headers)).status == status
    assert of_request(audited, client) == [
        {"event": "request refused", "status": status, "code": code, **caller(client, method)}
    ]


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE", "GET"])
async def test_a_refusal_names_the_upload_that_was_asked_for(tus: TusClient, audited: Site, method: str) -> None:
    client, missing = fresh_client(), uuid4().hex
    headers = {"upload_offset": 0, "content_type": "application/offset+octet-stream"} if method == "PATCH" else {}
    assert (await tus.request(method, tus.url + missing, **client, **headers)).status == 404
    expected = {"event": "request refused", "id": missing, "status": 404, "code": "not-found"}
    assert of_request(audited, client) == [{**expected, **caller(client, method)}]


async def test_404_and_416_are_refusals(tus: TusClient, audited: Site) -> None:
    nowhere, beyond = fresh_client(), fresh_client()
    await tus.get(tus.url + "a/b/c", **nowhere)
    await tus.get(await tus.create(5, b"hello"), range="bytes=9-", **beyond)
    assert [event["status"] for event in of_request(audited, nowhere)] == [404]
    assert [event["status"] for event in of_request(audited, beyond)] == [416]


async def test_successful_requests_are_no_refusals(tus: TusClient, audited: Site) -> None:
    client = fresh_client()
    await tus.head(await tus.create(5), **client)
    await tus.options(**client)
    await tus.get(f"{audited.server.origin}/readyz", **client)
    assert of_request(audited, client) == []


async def test_an_upload_whose_time_is_up_has_no_address(tus: TusClient, audited: Site) -> None:
    url = await tus.create(5, **fresh_client())

    def ended() -> list[Event]:
        return events(audited, lambda event: (event["event"], event.get("id")) == ("upload expired", id_of(url)))

    async def expired() -> bool:
        return bool(ended())

    await until(expired, 60)
    expected = {"event": "upload expired", "id": id_of(url), "kind": "regular", "offset": 0, "length": 5}
    assert ended() == [{**expected, "reason": "expired"}]


@pytest.mark.parametrize("address", ["", "a\tstatus=200", "x" * 2000, "1.2.3.4 id=0"])
async def test_an_address_that_a_proxy_can_not_know_is_the_peers(tus: TusClient, audited: Site, address: str) -> None:
    client = {"x_forwarded_for": address, "x_request_id": uuid4().hex}
    await tus.head(tus.url + "0" * 32, **client)
    assert [event["address"] for event in of_request(audited, client)] == ["127.0.0.1"]


async def test_a_method_of_a_clients_own_is_not_repeated(tus: TusClient, audited: Site) -> None:
    client = fresh_client()
    await tus.request("POST", tus.url, **client, x_http_method_override="BREW")
    await tus.request("POST", tus.url, **client, x_http_method_override="BREW id=0")
    assert [event["method"] for event in of_request(audited, client)] == ["other", "POST"]


async def test_request_without_id_has_an_address_only(tus: TusClient, audited: Site) -> None:
    missing = uuid4().hex
    await tus.head(tus.url + missing)
    (event,) = events(audited, lambda event: event.get("id") == missing)
    assert (event["address"], "request_id" in event) == ("127.0.0.1", False)


async def test_downloads_and_refusals_are_told_only_where_that_is_set(tus_plain: TusClient, plain: Site) -> None:
    client, got = fresh_client(), fresh_client()
    url = await tus_plain.create(5, b"hello", **client)
    assert await tus_plain.content(url) == b"hello"
    await tus_plain.get(url + "0", **got)
    assert [event["event"] for event in of_request(plain, client)] == ["upload created", "upload finished"]
    assert of_request(plain, got) == []
    assert (await tus_plain.delete(url)).status == 204
    assert "downloaded" not in plain.server.log()


async def test_a_proxy_that_is_not_trusted_is_named_once(tus_stranger: TusClient, stranger: Site) -> None:
    for family in ("x_forwarded_for", "forwarded", "x_forwarded_host"):
        await tus_stranger.post(upload_length=5, **{family: "for=1.2.3.4"})
    lines = [json.loads(line) for line in stranger.server.log().splitlines() if "proxy not trusted" in line]
    assert [(line["level"], line["address"]) for line in lines] == [("warning", "127.0.0.1")]
    assert "trusted-proxies" in lines[0]["reason"]


async def test_trusted_proxies_cause_no_warning(tus: TusClient, audited: Site) -> None:
    await tus.create(5, **fresh_client())
    await tus.create(5)
    assert "proxy not trusted" not in audited.server.log()


async def test_a_request_that_breaks_off_leaves_no_refusal(tus: TusClient, audited: Site) -> None:
    url, client = await tus.create(100), fresh_client()
    async with connected(tus.port) as connection:
        await connection.patch(url, 0, b"x", content_length=100, **client)
        await until(lambda: taking(tus, 1))
    await until(lambda: taking(tus, 0))
    assert of_request(audited, client) == []


async def taking(tus: TusClient, bodies: int) -> bool:
    return await tus.metric("uploads_in_flight") == bodies
