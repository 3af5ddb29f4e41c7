"""Exports: many uploads in one archive, or in one list."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiohttp
import pytest
import pytest_asyncio

from tests.jobs.asking import JobClient, base64_of
from tests.jobs.exporting import ask, export
from tests.support.installation import installation
from tests.support.server import Server
from tests.support.writing import random_bytes

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = "0123456789abcdef" * 2


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """The server that all tests of this module share."""
    async with installation(tmp_path_factory.mktemp("export"), jobs=True) as start:
        server = start(listing=True, retention="1h")
        await server.start()
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def client(server: Server) -> AsyncIterator[JobClient]:
    async with aiohttp.ClientSession() as session:
        yield JobClient(session, server)


async def test_an_archive_has_all_members_under_their_own_names(client: JobClient) -> None:
    datas = [random_bytes(200_000), b"text " * 1000, b"", b"4", b"5", b"6"]
    names = ["a.txt", "dir/A.TXT", "..\\a.txt", "ü\n.bin", "..", ""]
    types = ["", "text/plain", "", "", "", ""]
    ids = [
        await client.uploaded(data, **{"filename": name, "filetype": kind} if name else {})
        for data, name, kind in zip(datas, names, types, strict=True)
    ]
    job = await export(client, ids=ids, filename="my export.zip")
    assert job["phase"] == "done", job
    result = job["result"]
    answer = await client.get(result["url"])
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert (
        "my%20export.zip" in answer.headers["Content-Disposition"]
        or "my export.zip" in answer.headers["Content-Disposition"]
    )
    assert result["length"] == len(answer.body)
    assert result["members"] == len(ids)
    assert result["expires"] is not None
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.testzip() is None
        member_names = ["a.txt", "A (2).TXT", "a (3).txt", "ü.bin", ids[4], ids[5]]
        assert archive.namelist() == member_names
        assert [archive.read(name) for name in member_names] == datas
        assert archive.getinfo("A (2).TXT").compress_size < 200
        assert archive.getinfo("a.txt").flag_bits & 0x800
        assert archive.getinfo("a.txt").date_time[0] == datetime.now(UTC).year


@pytest.mark.parametrize("compress", ["store", "deflate"])
async def test_members_are_stored_or_deflated_as_asked(client: JobClient, compress: str) -> None:
    data = b"text " * 10_000
    job = await export(client, ids=[await client.uploaded(data, filetype="text/plain")], compress=compress)
    assert (job["result"]["length"] > len(data)) is (compress == "store")


async def test_a_filter_chooses_finished_uploads(client: JobClient) -> None:
    mark = random_bytes(8).hex()
    expected = [await client.uploaded(text, mark=mark, filename=f"{n}") for n, text in enumerate((b"1", b"2"))]
    await client.create(5, upload_metadata=f"mark {base64_of(mark)}")
    job = await export(client, filter={"meta": {"mark": mark}}, format="ndjson")
    lines = [json.loads(line) for line in (await client.get(job["result"]["url"])).body.splitlines()]
    assert [line["id"] for line in lines[:-1]] == expected
    assert lines[-1] == {"end": {"cursor": str(lines[-2]["seq"]), "count": 2}}


async def test_lists_have_the_order_of_the_listing(client: JobClient) -> None:
    """An export as CSV has the lines of the listing, in the order of the request's ids."""
    ids = [await client.uploaded(text, filename=f"=f{text.decode()}") for text in (b"1", b"22", b"333")][::-1]
    listing = await client.send("GET", f"{client.origin}/uploads?format=csv", None, {})
    by_id = {line.partition(b",")[0]: line for line in listing.body.split(b"\r\n")}
    job = await export(client, ids=ids, format="csv")
    answer = await client.get(job["result"]["url"])
    head, *rows, blank, end = answer.body.split(b"\r\n")
    assert rows == [by_id[upload.encode()] for upload in ids]
    assert (blank, end) == (b"", b"")
    assert next(csv.reader([head.decode()]))[:2] == ["id", "seq"]
    assert job["result"]["filename"] == "export.csv"
    assert answer.headers["Content-Disposition"].startswith("attachment")


async def test_with_a_member_that_isnt_there_nothing_remains(client: JobClient) -> None:
    stored, deleted = await client.uploaded(random_bytes(100_000)), await client.uploaded(b"2")
    await client.request("DELETE", f"{client.url}{deleted}")
    unfinished = (await client.create(5)).rpartition("/")[2]
    for missing in (UNKNOWN, deleted, unfinished, "x"):
        before = await _listed(client)
        job = await export(client, ids=[stored, missing])
        assert (job["phase"], job["result"], job["attempt"]) == ("failed", None, 1)
        assert (job["error"]["code"], job["error"]["upload_id"]) == ("missing-member", missing)
        assert await _listed(client) == before


@pytest.mark.parametrize("form", ["zip", "csv"])
async def test_an_upload_named_twice_is_not_read_twice(client: JobClient, form: str) -> None:
    """An export that names an upload twice fails with `repeated-member`: else a request of a few bytes could make the
    server read an upload any number of times."""
    ids = [await client.uploaded(text) for text in (b"1", b"22")]
    before = await _listed(client)
    job = await export(client, ids=[*ids, ids[0]], format=form)
    assert (job["phase"], job["attempt"]) == ("failed", 1)
    assert (job["error"]["code"], job["error"]["upload_id"]) == ("repeated-member", ids[0])
    assert await _listed(client) == before


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"ids": []},
        {"ids": ["x"], "filter": {}},
        {"ids": "x"},
        {"ids": [1]},
        {"ids": ["x"] * 100_001},
        {"ids": ["x"], "format": "tar"},
        {"ids": ["x"], "compress": "best"},
        {"ids": ["x"], "filename": 5},
        {"ids": ["x"], "filename": ""},
        {"filter": []},
        {"filter": {"phase": "open"}},
        {"filter": {"meta": {"a": 1}}},
        {"filter": {"name": "x"}},
        {"ids": ["x"], "foramt": "zip"},
    ],
)
async def test_an_export_that_cant_be_made_is_refused(client: JobClient, message: dict[str, object]) -> None:
    answer = await ask(client, **message)
    assert (answer.status, answer.body.partition(b":")[0]) == (400, b"bad-export")


async def _listed(client: JobClient) -> set[bytes]:
    answer = await client.send("GET", f"{client.origin}/uploads?format=csv", None, {})
    return {line.partition(b",")[0] for line in answer.body.splitlines()}
