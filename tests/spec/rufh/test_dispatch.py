"""The choice between tus and the IETF's protocol, and of its version, for each request; the uploads of both have the
same URLs, and each protocol can continue those of the other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.exchange import Answer
from tests.support.raw import connected
from tests.support.rufh import PARTIAL, VERSIONS, RufhClient, answers, ask
from tests.support.tus import TusClient

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNKNOWN = "0" * 32


@pytest.mark.parametrize("version", [*VERSIONS, None])
async def test_i1_upload_completes_in_every_version(rufh: RufhClient, version: int | None) -> None:
    """An upload in three requests completes in every interop version, and without one."""
    client = rufh.at(version)
    created = await client.begin(b"abc")
    assert (created.status, created.offset, client.complete(created)) == (201, 3, False)
    appended = await client.append(created.url, 3, b"def", complete=False)
    early = version is not None and version <= 6
    assert (appended.status, appended.offset, client.complete(appended)) == (201 if early else 204, 6, False)
    assert (await client.head(created.url)).status == (204 if version else 200)
    done = await client.append(created.url, 6, b"ghi", complete=True)
    assert (done.status, done.offset, client.complete(done)) == (201, 9, True)
    assert (await client.get(created.url)).body == b"abcdefghi"
    for answer in (created, appended, done):
        assert answer.headers.get("Upload-Draft-Interop-Version") == (version and str(version))
        assert "Tus-Resumable" not in answer.headers


@pytest.mark.parametrize("version", ["9", "2", "eight", "8.0", ""])
async def test_i1_unknown_version_is_newest_without_104(rufh: RufhClient, version: str) -> None:
    async with connected(rufh.port) as connection:
        fields = {"upload_draft_interop_version": version, "upload_complete": "?1", "content_length": 3}
        await ask(connection, "POST", rufh.url, **fields)
        await connection.send(b"abc")
        (answer,) = await answers(connection)
    assert (answer.status, answer.headers["upload-complete"]) == (201, "?1")
    assert "upload-draft-interop-version" not in answer.headers


async def test_i1_tus_resumable_makes_a_request_one_of_tus(rufh: RufhClient) -> None:
    answer = await rufh.post(b"", upload_length=3, upload_complete="?0", tus_resumable="1.0.0")
    assert (answer.status, answer.headers["Tus-Resumable"]) == (201, "1.0.0")
    assert "Upload-Complete" not in answer.headers


async def test_i1_a_look_that_names_no_protocol_is_answered_in_both(rufh: RufhClient) -> None:
    url = await rufh.begin_unfinished(b"abc", upload_length=10)
    answer = await rufh.at(None).head(url)
    fields = {name: answer.headers[name] for name in ("Tus-Resumable", "Upload-Offset", "Upload-Length")}
    assert (answer.status, fields) == (200, {"Tus-Resumable": "1.0.0", "Upload-Offset": "3", "Upload-Length": "10"})
    assert (answer.headers["Upload-Complete"], "Upload-Limit" in answer.headers) == ("?0", True)


async def test_i2_a_look_at_a_waiting_upload_tells_no_length(rufh: RufhClient) -> None:
    """A HEAD without a protocol at a waiting upload that has all its bytes tells no Upload-Length: a tus client would
    take the upload for complete."""
    url = await rufh.begin_unfinished(b"abc", upload_length=3)
    headers = (await rufh.at(None).head(url)).headers
    assert ("Upload-Length" in headers, headers["Upload-Defer-Length"], headers["Upload-Complete"]) == (
        False,
        "1",
        "?0",
    )


async def test_i1_request_of_no_protocol_is_412(rufh: RufhClient) -> None:
    url, nameless = await rufh.begin_unfinished(b"abc"), rufh.at(None)
    refused = [
        await nameless.post(b"", upload_length=3),
        await nameless.patch(url, 3, b"d", content_type="application/octet-stream"),
    ]
    assert [answer.status for answer in refused] == [412] * 2
    assert await rufh.state(url) == (3, False)


async def test_i1_whoever_names_no_protocol_can_cancel_too(rufh: RufhClient) -> None:
    """A DELETE that names no protocol cancels the upload, since a client of the future RFC sends no version."""
    url, nameless = await rufh.begin_unfinished(b"abc"), rufh.at(None)
    assert [(await nameless.delete(url)).status for _ in range(2)] == [204, 404]
    assert (await rufh.head(url)).status == 404


async def test_i1_the_method_may_be_overridden(rufh: RufhClient) -> None:
    url = await rufh.begin_unfinished(b"abc")
    fields = {"content_type": PARTIAL, "upload_offset": 3, "upload_complete": "?1"}
    assert (await rufh.request("POST", url, b"d", x_http_method_override="PATCH", **fields)).status == 201


async def test_i1_wrong_method_is_405_with_allow(rufh: RufhClient) -> None:
    url = await rufh.begin_unfinished()
    on_upload, on_endpoint = await rufh.request("PUT", url), await rufh.request("PATCH", rufh.url)
    assert [answer.status for answer in (on_upload, on_endpoint)] == [405, 405]
    assert on_endpoint.headers["Allow"] == "POST, PUT, OPTIONS"
    assert on_upload.headers["Allow"] == "HEAD, PATCH, DELETE, GET, OPTIONS"


def lengths(answer: Answer) -> tuple[str | None, str | None]:
    return answer.headers.get("Upload-Length"), answer.headers.get("Upload-Defer-Length")


async def test_i2_an_upload_begun_here_is_seen_and_completed_by_tus(rufh: RufhClient, tus: TusClient) -> None:
    url = await rufh.begin_unfinished(b"abc", upload_length=6, content_type="text/plain")
    head = await tus.head(url)
    assert (head.status, head.offset, lengths(head)) == (200, 3, ("6", None))
    assert head.headers["Upload-Metadata"] == "filetype dGV4dC9wbGFpbg=="
    assert (await tus.patch(url, 3, b"def")).status == 204
    assert await rufh.state(url) == (6, True)
    assert await tus.content(url) == b"abcdef"


async def test_i2_an_upload_begun_by_tus_is_seen_and_completed_here(rufh: RufhClient, tus: TusClient) -> None:
    url = await tus.create(6, b"abc")
    assert await rufh.state(url) == (3, False)
    assert (await rufh.append(url, 3, b"def", complete=True)).status == 201
    assert await tus.offset(url) == 6
    assert await tus.content(url) == b"abcdef"


async def test_i2_tus_completes_an_upload_of_full_length(rufh: RufhClient, tus: TusClient) -> None:
    """A waiting upload of full length has a deferred length for tus, and an empty tus PATCH completes it: in tus,
    offset and length say that an upload is complete, in the IETF's protocol they don't."""
    url = await rufh.begin_unfinished(b"abc", upload_length=3)
    assert lengths(await tus.head(url)) == (None, "1")
    assert "Upload-Length" not in (await rufh.at(6).head(url)).headers
    assert (await tus.patch(url, 3, b"")).status == 204
    assert lengths(await tus.head(url)) == ("3", None)
    assert await rufh.state(url) == (3, True)


async def test_i2_a_final_upload_of_tus_takes_no_bytes_here_either(rufh: RufhClient, tus: TusClient) -> None:
    final = (await tus.final(*await tus.partials(b"ab", b"c"))).url
    assert await rufh.state(final) == (3, True)
    assert (await rufh.append(final, 3, b"d", complete=True)).status == 403


async def test_early_refusal_is_in_the_clients_protocol(rufh: RufhClient, tus: TusClient) -> None:
    foreign: dict[str, Any] = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"}
    answer = await rufh.begin(b"abc", **foreign)
    assert (answer.status, answer.headers["Content-Type"]) == (403, "application/problem+json")
    plain = await tus.post(upload_length=3, **foreign)
    assert (plain.status, plain.headers["Cache-Control"], plain.body[:10]) == (403, "no-store", b"forbidden:")
