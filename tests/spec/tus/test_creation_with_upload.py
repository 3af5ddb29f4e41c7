"""Creation with bytes in the request (tus 1.0, creation-with-upload)."""

from __future__ import annotations

import os
import re

import pytest

from tests.support.raw import chunked, connected
from tests.support.sites import Site
from tests.support.tus import OCTETS, TusClient

pytestmark = pytest.mark.asyncio(loop_scope="session")

MIB = 1024 * 1024


def last_created(site: Site, tus: TusClient) -> str:
    """Return the URL of the upload created last, as the server's log has it: for a client that never learned the
    URL."""
    ids = re.findall(r"upload created +\[tusd_py.audit\].* id=(\w+)", site.server.log())
    return f"{tus.url}{ids[-1]}"


async def test_t47_post_with_bytes_returns_their_offset(tus: TusClient) -> None:
    answer = await tus.post(b"abc", upload_length=10, content_type=OCTETS)
    assert (answer.status, answer.offset) == (201, 3)
    assert await tus.offset(answer.url) == 3


async def test_t48_cut_post_keeps_its_bytes(site: Site, tus_on: TusClient) -> None:
    """A POST whose connection ends in mid-body keeps the bytes that came, although its client never got the URL."""
    async with connected(tus_on.port) as connection:
        await connection.head("POST", tus_on.url, upload_length=100, content_type=OCTETS, content_length=100)
        before = await tus_on.metric("received_bytes_total")
        await connection.send(b"x" * 40)
        await tus_on.received(before + 40)
        connection.leave()
    upload = last_created(site, tus_on)
    assert await tus_on.offset(upload) == 40
    assert (await tus_on.delete(upload)).status == 204
    assert site.traces(upload) == []


@pytest.mark.parametrize("size", [5, 6 * MIB], ids=["small", "part_and_tail"])
async def test_t49_a_whole_body_completes_the_upload_once(tus_on: TusClient, size: int) -> None:
    data, finished = os.urandom(size), await tus_on.metric("uploads_finished_total")
    answer = await tus_on.post(data, upload_length=size, content_type=OCTETS)
    assert (answer.status, answer.offset) == (201, size)
    assert await tus_on.offset(answer.url) == size
    assert await tus_on.content(answer.url) == data
    assert await tus_on.metric("uploads_finished_total") == finished + 1


async def test_t49_more_than_the_length_is_413_and_nothing_is_kept(site: Site, tus_on: TusClient) -> None:
    created = await tus_on.metric("uploads_created_total")
    assert (await tus_on.post(b"abcd", upload_length=3, content_type=OCTETS)).status == 413
    assert await tus_on.metric("uploads_created_total") == created
    async with connected(tus_on.port) as connection:
        framing = {"transfer_encoding": "chunked", "content_type": OCTETS}
        await connection.head("POST", tus_on.url, upload_length=3, **framing)
        await connection.send(chunked(b"ab", b"cd"))
        assert (await connection.answer()).status == 413
    upload = last_created(site, tus_on)
    assert (await tus_on.head(upload)).status == 404
    assert site.traces(upload) == []


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_t50_100_continue_follows_the_checks(tus: TusClient, method: str) -> None:
    url = tus.url if method == "POST" else await tus.create(3)
    size = {"upload_length": 3} if method == "POST" else {"upload_offset": 0}
    fields = {**size, "content_type": OCTETS, "content_length": 3, "expect": "100-continue"}
    async with connected(tus.port) as connection:
        await connection.head(method, url, **fields)
        assert (await connection.answer()).status == 100
        await connection.send(b"abc")
        answer = await connection.answer()
        assert (answer.status, answer.headers["upload-offset"]) == (201 if method == "POST" else 204, "3")


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (412, {"tus_resumable": "0.2.2"}),
        (413, {"content_length": 6}),
        (415, {"content_type": "text/plain"}),
        (409, {"upload_offset": 1}),
        (400, {"upload_offset": None}),
        (404, {"unknown": True}),
    ],
)
async def test_t50_a_refused_request_gets_no_100(tus: TusClient, status: int, fields: dict[str, object]) -> None:
    url = tus.url + "0" * 32 if fields.pop("unknown", False) else await tus.create(5)
    proper = {"upload_offset": 0, "content_type": OCTETS, "content_length": 5, "expect": "100-continue"}
    async with connected(tus.port) as connection:
        await connection.head("PATCH", url, **{**proper, **fields})
        assert (await connection.answer()).status == status


async def test_t50_a_client_that_does_not_wait_for_its_100_is_served(tus: TusClient) -> None:
    async with connected(tus.port) as connection:
        fields = {"upload_length": 3, "content_type": OCTETS, "content_length": 3, "expect": "100-continue"}
        await connection.head("POST", tus.url, **fields)
        await connection.send(b"abc")
        assert [(await connection.answer()).status for _ in range(2)] == [100, 201]


@pytest.mark.parametrize("kind", ["application/octet-stream", "text/plain", None])
async def test_t51_bytes_of_another_type_are_415_and_create_nothing(tus: TusClient, kind: str | None) -> None:
    created = await tus.metric("uploads_created_total")
    assert (await tus.post(b"abc", upload_length=3, content_type=kind)).status == 415
    assert await tus.metric("uploads_created_total") == created


async def test_t52_a_final_upload_takes_no_bytes(tus: TusClient) -> None:
    answer = await tus.post(b"abc", upload_concat=f"final;{(await tus.partials(b'x'))[0]}", content_type=OCTETS)
    assert answer.status == 400
