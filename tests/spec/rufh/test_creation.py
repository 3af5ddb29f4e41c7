"""Creation: the whole upload or its beginning, by POST or PUT, with content of any media type."""

from __future__ import annotations

import base64
import gzip
import os
from typing import Any

import pytest

from tests.support.raw import chunked, connected
from tests.support.rufh import NEWEST, RufhClient, answers, ask, limits, problem
from tests.support.sites import Site
from tests.support.tus import OCTETS, TusClient

pytestmark = pytest.mark.asyncio(loop_scope="session")

MIB = 1024 * 1024


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("size", [0, 5, 6 * MIB], ids=["empty", "small", "part_and_tail"])
async def test_i8_a_whole_upload_takes_one_request(rufh_on: RufhClient, method: str, size: int) -> None:
    data, finished = os.urandom(size), await rufh_on.metric("uploads_finished_total")
    answer = await rufh_on.request(method, rufh_on.url, data, upload_complete="?1")
    assert (answer.status, answer.offset, answer.headers["Upload-Complete"]) == (201, size, "?1")
    head = await rufh_on.head(answer.url)
    assert (head.offset, head.headers["Upload-Length"]) == (size, str(size))
    assert await rufh_on.content(answer.url) == data
    assert await rufh_on.metric("uploads_finished_total") == finished + 1


async def test_i8_one_of_unknown_length_too(rufh_on: RufhClient) -> None:
    data = os.urandom(6 * MIB)
    async with connected(rufh_on.port) as connection:
        await ask(connection, "POST", rufh_on.url, upload_complete="?1", transfer_encoding="chunked")
        await connection.send(chunked(data[:MIB], data[MIB:]))
        *_, answer = await answers(connection)
    assert (answer.status, answer.headers["upload-complete"]) == (201, "?1")
    assert await rufh_on.content(answer.headers["location"]) == data
    assert (await rufh_on.head(answer.headers["location"])).headers["Upload-Length"] == str(6 * MIB)


@pytest.mark.parametrize("body", [b"", b"abc"])
@pytest.mark.parametrize("length", [None, 10])
async def test_i10_incomplete_creation_is_201_with_url(rufh: RufhClient, body: bytes, length: int | None) -> None:
    """A creation that doesn't complete the upload answers 201 with URL, offset and limits, with which a client
    continues."""
    answer = await rufh.begin(body, upload_length=length)
    assert (answer.status, answer.offset, answer.headers["Upload-Complete"]) == (201, len(body), "?0")
    assert answer.url.startswith(rufh.url)
    assert "min-size" in limits(answer)
    assert await rufh.state(answer.url) == (len(body), False)


@pytest.mark.parametrize("body", [b"abc", b"abcdef"])
async def test_i12_inconsistent_length_is_400(rufh: RufhClient, body: bytes) -> None:
    """A complete creation whose Content-Length is less or more than Upload-Length answers 400 and creates nothing."""
    created = await rufh.metric("uploads_created_total")
    answer = await rufh.begin(body, complete=True, upload_length=5)
    assert (answer.status, answer.headers["Upload-Complete"]) == (400, "?0")
    document = problem(answer)
    assert document["type"] == "https://iana.org/assignments/http-problem-types#inconsistent-upload-length"
    assert document["code"] == "inconsistent-length"
    assert await rufh.metric("uploads_created_total") == created


async def test_i12_a_beginning_that_is_longer_than_the_upload_is_400(rufh: RufhClient) -> None:
    assert problem(await rufh.begin(b"abcdef", upload_length=5))["code"] == "inconsistent-length"


@pytest.mark.parametrize("size", [{"upload_length": 1001}, {"content_length": 1001}])
async def test_i12_too_long_upload_is_413_before_its_body(rufh_strict: RufhClient, size: dict[str, Any]) -> None:
    async with connected(rufh_strict.port) as connection:
        complete = "?1" if "content_length" in size else "?0"
        await ask(connection, "POST", rufh_strict.url, upload_complete=complete, **size)
        (answer,) = await answers(connection)
    assert (answer.status, answer.headers["upload-limit"]) == (413, "min-size=0, max-size=1000")
    assert problem(answer)["code"] == "too-large"


async def test_i14_cut_creation_keeps_its_bytes_incomplete(rufh_on: RufhClient) -> None:
    data = os.urandom(6 * MIB)
    before = await rufh_on.metric("received_bytes_total")
    async with connected(rufh_on.port) as connection:
        await ask(connection, "POST", rufh_on.url, upload_complete="?1", content_length=len(data))
        url = (await connection.answer()).headers["location"]
        await connection.send(data[: 5 * MIB + 1])
        await rufh_on.received(before + 5 * MIB + 1)
        connection.leave()
    offset, complete = await rufh_on.state(url)
    assert (offset, complete) == (5 * MIB + 1, False)
    assert (await rufh_on.append(url, offset, data[offset:], complete=True)).status == 201
    assert await rufh_on.content(url) == data


