"""Direct uploads whose server dies while their object is being made."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import aiohttp

from devtools.seaweed import SeaweedFS
from tests.support import s3faults
from tests.support.direct import MIB, DirectClient
from tests.support.s3proxy import S3Proxy
from tests.support.sites import s3_site
from tests.support.tus import until

FIRST, LAST = os.urandom(5 * MIB), os.urandom(1000)


async def test_a_completion_outlives_the_server_and_its_client(seaweed: SeaweedFS, tmp_path: Path) -> None:
    """If the server is killed after S3 made the object of a direct upload, it finishes the upload after its restart
    without the client, and answers 200 to a repeated completion."""
    async with S3Proxy(seaweed.endpoint) as proxy:
        where = {"s3_endpoint_url": proxy.endpoint, "s3_public_url": seaweed.endpoint}
        async with s3_site(tmp_path, seaweed, direct_uploads=True, **where) as site, aiohttp.ClientSession() as session:
            direct = DirectClient(session, site.server.url)
            upload = await direct.begin(size=len(FIRST) + len(LAST))
            parts = await direct.parts(upload, FIRST, LAST)
            gate = s3faults.Gate()
            silence = s3faults.after_forwarding(s3faults.hold(gate, s3faults.reset()))
            proxy.faults.rule("CompleteMultipartUpload", 1, silence)
            asking = asyncio.create_task(direct.complete(upload, parts))
            await gate.reached.wait()
            await site.server.kill()
            gate.opened.set()
            with suppress(aiohttp.ClientError):
                await asking
            await site.server.start()

            async def finished() -> bool:
                answer = await direct.request("GET", direct.files + upload.upload_id)
                return answer.status == 200 and answer.body == FIRST + LAST

            await until(finished, within=90)
            assert (await direct.complete(upload, parts)).status == 200
