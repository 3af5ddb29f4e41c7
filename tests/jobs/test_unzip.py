"""Jobs of kind unzip: each member becomes an upload, or none does."""

from __future__ import annotations

import zipfile
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.jobs.archives import encrypted, spoiled, with_link, zipped
from tests.jobs.asking import JobClient
from tests.support.installation import installation
from tests.support.server import Server
from tests.support.writing import random_bytes

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETTINGS: Mapping[str, Any] = {
    "unzip_max_members": 20,
    "unzip_max_size": 5_000_000,
    "unzip_max_ratio": 100,
    "listing": True,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """The server that all tests of this module share."""
    async with installation(tmp_path_factory.mktemp("unzip"), jobs=True) as start:
        server = start(**SETTINGS)
        await server.start()
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def client(server: Server) -> AsyncIterator[JobClient]:
    async with aiohttp.ClientSession() as session:
        yield JobClient(session, server)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
async def test_each_member_becomes_an_upload_in_order(client: JobClient, compression: int) -> None:
    members = {
        "z.bin": random_bytes(300_000),
        "folder/": b"",
        "folder/ä b.txt": b"12345",
        "empty": b"",
        "a/z.bin": b"1",
    }
    archive = await client.uploaded(zipped(members, compression), filename="all.zip")
    job = await client.do(archive, "unzip")
    assert job["phase"] == "done", job
    uploads = job["result"]["uploads"]
    files = {path: data for path, data in members.items() if not path.endswith("/")}
    assert [(member["path"], member["filename"], member["length"]) for member in uploads] == [
        (path, path.rpartition("/")[2], len(data)) for path, data in files.items()
    ]
    for member, data in zip(uploads, files.values(), strict=True):
        assert member["url"] == f"{client.url}{member['id']}"
        answer = await client.get(member["url"])
        assert answer.body == data
        metadata = (await client.head(member["url"])).headers["Upload-Metadata"]
        assert {word.split()[0] for word in metadata.split(",")} == {"filename", "path", "archive"}


async def test_an_archive_without_members_makes_no_upload(client: JobClient) -> None:
    job = await client.do(await client.uploaded(zipped({})), "unzip")
    assert job["result"] == {"uploads": []}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (zipped({"a": b"1", "/etc/passwd": b"1"}), "unsafe-member"),
        (zipped({"a": b"1", "../a": b"1"}), "unsafe-member"),
        (zipped({"a/../../b": b"1"}), "unsafe-member"),
        (zipped({"a\\b": b"1"}), "unsafe-member"),
        (zipped({"C:a": b"1"}), "unsafe-member"),
        (zipped({"./a": b"1"}), "unsafe-member"),
        (zipped({"a//b": b"1"}), "unsafe-member"),
        (with_link(), "unsafe-member"),
        (zipped({str(number): b"1" for number in range(21)}), "too-many-members"),
        (zipped({"a": random_bytes(3_000_000), "b": random_bytes(3_000_000)}, zipfile.ZIP_STORED), "too-large"),
        (zipped({"a": bytes(1_000_000)}), "too-high-ratio"),
        (b"", "bad-archive"),
        (b"no archive", "bad-archive"),
        (zipped({"a": random_bytes(50_000), "b": b"1"})[:-30], "bad-archive"),
        (zipped({"a": random_bytes(50_000), "b": b"1"})[40:], "bad-archive"),
        (spoiled(), "bad-archive"),
        (encrypted(), "unsupported"),
        (zipped({"a": b"1", "b" * 60_000: b"1"}), "malformed"),
    ],
)
async def test_of_an_archive_that_is_refused_nothing_remains(client: JobClient, data: bytes, code: str) -> None:
    archive = await client.uploaded(data)
    before = await _listed(client)
    job = await client.do(archive, "unzip")
    assert (job["phase"], job["attempt"], job["result"], job["error"]["code"]) == ("failed", 1, None, code)
    assert await _listed(client) == before


async def test_unzip_takes_no_arguments(client: JobClient) -> None:
    answer = await client.ask(await client.uploaded(zipped({})), "unzip", {"path": "/"})
    assert (answer.status, answer.body.partition(b":")[0]) == (400, b"bad-job")


async def _listed(client: JobClient) -> set[bytes]:
    answer = await client.send("GET", f"{client.origin}/uploads?format=csv", None, {})
    return {line.partition(b",")[0] for line in answer.body.splitlines()}
