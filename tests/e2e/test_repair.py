"""`tusd-py repair` with a real S3, after the state was lost or an object was deleted."""

from __future__ import annotations

import asyncio
import shutil
from base64 import b64encode
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.conftest import Deploy
from tests.e2e.curl import BYTES, run, transfer
from tests.e2e.deployment import MIB, Deployment
from tests.support.bucket import upload_id
from tests.support.tus import TusClient

METADATA = f"filename {b64encode(b'report.pdf').decode()}"


async def cut_short(deployment: Deployment, curl: str, data: bytes) -> tuple[str, int]:
    """Return the URL and the offset of an upload with two parts and a tail, whose client was killed during a PATCH."""
    first = ("-X", "POST", "--data-binary", "@-")
    fields = {"Upload_Length": str(len(data)), "Upload_Metadata": METADATA, "Content_Type": BYTES}
    url = (await run(curl, deployment.url, *first, data=data[: 9 * MIB], **fields)).headers["location"]
    flags = ("-X", "PATCH", "-T", "-")
    async with transfer(curl, url, *flags, Upload_Offset=str(9 * MIB), Content_Type=BYTES) as cut:
        await cut.feed(data[9 * MIB : 18 * MIB])
        await deployment.until_received(17 * MIB)
        await cut.kill()
    return url, await deployment.offset(url)


async def lose_state(deployment: Deployment, directory: Path) -> None:
    """Kill the server, delete the folder `data` of its directory, which holds the state, and start the server again."""
    await deployment.server.kill()
    await asyncio.to_thread(shutil.rmtree, directory / "data")
    await deployment.server.start()


async def repair(deployment: Deployment, *flags: str) -> tuple[int, str, str]:
    """Run `tusd-py repair` with these flags; return its exit code, output and errors."""
    outcome = await deployment.server.command("repair", *flags)
    return outcome.code, outcome.out, outcome.err


async def head(url: str) -> tuple[int, dict[str, str]]:
    async with aiohttp.ClientSession() as session:
        answer = await TusClient(session, url).head(url)
        return answer.status, {name: value for name, value in answer.headers.items() if name.startswith("Upload-")}


@pytest.mark.parametrize("info", ["on", "off"])
async def test_after_the_state_was_lost_a_client_goes_on_where_it_was(
    deploy: Deploy, curl: str, data: bytes, tmp_path: Path, info: str
) -> None:
    async with deploy(s3_info_objects=info == "on") as deployment:
        url, offset = await cut_short(deployment, curl, data)
        _, before = await head(url)
        assert offset > 16 * MIB, "two parts and a tail"
        await lose_state(deployment, tmp_path)
        assert (await head(url))[0] == 404

        finding = f"{upload_id(url)}  no record of it, but {offset} bytes of it are stored"
        assert await repair(deployment) == (1, f"{finding}: would be rebuilt\n1 found, 0 mended\n", "")
        assert (await head(url))[0] == 404

        assert await repair(deployment, "--apply") == (0, f"{finding}: rebuilt\n1 found, 1 mended\n", "")
        status, after = await head(url)
        assert status == 200
        assert after.pop("Upload-Expires") != before.pop("Upload-Expires")
        assert after == (before if info == "on" else {"Upload-Offset": str(offset), "Upload-Defer-Length": "1"})

        length = {} if info == "on" else {"Upload_Length": str(len(data))}
        flags = ("-X", "PATCH", "--data-binary", "@-")
        ended = await run(
            curl, url, *flags, data=data[offset:], Upload_Offset=str(offset), Content_Type=BYTES, **length
        )
        assert ended.status == 204
        assert deployment.stored(url) == data
        assert len(deployment.residue()) == 1, "the object, and nothing else"
        assert await repair(deployment) == (0, "0 found, 0 mended\n", "")


async def test_repair_removes_record_of_deleted_object(deploy: Deploy, curl: str, data: bytes) -> None:
    async with deploy() as deployment:
        flags = ("-X", "POST", "--data-binary", "@-")
        answers = [
            await run(curl, deployment.url, *flags, data=data[:size], Upload_Length=str(size), Content_Type=BYTES)
            for size in (7, 8)
        ]
        removed_url, kept_url = (answer.headers["location"] for answer in answers)
        await asyncio.to_thread(deployment.bucket.delete, removed_url)

        finding = f"{upload_id(removed_url)}  its object is gone, or is another"
        assert await repair(deployment) == (1, f"{finding}: would be ended\n1 found, 0 mended\n", "")
        assert await repair(deployment, "--apply") == (0, f"{finding}: ended\n1 found, 1 mended\n", "")
        assert [(await head(url))[0] for url in (removed_url, kept_url)] == [404, 200]
        assert deployment.stored(kept_url) == data[:8]
