"""A server on local disk that stores finished uploads under their file names, with the setting `object-key`."""

from __future__ import annotations

import pytest

from tests.support import sites
from tests.support.sites import Site
from tests.support.tus import TusClient, encoded

pytestmark = pytest.mark.asyncio(loop_scope="session")

named_site = sites.local("named_site", object_key="{year}/{id}/{filename}")
tus_named = sites.client(TusClient, "named_site")

FILM = f"filename {encoded('../../фильм.mp4'.encode())}"


async def test_uploads_are_files_by_their_name_until_they_are_deleted(tus_named: TusClient, named_site: Site) -> None:
    whole = await tus_named.create(6, b"abcdef", upload_metadata=FILM)
    final = (await tus_named.final(*await tus_named.partials(b"abc", b"def"), upload_metadata=FILM)).url
    for url in (whole, final):
        assert await tus_named.content(url) == b"abcdef"
        (path,) = named_site.server._directory.glob(f"data/2*/{url.rpartition('/')[2]}/*")
        assert (path.name, path.read_bytes()) == ("фильм.mp4", b"abcdef")
        assert (await tus_named.delete(url)).status == 204
        assert not path.parent.exists()
