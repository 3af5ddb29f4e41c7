"""Creations by tus and IETF clients with a type or file name that the server doesn't allow: refused before their body
is read."""

from __future__ import annotations

import aiohttp
import pytest

from tests.support import sites
from tests.support.raw import connected
from tests.support.rufh import VERSIONS, RufhClient, problem
from tests.support.sites import Site
from tests.support.tus import OCTETS, TusClient, encoded

pytestmark = pytest.mark.asyncio(loop_scope="session")

picky = sites.local("picky", allowed_types="image/*,application/pdf", allowed_extensions="jpg,pdf")
tus_picky = sites.client(TusClient, "picky")

PICTURE = f"filetype {encoded(b'image/jpeg')},filename {encoded('фото.JPG'.encode())}"
PROGRAM = f"filetype {encoded(b'application/x-msdownload')},filename {encoded(b'setup.exe')}"
DISGUISED = f"filetype {encoded(b'image/jpeg')},filename {encoded(b'setup.exe')}"
NAMELESS = f"filetype {encoded(b'image/jpeg')}"


@pytest.fixture
def rufh_picky(session: aiohttp.ClientSession, picky: Site) -> RufhClient:
    return RufhClient(session, picky.server.url)


@pytest.mark.parametrize("metadata", [None, PROGRAM, DISGUISED, NAMELESS])
@pytest.mark.parametrize("body", [None, b"abc"])
async def test_tus_creations_of_another_kind_are_415(
    tus_picky: TusClient, metadata: str | None, body: bytes | None
) -> None:
    before = await tus_picky.metric("uploads_created_total")
    kind = OCTETS if body else None
    refused = await tus_picky.post(body, upload_length=3, upload_metadata=metadata, content_type=kind)
    assert (refused.status, refused.body.partition(b":")[0]) == (415, b"type-not-allowed")
    assert refused.headers["Tus-Resumable"] == "1.0.0"
    assert await tus_picky.metric("uploads_created_total") == before


async def test_what_is_allowed_is_taken(tus_picky: TusClient) -> None:
    assert await tus_picky.content(await tus_picky.create(3, b"abc", upload_metadata=PICTURE)) == b"abc"


async def test_it_is_said_before_the_first_byte(tus_picky: TusClient) -> None:
    async with connected(tus_picky.port) as connection:
        fields = {"upload_length": 9, "content_length": 9, "content_type": OCTETS, "expect": "100-continue"}
        await connection.head("POST", tus_picky.url, upload_metadata=PROGRAM, **fields)
        assert (await connection.answer()).status == 415


async def test_a_final_upload_is_judged_and_its_partials_stay(tus_picky: TusClient) -> None:
    urls = await tus_picky.partials(b"abc", b"def")
    for metadata in (None, PROGRAM):
        assert (await tus_picky.final(*urls, upload_metadata=metadata)).status == 415
    final = await tus_picky.final(*urls, upload_metadata=PICTURE)
    assert await tus_picky.content(final.url) == b"abcdef"


@pytest.mark.parametrize("version", [*VERSIONS, None])
async def test_ietf_creations_of_another_kind_are_415(rufh_picky: RufhClient, version: int | None) -> None:
    rufh = rufh_picky.at(version)
    fields = {"content_disposition": 'attachment; filename="a.jpg"'}
    for wrong in (fields, {"content_type": "image/jpeg"}, {**fields, "content_type": "text/html"}):
        refused = await rufh.begin(b"abc", complete=True, **wrong)
        assert (refused.status, problem(refused)["code"]) == (415, "type-not-allowed")
    answer = await rufh.begin(b"abc", complete=True, content_type="image/jpeg", **fields)
    assert await rufh.content(answer.url) == b"abc"
