"""Promise 5: all that a request's head tells is judged before its body is read, and a request that is refused for it
changes nothing."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.support.node import BOTH_READERS, MIB, Node
from tests.support.raw import requesting
from tests.support.tus import BYTES, TusClient
from tests.support.writing import random_bytes

pytestmark = [pytest.mark.asyncio(loop_scope="module"), BOTH_READERS]

NEXT = {**BYTES, "Upload-Offset": "5", "Content-Length": "5"}
NEW = {**BYTES, "Upload-Length": "10", "Content-Length": "5"}
UNKNOWN = "0" * 32

REFUSED: Mapping[str, tuple[int, str, str, Mapping[str, str]]] = {
    "another offset": (409, "PATCH", "", {**NEXT, "Upload-Offset": "4"}),
    "no offset": (400, "PATCH", "", {name: value for name, value in NEXT.items() if name != "Upload-Offset"}),
    "a negative offset": (400, "PATCH", "", {**NEXT, "Upload-Offset": "-5"}),
    "another version": (412, "PATCH", "", {**NEXT, "Tus-Resumable": "0.2.2"}),
    "another type": (415, "PATCH", "", {**NEXT, "Content-Type": "text/plain"}),
    "too much": (413, "PATCH", "", {**NEXT, "Content-Length": "6"}),
    "another length": (400, "PATCH", "", {**NEXT, "Upload-Length": "11"}),
    "an unknown checksum": (400, "PATCH", "", {**NEXT, "Upload-Checksum": "crc1 AAAA"}),
    "no such upload": (404, "PATCH", UNKNOWN, NEXT),
    "a new one of another version": (412, "POST", "/", {**NEW, "Tus-Resumable": "0.2.2"}),
    "a new one of another type": (415, "POST", "/", {**NEW, "Content-Type": "text/plain"}),
    "a new one with too much": (413, "POST", "/", {**NEW, "Content-Length": "11"}),
    "a new one without length": (
        400,
        "POST",
        "/",
        {name: value for name, value in NEW.items() if name != "Upload-Length"},
    ),
    "bad metadata": (400, "POST", "/", {**NEW, "Upload-Metadata": "filename %%%"}),
}


@pytest.mark.parametrize("expect", [{"Expect": "100-continue"}, {}], ids=["asking first", "sending at once"])
@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_refused_is_refused_unread(
    node: Node, client: TusClient, case: str, expect: Mapping[str, str]
) -> None:
    status, method, target, headers = REFUSED[case]
    url = await client.create(10, b"01234")
    where = {"": url, "/": client.url}.get(target, f"{client.url}{target}")
    node.s3.reset()
    before, remembered, stored = await node.received(), node.remembered(), await node.residue()
    async with requesting(method, where, **headers, **expect) as request:
        assert await request.status() == status, "the answer comes without a byte of the body"
    assert await node.received() == before
    assert node.remembered() == remembered
    assert await node.residue() == stored
    assert node.s3.counts() == {}
    assert await client.offset(url) == 5


async def test_a_client_that_asks_first_is_told_to_go_on(client: TusClient) -> None:
    url = await client.create(10, b"01234")
    async with requesting("PATCH", url, **NEXT, expect="100-continue") as request:
        assert await request.status() == 100
        await request.send(b"56789")
        assert await request.status() == 204
    assert await client.content(url) == b"0123456789"


async def test_a_refused_body_is_not_taken_for_the_next_request(client: TusClient) -> None:
    url = await client.create(10, b"01234")
    smuggled = b"DELETE /files/%b HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\n\r\n" % url.rpartition("/")[2].encode()
    for length in (len(smuggled), 2 * MIB):
        async with requesting("PATCH", url, **{**NEXT, "Upload-Offset": "4", "Content-Length": length}) as request:
            assert await request.status() == 409
            await request.send(smuggled)
    assert await client.offset(url) == 5


async def test_a_finished_upload_takes_nothing_more(client: TusClient) -> None:
    url = await client.create(MIB, random_bytes(MIB))
    assert (await client.patch(url, MIB, b"more")).status == 413
    assert await client.content(url) == random_bytes(MIB)
