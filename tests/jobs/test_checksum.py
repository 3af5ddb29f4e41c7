"""Jobs of kind checksum, on each state."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import aiohttp
import google_crc32c

from tests.jobs.asking import JobClient
from tests.support.installation import Start
from tests.support.writing import random_bytes


async def test_a_checksum_is_that_of_all_bytes(
    start: Start, state: Mapping[str, str], session: aiohttp.ClientSession
) -> None:
    server = start(**state)
    await server.start()
    client, data = JobClient(session, server), random_bytes(3_000_000)
    upload = await client.uploaded(data)
    submitted = await client.submit(upload, "checksum", {"algorithms": ["sha256", "md5", "sha512", "crc32c", "md5"]})
    assert submitted["phase"] == "queued"
    assert submitted["args"] == {"algorithms": ["sha256", "md5", "sha512", "crc32c"]}
    job = await client.ended(submitted["id"])
    assert job["result"] == {
        "bytes": len(data),
        "digests": {
            "sha256": hashlib.sha256(data).hexdigest(),
            "md5": hashlib.md5(data).hexdigest(),
            "sha512": hashlib.sha512(data).hexdigest(),
            "crc32c": f"{google_crc32c.value(data):08x}",
        },
    }
    assert (job["phase"], job["attempt"], job["error"]) == ("done", 1, None)
    assert job["progress"] == {"done": len(data), "total": len(data)}
    assert job["due_at"] is None
    assert job["revision"] > submitted["revision"]
