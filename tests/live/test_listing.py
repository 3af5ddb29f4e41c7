"""GET /uploads of a running server."""

from __future__ import annotations

import asyncio
import base64
import csv
import io
import json
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

Row = dict[str, Any]


@pytest.fixture
async def server(start: Start, state: Mapping[str, str]) -> Server:
    server = start(listing=True, **state)
    await server.start()
    return server


async def ask(client: TusClient, query: str = "", **headers: str) -> Answer:
    url = client.url.replace("/files/", f"/uploads{query}")
    return await client.send("GET", url, None, {name.replace("_", "-"): text for name, text in headers.items()})


async def lines(client: TusClient, query: str = "", **headers: str) -> list[Row]:
    answer = await ask(client, query, **headers)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/x-ndjson"), answer
    return [json.loads(line) for line in answer.body.splitlines()]


def metadata(**values: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())


def id_of(url: str) -> str:
    return url.rpartition("/")[2]


async def test_each_upload_is_told_in_the_order_of_its_last_event(client: TusClient) -> None:
    first = await client.create(3, upload_metadata=metadata(filename="ü.txt"))
    second = await client.create(5, b"ab")
    await client.patch(first, 0, b"abc")
    *rows, end = await lines(client)
    assert [row["id"] for row in rows] == [id_of(second), id_of(first)]
    assert [(row["phase"], row["offset"], row["length"]) for row in rows] == [("open", 2, 5), ("done", 3, 3)]
    assert (rows[1]["url"], rows[1]["end"]) == (first, "finished")
    assert rows[1]["metadata"] == {"filename": "ü.txt"}
    assert rows[1]["etag"] == (await client.fetch(first)).headers["ETag"]
    assert end == {"end": {"cursor": str(rows[1]["seq"]), "count": 2}}


async def test_a_cursor_goes_on_where_a_list_ended(client: TusClient) -> None:
    assert await lines(client) == [{"end": {"cursor": "0", "count": 0}}]
    urls = [await client.create(length) for length in (1, 2, 3)]
    ids = list[str]()
    cursor = "0"
    while len(rows := await lines(client, f"?since={cursor}&limit=1")) == 2:
        ids.append(rows[0]["id"])
        cursor = rows[1]["end"]["cursor"]
    assert ids == [id_of(url) for url in urls]
    await client.patch(urls[0], 0, b"a")
    moved, end = await lines(client, f"?since={cursor}")
    assert (moved["id"], moved["phase"]) == (id_of(urls[0]), "done")
    cursor = end["end"]["cursor"]
    assert await lines(client, f"?since={cursor}") == [{"end": {"cursor": cursor, "count": 0}}]


async def test_uploads_that_are_gone_are_not_told(client: TusClient) -> None:
    stored, ended = await client.create(1), await client.create(1)
    await client.request("DELETE", ended)
    assert [row["id"] for row in (await lines(client))[:-1]] == [id_of(stored)]
    assert len(await lines(client, "?phase=gone,terminating")) == 1


FILTERS = {
    "?phase=done": "b",
    "?phase=done,open,other": "abc",
    "?phase=other": "",
    "?phase=": "",
    "?kind=partial": "c",
    "?kind=regular&phase=open": "a",
    "?kind=x": "",
    "?owner=alice": "",
    "?meta.filename=a": "a",
    "?meta.filename=b&meta.k=%C3%BC%20%26": "b",
    "?meta.filename=a&meta.k=%C3%BC%20%26": "",
    "?meta.filename=a&meta.filename=b": "",
    "?meta.other=": "",
    "?meta.empty=": "c",
    "?limit=2": "ab",
    "?limit=0": "",
    "?other=1&follow=0": "abc",
}


async def test_filters(client: TusClient) -> None:
    await client.create(1, upload_metadata=metadata(filename="a"))
    await client.create(1, b"x", upload_metadata=metadata(filename="b", k="ü &"))
    await client.create(1, upload_concat="partial", upload_metadata=f"{metadata(filename='c')},empty")
    for query, names in FILTERS.items():
        *rows, end = await lines(client, query)
        assert "".join(row["metadata"]["filename"] for row in rows) == names, query
        assert end["end"]["count"] == len(names)


