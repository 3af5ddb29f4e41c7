"""`python -m bench.ways`: 100 MiB on each way into a bucket, for the tables in docs/direct-uploads.md.

SeaweedFS stands behind two proxies that count: one takes what the server sends, the other what clients send.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import aiohttp
import psutil
from yarl import URL

from devtools.seaweed import SeaweedFS
from tests.support.direct import DirectClient
from tests.support.exchange import Answer
from tests.support.raw import connected
from tests.support.s3proxy import S3Proxy
from tests.support.server import Server, serving
from tests.support.tus import OCTETS, TusClient

MIB = 1024 * 1024
SIZE, PART = 100 * MIB, 5 * MIB
CUT = 47 * MIB
"""The offset, in the tenth part of 5 MiB, at which a connection breaks or, by tus, the server is killed."""
PAGE = Path(__file__).parent.parent / "docs" / "direct-uploads.md"
_MARKED = re.compile(r"(?<=<!-- measured -->\n).*(?=<!-- end of measured -->)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The server, a client session, and two proxies to S3: one for the server's requests, one for those that clients
    send with presigned URLs."""

    server: Server
    server_proxy: S3Proxy
    client_proxy: S3Proxy
    session: aiohttp.ClientSession
    request_counts: Counter[str] = field(default_factory=Counter)
    """The number of the client's requests by port."""
    data: bytes = field(default_factory=lambda: os.urandom(SIZE))

    @property
    def tus(self) -> TusClient:
        return TusClient(self.session, self.server.url)

    @property
    def direct(self) -> DirectClient:
        return DirectClient(self.session, self.server.url)


Way = Callable[[Place], Awaitable[str]]
"""A function that uploads `Place.data` and returns the upload's URL."""


@asynccontextmanager
async def place(directory: Path, **settings: object) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        s3 = stack.enter_context(SeaweedFS(directory / "s3"))
        server_proxy, client_proxy = [await stack.enter_async_context(S3Proxy(s3.endpoint)) for _ in range(2)]
        endpoints = {"s3_endpoint_url": server_proxy.endpoint, "s3_public_url": client_proxy.endpoint}
        s3_settings = {"storage": f"s3://{s3.bucket}/", **endpoints, "s3_profile": "seaweedfs", "direct_uploads": True}
        environment = s3.user.environment()
        serve = serving(directory, environment=environment, debug=False, forked=False, **{**s3_settings, **settings})
        server, counts = await stack.enter_async_context(serve), Counter[str]()
        trace = aiohttp.TraceConfig()

        async def count(_: object, __: object, end: aiohttp.TraceRequestEndParams) -> None:
            counts[str(end.url.port)] += 1

        trace.on_request_end.append(count)
        limits = aiohttp.ClientTimeout(total=120)
        session = await stack.enter_async_context(aiohttp.ClientSession(trace_configs=[trace], timeout=limits))
        yield Place(
            server=server, server_proxy=server_proxy, client_proxy=client_proxy, session=session, request_counts=counts
        )


async def by_tus(at: Place) -> str:
    url = await at.tus.create(SIZE)
    _done(await at.tus.patch(url, 0, at.data))
    return url


