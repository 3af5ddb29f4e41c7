"""The server in front of a real S3, and what S3 says of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.seaweed import SeaweedFS
from tests.support.server import Server
from tusd_py.storage.s3.keys import installation_key

MIB = 1024 * 1024
SIZES = (0, 1, 5 * MIB - 1, 8 * MIB, 8 * MIB + 1, 20 * MIB + 17)
"""Around the smallest part S3 takes, and around the parts we make."""

TUS = {"Tus-Resumable": "1.0.0"}
_COUNTED = re.compile(r"^tusdpy_(\w+)_bytes_total (\S+)$", re.MULTILINE)


class Deployment:
    """The server as production runs it, with a prefix of its own in the bucket. `settings` are the server's."""

    def __init__(self, directory: Path, seaweed: SeaweedFS, prefix: str, **settings: object) -> None:
        self._bucket, self._prefix = seaweed.bucket, prefix
        self._s3 = seaweed.client()
        self.server = Server(
            directory,
            environment=seaweed.user.environment(),
            storage=f"s3://{seaweed.bucket}/{prefix}",
            s3_endpoint_url=seaweed.endpoint,
            s3_profile="seaweedfs",
            debug=True,
            **settings,
        )

    @property
    def url(self) -> str:
        """Of the creation endpoint."""
        return self.server.url

    def stored(self, url: str | None) -> bytes:
        """The object of a finished upload, asked of S3 itself."""
        assert url is not None
        assert url.startswith(self.url)
        return self.content(url)

    def content(self, url: str) -> bytes:
        """The same for a URL with whatever host."""
        answer = self._s3.get_object(Bucket=self._bucket, Key=f"{self._prefix}/{id_of(url)}")
        content: bytes = answer["Body"].read()
        return content

    def residue(self) -> list[str]:
        """The keys of all objects and all multipart uploads below the prefix; the installation's id is no residue."""
        where: dict[str, Any] = {"Bucket": self._bucket, "Prefix": f"{self._prefix}/"}
        objects = self._s3.list_objects_v2(**where).get("Contents", [])
        multiparts = self._s3.list_multipart_uploads(**where).get("Uploads", [])
        keys = [each["Key"] for each in (*objects, *multiparts)]
        return [key for key in keys if key != installation_key(f"{self._prefix}/")]

    async def offset(self, url: str) -> int:
        """As HEAD tells it."""
        async with aiohttp.ClientSession() as session, session.head(url, headers=TUS) as answer:
            assert answer.status == 200
            return int(answer.headers["Upload-Offset"])

    async def until_received(self, count: int) -> int:
        """Returns when the server has taken so many bytes of bodies since its start, with how many they are."""
        return await self._until("received", count)

    async def until_sent(self, count: int) -> int:
        """The same for bytes of finished uploads that it has sent."""
        return await self._until("sent", count)

    async def until_closed(self) -> None:
        """Returns when nobody listens any more. A connection that waits for a worker may end with it before that."""
        with suppress(aiohttp.ClientConnectorError):
            while True:
                await self._asked_once()

    async def _asked_once(self) -> None:
        try:
            await self._until("received", 0)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
            return

    async def _until(self, what: str, count: int) -> int:
        async with aiohttp.ClientSession() as session:
            while (counted := await self._counted(session, what)) < count:  # noqa: ASYNC110 (another process's counter)
                await asyncio.sleep(0.02)
        return counted

    async def _counted(self, session: aiohttp.ClientSession, what: str) -> int:
        async with session.get(f"{self.server.origin}/metrics") as answer:
            counters = dict(_COUNTED.findall(await answer.text()))
        return int(float(counters[what]))


def id_of(url: str) -> str:
    return url.rsplit("/", maxsplit=1)[1]


@asynccontextmanager
async def deployed(directory: Path, seaweed: SeaweedFS, prefix: str, **settings: object) -> AsyncIterator[Deployment]:
    """A deployment for as long as the block lasts."""
    deployment = Deployment(directory, seaweed, prefix, **settings)
    await deployment.server.start()
    try:
        yield deployment
    finally:
        await deployment.server.kill()
    assert "Traceback" not in deployment.server.log(), deployment.server.log()
