"""Limits of the creations an hour of one client, of all unfinished uploads and their bytes, and of the uses of a
partial upload in a final one.

Above the first one the answer is 429, above the second one 503, both with Retry-After and before the body is read; an
upload that is longer than all together may be answers 413. HEAD is never refused.
"""

from __future__ import annotations

import pytest

from tests.support.exchange import Answer
from tests.support.raw import connected
from tests.support.rufh import RufhClient, problem
from tests.support.tus import OCTETS, TusClient, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

ONE, NEIGHBOUR, OTHER = (
    {"x_forwarded_for": address} for address in ("2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:3::1")
)
IETF, IETF_OTHER = {"x_forwarded_for": "192.0.2.21"}, {"x_forwarded_for": "192.0.2.22"}


def says(answer: Answer, status: int, code: str) -> bool:
    """Return True if the answer has this status and code, and a Retry-After above 0."""
    text = answer.body.decode().partition(":")[0]
    return (answer.status, text) == (status, code) and int(answer.headers["Retry-After"]) > 0


async def test_every_way_to_create_shares_the_rate(tus_slow: TusClient) -> None:
    """Regular, partial and final uploads count for the 4 creations an hour that a client has here, one IPv6 /64 being
    one client: creations right after these answer 429, and other requests are served."""
    tus = tus_slow
    parts = [await tus.create(3, b"abc", upload_concat="partial", **ONE), await tus.create(3, b"abc", **ONE)]
    assert (await tus.final(parts[0], **ONE)).status == 201
    url = await tus.create(6, **NEIGHBOUR)
    refused = [
        await tus.post(upload_length=3, **ONE),
        await tus.post(b"abc", upload_length=3, content_type=OCTETS, **ONE),
        await tus.post(upload_length=3, upload_concat="partial", **NEIGHBOUR),
        await tus.final(parts[0], **ONE),
    ]
    for answer in refused:
        assert says(answer, 429, "too-many-requests")
        assert int(answer.headers["Retry-After"]) <= 900
    assert (await tus.head(url, **ONE)).status == 200
    assert (await tus.patch(url, 0, b"abcdef", **ONE)).offset == 6
    assert (await tus.get(url, **ONE)).body == b"abcdef"
    assert (await tus.request("DELETE", url, **ONE)).status == 204
    await tus.create(3, **OTHER)
    assert (await tus.post(upload_length=3, **ONE)).status == 429


async def test_a_creation_of_an_ietf_client_counts_like_any_other(rufh_slow: RufhClient, tus_slow: TusClient) -> None:
    for _ in range(4):
        assert (await rufh_slow.post(b"abc", upload_complete="?1", **IETF)).status in {200, 201}
    refused = await rufh_slow.post(b"abc", upload_complete="?1", **IETF)
    assert refused.status == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert problem(refused)["code"] == "too-many-requests"
    assert (await rufh_slow.request("PUT", rufh_slow.url, b"abc", upload_complete="?1", **IETF)).status == 429
    assert (await tus_slow.post(upload_length=1, **IETF)).status == 429
    assert (await rufh_slow.post(b"abc", upload_complete="?1", **IETF_OTHER)).status in {200, 201}


async def test_excess_creation_is_429_before_its_body(tus_slow: TusClient) -> None:
    for _ in range(4):
        await tus_slow.create(1, x_forwarded_for="192.0.2.30")
    async with connected(tus_slow.port) as connection:
        how = {"content_type": OCTETS, "expect": "100-continue", "x_forwarded_for": "192.0.2.30"}
        await connection.head("POST", tus_slow.url, upload_length=10, content_length=10, **how)
        assert (await connection.answer()).status == 429


async def emptied(tus: TusClient) -> None:
    """Wait until the server counts no unfinished upload and no bytes of one."""

    async def empty() -> bool:
        return (await tus.metric("open_uploads"), await tus.metric("open_bytes")) == (0, 0)

    await until(empty)


async def test_unfinished_uploads_and_lengths_are_limited(tus_few: TusClient) -> None:
    """The creation of a third unfinished upload, or of one with which the lengths of all would exceed 100 bytes, is
    answered 503 until others are finished or terminated."""
    tus = tus_few
    await emptied(tus)
    first = await tus.create(60)
    assert says(await tus.post(upload_length=41), 503, "too-many-uploads")
    second = await tus.create(40)

    async def is_counted() -> bool:
        return (await tus.metric("open_uploads"), await tus.metric("open_bytes")) == (2, 100)

    await until(is_counted)
    for answer in (
        await tus.post(upload_length=0),
        await tus.post(b"abc", upload_length=3, content_type=OCTETS),
        await tus.post(upload_defer_length=1),
    ):
        assert says(answer, 503, "too-many-uploads")
    assert await tus.offset(first) == 0
    assert (await tus.patch(first, 0, bytes(60))).offset == 60
    assert (await tus.delete(second)).status == 204
    await emptied(tus)
    assert (await tus.delete(await tus.create(100))).status == 204


async def test_one_upload_may_not_be_longer_than_all_together(tus_few: TusClient) -> None:
    assert (await tus_few.post(upload_length=101)).status == 413
    assert (await tus_few.options()).headers["Tus-Max-Size"] == "100"


async def test_a_partial_upload_is_named_as_often_as_may_be(tus_few: TusClient) -> None:
    await emptied(tus_few)
    (part,) = await tus_few.partials(b"abc")
    answer = await tus_few.final(part, f"/files/{part.rpartition('/')[2]}", part)
    assert (answer.status, answer.body) == (400, b"malformed: Upload-Concat names a partial upload more than 2 times\n")
    assert (await tus_few.final(part, part)).status == 201
