"""One node as production runs it: the server on SQLite, behind it a proxy that counts and breaks, and a real S3."""

from __future__ import annotations

import asyncio
import sqlite3
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from tests.promises.client import Client, until
from tests.support.s3proxy import S3Proxy
from tests.support.seaweed import SeaweedFS
from tests.support.server import PROGRAM, READ_BY_AIOHTTP, Server
from tusd_py.storage.s3.keys import installation_key

MIB = 1024 * 1024
PART = 8 * MIB
"""The default part size."""
BOTH_READERS = pytest.mark.parametrize(
    "settings", [{}, {"program": READ_BY_AIOHTTP}], ids=["into slabs", "by aiohttp"], indirect=True, scope="module"
)
"""For promises about bodies: each way to read one keeps them."""


def some_bytes(count: int) -> bytes:
    """No two stretches of these look alike, so misplaced bytes show."""
    return Random(count).randbytes(count)


class Node:
    """A server whose objects lie below a prefix of its own. Settings are named as in `Settings`; beside them may stand
    `debug`, a `program` that is the server, and an `environment` to find other credentials in."""

    def __init__(self, s3: SeaweedFS, proxy: S3Proxy, directory: Path, **settings: Any) -> None:
        self.s3 = proxy
        self.prefix = f"{uuid.uuid4().hex}/"
        self.temporary = directory / "tmp"
        self.temporary.mkdir()
        self._seaweed = s3
        self._boto = s3.client()
        self._state = directory / "state.db"
        self._made = 0
        self._directory = directory
        self._settings = {"state": f"sqlite:{self._state}", "s3_endpoint_url": proxy.endpoint, **settings}
        self.server = self.another()

    def another(self) -> Server:
        """One more server on the same state and the same objects, not started."""
        self._made += 1
        place = self._directory / f"server-{self._made}"
        place.mkdir()
        settings = dict(self._settings)
        environment = settings.pop("environment", self._seaweed.user.environment())
        program = settings.pop("program", PROGRAM)
        server = Server(
            place,
            environment={**environment, "TMPDIR": str(self.temporary)},
            debug=settings.pop("debug", True),
            storage=f"s3://{self._seaweed.bucket}/{self.prefix}",
            s3_profile="seaweedfs",
            **settings,
        )
        server.program = program
        return server

    async def restart(self) -> None:
        """As after a power cut."""
        await self.server.kill()
        await self.server.start()

    async def metric(self, name: str) -> float:
        """The sum over all labels of `tusdpy_{name}`."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.server.origin}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return sum(
            float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == f"tusdpy_{name}"
        )

    async def received(self) -> int:
        """Bytes of bodies that have reached the server process since its start."""
        return int(await self.metric("received_bytes_total"))

    async def until_received(self, count: int) -> None:
        """Wait until so many bytes, in all, have reached the server process."""

        async def arrived() -> bool:
            return await self.received() >= count

        await until(arrived)

    async def until_idle(self) -> None:
        """Wait until no body is being read."""

        async def idle() -> bool:
            return await self.metric("uploads_in_flight") == 0

        await until(idle)

    async def until_stored(self, parts: int) -> None:
        """Wait until S3 has acknowledged so many parts, and a little longer: whoever writes that down has done so."""

        async def stored() -> bool:
            return sum(call.operation == "UploadPart" and call.status is not None for call in self.s3.calls) >= parts

        await until(stored)
        await asyncio.sleep(0.5)

    async def residue(self) -> list[str]:
        """Keys of all objects below the prefix but the installation's id, and of the multipart uploads begun there."""
        return await asyncio.to_thread(self._list)

    def _list(self) -> list[str]:
        client, where = self._boto, {"Bucket": self._seaweed.bucket, "Prefix": self.prefix}
        objects = _listed(client.get_paginator("list_objects_v2").paginate(**where), "Contents")
        begun = _listed(client.get_paginator("list_multipart_uploads").paginate(**where), "Uploads")
        keys = {key.removeprefix(self.prefix) for key in objects} - {installation_key("")}
        return sorted([*keys, *(f"multipart {key.removeprefix(self.prefix)}" for key in begun)])

    async def object_size(self, url: str) -> int | None:
        """Of the upload's finished object, as S3 has it; None if it isn't there."""
        key = f"{self.prefix}{upload_id(url)}"
        return await asyncio.to_thread(self._size, key)

    def _size(self, key: str) -> int | None:
        listed = self._boto.list_objects_v2(Bucket=self._seaweed.bucket, Prefix=key)
        return next((int(entry["Size"]) for entry in listed.get("Contents", [])), None)

    async def stored(self, url: str) -> bytes:
        """The upload's finished object, asked of S3 itself."""
        return await asyncio.to_thread(self._get, f"{self.prefix}{upload_id(url)}")

    def _get(self, key: str) -> bytes:
        content: bytes = self._boto.get_object(Bucket=self._seaweed.bucket, Key=key)["Body"].read()
        return content

    async def put(self, url: str, body: bytes, *, ours: bool = False) -> None:
        """Another object where the upload's would go, marked as the upload's own or not."""
        where = {"Bucket": self._seaweed.bucket, "Key": f"{self.prefix}{upload_id(url)}"}
        marks = {"tus-id": upload_id(url)} if ours else {}
        await asyncio.to_thread(lambda: self._seaweed.client().put_object(**where, Body=body, Metadata=marks))

    async def lose(self, url: str, nth: int | None = None) -> None:
        """Somebody removes from the bucket what isn't a finished object: all of it, or only the `nth` in order."""
        await asyncio.to_thread(self._lose, f"{self.prefix}.tusd-py/{upload_id(url)}/", nth)

    def _lose(self, prefix: str, nth: int | None) -> None:
        client = self._boto
        found = client.list_objects_v2(Bucket=self._seaweed.bucket, Prefix=prefix)["Contents"]
        for entry in found if nth is None else [found[nth]]:
            client.delete_object(Bucket=self._seaweed.bucket, Key=entry["Key"])

    async def delete_object(self, url: str) -> None:
        """Somebody removes the upload's finished object."""
        where = {"Bucket": self._seaweed.bucket, "Key": f"{self.prefix}{upload_id(url)}"}
        await asyncio.to_thread(lambda: self._boto.delete_object(**where))

    async def abort_multiparts(self) -> None:
        """A lifecycle rule ends every multipart upload below the prefix."""
        await asyncio.to_thread(self._abort)

    def _abort(self) -> None:
        where = {"Bucket": self._seaweed.bucket}
        for begun in self._boto.list_multipart_uploads(**where, Prefix=self.prefix)["Uploads"]:
            self._boto.abort_multipart_upload(**where, Key=begun["Key"], UploadId=begun["UploadId"])

    def remembered(self) -> list[str]:
        """All rows of the state store and of the turns beside it."""
        files = [
            path for path in self._directory.glob("state.db*") if not path.name.endswith(("-wal", "-shm", ".reserve"))
        ]
        return [row for path in files for row in _rows(path)]


