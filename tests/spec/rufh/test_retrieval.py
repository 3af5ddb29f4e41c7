"""Offset retrieval: HEAD, and GET while there is nothing to download."""

from __future__ import annotations

import asyncio
import os

import pytest

from tests.support.rufh import VERSIONS, RufhClient, limits, problem
from tests.support.s3faults import error
from tests.support.s3proxy import S3Proxy
from tests.support.sites import Site
from tests.support.tus import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

MIB = 1024 * 1024
UNKNOWN = "0" * 32


@pytest.mark.parametrize("version", VERSIONS)
async def test_i18_head_tells_all_that_it_takes_to_go_on(rufh: RufhClient, version: int) -> None:
    client = rufh.at(version)
    answer = await client.head(await client.begin_unfinished(b"abc", upload_length=10))
    assert (answer.status, answer.offset, client.complete(answer), answer.body) == (204, 3, False, b"")
    assert answer.headers["Upload-Length"] == "10"
    assert "min-size" in limits(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Upload-Draft-Interop-Version"] == str(version)


async def test_i18_a_length_that_nobody_told_is_not_told(rufh: RufhClient) -> None:
    assert "Upload-Length" not in (await rufh.head(await rufh.begin_unfinished(b"abc"))).headers


async def test_i18_get_of_unfinished_upload_is_its_state(rufh: RufhClient) -> None:
    url = await rufh.begin_unfinished(b"abc")
    early = await rufh.get(url)
    assert (early.status, early.offset, early.headers["Upload-Complete"], early.body) == (204, 3, "?0", b"")
    await rufh.append(url, 3, b"def", complete=True)
    late = await rufh.get(url)
    assert (late.status, late.offset, late.headers["Upload-Complete"], late.body) == (200, 6, "?1", b"abcdef")
    assert (await rufh.at(None).get(await rufh.begin_unfinished())).status == 404, (
        "as before, for those that name no protocol"
    )


async def test_i19_only_what_has_its_object_is_complete(rufh_s3: RufhClient, s3_proxy: S3Proxy) -> None:
    data = os.urandom(6 * MIB)
    url = await rufh_s3.begin_unfinished(data[:-1], upload_length=len(data))
    assert await rufh_s3.state(url) == (len(data) - 1, False)
    assert (await rufh_s3.append(url, len(data) - 1, data[-1:], complete=False)).status == 204
    assert await rufh_s3.state(url) == (len(data), False)
    s3_proxy.faults.rule("CompleteMultipartUpload", None, error(503, "SlowDown"))
    answer = await rufh_s3.append(url, len(data), b"", complete=True)
    assert (answer.status, problem(answer)["code"]) == (503, "unavailable")
    assert (await rufh_s3.get(url)).status != 200
    s3_proxy.reset()
    assert await rufh_s3.state(url) == (len(data), True)
    assert await rufh_s3.content(url) == data


@pytest.mark.parametrize(("version", "status"), [(6, 423), (8, 503)])
async def test_i19_what_cannot_be_told_now_is_to_be_asked_for_again(
    rufh_s3: RufhClient, s3_proxy: S3Proxy, version: int, status: int
) -> None:
    """While S3 can't complete the object, HEAD answers 423 in version 6, since tus-js-client starts over after any
    other failure, and 503 in version 8, since clients of later drafts try again after a 5xx alone."""
    data = os.urandom(6 * MIB)
    url = await rufh_s3.begin_unfinished(data)
    s3_proxy.faults.rule("CompleteMultipartUpload", None, error(503, "SlowDown"))
    await rufh_s3.append(url, len(data), b"", complete=True)
    answer = await rufh_s3.at(version).head(url)
    assert (answer.status, "Retry-After" in answer.headers, answer.body) == (status, True, b"")
    assert "Upload-Offset" not in answer.headers
    s3_proxy.reset()
    assert await rufh_s3.state(url) == (len(data), True)


@pytest.mark.parametrize("method", ["HEAD", "DELETE"])
@pytest.mark.parametrize("field", [{"upload_offset": 3}, {"upload_complete": "?0"}, {"upload_incomplete": "?1"}])
async def test_i20_later_versions_ignore_a_client_claim(
    rufh: RufhClient, method: str, field: dict[str, object]
) -> None:
    """A HEAD or DELETE that claims an offset or completeness answers 400 in version 6; version 7 ignores the claim."""
    url = await rufh.begin_unfinished(b"abc")
    assert [(await rufh.at(version).request(method, url, **field)).status for version in (6, 7)] == [400, 204]


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE", "GET"])
async def test_i21_an_unknown_upload_is_404(rufh: RufhClient, method: str) -> None:
    fields = {"upload_offset": 0, "upload_complete": "?0", "content_type": "application/partial-upload"}
    answer = await rufh.request(method, rufh.url + UNKNOWN, **(fields if method == "PATCH" else {}))
    assert (answer.status, "Upload-Offset" in answer.headers) == (404, False)
    if method != "HEAD":
        assert problem(answer)["code"] == "not-found"


async def test_i21_an_expired_one_too(rufh_fleeting: RufhClient) -> None:
    url = await rufh_fleeting.begin_unfinished(b"abc")

    async def is_gone() -> bool:
        return (await rufh_fleeting.head(url)).status == 404

    await until(is_gone)


async def test_i22_an_offset_outlives_a_crash(site: Site, rufh_on: RufhClient) -> None:
    data = os.urandom(7 * MIB)
    url = await rufh_on.begin_unfinished(data[: 6 * MIB])
    await site.server.kill()
    await site.server.start()
    assert await rufh_on.state(url) == (6 * MIB, False)
    assert (await rufh_on.append(url, 6 * MIB, data[6 * MIB :], complete=True)).status == 201
    assert await rufh_on.content(url) == data


async def test_i22_an_offset_never_decreases_while_bytes_come(rufh: RufhClient) -> None:
    url, offsets = await rufh.begin_unfinished(), [0]
    sending = asyncio.create_task(_steps(rufh, url))
    while not sending.done():
        offsets.append((await rufh.state(url))[0])
    await sending
    assert offsets == sorted(offsets)


async def _steps(rufh: RufhClient, url: str) -> None:
    for _ in range(20):
        offset, _ = await rufh.state(url)
        await rufh.append(url, offset, b"x" * 1000, complete=False)
