"""A running server stores uploads at the places that a hook chooses: files on disk, keys and buckets in S3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.events.answering import Serve, questions, says
from tests.support.exchange import Answer
from tests.support.receiver import Receiver
from tests.support.tus import TusClient
from tusd_py.config import S3Bucket


async def created(client: TusClient, hook: Receiver, /, size: Any = 3, **storage: Any) -> Answer:
    """Return the answer to a creation of `size` bytes, for which the hook chooses `storage` as the place."""
    hook.answers = [says(ChangeFileInfo={"Storage": storage})]
    return await client.try_create(size)


async def test_a_file_is_where_a_hook_wants_it_and_its_url_is_the_id(
    serve: Serve, hook: Receiver, tmp_path: Path
) -> None:
    async with serve("pre-create", "post-finish", "post-terminate") as client:
        answer = await created(client, hook, path="./a b/\N{LATIN SMALL LETTER U WITH DIAERESIS}.txt")
        assert (answer.status, len(answer.url.rpartition("/")[2])) == (201, 32)
        await client.patch(answer.url, 0, b"abc")
        file = tmp_path / "a b" / "\N{LATIN SMALL LETTER U WITH DIAERESIS}.txt"
        assert file.read_bytes() == b"abc" == await client.content(answer.url)
        await client.terminate(answer.url)
        assert not file.exists()
        await hook.until(lambda _: bool(questions(hook, "post-terminate")))
        for event in ("post-finish", "post-terminate"):
            [arrival] = questions(hook, event)
            assert arrival.json["Event"]["Upload"]["Storage"]["Path"] == str(file)


async def test_a_hook_places_final_uploads_only(serve: Serve, hook: Receiver, tmp_path: Path) -> None:
    """A final upload is stored where its hook wants it, partial ones are not."""
    async with serve("pre-create") as client:
        hook.always = says(ChangeFileInfo={"Storage": {"Path": "all/whole"}})
        parts = [await client.create(3, b"abc", upload_concat="partial") for _ in range(2)]
        final = await client.post(upload_concat=f"final;{' '.join(parts)}")
        assert final.status == 201
        assert (tmp_path / "all" / "whole").read_bytes() == b"abcabc" == await client.content(final.url)


async def test_a_taken_place_is_refused(serve: Serve, hook: Receiver, tmp_path: Path) -> None:
    """A creation is refused with 409 if its hook chooses a place or name that an existing upload or another program's
    file has, or a place below such a file."""
    (tmp_path / "theirs").write_bytes(b"xyz")
    async with serve("pre-create") as client:
        assert (await created(client, hook, Path="a/b")).status == 201
        hook.answers = [says(ChangeFileInfo={"ID": "c"})]
        await client.create(3, b"abc")
        for path in ("a/b", "c", "theirs", "theirs/below"):
            answer = await created(client, hook, Path=path)
            assert (answer.status, answer.body.partition(b":")[0]) == (409, b"name-taken"), path
        for name in ("a/b", "theirs"):
            hook.answers = [says(ChangeFileInfo={"ID": name})]
            assert (await client.try_create(3)).status == 409
    assert (tmp_path / "theirs").read_bytes() == b"xyz"


async def test_a_place_is_no_name(serve: Serve, hook: Receiver) -> None:
    async with serve("pre-create") as client:
        await created(client, hook, Path="secret")
        assert (await client.head(f"{client.url}secret")).status == 404


@pytest.mark.parametrize(
    "storage",
    [
        *({"Path": path} for path in ("../a", "a/../../b", "/a", ".tusd-py/a", ".", "a\0b", "x" * 256, "f" * 32)),
        {"Path": 1},
        {"Key": "a"},
        {"Bucket": "a"},
    ],
)
async def test_a_place_outside_of_the_folder_fails(serve: Serve, hook: Receiver, storage: dict[str, Any]) -> None:
    async with serve("pre-create") as client:
        answer = await created(client, hook, **storage)
        assert (answer.status, answer.body.partition(b":")[0]) == (503, b"hook-failed")


async def test_an_object_has_the_key_that_a_hook_chose(serve: Serve, hook: Receiver, s3: dict[str, Any]) -> None:
    async with serve("pre-create", "post-finish", "post-terminate", **s3) as client:
        key = "a b/\N{LATIN SMALL LETTER U WITH DIAERESIS}+1.txt"
        answer = await created(client, hook, size=6 << 20, Key=key, Bucket="uploads")
        assert answer.status == 201
        assert (await created(client, hook, Key=key)).status == 409
        await client.patch(answer.url, 0, bytes(6 << 20))
        assert await client.content(answer.url) == bytes(6 << 20)
        await client.terminate(answer.url)
        await hook.until(lambda _: bool(questions(hook, "post-terminate")))
        for event in ("post-finish", "post-terminate"):
            [arrival] = questions(hook, event)
            place = {"Bucket": "uploads", "Key": f"{s3['storage'].prefix}{key}", "Type": "s3store"}
            assert arrival.json["Event"]["Upload"]["Storage"] == place


async def test_an_upload_is_in_the_bucket_that_a_hook_chose(serve: Serve, hook: Receiver, s3: dict[str, Any]) -> None:
    async with serve("pre-create", "post-finish", **s3, hooks_buckets="others,uploads") as client:
        urls = [(await created(client, hook, 4, Key="a", Bucket=bucket)).url for bucket in ("uploads", "others")]
        urls.append((await created(client, hook, 4, Bucket="others")).url)
        for number, url in enumerate(urls):
            await client.patch(url, 0, b"abc%d" % number)
        await hook.until(lambda _: len(questions(hook, "post-finish")) == 3)
        places = [question.json["Event"]["Upload"]["Storage"] for question in questions(hook, "post-finish")]
        prefix = s3["storage"].prefix
        assert [(place["Bucket"], place["Key"].removeprefix(prefix)) for place in places] == [
            ("uploads", "a"),
            ("others", "a"),
            ("others", urls[2].rpartition("/")[2]),
        ]
        assert [await client.content(url) for url in urls] == [b"abc0", b"abc1", b"abc2"]
        assert (await created(client, hook, Key="a", Bucket="others")).status == 409


async def test_an_object_of_another_program_is_not_replaced(serve: Serve, hook: Receiver, s3: dict[str, Any]) -> None:
    async with serve("pre-create", **s3) as client:
        first = (await created(client, hook, Key="below/a")).url
        await client.patch(first, 0, b"abc")
    below = S3Bucket("uploads", f"{s3['storage'].prefix}below/")
    async with serve("pre-create", **{**s3, "storage": below}) as client:
        assert (await created(client, hook, Key="a")).status == 409


@pytest.mark.parametrize("storage", [{"Path": "a"}, {"Bucket": "third"}, {"Key": "a/../b"}, {"Key": "/a"}])
async def test_a_key_that_can_be_none_fails(
    serve: Serve, hook: Receiver, s3: dict[str, Any], storage: dict[str, Any]
) -> None:
    async with serve("pre-create", **s3, hooks_buckets="others") as client:
        assert (await created(client, hook, **storage)).status == 503
