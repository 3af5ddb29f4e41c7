"""The reading link of a finished upload: it gives the right to read the upload, and no other."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import aiohttp
import pytest

from devtools.seaweed import SeaweedFS
from tests.support import sites
from tests.support.exchange import Answer
from tests.support.rufh import VERSIONS, RufhClient
from tests.support.server import serving
from tests.support.sites import Site, s3_site
from tests.support.tus import TusClient, encoded

pytestmark = pytest.mark.asyncio(loop_scope="session")

DATA = os.urandom(100_000)
NAMED = f"filename {encoded(b'a.png')},filetype {encoded(b'image/png')}"
SAME = ("Content-Type", "Content-Length", "Content-Disposition", "ETag", "Last-Modified", "Cache-Control")

keeping = sites.local("keeping", terminate_finished=False)
tus_keeping = sites.client(TusClient, "keeping")


def link_of(answer: Answer) -> str:
    match = re.fullmatch(r'<([^<>]+)>; rel="enclosure"', answer.headers["Link"])
    assert match
    return match[1]


async def finished(tus: TusClient, data: bytes = DATA) -> tuple[str, str]:
    """Upload `data` in one request; return the upload's URL and its reading link."""
    answer = await tus.post(
        data, upload_length=len(data), content_type="application/offset+octet-stream", upload_metadata=NAMED
    )
    return answer.url, link_of(answer)


async def test_it_brings_what_the_upload_would(tus_on: TusClient) -> None:
    url, link = await finished(tus_on)
    by_url, by_link = await tus_on.get(url), await tus_on.get(link, tus_resumable=None)
    assert (by_link.status, by_link.body) == (200, DATA)
    assert {name: by_link.headers[name] for name in SAME} == {name: by_url.headers[name] for name in SAME}
    head = await tus_on.head(link, tus_resumable=None)
    assert (head.status, head.headers["Content-Length"], head.body) == (200, str(len(DATA)), b"")
    part = await tus_on.get(link, range="bytes=5-9")
    assert (part.status, part.body) == (206, DATA[5:10])
    assert (await tus_on.get(link, if_none_match=by_link.headers["ETag"])).status == 304
    assert (await tus_on.get(f"{link}?download")).headers["Content-Disposition"].startswith("attachment")


async def test_link_is_stable_in_every_final_answer(tus_on: TusClient) -> None:
    url, link = await finished(tus_on)
    assert [link_of(await tus_on.head(url)), link_of(await tus_on.head(url, tus_resumable=None))] == [link, link]
    halved = await tus_on.create(4, b"ab")
    assert "Link" not in (await tus_on.head(halved)).headers
    ended = await tus_on.patch(halved, 2, b"cd")
    assert await tus_on.content(link_of(ended)) == b"abcd"
    partials = await tus_on.partials(b"ab", b"cd")
    assert "Link" not in (await tus_on.head(partials[0])).headers
    assert await tus_on.content(link_of(await tus_on.final(*partials))) == b"abcd"


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_other_protocol_tells_it_too(session: aiohttp.ClientSession, local: Site, version: int) -> None:
    rufh = RufhClient(session, local.server.url, version)
    created = await rufh.begin(b"ab", complete=True)
    assert await rufh.content(link_of(created)) == b"ab"
    assert link_of(await rufh.head(created.url)) == link_of(created)
    url = await rufh.begin_unfinished(b"ab")
    assert await rufh.content(link_of(await rufh.append(url, 2, b"cd", complete=True))) == b"abcd"


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "POST", "PUT", "TRACE"])
async def test_nothing_else_can_be_done_with_it(tus_on: TusClient, method: str) -> None:
    url, link = await finished(tus_on)
    for target in (link, f"{link}/", f"{link}?x"):
        refused = await tus_on.request(method, target, upload_offset=len(DATA), x_http_method_override="DELETE")
        assert refused.status in {404, 405}
    assert (await tus_on.patch(link, len(DATA), DATA)).status == 405
    assert await tus_on.content(url) == DATA


async def test_no_answer_to_it_tells_the_upload(tus_on: TusClient) -> None:
    url, link = await finished(tus_on)
    upload_id = url.rpartition("/")[2]
    for method in ("GET", "HEAD", "OPTIONS", "DELETE"):
        for version in (None, *VERSIONS):
            answer = await tus_on.request(method, link, tus_resumable=None, upload_draft_interop_version=version)
            text = f"{answer.headers} {answer.body!r}".lower()
            assert upload_id not in text
    assert upload_id not in link


