"""The end of an upload (tus 1.0, termination)."""

from __future__ import annotations

import os

import pytest

from tests.support.raw import stalled_patch
from tests.support.sites import Site
from tests.support.turns import making_way
from tests.support.tus import TusClient

pytestmark = pytest.mark.asyncio(loop_scope="session")

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("length", "sent_bytes"), [(10, 0), (10, 3), (10, 10), (13 * MIB, 12 * MIB), (6 * MIB, 6 * MIB)]
)
async def test_t69_delete_is_204_and_frees_everything(
    site: Site, tus_on: TusClient, length: int, sent_bytes: int
) -> None:
    upload = await tus_on.create(length, os.urandom(sent_bytes))
    answer = await tus_on.delete(upload)
    assert (answer.status, answer.body) == (204, b"")
    assert site.traces(upload) == []


async def test_t70_afterwards_nothing_finds_it(tus: TusClient) -> None:
    for upload in (await tus.create(5, b"abc"), await tus.create(5, b"abcde")):
        assert (await tus.delete(upload)).status == 204
        answers = [await tus.head(upload), await tus.patch(upload, 3, b"de"), await tus.get(upload)]
        assert [answer.status for answer in [*answers, await tus.delete(upload)]] == [404] * 4


async def test_t71_delete_ends_a_patch_that_is_running(site: Site, tus_on: TusClient) -> None:
    data = os.urandom(6 * MIB)
    upload = await tus_on.create(7 * MIB)
    async with stalled_patch(tus_on, upload, 0, data, content_length=7 * MIB):
        with making_way():
            assert (await tus_on.delete(upload)).status == 204
    assert (await tus_on.head(upload)).status == 404
    assert site.traces(upload) == []


async def test_t72_switched_off_delete_is_405_and_says_what_is_allowed(tus_strict: TusClient) -> None:
    upload = await tus_strict.create(5, b"abc")
    answer = await tus_strict.delete(upload)
    assert answer.status == 405
    assert "DELETE" not in answer.headers["Allow"]
    assert "termination" not in (await tus_strict.options()).headers["Tus-Extension"]
    assert await tus_strict.offset(upload) == 3
