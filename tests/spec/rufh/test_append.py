"""Append: PATCH with application/partial-upload."""

from __future__ import annotations

import asyncio
import os

import pytest

from tests.support.raw import chunked, connected
from tests.support.rufh import PARTIAL, VERSIONS, RufhClient, answers, ask, problem
from tests.support.sites import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

MIB = 1024 * 1024
PROBLEMS = "https://iana.org/assignments/http-problem-types#"


@pytest.mark.parametrize("version", VERSIONS)
async def test_i23_bytes_are_appended_and_more_may_come(rufh: RufhClient, version: int) -> None:
    client = rufh.at(version)
    url = await client.begin_unfinished(b"abc")
    answer = await client.append(url, 3, b"def", complete=False)
    assert (answer.status, answer.offset, client.complete(answer)) == (204 if version > 6 else 201, 6, False)
    assert "Location" not in answer.headers
    assert await client.state(url) == (6, False)


@pytest.mark.parametrize("kind", [None, "application/octet-stream", "application/offset+octet-stream"])
async def test_i23_the_type_is_required_since_it_has_a_name(rufh: RufhClient, kind: str | None) -> None:
    url = await rufh.begin_unfinished(b"abc")
    refused = await rufh.append(url, 3, b"d", complete=False, content_type=kind)
    assert (refused.status, problem(refused)["code"]) == (415, "wrong-content-type")
    assert await rufh.state(url) == (3, False)
    assert (await rufh.at(5).append(url, 3, b"d", complete=False, content_type=kind)).status == 201


async def test_i23_bytes_in_a_coding_of_their_own_are_415(rufh: RufhClient) -> None:
    url = await rufh.begin_unfinished(b"abc")
    assert (await rufh.append(url, 3, b"d", complete=False, content_encoding="gzip")).status == 415


async def test_i23_a_host_that_makes_no_url_changes_nothing(rufh: RufhClient) -> None:
    url = await rufh.begin_unfinished(b"abc")
    refused = await rufh.append(url, 3, b"def", complete=True, host="a b")
    assert (refused.status, problem(refused)["code"]) == (400, "malformed")
    assert await rufh.state(url) == (3, False)
    assert (await rufh.append(url, 3, b"def", complete=True)).status == 201


@pytest.mark.parametrize("framing", ["content_length", "chunked"])
@pytest.mark.parametrize("length", [None, 7 * MIB])
async def test_i24_the_last_bytes_complete_it_in_however_many_requests(
    rufh_on: RufhClient, framing: str, length: int | None
) -> None:
    data = os.urandom(7 * MIB)
    url = await rufh_on.begin_unfinished(data[:1000], upload_length=length)
    assert (await rufh_on.append(url, 1000, data[1000 : 6 * MIB], complete=False)).offset == 6 * MIB
    async with connected(rufh_on.port) as connection:
        chunks = {"transfer_encoding": "chunked"} if framing == "chunked" else {"content_length": MIB}
        await ask(connection, "PATCH", url, upload_offset=6 * MIB, upload_complete="?1", **chunks)
        await connection.send(chunked(data[6 * MIB :]) if framing == "chunked" else data[6 * MIB :])
        *_, answer = await answers(connection)
    assert (answer.status, answer.headers["upload-complete"]) == (201, "?1")
    assert answer.headers["location"] == url
    assert await rufh_on.content(url) == data


@pytest.mark.parametrize("length", [None, 6 * MIB])
async def test_i24_an_empty_append_completes_what_is_all_there(rufh_on: RufhClient, length: int | None) -> None:
    data = os.urandom(6 * MIB)
    url = await rufh_on.begin_unfinished(data, upload_length=length)
    assert await rufh_on.state(url) == (6 * MIB, False)
    assert (await rufh_on.append(url, 6 * MIB, b"", complete=True)).headers["Upload-Complete"] == "?1"
    assert await rufh_on.content(url) == data


