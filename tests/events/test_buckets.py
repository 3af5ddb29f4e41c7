"""A running server on a real S3, with a hook that puts uploads into a second bucket."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from devtools.seaweed import SeaweedFS
from tests.events.answering import questions, says
from tests.support.bucket import Bucket, upload_id
from tests.support.node import MIB, PART, Node, client_of, one_node
from tests.support.receiver import Receiver
from tests.support.server import Outcome
from tests.support.tus import TusClient, until
from tests.support.writing import random_bytes

DATA = random_bytes(2 * PART + 5)
SENT = PART + MIB
"""The number of bytes that a test sends first: a part, and a tail that becomes one segment."""
KEY = "team/a b.bin"
TRIALS = ("bucket", "write, read and delete", "multipart", "list")
MISSING = "no-such-bucket"
ORPHAN = f".tusd-py/{'ab' * 16}/tail-{0:016d}-{'0' * 16}"


@pytest.fixture
def settings(seaweed: SeaweedFS, hook: Receiver) -> dict[str, Any]:
    return {
        "hooks_http": hook.url,
        "hooks_enabled_events": "pre-create,post-finish,post-terminate",
        "hooks_buckets": seaweed.other_bucket,
    }


@pytest.fixture
async def node(seaweed: SeaweedFS, tmp_path: Path, settings: dict[str, Any]) -> AsyncIterator[Node]:
    async with one_node(seaweed, tmp_path, **settings) as running:
        yield running


@pytest.fixture
async def client(node: Node) -> AsyncIterator[TusClient]:
    async with client_of(node.server) as talking:
        yield talking


@pytest.fixture
def other_bucket(node: Node, seaweed: SeaweedFS) -> Bucket:
    """The bucket in `hooks-buckets`, below the same prefix as the node's own."""
    return Bucket(seaweed, node.bucket.prefix.rstrip("/"), name=seaweed.other_bucket)


@pytest.fixture(autouse=True)
def chosen(hook: Receiver, other_bucket: Bucket) -> dict[str, str]:
    """The member `Storage` of the hook's answers. It names the other bucket, unless a test changes this dict."""
    storage = {"Bucket": other_bucket.name}
    hook.always = says(ChangeFileInfo={"Storage": storage})
    return storage


async def test_all_of_an_upload_is_in_the_chosen_bucket(
    node: Node, client: TusClient, other_bucket: Bucket, hook: Receiver
) -> None:
    url = await client.create(len(DATA))
    await client.patch(url, 0, DATA[:SENT])
    assert len(other_bucket.traces(url)) == 2
    await client.patch(url, SENT, DATA[SENT:])
    assert other_bucket.residue() == [upload_id(url)]
    assert other_bucket.content(url) == DATA == await client.content(url)
    await client.terminate(url)
    assert other_bucket.residue() == [] == await node.residue()
    await hook.until(lambda _: bool(questions(hook, "post-terminate")))
    for event in ("post-finish", "post-terminate"):
        [question] = questions(hook, event)
        place = {"Bucket": other_bucket.name, "Key": f"{other_bucket.prefix}{upload_id(url)}", "Type": "s3store"}
        assert question.json["Event"]["Upload"]["Storage"] == place


async def test_it_costs_as_many_requests_as_in_the_storage_s_own(
    node: Node, client: TusClient, chosen: dict[str, str]
) -> None:
    counts = []
    for bucket in (chosen["Bucket"], ""):
        chosen["Bucket"] = bucket
        node.s3.reset()
        await client.create(5, b"hello")
        assert node.s3.counts() == {"PutObject": 1}
        url = await client.create(len(DATA))
        for start, stop in ((0, SENT), (SENT, len(DATA))):
            await client.patch(url, start, DATA[start:stop])
        counts.append(node.s3.counts())
    assert counts[0] == counts[1]


async def test_a_chosen_key_costs_a_copy_of_the_record(node: Node, client: TusClient, chosen: dict[str, str]) -> None:
    counts = []
    for key in ("", KEY):
        chosen["Key"] = key
        node.s3.reset()
        url = await client.create(len(DATA))
        await client.patch(url, 0, DATA)
        counts.append(node.s3.counts())
    asked_first = {"HeadObject": 1, "GetObject": 1}
    assert counts[1] - counts[0] == Counter({"PutObject": 1, "DeleteObject": 1, **asked_first})
    chosen["Key"] = f"{KEY}2"
    node.s3.reset()
    await client.create(5, b"hello")
    assert node.s3.counts() == {"PutObject": 1, **asked_first}