async def by_tus_in_parallel(at: Place) -> str:
    """Upload in three partial uploads, as tus-js-client does with `parallelUploads: 3`."""
    third = -(-SIZE // 3)

    async def partial(start: int) -> str:
        piece = at.data[start : start + third]
        url = await at.tus.create(len(piece), upload_concat="partial")
        _done(await at.tus.patch(url, 0, piece))
        return url

    final = await at.tus.final(*await asyncio.gather(*map(partial, range(0, SIZE, third))))
    _done(final)
    return final.url


async def by_parts(at: Place) -> str:
    """Upload parts of 5 MiB straight to S3, six at a time, as Uppy does; return the upload's URL."""
    multipart, slots = await at.direct.begin(size=SIZE), asyncio.Semaphore(6)

    async def send(number: int) -> dict[str, object]:
        async with slots:
            return await at.direct.part(multipart, number, at.data[(number - 1) * PART : number * PART])

    parts = await asyncio.gather(*map(send, range(1, SIZE // PART + 1)))
    _done(await at.direct.complete(multipart, parts))
    return at.server.url + multipart.upload_id


async def by_form(at: Place) -> str:
    signed = await at.direct.params(size=SIZE)
    _done(await at.direct.form(signed["url"], signed["fields"], at.data))
    url = f"{at.server.url}{signed['fields']['x-amz-meta-tus-id']}"
    assert await at.tus.offset(url) == SIZE
    return url


def _done(answer: Answer) -> None:
    assert answer.status < HTTPStatus.MULTIPLE_CHOICES, answer


WAYS: dict[str, Way] = {
    "tus, one PATCH": by_tus,
    "tus, 3 in parallel": by_tus_in_parallel,
    "direct, parts of 5 MiB": by_parts,
    "direct, one request": by_form,
}


async def measured(at: Place, way: Way) -> list[str]:
    """Measure one way; return as cells of a row: requests and MiB to tusd-py, MiB to S3 from the client and from
    tusd-py, requests to S3 by operation, the server's CPU seconds, and the seconds it took."""
    await way(at)  # to warm up connections and caches
    at.request_counts.clear()
    at.server_proxy.reset()
    at.client_proxy.reset()
    process, started = psutil.Process(at.server.pid), time.perf_counter()
    before = sum(process.cpu_times()[:2])
    url = await way(at)
    seconds, cpu = time.perf_counter() - started, sum(process.cpu_times()[:2]) - before
    assert await at.tus.content(url) == at.data
    to_s3 = at.client_proxy.bytes_in()
    operations = at.server_proxy.counts() + at.client_proxy.counts()
    operations.pop("GetObject", None)  # by the comparison above
    return [
        str(at.request_counts[str(at.server.port)] - 1),
        f"{0 if to_s3 else SIZE / MIB:.0f}",
        f"{to_s3 / MIB:.0f}",
        f"{at.server_proxy.bytes_in() / MIB:.0f}",
        ", ".join(f"{count} {name}" for name, count in sorted(operations.items())),
        f"{cpu:.2f}",
        f"{seconds:.1f}",
    ]


async def cut_tus(at: Place) -> tuple[int, int]:
    """Return how many bytes a client of tus must send again after a cut connection, and after a crash of the server,
    each when the server has received `CUT` bytes."""
    return await _lost_by_tus(at, kill=False), await _lost_by_tus(at, kill=True)


async def _lost_by_tus(at: Place, *, kill: bool) -> int:
    url = await at.tus.create(SIZE)
    before = await at.tus.metric("received_bytes_total")
    head = f"PATCH {url} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: {OCTETS}\r\n"
    async with connected(at.server.port) as connection:
        await connection.send(f"{head}Content-Length: {SIZE}\r\n\r\n".encode())
        await connection.send(at.data[:CUT])
        await at.tus.received(before + CUT)
        if kill:
            await at.server.kill()
    if kill:
        await at.server.start()
    return CUT - await at.tus.offset(url)


async def cut_parts(at: Place) -> tuple[int, int]:
    lost = list[int]()
    for kill in (False, True):
        multipart = await at.direct.begin(size=SIZE)
        await at.direct.parts(multipart, *(at.data[start : start + PART] for start in range(0, CUT - PART, PART)))
        number = CUT // PART + 1
        tenth, url = at.data[CUT - CUT % PART :][:PART], (await at.direct.sign(multipart, number)).json["url"]
        if kill:
            await at.server.kill()
            _done(await at.direct.request("PUT", url, tenth))  # S3 does not notice the crash
            await at.server.start()
        else:
            await _half(at.client_proxy, "PUT", url, {}, tenth, CUT % PART)
        stored = sum(part["Size"] for part in (await at.direct.stored(multipart)).json)
        lost.append(max(CUT - stored, 0))
    return lost[0], lost[1]


async def cut_form(at: Place) -> tuple[int, int]:
    signed = await at.direct.params(size=SIZE)
    body = aiohttp.FormData(signed["fields"])
    body.add_field("file", at.data, filename="f")
    await _half(at.client_proxy, "POST", signed["url"], dict(body().headers), at.data, CUT)
    assert "Upload-Offset" not in (await at.tus.head(at.server.url + signed["fields"]["x-amz-meta-tus-id"])).headers
    return CUT, 0


async def _half(proxy: S3Proxy, method: str, url: str, headers: dict[str, str], body: bytes, size: int) -> None:
    """Send the head of a request and `size` bytes of its body, then break the connection."""
    port, path = int(proxy.endpoint.rpartition(":")[2]), URL(url, encoded=True).raw_path_qs
    sized = {"Host": f"127.0.0.1:{port}", **headers, "Content-Length": str(len(body))}
    fields = "".join(f"{name}: {value}\r\n" for name, value in sized.items())
    async with connected(port) as connection:
        await connection.send(f"{method} {path} HTTP/1.1\r\n{fields}\r\n".encode() + body[:size])


CUTS = {"tus": cut_tus, "direct, parts of 5 MiB": cut_parts, "direct, one request": cut_form}


async def download(at: Place, url: str) -> list[str]:
    process = psutil.Process(at.server.pid)
    before = sum(process.cpu_times()[:2])
    async with at.session.get(url) as answer:
        assert len(await answer.read()) == SIZE
    return [f"{sum(process.cpu_times()[:2]) - before:.2f}"]


def table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    yield from ("| " + " | ".join(row) + " |" for row in rows)
    yield ""


async def report(directory: Path) -> str:
    lines = list[str]()
    async with place(directory / "a") as at:
        rows = [[name, *await measured(at, way)] for name, way in WAYS.items()]
        head = ["100 MiB by", "requests to tusd-py", "MiB to tusd-py", "MiB to S3", "MiB from it to S3", "S3 requests"]
        lines += table([*head, "server CPU, s", "time, s"], rows)
        lost = {name: await cut(at) for name, cut in CUTS.items()}
        cells = [[name, *(f"{count / MIB:.1f}" for count in counts)] for name, counts in lost.items()]
        lines += table(["MiB to send again after 47 MiB and", "a cut connection", "a server crash"], cells)
        proxied = await download(at, await by_parts(at))
    async with place(directory / "b", download_mode="redirect") as at:
        redirected = await download(at, await by_parts(at))
    lines += table(["100 MiB down", "server CPU, s"], [["`proxy`", *proxied], ["`redirect`", *redirected]])
    return "\n".join(lines)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ways-") as directory:
        for name in "ab":
            (Path(directory) / name).mkdir()
        measured_now = asyncio.run(report(Path(directory)))
    print(measured_now)
    if PAGE.exists():
        PAGE.write_text(_MARKED.sub(lambda _: measured_now, PAGE.read_text()))


if __name__ == "__main__":
    main()
