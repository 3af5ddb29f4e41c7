"""Storages and states on disk, S3 and Redis, to be paired rightly and wrongly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from devtools.seaweed import SeaweedFS
from tests.support.bucket import upload_id
from tests.support.node import client_of
from tests.support.server import Server

LONG_AGO = "1s"
"""An `expire-after` so short that what has no record is soon old enough for garbage collection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place where servers of one test store state and objects."""

    directory: Path
    state: str
    environment: dict[str, str]
    bucket: Callable[[str], dict[str, str]]
    """Returns the settings for the storage of that name."""
    litter: Callable[[str], None]
    """Leaves an orphan in the storage of that name, as a crash could have, from which no upload can be made."""
    files: Callable[[str], list[str]]
    """Returns the paths of all files, or the keys of the first 1000 objects, in the storage of that name, sorted."""
    forget: Callable[[str], None]
    """Removes the installation's id from the storage of that name, as a lifecycle rule could."""

    def server(self, storage: str, **settings: object) -> Server:
        where: dict[str, Any] = {"state": self.state, "expire_after": "1h", **self.bucket(storage), **settings}
        directory = self.directory / uuid4().hex
        directory.mkdir()
        # without warnings: a worker that ends leaves its metrics file for Python to close, which warns next to the line
        return Server(directory, environment={**self.environment, "PYTHONWARNINGS": ""}, **where)

    @asynccontextmanager
    async def serving(self, storage: str, **settings: str) -> AsyncIterator[Server]:
        server = self.server(storage, **settings)
        await server.start()
        try:
            yield server
        finally:
            await server.kill()

    async def refused(self, storage: str, **settings: str) -> str:
        """Run `tusd-py serve` on the storage of that name; return the one line that it writes, to standard error. Fail
        unless it exits with code 2 within 30 seconds and writes nothing else."""
        server = self.server(storage, **settings)
        async with asyncio.timeout(30):
            ended = await server.command("serve", "--port", str(server.port))
        assert (ended.code, ended.out) == (2, "")
        (line,) = [line for line in ended.err.splitlines() if line.startswith("tusd-py: ")]
        assert ended.err == f"{line}\n"
        return line


def on_disk(directory: Path) -> Place:
    def litter(storage: str) -> None:
        (directory / storage / ".tusd-py" / f"{uuid4().hex}.part").touch()

    def files(storage: str) -> list[str]:
        return sorted(str(path) for path in (directory / storage).rglob("*") if path.is_file())

    return Place(
        directory=directory,
        state=f"sqlite:{directory / 'state' / 'state.db'}",
        environment={},
        bucket=lambda storage: {"storage": f"file:{directory / storage}"},
        litter=litter,
        files=files,
        forget=lambda storage: (directory / storage / ".tusd-py" / "installation").unlink(),
    )


def on_seaweed(directory: Path, seaweed: SeaweedFS, redis_url: str) -> Place:
    prefix, client = uuid4().hex, seaweed.client()

    def litter(storage: str) -> None:
        key = f"{prefix}/{storage}/.tusd-py/{uuid4().hex}/junk"
        client.put_object(Bucket=seaweed.bucket, Key=key, Body=b"?")

    def files(storage: str) -> list[str]:
        contents = client.list_objects_v2(Bucket=seaweed.bucket, Prefix=f"{prefix}/{storage}/").get("Contents", [])
        return sorted(entry["Key"] for entry in contents)

    def forget(storage: str) -> None:
        client.delete_object(Bucket=seaweed.bucket, Key=f"{prefix}/{storage}/.tusd-py/installation")

    return Place(
        directory=directory,
        state=redis_url,
        environment=seaweed.user.environment(),
        bucket=lambda storage: {
            "storage": f"s3://{seaweed.bucket}/{prefix}/{storage}",
            "s3_endpoint_url": seaweed.endpoint,
            "s3_profile": "seaweedfs",
        },
        litter=litter,
        files=files,
        forget=forget,
    )


async def uploaded(server: Server, *contents: bytes) -> list[str]:
    """Upload each of the contents; return the uploads' URLs."""
    async with client_of(server) as client:
        return [await client.create(len(content), content) for content in contents]


async def content(server: Server, url: str) -> bytes:
    async with client_of(server) as client:
        return await client.content(f"{server.url}{upload_id(url)}")


async def status(server: Server, path: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"{server.origin}{path}") as answer:
        return answer.status


def a_wrong_pair(line: str, place: Place, storage: str) -> bool:
    """Return True if the line says that state and storage don't belong together, names both, and says what to do."""
    return all(
        part in line
        for part in ("don't belong together", place.state, place.bucket(storage)["storage"], "repair --pair")
    )
