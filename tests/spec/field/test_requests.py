"""Requests of clients in the field, byte for byte: the server gives the answers that those clients need; only those
of tusc.sh, which frames bodies in two ways at once, are refused."""

from __future__ import annotations

import pytest

from tests.spec.field.clients import CLIENTS, DOTNET_DELETE, JAVA, TUSC, TUSKIT, TUSKIT_OPTIONS, FieldClient, head, sha1
from tests.support.raw import RawAnswer, connected
from tests.support.sites import Site
from tests.support.writing import random_bytes

pytestmark = pytest.mark.asyncio(loop_scope="session")

DATA = random_bytes(21 * 1024 * 1024)
HALF = 300_000


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> FieldClient:
    return CLIENTS[request.param]


class Wire:
    """A client with a new connection for each request."""

    def __init__(self, site: Site, client: FieldClient) -> None:
        self.port, self.client = site.server.port, client
        self.data = DATA[: 2 * client.chunk + 5]
        """Bytes for three appends."""

    async def exchange(self, template: str, path: str, body: bytes = b"", **values: object) -> RawAnswer:
        start = head(template, path=path, host=f"127.0.0.1:{self.port}", **values)
        async with connected(self.port) as connection:
            await connection.send(start)
            if body and self.client.waits:
                assert (await connection.answer()).status == 100
            await connection.send(body)
            return await connection.answer(head=start.startswith(b"HEAD"))

    async def create(self) -> str:
        """Create an upload with the client's request, check status and Location, and return its path."""
        answer = await self.exchange(self.client.create, "/files/", length=len(self.data))
        assert answer.status in self.client.created
        origin = f"http://127.0.0.1:{self.port}"
        location = answer.headers["location"]
        assert location.startswith(f"{origin}/files/")
        assert "," not in location, "tus_client_dart cuts it there"
        return location.removeprefix(origin)

    async def ask(self, path: str) -> int:
        answer = await self.exchange(self.client.ask, path)
        assert answer.status in self.client.accepted
        assert answer.headers["upload-length"] == str(len(self.data)), "TUSKit compares it with the file"
        return int(answer.headers["upload-offset"])

    async def append(self, path: str, offset: int, piece: bytes) -> RawAnswer:
        values = {"offset": offset, "size": len(piece), "sha1": sha1(piece)}
        return await self.exchange(self.client.append, path, self.client.body(piece), **values)

    async def cut(self, path: str, offset: int, piece: bytes, sent_bytes: int) -> None:
        """Send an append of `piece` at `offset`, and break the connection off after `sent_bytes` bytes of its framed
        body."""
        values = {"offset": offset, "size": len(piece), "sha1": sha1(piece)}
        start = head(self.client.append, path=path, host=f"127.0.0.1:{self.port}", **values)
        async with connected(self.port) as connection:
            await connection.send(start)
            if self.client.waits:
                assert (await connection.answer()).status == 100
            await connection.send(self.client.body(piece)[:sent_bytes])
            connection.leave()

    async def send_rest(self, path: str, offset: int) -> None:
        """Append `self.data` from `offset` to its end, at most the client's `chunk` bytes a request, and check status
        and offset of each answer."""
        while offset < len(self.data):
            piece = self.data[offset : offset + self.client.chunk]
            answer = await self.append(path, offset, piece)
            assert answer.status in self.client.appended
            offset += len(piece)
            assert answer.headers["upload-offset"] == str(offset)

    async def content(self, path: str) -> bytes:
        answer = await self.exchange("GET {path} HTTP/1.1\nHost: {host}\n", path)
        assert answer.status == 200
        return answer.body


async def test_it_uploads(site: Site, client: FieldClient) -> None:
    wire = Wire(site, client)
    path = await wire.create()
    await wire.send_rest(path, await wire.ask(path))
    assert await wire.ask(path) == len(wire.data)
    assert await wire.content(path) == wire.data


async def test_it_goes_on_after_a_cut(site: Site, client: FieldClient) -> None:
    """After a connection lost in mid-append the client goes on at the offset that HEAD tells: at 0 if it announced a
    checksum."""
    wire = Wire(site, client)
    path = await wire.create()
    await wire.cut(path, 0, wire.data[: client.chunk], HALF)
    offset = await wire.ask(path)
    assert offset == 0 if "{sha1}" in client.append else offset <= HALF
    await wire.send_rest(path, offset)
    assert await wire.content(path) == wire.data


async def test_it_knows_a_wrong_offset_by_409_and_a_lost_upload_by_404(site: Site, client: FieldClient) -> None:
    wire = Wire(site, client)
    path = await wire.create()
    values = {"offset": 1, "size": 5, "sha1": sha1(b"abcde")}
    start = head(client.append, path=path, host="127.0.0.1", **values)
    async with connected(wire.port) as connection:
        await connection.send(start)
        assert (await connection.answer()).status == 409, "and no 100"
    assert (await wire.exchange(client.ask, f"/files/{'0' * 32}")).status == 404


async def test_tuskit_reads_the_lists_of_options(site: Site) -> None:
    """The lists in the answer to OPTIONS have no blanks: TUSKit, which splits them at commas and strips no blanks,
    finds `creation`, `termination`, `sha1` and version 1.0.0."""
    answer = await Wire(site, TUSKIT).exchange(TUSKIT_OPTIONS, "/files/")
    assert answer.status in (200, 204)
    assert {"creation", "termination"} <= set(answer.headers["tus-extension"].split(","))
    assert "sha1" in answer.headers["tus-checksum-algorithm"].split(",")
    assert answer.headers["tus-version"].split(",") == ["1.0.0"]


async def test_tuskit_sends_again_what_arrived_and_learns_that_it_did(site: Site) -> None:
    """A PATCH that arrived and is sent again answers 409 with the true offset, and TUSKit goes on from there: in the
    background, URLSession repeats the whole request if no answer came."""
    wire = Wire(site, TUSKIT)
    path, piece = await wire.create(), DATA[: TUSKIT.chunk]
    assert (await wire.append(path, 0, piece)).status == 204
    again = await wire.append(path, 0, piece)
    assert (again.status, again.headers["upload-offset"]) == (409, str(len(piece)))
    await wire.send_rest(path, await wire.ask(path))
    assert await wire.content(path) == wire.data


async def test_tusdotnetclient_deletes(site: Site) -> None:
    wire = Wire(site, CLIENTS["TusDotNetClient"])
    path = await wire.create()
    assert [(await wire.exchange(DOTNET_DELETE, path)).status for _ in range(2)] == [204, 404]


async def test_tusc_is_refused_and_breaks_nothing(site: Site) -> None:
    """The PATCH of tusc.sh answers 400 and appends nothing: a server may refuse a request with both Content-Length and
    Transfer-Encoding (RFC 9112, 6.1)."""
    wire = Wire(site, JAVA)
    path = await wire.create()
    values = {"size": 5, "offset": 0, "sha1": "ZGEzOWEz", "host": "127.0.0.1"}
    async with connected(wire.port) as connection:
        await connection.send(head(TUSC, path=path, **values) + b"5\r\nabcde\r\n0\r\n\r\n")
        assert (await connection.answer()).status == 400
    assert await wire.ask(path) == 0
