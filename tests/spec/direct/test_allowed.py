"""Direct uploads whose type or file name isn't allowed are refused, so nothing is signed for them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from devtools.seaweed import SeaweedFS
from tests.support.direct import DirectClient
from tests.support.sites import Site, s3_site

pytestmark = pytest.mark.asyncio(loop_scope="session")

RULES = {"allowed_types": "image/*", "allowed_extensions": "jpg"}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def picky(tmp_path_factory: pytest.TempPathFactory, seaweed: SeaweedFS) -> AsyncIterator[Site]:
    async with s3_site(tmp_path_factory.mktemp("picky"), seaweed, direct_uploads=True, **RULES) as site:
        yield site
        await site.stop()


@pytest.fixture
def direct_picky(session: aiohttp.ClientSession, picky: Site) -> DirectClient:
    return DirectClient(session, picky.server.url)


@pytest.mark.parametrize(
    "fields",
    [
        {"filename": "a.exe", "type": "image/jpeg"},
        {"filename": "a.jpg", "type": "text/html"},
        {"filename": "a.jpg"},
        {"filename": "a", "type": "image/jpeg"},
    ],
)
async def test_no_upload_is_begun(direct_picky: DirectClient, fields: dict[str, str]) -> None:
    presigned = {"key": fields["filename"], **({"contentType": fields["type"]} if "type" in fields else {})}
    for refused in (
        await direct_picky.ask("GET", "params", **fields),
        await direct_picky.ask("POST", "multipart", fields),
        await direct_picky.presign(method="PUT", **presigned),
    ):
        assert (refused.status, refused.json["error"]) == (415, "type-not-allowed")


async def test_of_parts_the_type_is_judged_where_it_is_told(direct_picky: DirectClient) -> None:
    assert (await direct_picky.presign(method="POST", key="a.exe")).status == 415
    announced = (await direct_picky.presign(method="POST", key="a.jpg")).json
    for kind in ("text/html", ""):
        refused = await direct_picky.request("POST", announced["url"], None, {"Content-Type": kind})
        assert (refused.status, b"type-not-allowed" in refused.body) == (415, True)
    assert (await direct_picky.request("POST", announced["url"], None, {"Content-Type": "image/png"})).status == 200


async def test_what_is_allowed_is_signed(direct_picky: DirectClient) -> None:
    assert (await direct_picky.params("a.jpg", type="image/jpeg"))["fields"]["Content-Type"] == "image/jpeg"
    assert (await direct_picky.begin("a.jpg", type="image/jpeg")).key