DESCRIBED: dict[str, tuple[dict[str, object], dict[str, bytes]]] = {
    "type": ({"content_type": "image/png"}, {"filetype": b"image/png"}),
    "name": ({"content_disposition": 'inline; filename="a \\"b\\".png"'}, {"filename": b'a "b".png'}),
    "token": ({"content_disposition": "attachment; filename=a.png"}, {"filename": b"a.png"}),
    "better_name": (
        {"content_disposition": "inline; filename=\"a.png\"; filename*=UTF-8''%e2%82%ac%20a.png"},
        {"filename": "\u20ac a.png".encode()},
    ),
    "latin": ({"content_disposition": "inline; filename*=iso-8859-1'en'%e4.png"}, {"filename": "\u00e4.png".encode()}),
    "no_name": ({"content_disposition": "inline"}, {}),
    "odd": ({"content_disposition": "inline; filename*=klingon''a; filename"}, {}),
    "coding": ({"content_encoding": "gzip"}, {"contentencoding": b"gzip"}),
    "partial_upload": ({"content_type": "application/partial-upload"}, {}),
    "metadata_of_tus_js_client": (
        {"upload_metadata": "filename YQ==", "content_disposition": "inline; filename=b", "content_type": "text/plain"},
        {"filename": b"a", "filetype": b"text/plain"},
    ),
}


@pytest.mark.parametrize(("fields", "metadata"), DESCRIBED.values(), ids=DESCRIBED)
async def test_i15_representation_fields_are_kept(
    rufh: RufhClient, tus: TusClient, fields: dict[str, object], metadata: dict[str, bytes]
) -> None:
    url = await rufh.begin_unfinished(b"abc", **fields)
    field = (await tus.head(url)).headers.get("Upload-Metadata")
    pairs = (pair.split(" ") for pair in field.split(",")) if field else []
    assert {key: base64.b64decode(value) for key, value in pairs} == metadata


@pytest.mark.parametrize("size", [20, 6 * MIB])
async def test_i15_download_repeats_representation_fields(rufh_on: RufhClient, size: int) -> None:
    """A download has the type, file name and coding that the creation gave, and the bytes as they were sent."""
    fields: dict[str, Any] = {"content_disposition": "inline; filename=a.txt"}
    fields |= {"content_type": "text/plain", "content_encoding": "gzip"}
    data = gzip.compress(os.urandom(size))
    got = await rufh_on.get((await rufh_on.begin(data, complete=True, **fields)).url)
    assert got.body == data, "nothing is decoded"
    assert got.headers["Content-Type"].startswith("text/plain")
    assert got.headers["Content-Encoding"] == "gzip"
    assert "a.txt" in got.headers["Content-Disposition"]


async def test_i15_a_coding_that_is_none_is_not_shown(rufh: RufhClient) -> None:
    url = (await rufh.begin(b"abc", complete=True, content_encoding="gzip, evil/1")).url
    assert "Content-Encoding" not in (await rufh.get(url)).headers


async def test_i15_descriptions_have_a_limit(rufh: RufhClient) -> None:
    answer = await rufh.begin(b"abc", content_disposition=f'inline; filename="{"a" * 17000}"')
    assert problem(answer)["code"] == "malformed"


@pytest.mark.parametrize("version", [5, 6])
async def test_i17_early_drafts_create_empty_by_length(rufh: RufhClient, version: int) -> None:
    client = rufh.at(version)
    answer = await client.begin(upload_length=0)
    assert (answer.status, client.complete(answer)) == (201, True)
    assert await client.content(answer.url) == b""


async def test_i17_later_ones_have_to_say_so(rufh: RufhClient) -> None:
    url = await rufh.begin_unfinished(upload_length=0)
    assert await rufh.state(url) == (0, False)
    assert (await rufh.append(url, 0, b"", complete=True)).headers["Upload-Complete"] == "?1"
    assert await rufh.content(url) == b""


@pytest.mark.parametrize("version", [6, NEWEST])
async def test_i17_the_content_may_be_all_of_an_upload_of_known_length(rufh: RufhClient, version: int) -> None:
    client = rufh.at(version)
    answer = await client.begin(b"abc", upload_length=3)
    assert client.complete(answer) == (version == 6)


async def test_i36_the_url_of_an_upload_cannot_be_guessed(rufh: RufhClient) -> None:
    names = {(await rufh.begin_unfinished()).rpartition("/")[2] for _ in range(3)}
    assert len(names) == 3
    assert all(len(bytes.fromhex(name)) == 16 for name in names)


async def test_i36_limits_on_crowds_hold_and_are_told_as_problems(rufh_strict: RufhClient) -> None:
    async with connected(rufh_strict.port) as connection:
        before = await rufh_strict.metric("received_bytes_total")
        await ask(connection, "POST", rufh_strict.url, upload_complete="?1", content_length=5)
        await connection.send(b"abc")
        await rufh_strict.received(before + 3)
        answer = await rufh_strict.begin(b"abc")
    assert (answer.status, problem(answer)["code"]) == (429, "too-many-requests")


async def test_i37_incremental_delivery_is_what_happens_anyway(rufh: RufhClient) -> None:
    assert (await rufh.begin(b"abc", complete=True, incremental="?1")).status == 201


async def test_bytes_of_tus_are_bytes_like_any_other_here(rufh: RufhClient) -> None:
    assert (await rufh.begin(b"abc", content_type=OCTETS)).offset == 3


async def test_a_refused_creation_leaves_nothing(site: Site, rufh_on: RufhClient) -> None:
    async with connected(rufh_on.port) as connection:
        fields = {"upload_complete": "?1", "upload_length": 4, "transfer_encoding": "chunked"}
        await ask(connection, "POST", rufh_on.url, **fields)
        await connection.send(chunked(b"abc", b"def"))
        responses = await answers(connection)
    assert (responses[-1].status, problem(responses[-1])["code"]) == (400, "inconsistent-length")
    url = responses[0].headers["location"]
    assert (await rufh_on.head(url)).status == 404
    assert site.traces(url) == []