async def test_i24_reached_length_waits_for_completion(rufh_on: RufhClient) -> None:
    url = await rufh_on.begin_unfinished(b"abc", upload_length=6)
    answer = await rufh_on.append(url, 3, b"def", complete=False)
    assert (answer.offset, answer.headers["Upload-Complete"]) == (6, "?0")
    assert (await rufh_on.append(url, 6, b"", complete=True)).status == 201
    assert await rufh_on.content(url) == b"abcdef"


@pytest.mark.parametrize("offset", [0, 2, 4, 10**9])
async def test_i25_wrong_offset_is_409_with_the_true_one(rufh: RufhClient, offset: int) -> None:
    url = await rufh.begin_unfinished(b"abc")
    answer = await rufh.append(url, offset, b"d", complete=False)
    assert (answer.status, answer.offset, answer.headers["Upload-Complete"]) == (409, 3, "?0")
    assert problem(answer) == {
        "type": f"{PROBLEMS}mismatching-upload-offset",
        "title": "Mismatching Upload Offset",
        "status": 409,
        "detail": f"the upload is at offset 3, not {offset}",
        "code": "offset-mismatch",
        "expected-offset": 3,
        "provided-offset": offset,
    }
    assert await rufh.state(url) == (3, False)


@pytest.mark.parametrize("framing", ["content_length", "chunked"])
async def test_i26_more_bytes_than_the_length_end_the_upload(site: Site, rufh_on: RufhClient, framing: str) -> None:
    url = await rufh_on.begin_unfinished(b"abc", upload_length=5)
    async with connected(rufh_on.port) as connection:
        chunks = {"transfer_encoding": "chunked"} if framing == "chunked" else {"content_length": 3}
        await ask(connection, "PATCH", url, upload_offset=3, upload_complete="?0", **chunks)
        await connection.send(chunked(b"de", b"f") if framing == "chunked" else b"def")
        *_, answer = await answers(connection)
    assert (answer.status, problem(answer)["type"]) == (400, f"{PROBLEMS}inconsistent-upload-length")
    assert (await rufh_on.head(url)).status == 404
    assert (await rufh_on.append(url, 3, b"de", complete=True)).status == 404
    assert site.traces(url) == []


async def test_i26_too_large_append_is_413_with_limits(
    rufh_strict: RufhClient,
) -> None:
    """An append beyond `max_size` answers 413 with the limits, and the upload stays as it was and can be continued."""
    url = await rufh_strict.begin_unfinished(b"abc")
    answer = await rufh_strict.append(url, 3, b"x" * 998, complete=False)
    assert (answer.status, problem(answer)["code"]) == (413, "too-large")
    assert "max-size=1000" in answer.headers["Upload-Limit"]
    assert await rufh_strict.state(url) == (3, False)


@pytest.mark.parametrize("missing", ["upload_offset", "upload_complete"])
async def test_i27_offset_and_completeness_must_be_said(rufh: RufhClient, missing: str) -> None:
    url = await rufh.begin_unfinished(b"abc")
    fields = {"upload_offset": 3, "upload_complete": "?0", "content_type": PARTIAL} | {missing: None}
    answer = await rufh.request("PATCH", url, b"d", **fields)
    assert (answer.status, problem(answer)["code"]) == (400, "malformed")
    assert await rufh.state(url) == (3, False)


@pytest.mark.parametrize(("body", "complete"), [(b"d", True), (b"d", False), (b"", False)])
async def test_i28_a_complete_upload_takes_nothing(rufh: RufhClient, body: bytes, *, complete: bool) -> None:
    url = (await rufh.begin(b"abc", complete=True)).url
    answer = await rufh.append(url, 3, body, complete=complete)
    assert (answer.status, problem(answer)["type"]) == (400, f"{PROBLEMS}completed-upload")
    assert await rufh.state(url) == (3, True)
    assert await rufh.content(url) == b"abc"


