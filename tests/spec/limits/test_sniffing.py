"""Files whose first bytes fit neither their declared type nor another allowed one (`sniff`): refused for tus and IETF
clients, with none of their bytes kept."""

from __future__ import annotations

import aiohttp
import pytest

from tests.support import sites
from tests.support.raw import connected
from tests.support.rufh import VERSIONS, RufhClient, problem
from tests.support.sites import Site
from tests.support.tus import OCTETS, TusClient, encoded

pytestmark = pytest.mark.asyncio(loop_scope="session")

sniffing = sites.local("sniffing", allowed_types="image/png,text/csv", sniff=True)
tus_sniffing = sites.client(TusClient, "sniffing")

PNG = b"\x89PNG\r\n\x1a\n" + bytes(3000)
PROGRAM = b"MZ\x90\x00" + bytes(3004)
PICTURE = f"filetype {encoded(b'image/png')}"


@pytest.fixture
def rufh_sniffing(session: aiohttp.ClientSession, sniffing: Site) -> RufhClient:
    return RufhClient(session, sniffing.server.url)


def stored_size(site: Site, url: str) -> int:
    """Return the number of bytes that the site's disk holds of the upload."""
    data = site.server._directory / "data"
    return sum((data / name).stat().st_size for name in site.traces(url))


async def test_a_program_is_no_picture(tus_sniffing: TusClient, sniffing: Site) -> None:
    refused = await tus_sniffing.post(PROGRAM, upload_length=len(PROGRAM), upload_metadata=PICTURE, content_type=OCTETS)
    assert (refused.status, refused.body.partition(b":")[0]) == (415, b"type-not-allowed")
    url = await tus_sniffing.create(len(PROGRAM), upload_metadata=PICTURE)
    refused = await tus_sniffing.patch(url, 0, PROGRAM)
    assert (refused.status, refused.body.partition(b":")[0]) == (415, b"type-not-allowed")
    assert (await tus_sniffing.head(url)).headers["Upload-Offset"] == "0"
    assert stored_size(sniffing, url) == 0


async def test_a_picture_is_one(tus_sniffing: TusClient) -> None:
    assert await tus_sniffing.content(await tus_sniffing.create(len(PNG), PNG, upload_metadata=PICTURE)) == PNG
    url = await tus_sniffing.create(len(PNG), upload_metadata=PICTURE)
    await tus_sniffing.patch(url, 0, PNG[:10])
    await tus_sniffing.patch(url, 10, PNG[10:])
    assert await tus_sniffing.content(url) == PNG


async def test_dripping_hides_nothing(tus_sniffing: TusClient, sniffing: Site) -> None:
    url = await tus_sniffing.create(len(PROGRAM), upload_metadata=PICTURE)
    async with connected(tus_sniffing.port) as connection:
        await connection.head("PATCH", url, upload_offset=0, content_length=len(PROGRAM), content_type=OCTETS)
        for place in range(3):
            await connection.send(PROGRAM[place : place + 1])
    assert (await tus_sniffing.head(url)).headers["Upload-Offset"] == "0"
    assert stored_size(sniffing, url) == 0
    assert (await tus_sniffing.patch(url, 0, PROGRAM[:1])).status == 415


@pytest.mark.parametrize("version", [*VERSIONS, None])
async def test_ietf_clients_are_told_the_same(rufh_sniffing: RufhClient, version: int | None) -> None:
    rufh = rufh_sniffing.at(version)
    refused = await rufh.begin(PROGRAM, complete=True, content_type="image/png")
    assert (refused.status, problem(refused)["code"]) == (415, "type-not-allowed")
    answer = await rufh.begin(b"a,b\n", complete=True, content_type="text/csv")
    assert await rufh.content(answer.url) == b"a,b\n"
