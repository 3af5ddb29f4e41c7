"""Clients as their users call them; only URLSession is imitated. For each there is a coroutine that uploads a load
through an entrance, direct or by a proxy, and returns the upload's URL."""

from __future__ import annotations

import asyncio
import io
import shutil
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiotus
from tusclient.client import TusClient

from tests.e2e import curl as curls
from tests.e2e import golang, tusjs
from tests.e2e.deployment import MIB
from tests.support.parts import missing
from tests.support.urlsession import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """The address that a client uploads to, with its certificate authority and a look into the storage behind it."""

    url: str
    """The URL of the creation endpoint."""
    authority: Path | None
    """The file with the authority to trust; None over plain HTTP. Clients without an option for it find it in their
    environment."""
    stored: Callable[[str], bytes]
    """A function that returns the bytes that S3 holds for an upload's URL."""

    def tls(self) -> ssl.SSLContext | None:
        return None if self.authority is None else ssl.create_default_context(cafile=self.authority)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The content that a client uploads: the same as a file and as bytes."""

    file: Path
    data: bytes


async def _go(entrance: Entrance, load: Load) -> str:
    return await golang.upload(entrance.url, load.file)


Upload = Callable[[Entrance, Load], Awaitable[str]]


async def _tuspy(entrance: Entrance, load: Load) -> str:
    uploader = TusClient(entrance.url).uploader(
        file_stream=io.BytesIO(load.data),
        chunk_size=6 * MIB,
        metadata={"filename": "résumé.pdf"},
        upload_checksum=True,
    )
    await asyncio.to_thread(uploader.upload)
    return str(uploader.url)


async def _aiotus(entrance: Entrance, load: Load) -> str:
    config = aiotus.RetryConfiguration(ssl=entrance.tls() or True)
    return str(await aiotus.upload(entrance.url, io.BytesIO(load.data), {"filename": b"x"}, config=config))


async def _aiotus_parts(entrance: Entrance, load: Load) -> str:
    config = aiotus.RetryConfiguration(ssl=entrance.tls() or True)
    parts = [io.BytesIO(load.data[: 9 * MIB]), io.BytesIO(load.data[9 * MIB :])]
    return str(await aiotus.upload_multiple(entrance.url, parts, config=config))


async def _tus_js(entrance: Entrance, load: Load, **options: Any) -> str:
    async with tusjs.start(file=load.file, options={"endpoint": entrance.url, **options}) as client:
        done: str = (await client.until("success"))["url"]
        return done


async def _curl(version: str, entrance: Entrance, load: Load) -> str:
    flags, size = _flags(version, entrance), str(len(load.data))
    created = await curls.run(_binary(), entrance.url, *flags, "-X", "POST", Upload_Length=size)
    url, flags = created.headers["location"], (*flags, "-X", "PATCH", "-T", str(load.file))
    reply = await curls.run(_binary(), url, *flags, Upload_Offset="0", Content_Type=curls.BYTES)
    assert (created.status, reply.status, reply.version) == (201, 204, version)
    return url


async def _curl_whole(version: str, entrance: Entrance, load: Load) -> str:
    """Upload with curl, by one POST of the IETF's protocol in this version of HTTP (`1.1` or `2`). Return the upload's
    URL. Raises AssertionError unless the answer is 201 in that version."""
    fields: dict[str, Any] = {"Tus_Resumable": "", "Upload_Complete": "?1", "Content_Type": "video/mp4"}
    flags = (*_flags(version, entrance), "-X", "POST", "-T", str(load.file))
    reply = await curls.run(_binary(), entrance.url.rstrip("/"), *flags, **fields)
    assert (reply.status, reply.version) == (201, version)
    return reply.headers["location"]


def _binary() -> str:
    return shutil.which("curl") or missing("curl")


def _flags(version: str, entrance: Entrance) -> tuple[str, ...]:
    trust = ("--cacert", str(entrance.authority)) if entrance.authority else ()
    return (f"--http{version}", *trust)


async def _url_session(entrance: Entrance, load: Load) -> str:
    task = Task(url=entrance.url, data=load.data, version=8, tls=entrance.tls())
    answer = await task.run()
    assert answer.status == 201
    return answer.headers["location"]


CLIENTS: Mapping[str, Upload] = {
    "tuspy 1.1, with checksums": _tuspy,
    "aiotus 1.1": _aiotus,
    "aiotus 1.1, in parallel": _aiotus_parts,
    "tus-js-client 4.3": _tus_js,
    "tus-js-client 4.3, in parallel": partial(_tus_js, parallelUploads=3),
    "tus-js-client 4.3, `ietf-draft-05`": partial(_tus_js, protocol="ietf-draft-05", chunkSize=6 * MIB),
    "go-tus": _go,
    "curl, HTTP/1.1": partial(_curl, "1.1"),
    "curl, HTTP/2": partial(_curl, "2"),
    "curl, HTTP/1.1, one POST of the IETF's protocol": partial(_curl_whole, "1.1"),
    "curl, HTTP/2, one POST of the IETF's protocol": partial(_curl_whole, "2"),
    "URLSession of iOS 26, as bytes": _url_session,
}