async def test_partials_there_become_a_final_upload_here(
    node: Node, client: TusClient, chosen: dict[str, str], other_bucket: Bucket
) -> None:
    partials = await client.partials(DATA, DATA[:PART])
    chosen["Bucket"] = ""
    final = await client.final(*partials)
    assert final.status == 201
    assert await node.stored(final.url) == DATA + DATA[:PART]
    assert len(other_bucket.residue()) == 2
    chosen["Bucket"] = other_bucket.name
    final = await client.final(final.url.replace(upload_id(final.url), upload_id(partials[1])), partials[0])
    assert other_bucket.content(final.url) == DATA[:PART] + DATA


@pytest.mark.parametrize("key", ["", KEY])
async def test_after_a_crash_that_took_the_state_it_goes_on_there(
    node: Node, client: TusClient, chosen: dict[str, str], other_bucket: Bucket, tmp_path: Path, key: str
) -> None:
    """After a crash that took the state, repair rebuilds an upload from the bucket that the hook chose, with its length
    if the hook chose a key, too; the client goes on from the bytes that are stored."""
    chosen["Key"] = key
    url = await begin_and_lose(node, client, tmp_path)
    assert (await client.head(url)).status == 404
    mended = await node.server.command("repair", "--apply")
    problem = f"{upload_id(url)}  no record of it, but {SENT} bytes of it are stored"
    assert (mended.code, mended.out) == (0, f"{problem}: rebuilt\n1 found, 1 mended\n"), mended
    assert await client.offset(url) == SENT
    length = {} if key else {"upload_length": len(DATA)}
    assert (await client.patch(url, SENT, DATA[SENT:], **length)).status == 204
    assert other_bucket.read(key or upload_id(url)) == DATA
    assert other_bucket.residue() == [key or upload_id(url)]
    assert await node.residue() == []


async def test_a_key_that_another_upload_has_by_now_is_left_to_it(
    node: Node, client: TusClient, chosen: dict[str, str], tmp_path: Path
) -> None:
    chosen["Key"] = KEY
    url = await begin_and_lose(node, client, tmp_path)
    newer = await client.create(len(DATA))
    mended = await node.server.command("repair", "--apply")
    assert mended.code == 1
    assert mended.out.endswith(
        "are stored: not rebuilt: another upload has its name or key by now\n1 found, 0 mended\n"
    )
    assert [(await client.head(name)).status for name in (url, newer)] == [404, 200]


async def begin_and_lose(node: Node, client: TusClient, directory: Path) -> str:
    """Create an upload of `DATA`, send its first `SENT` bytes, kill the server, delete its state in `directory`, start
    the server again, and return the upload's URL."""
    url = await client.create(len(DATA))
    await client.patch(url, 0, DATA[:SENT])
    await node.server.kill()
    lose_state(directory)
    await node.server.start()
    return url


def lose_state(directory: Path) -> None:
    for file in directory.glob("state.db*"):
        file.unlink()


async def test_an_orphan_there_is_collected(node: Node, other_bucket: Bucket) -> None:
    other_bucket.store(ORPHAN, b"abc")
    url = f"s3://{other_bucket.name}/{other_bucket.prefix}{ORPHAN}"

    async def old_enough() -> bool:
        return url in (await collected(node, "--dry-run")).out

    await until(old_enough)
    assert other_bucket.residue() == [ORPHAN]
    assert (await collected(node)).out.endswith("1 removed\n")
    assert other_bucket.residue() == []


async def collected(node: Node, *flags: str) -> Outcome:
    return await node.server.command("uploads", "collect-garbage", *flags, "--expire-after", "1s")


async def test_each_bucket_is_tried_by_check(node: Node, other_bucket: Bucket) -> None:
    well = await node.server.command("check")
    lines = [f"ok   storage {trial}  s3://{other_bucket.name}/{other_bucket.prefix}" for trial in TRIALS]
    assert (well.code, [line for line in well.out.splitlines() if other_bucket.name in line]) == (0, lines)
    wrong = await node.server.command("check", "--hooks-buckets", MISSING)
    assert wrong.code == 1
    assert f"FAIL storage bucket  s3://{MISSING}/{other_bucket.prefix}" in wrong.out


@pytest.mark.parametrize(("buckets", "status"), [("", 200), (MISSING, 503)])
async def test_a_server_is_ready_once_each_bucket_can_be_reached(
    node: Node, seaweed: SeaweedFS, settings: dict[str, Any], tmp_path: Path, buckets: str, status: int
) -> None:
    await node.server.stop()
    (tmp_path / "again").mkdir()
    chosen = {**settings, "hooks_buckets": buckets or seaweed.other_bucket}
    async with one_node(seaweed, tmp_path / "again", **chosen) as again, client_of(again.server) as client:
        assert (await client.fetch(f"{again.server.origin}/readyz")).status == status