def _rows(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [line for line in connection.iterdump() if line.startswith("INSERT")]


def upload_id(url: str) -> str:
    return url.rpartition("/")[2]


@asynccontextmanager
async def one_node(seaweed: SeaweedFS, directory: Path, **settings: Any) -> AsyncIterator[Node]:
    """A node that runs for as long as the block lasts."""
    async with S3Proxy(seaweed.endpoint) as proxy:
        node = Node(seaweed, proxy, directory, **settings)
        await node.server.start()
        try:
            yield node
        finally:
            await node.server.kill()


@asynccontextmanager
async def client_of(server: Server) -> AsyncIterator[Client]:
    """A client whose every request has a connection of its own."""
    timeout = aiohttp.ClientTimeout(total=None)
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield Client(session, server.url)


@asynccontextmanager
async def watched_memory(server: Server) -> AsyncIterator[list[int]]:
    """The server's resident bytes, sampled while the block lasts."""
    samples = [server.rss()]

    async def watch() -> None:
        while True:
            await asyncio.sleep(0.05)
            samples.append(server.rss())

    watching = asyncio.create_task(watch())
    try:
        yield samples
    finally:
        watching.cancel()
        await asyncio.wait([watching])


def _listed(pages: Iterable[Mapping[str, Any]], what: str) -> list[str]:
    """The keys on all of them."""
    return [entry["Key"] for page in pages for entry in page.get(what, [])]
