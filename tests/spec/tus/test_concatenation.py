"""One upload out of several (tus 1.0, concatenation)."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import pytest

from tests.support.sites import Site
from tests.support.tus import OCTETS, TusClient, encoded

pytestmark = pytest.mark.asyncio(loop_scope="session")

MIB = 1024 * 1024


async def test_t73_a_partial_upload_says_that_it_is_one(tus: TusClient) -> None:
    upload = await tus.create(5, b"abc", upload_concat="partial")
    answer = await tus.head(upload)
    assert (answer.headers["Upload-Concat"], answer.offset) == ("partial", 3)


async def test_t74_upload_concat_on_head_and_patch_is_ignored(tus: TusClient) -> None:
    upload = await tus.create(3, upload_concat="partial")
    assert (await tus.head(upload, upload_concat="partial")).status == 200
    assert (await tus.patch(upload, 0, b"abc", upload_concat="partial")).status == 204


async def test_t75_partials_are_joined_in_list_order(tus_on: TusClient) -> None:
    """A final upload joins its partial uploads in the order of the list, which may name them by URL, by path, by a URL
    of another host and by id."""
    first, second, third, fourth = await tus_on.partials(b"one", b"two", b"three", b"four")
    elsewhere = f"https://cdn.example:8443/prefix{urlsplit(third).path}?token=1#x"
    answer = await tus_on.final(fourth, urlsplit(second).path, elsewhere, first.rpartition("/")[2])
    assert answer.status == 201
    head = await tus_on.head(answer.url)
    assert (head.offset, head.headers["Upload-Length"]) == (15, "15")
    assert await tus_on.content(answer.url) == b"fourtwothreeone"


async def test_t76_final_upload_with_length_is_400(tus: TusClient) -> None:
    (partial,) = await tus.partials(b"abc")
    assert (await tus.final(partial, upload_length=3)).status == 400
    assert (await tus.final(partial, upload_defer_length=1)).status == 400


async def test_t77_a_final_upload_says_what_it_is_made_of(tus: TusClient) -> None:
    urls = await tus.partials(b"abc", b"def")
    answer = await tus.head((await tus.final(*urls)).url)
    assert answer.headers["Upload-Concat"] == f"final;{' '.join(urlsplit(url).path for url in urls)}"
    assert answer.headers["Upload-Offset"] == answer.headers["Upload-Length"] == "6"


async def test_t78_patch_of_a_final_upload_is_403(tus: TusClient) -> None:
    final = (await tus.final(*await tus.partials(b"abc"))).url
    for offset in (0, 3):
        assert (await tus.patch(final, offset, b"xyz")).status == 403
    assert await tus.content(final) == b"abc"


async def test_t79_metadata_of_partials_is_not_inherited(tus: TusClient) -> None:
    own, inherited = f"name {encoded(b'final')}", f"name {encoded(b'partial')}"
    partial = await tus.create(3, b"abc", upload_concat="partial", upload_metadata=inherited)
    assert (await tus.head((await tus.final(partial, upload_metadata=own)).url)).headers["Upload-Metadata"] == own
    assert "Upload-Metadata" not in (await tus.head((await tus.final(partial)).url)).headers


async def test_t80_a_partial_may_be_used_again_until_it_is_gone(tus: TusClient) -> None:
    partial, last = await tus.partials(b"ab", b"c")
    assert await tus.content((await tus.final(partial, partial, last)).url) == b"ababc"
    final = (await tus.final(last, partial)).url
    assert (await tus.delete(partial)).status == 204
    assert await tus.content(final) == b"cab"
    assert (await tus.final(partial)).status == 400


async def test_t81_unfinished_partial_is_400(tus: TusClient) -> None:
    """A final upload of an unfinished partial upload answers 400 and isn't created; `concatenation-unfinished` isn't
    offered."""
    (done,) = await tus.partials(b"abc")
    unfinished = await tus.create(5, b"abc", upload_concat="partial")
    created = await tus.metric("uploads_created_total")
    assert (await tus.final(done, unfinished)).status == 400
    assert await tus.metric("uploads_created_total") == created
    assert "concatenation-unfinished" not in (await tus.options()).headers["Tus-Extension"]


async def test_t82_what_is_not_a_partial_here_is_400(tus: TusClient) -> None:
    regular = await tus.create(3, b"abc")
    final = (await tus.final(*await tus.partials(b"abc"))).url
    for url in (regular, final, tus.url + "0" * 32, "nonsense", "http://[", f"/elsewhere/{'0' * 32}", tus.url):
        assert (await tus.final(url)).status == 400


@pytest.mark.parametrize("sizes", [[2, 2, 2], [6 * MIB, 2, 6 * MIB], [2, 6 * MIB], [5 * MIB, 5 * MIB - 1, 1]], ids=str)
async def test_t83_partials_of_any_size_are_joined(site: Site, tus_on: TusClient, sizes: list[int]) -> None:
    bodies = [os.urandom(size) for size in sizes]
    urls = await tus_on.partials(*bodies)
    final = (await tus_on.final(*urls)).url
    assert await tus_on.content(final) == b"".join(bodies)
    for url in (*urls, final):
        assert (await tus_on.delete(url)).status == 204
    assert [site.traces(url) for url in (*urls, final)] == [[]] * (len(urls) + 1)


async def test_t84_a_list_longer_than_8_kib_is_taken(tus: TusClient) -> None:
    partials = await tus.partials(*[b"ab"] * 20)
    urls = [f"https://{'a' * 60}.{'b' * 60}.example{urlsplit(partial).path}" for partial in partials] * 10
    answer = await tus.final(*urls)
    assert answer.status == 201
    assert await tus.content(answer.url) == b"ab" * 200


async def test_t84_a_list_that_is_far_too_long_is_400(tus: TusClient) -> None:
    (partial,) = await tus.partials(b"ab")
    assert (await tus.final(*[partial.rpartition("/")[2]] * 1001)).status == 400


@pytest.mark.parametrize("concat", ["final;", "final; ", "final", "finally;x", "partial;x", "", "Final;x", ";"])
async def test_t85_an_empty_list_or_another_word_is_400(tus: TusClient, concat: str) -> None:
    assert (await tus.post(upload_concat=concat)).status == 400


async def test_t85_blanks_and_empty_partials_are_accepted(tus_on: TusClient) -> None:
    first, empty, last = await tus_on.partials(b"ab", b"", b"cd")
    answer = await tus_on.post(upload_concat=f"final;  {first}  {empty} {last} ")
    assert answer.status == 201
    assert await tus_on.content(answer.url) == b"abcd"
    nothing = (await tus_on.final(empty, empty)).url
    assert await tus_on.content(nothing) == b""


async def test_t85_partial_of_deferred_length_is_accepted(tus: TusClient) -> None:
    upload = await tus.create(None, b"abc", upload_concat="partial")
    assert (await tus.patch(upload, 3, b"", upload_length=3, content_type=OCTETS)).status == 204
    assert await tus.content((await tus.final(upload)).url) == b"abc"
