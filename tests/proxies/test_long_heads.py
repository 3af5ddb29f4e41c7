"""The longest headers that the server accepts can be sent (in HTTP/2, as far as curl can), and are returned, through
each proxy in HTTP/1.1 and HTTP/2."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from devtools.certificates import Certificate
from devtools.proxies import FRONTS, Front
from tests.e2e.curl import Answer, run
from tests.support.parts import started
from tests.support.sites import Site, local_site
from tests.support.tus import TusClient

MOST_METADATA = 16 * 1024
MOST_PARTIALS = 1000
"""The default of `max-partials`; MOST_METADATA is that of `max-metadata-size`."""
MOST_IN_HTTP2 = 64 * 1024
"""Bytes of a head that curl can send (nghttp2, NGHTTP2_MAX_HEADERSLEN)."""
AT_A_TIME = 20
VERSIONS = {"--http1.1": "1.1", "--http2": "2"}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with local_site(tmp_path_factory.mktemp("node"), behind_proxy=True) as site:
        yield site
        await site.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def partials(node: Site) -> list[str]:
    """The ids of as many partial uploads as a final one may name."""
    connector = aiohttp.TCPConnector(limit=AT_A_TIME)
    async with aiohttp.ClientSession(connector=connector) as session:
        tus = TusClient(session, node.server.url)
        urls = await asyncio.gather(*(tus.create(0, upload_concat="partial") for _ in range(MOST_PARTIALS)))
    return [url.rpartition("/")[2] for url in urls]


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=FRONTS)
async def front(
    request: pytest.FixtureRequest,
    node: Site,
    certificate: Certificate,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Front]:
    kind = FRONTS[request.param]
    with started(kind(tmp_path_factory.mktemp("front"), certificate, [node.server.port])) as running:
        yield running


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    curl: str
    version: str
    """The version of HTTP, as an option of curl."""
    front: Front
    directory: Path

    async def send(self, url: str, *flags: str, **headers: str) -> Answer:
        """Send a request whose header fields curl reads from a file: an argument can't have more than 128 KiB."""
        fields = self.directory / "fields"
        fields.write_text("".join(f"{name.replace('_', '-')}: {value}\n" for name, value in headers.items()))
        answer = await run(self.curl, url, *self.front.flags, self.version, "-H", f"@{fields}", *flags)
        assert answer.version == VERSIONS[self.version]
        return answer

    async def create(self, **headers: str) -> str:
        answer = await self.send(self.front.url, "-X", "POST", **headers)
        assert answer.status == 201, answer
        return answer.headers["location"]


@pytest.fixture(params=VERSIONS)
def client(request: pytest.FixtureRequest, curl: str, front: Front, tmp_path: Path) -> Client:
    return Client(curl=curl, version=request.param, front=front, directory=tmp_path)


def metadata(size: int) -> str:
    """Return a value of Upload-Metadata that is 7 to 10 bytes shorter than `size`."""
    return f"filename {base64.b64encode(b'n' * ((size - 16) // 4 * 3)).decode()}"


async def test_the_longest_metadata_passes_and_comes_back(client: Client) -> None:
    long = metadata(MOST_METADATA)
    assert MOST_METADATA - 16 < len(long) <= MOST_METADATA
    url = await client.create(Upload_Length="5", Upload_Metadata=long)
    reply = await client.send(url, "-I")
    assert (reply.status, reply.headers["upload-metadata"]) == (200, long)


async def test_the_server_refuses_excess_metadata(client: Client) -> None:
    """Metadata beyond the limit is refused by the server and not by the proxy."""
    answer = await client.send(
        client.front.url, "-X", "POST", Upload_Length="5", Upload_Metadata=metadata(2 * MOST_METADATA)
    )
    assert answer.status in {400, 413}
    assert answer.content.split(b":")[0] in {b"malformed", b"too-large"}


async def test_as_many_partials_as_may_be_are_named_and_told_again(client: Client, partials: list[str]) -> None:
    """As many partial uploads as allowed are named in a creation, by whole URLs and next to the longest metadata, and
    HEAD tells them again; in HTTP/2 as many as curl can send."""
    urls, long = [client.front.url + partial for partial in partials], metadata(MOST_METADATA)
    if client.version == "--http2":
        urls = urls[: (MOST_IN_HTTP2 - MOST_METADATA - 1024) // (len(urls[0]) + 1)]
    assert len(urls) > 500
    url = await client.create(Upload_Concat=f"final;{' '.join(urls)}", Upload_Metadata=long)
    reply = await client.send(url, "-I")
    assert (reply.status, reply.headers["upload-metadata"]) == (200, long)
    named_urls = reply.headers["upload-concat"].removeprefix("final;").split()
    assert [partial.rpartition("/")[2] for partial in named_urls] == partials[: len(urls)]


async def test_all_partials_are_told_of_any_final_upload(client: Client, node: Site, partials: list[str]) -> None:
    async with aiohttp.ClientSession() as session:
        final = await TusClient(session, node.server.url).final(
            *(f"/files/{partial}" for partial in partials), upload_metadata=metadata(MOST_METADATA)
        )
    reply = await client.send(client.front.url + final.url.rpartition("/")[2], "-I")
    assert (reply.status, len(reply.headers["upload-concat"].split())) == (200, MOST_PARTIALS)