async def test_i28_not_even_bytes_of_unknown_number(rufh: RufhClient) -> None:
    url = (await rufh.begin(b"abc", complete=True)).url
    async with connected(rufh.port) as connection:
        fields = {"upload_offset": 3, "upload_complete": "?1", "transfer_encoding": "chunked"}
        await ask(connection, "PATCH", url, **fields)
        await connection.send(chunked(b"d"))
        *_, answer = await answers(connection)
    assert problem(answer)["code"] == "already-complete"
    assert await rufh.content(url) == b"abc"


async def test_i28_final_response_is_repeated(rufh_on: RufhClient) -> None:
    """A client that repeats the last append, without bytes, gets the final response again, with the same header fields
    except Date and Upload-Limit."""
    data = os.urandom(6 * MIB)
    created = await rufh_on.begin(data[:-3], upload_length=len(data), want_repr_digest="sha-256=1")
    final = await rufh_on.append(created.url, len(data) - 3, data[-3:], complete=True)
    again = [await rufh_on.append(created.url, len(data), b"", complete=True) for _ in range(2)]
    passing = {"Date", "Upload-Limit"}
    responses = [
        {name: value for name, value in answer.headers.items() if name not in passing} for answer in (final, *again)
    ]
    assert responses[0] == responses[1] == responses[2]
    assert {answer.status for answer in (final, *again)} == {201}
    assert "Repr-Digest" in responses[0]


@pytest.mark.parametrize("size", ["length", "content"])
async def test_i29_a_length_is_said_once_and_repeated_only(rufh: RufhClient, size: str) -> None:
    url = await rufh.begin_unfinished(b"abc", upload_length=10)
    assert (await rufh.append(url, 3, b"d", complete=False, upload_length=10)).offset == 4
    other_length = {"upload_length": 11} if size == "length" else {}
    answer = await rufh.append(url, 4, b"e", complete=size == "content", **other_length)
    assert (answer.status, answer.headers["Upload-Complete"]) == (400, "?0")
    assert problem(answer)["type"] == f"{PROBLEMS}inconsistent-upload-length"
    assert await rufh.state(url) == (4, False)


async def test_i29_a_length_may_come_late(rufh: RufhClient) -> None:
    url = await rufh.begin_unfinished(b"abc")
    await rufh.append(url, 3, b"d", complete=False, upload_length=10)
    assert (await rufh.head(url)).headers["Upload-Length"] == "10"


async def test_i29_short_last_body_is_kept_incomplete(rufh: RufhClient) -> None:
    url = await rufh.begin_unfinished(b"abc", upload_length=10)
    async with connected(rufh.port) as connection:
        fields = {"upload_offset": 3, "upload_complete": "?1", "transfer_encoding": "chunked"}
        await ask(connection, "PATCH", url, **fields)
        await connection.send(chunked(b"de"))
        *_, answer = await answers(connection)
    assert problem(answer)["code"] == "inconsistent-length"
    assert await rufh.state(url) == (5, False)


@pytest.mark.parametrize("size", [1, 5 * MIB])
async def test_i30_any_append_size_is_accepted(rufh_s3: RufhClient, size: int) -> None:
    """Upload-Limit names no append size, and appends of one byte and of 5 MiB are accepted."""
    url = await rufh_s3.begin_unfinished()
    answer = await rufh_s3.append(url, 0, b"x" * size, complete=False)
    assert (answer.status, answer.offset) == (204, size)
    assert "append-size" not in answer.headers["Upload-Limit"]


async def test_bytes_are_not_read_before_the_request_is_judged(rufh: RufhClient) -> None:
    url, sent_bytes = await rufh.begin_unfinished(b"abc"), 0
    async with connected(rufh.port) as connection, asyncio.timeout(15):
        fields = {"upload_offset": 4, "upload_complete": "?1", "content_length": 1024 * MIB}
        await ask(connection, "PATCH", url, **fields, expect="100-continue")
        (answer,) = await answers(connection)
        assert answer.status == 409
        try:
            while sent_bytes < 1024 * MIB:
                await connection.send(b"x" * MIB)
                sent_bytes += MIB
        except ConnectionError:
            pass
    assert sent_bytes < 32 * MIB