async def test_csv_and_json(client: TusClient) -> None:
    await client.create(1, upload_metadata=metadata(filename="=a\r\n,b"))
    await client.create(2)
    answer = await ask(client, Accept="text/csv, */*;q=0.1")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="uploads.csv"'
    _, *rows, blank = csv.reader(io.StringIO(answer.body.decode(), newline=""), strict=True)
    assert ([row[6] for row in rows], blank) == (["'=a\r\n,b", ""], [])
    document = (await ask(client, "?format=json&limit=1", Accept="text/csv")).json
    assert document["end"] == {"cursor": str(document["uploads"][0]["seq"]), "count": 1}
    assert [row["length"] for row in document["uploads"]] == [1]
    assert (await ask(client, "?format=json&since=99")).json == {"uploads": [], "end": {"cursor": "99", "count": 0}}


UNREADABLE = ("since=x", "since=1000000000000000000", "limit=-1", "format=xml", "follow=x", "follow=1&format=csv")


async def test_what_cannot_be_read_is_refused(client: TusClient) -> None:
    for query in UNREADABLE:
        answer = await ask(client, f"?{query}", Origin="https://app.example")
        assert (answer.status, answer.body.partition(b":")[0]) == (400, b"bad-query")
        assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"


async def test_another_method_is_refused(client: TusClient) -> None:
    answer = await client.send("POST", client.url.replace("/files/", "/uploads"), b"x", {})
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, OPTIONS")


async def test_a_follower_is_told_of_each_change(client: TusClient, session: aiohttp.ClientSession) -> None:
    first = await client.create(3)
    async with session.get(client.url.replace("/files/", "/uploads?follow=1&phase=open,done")) as answer:
        rows = [json.loads(await answer.content.readline())]
        second = await client.create(5)
        rows.append(json.loads(await answer.content.readline()))
        await client.request("DELETE", second)
        await client.patch(first, 0, b"abc")
        rows.append(json.loads(await answer.content.readline()))
    lives = [(row["id"], row["phase"]) for row in rows]
    assert lives == [(id_of(first), "open"), (id_of(second), "open"), (id_of(first), "done")]
    assert sorted(seqs := [row["seq"] for row in rows]) == seqs


async def test_a_follower_gets_heartbeats_and_a_limit(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    """A follower gets blank lines as heartbeats; its response ends after `limit` rows, without a line of the end."""
    watched: dict[str, Any] = {"listing": True, "live_heartbeat": "100ms"}
    async with serving(tmp_path, storage=f"file:{tmp_path}/data", state="memory:", **watched) as server:
        client = TusClient(session, server.url)
        async with session.get(f"{server.origin}/uploads?follow=1&limit=1") as answer:
            assert [await answer.content.readline() for _ in range(2)] == [b"\n", b"\n"]
            url = await client.create(1)
            rows = [json.loads(line) for line in (await answer.content.read()).splitlines() if line]
        assert [row["id"] for row in rows] == [id_of(url)]


async def test_a_shutdown_ends_followers(server: Server, session: aiohttp.ClientSession) -> None:
    async with session.get(f"{server.origin}/uploads?follow=1") as answer:
        assert answer.status == 200
        async with asyncio.timeout(30):
            assert await server.stop() == 0
        assert await answer.content.read() == b""


async def test_switched_off_there_is_nothing(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    async with serving(tmp_path, storage=f"file:{tmp_path}/data", state="memory:") as server:
        answer = await exchange(session, "GET", f"{server.origin}/uploads", None, None)
    assert (answer.status, answer.body.partition(b":")[0]) == (404, b"not-found")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


async def test_an_owner_sees_its_own(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    checked: dict[str, Any] = {"listing": True, **JWT}
    async with serving(tmp_path, storage=f"file:{tmp_path}/data", state="memory:", **checked) as server:
        client = TusClient(session, server.url)
        urls = {name: await client.create(1, **bearing(name)) for name in ("alice", "bob")}
        assert (await ask(client)).status == 401
        for query, ids in {
            "": [id_of(urls["alice"])],
            "?owner=bob": [],
            "?owner=alice": [id_of(urls["alice"])],
        }.items():
            rows = (await lines(client, query, **bearing("alice")))[:-1]
            assert [row["id"] for row in rows] == ids