async def test_names_that_are_made_up_find_nothing(tus: TusClient) -> None:
    url, link = await finished(tus)
    above, _, name = link.rpartition("/")
    made_up = (name[::-1], name[:-1], f"{name}A", url.rpartition("/")[2], "A" * 43, "%00", "é", "A" * 4000)
    for wrong in made_up:
        answer = await tus.get(f"{above}/{wrong}")
        assert (answer.status, answer.body[:9]) == (404, b"not-found")
        assert (await tus.head(f"{above}/{wrong}")).status == 404


async def test_it_ends_with_the_upload(tus_on: TusClient) -> None:
    url, link = await finished(tus_on)
    assert (await tus_on.delete(url)).status == 204
    assert (await tus_on.get(link)).status == 404


async def test_browsers_are_told_it_from_elsewhere(tus: TusClient) -> None:
    url, link = await finished(tus)
    head = await tus.head(url, origin="https://shop.example")
    assert "Link" in head.headers["Access-Control-Expose-Headers"].split(", ")
    preflight = await tus.options(link, origin="https://shop.example", access_control_request_method="GET")
    assert (preflight.status, preflight.headers["Access-Control-Allow-Origin"]) == (204, "https://shop.example")
    assert preflight.headers["Allow"] == "GET, HEAD, OPTIONS"


async def test_where_nothing_can_be_downloaded_there_is_none(tus_strict: TusClient, tus: TusClient) -> None:
    answer = await tus_strict.post(b"ab", upload_length=2, content_type="application/offset+octet-stream")
    assert answer.status == 201
    assert "Link" not in answer.headers
    _, link = await finished(tus)
    assert (await tus_strict.get(link.replace(tus.url, tus_strict.url))).status == 405


async def test_a_head_whose_host_makes_no_url_is_answered_without_it(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with serving(tmp_path, behind_proxy=True) as server:
        tus = TusClient(session, server.url)
        url, _ = await finished(tus)
        answer = await tus.head(url, x_forwarded_host="a b")
        assert (answer.status, answer.offset) == (200, len(DATA))
        assert "Link" not in answer.headers


async def test_it_outlives_a_restart(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        _, link = await finished(TusClient(session, server.url))
        assert await server.stop() == 0
    async with serving(tmp_path) as server:
        assert await TusClient(session, server.url).content(f"{server.url}read/{link.rpartition('/')[2]}") == DATA


# where downloads are redirected


@pytest.mark.parametrize("closed", [{"terminate_finished": False}, {"disable_termination": True}, {}])
async def test_link_redirects_where_the_key_is_harmless(
    session: aiohttp.ClientSession, tmp_path: Path, seaweed: SeaweedFS, closed: dict[str, bool]
) -> None:
    """With `download_mode` redirect, a GET of the reading link redirects to S3 if clients can't delete finished
    uploads, and else brings the bytes: a presigned URL shows the object's key, which must give no right to delete."""
    async with s3_site(tmp_path, seaweed, download_mode="redirect", **closed) as site:
        tus = TusClient(session, site.server.url)
        url, link = await finished(tus)
        answer = await tus.get(link)
        if closed:
            assert answer.status == 302
            answer = await tus.get(answer.headers["Location"], tus_resumable=None)
        assert (answer.status, answer.body) == (200, DATA)
        assert (await tus.head(link)).status == 200
        assert (await tus.get(url)).status == 302
        await site.stop()


# what the upload's own URL may do


async def test_finished_uploads_can_refuse_deletion(tus_keeping: TusClient) -> None:
    url, link = await finished(tus_keeping)
    refused = await tus_keeping.delete(url)
    assert (refused.status, refused.body) == (403, b"forbidden: a finished upload can't be deleted by clients here\n")
    assert await tus_keeping.content(link) == DATA
    assert (await tus_keeping.delete(await tus_keeping.create(5, b"abc"))).status == 204


async def test_partial_uploads_can_still_go(tus_keeping: TusClient) -> None:
    (partial,) = await tus_keeping.partials(b"abc")
    assert (await tus_keeping.delete(partial)).status == 204


async def test_an_operator_sees_the_link(keeping: Site, tus_keeping: TusClient) -> None:
    url, link = await finished(tus_keeping)
    document = json.loads((await keeping.server.command("uploads", "show", url.rpartition("/")[2])).out)
    assert tus_keeping.url + document["link"] == link


async def test_an_operator_can_end_them(keeping: Site, tus_keeping: TusClient) -> None:
    url, link = await finished(tus_keeping)
    outcome = await keeping.server.command("uploads", "terminate", url.rpartition("/")[2])
    assert outcome.code == 0
    assert (await tus_keeping.get(link)).status == 404
