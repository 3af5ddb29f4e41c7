"""Uploads that no client continues (tus 1.0, expiration)."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

import pytest

from tests.support.exchange import Answer
from tests.support.raw import stalled_patch
from tests.support.sites import Site
from tests.support.tus import TusClient, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

DAY = 86_400


def expires(answer: Answer) -> float:
    return parsedate_to_datetime(answer.headers["Upload-Expires"]).timestamp()


async def test_t59_only_unfinished_uploads_expire(tus: TusClient) -> None:
    created = await tus.post(upload_length=5)
    moved = await tus.patch(created.url, 0, b"abc")
    head = await tus.head(created.url)
    for answer in (created, moved, head):
        assert answer.headers["Upload-Expires"].endswith(" GMT")
        assert abs(expires(answer) - time.time() - DAY) < 60
    done = await tus.patch(created.url, 3, b"de")
    for answer in (done, await tus.head(created.url), await tus.post(upload_length=0)):
        assert "Upload-Expires" not in answer.headers


async def test_t59_t7_where_nothing_expires_nothing_says_so(tus_strict: TusClient) -> None:
    assert "Upload-Expires" not in (await tus_strict.post(upload_length=5)).headers


async def test_t60_what_expired_is_410_at_once_and_its_bytes_go(fleeting: Site, tus_fleeting: TusClient) -> None:
    """An expired upload answers 410 where `gone_status` is 410, instead of the default 404, and its bytes are
    removed."""
    upload, empty = await tus_fleeting.create(5, b"abc"), await tus_fleeting.create(5)
    assert fleeting.traces(upload)
    await until_gone(tus_fleeting, upload)
    await until_gone(tus_fleeting, empty)
    assert (await tus_fleeting.patch(upload, 3, b"de")).status == 410
    await nothing_of(fleeting, upload)
    assert (await tus_fleeting.head(upload)).status == 410


async def test_t60_a_finished_upload_stays(tus_fleeting: TusClient) -> None:
    finished = await tus_fleeting.create(3, b"abc")
    await until_gone(tus_fleeting, await tus_fleeting.create(5, b"abc"))
    assert await tus_fleeting.content(finished) == b"abc"


async def test_t61_an_upload_that_is_being_written_outlives_its_time(fleeting: Site, tus_fleeting: TusClient) -> None:
    upload = await tus_fleeting.create(6)
    async with stalled_patch(tus_fleeting, upload, 0, b"abc", content_length=6) as slow:
        later = await tus_fleeting.create(6, b"abc")
        await nothing_of(fleeting, later)
        await slow.send(b"def")
        assert (await slow.answer()).status == 204
    assert await tus_fleeting.content(upload) == b"abcdef"


async def until_gone(tus: TusClient, upload: str) -> None:
    async def unseen() -> bool:
        return (await tus.head(upload)).status != 200

    await until(unseen)


async def nothing_of(site: Site, upload: str) -> None:
    async def removed() -> bool:
        return not site.traces(upload)

    await until(removed)
