"""The last requests to S3 for an upload, made through a stand-in for the S3 client with scripted answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.uploads import upload
from tusd_py.domain.errors import UploadLost
from tusd_py.domain.phase import Phase
from tusd_py.domain.thresholds import Thresholds
from tusd_py.domain.upload import Upload
from tusd_py.storage.s3.api.errors import S3Error, S3Missing, S3TransientError
from tusd_py.storage.s3.bucket import Bucket
from tusd_py.storage.s3.buckets import Buckets
from tusd_py.storage.s3.concatenation import concatenate
from tusd_py.storage.s3.cursor import NewMultipart, Part, S3Cursor, StoredObject
from tusd_py.storage.s3.finishing import complete, finish
from tusd_py.storage.s3.grid import Grid
from tusd_py.storage.s3.options import Profile, S3Options
from tusd_py.storage.s3.pieces import Assembly
from tusd_py.storage.s3.tails import TailCache
from tusd_py.transfer.budget import Budget

TROUBLE = S3TransientError("any", 500, "InternalError")
MISSING = S3Missing("any", 404, "NoSuchUpload")
WRONG = S3Error("any", 400, "InvalidPart")
DENIED = S3Error("any", 403, "AccessDenied")
CHANGED = S3Error("any", 412, "PreconditionFailed")
PARTS = [Part(number=1, length=8, etag="old", crc="c"), Part(number=2, length=2, etag="b", crc="d")]
THERE = [Part(number=1, length=8, etag="new", crc="c"), PARTS[1]]
GRID = Grid(base=8, grows=False, largest=64, max_parts=100)


class Script:
    """A stand-in for `S3Client`: it keeps each call, and returns or raises the method's scripted answers in order, the
    last one repeatedly."""

    def __init__(self, **answers: Sequence[Any]) -> None:
        self.calls = list[tuple[str, tuple[Any, ...], Mapping[str, Any]]]()
        self._answers = {name: list(several) for name, several in answers.items()}

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: Any, **options: Any) -> Any:
            self.calls.append((name, arguments, options))
            several = self._answers[name]
            answer = several.pop(0) if len(several) > 1 else several[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    @property
    def names(self) -> Sequence[str]:
        return [name for name, _, _ in self.calls]


def bucket(script: Script, *, total_size: bool = False) -> Bucket:
    budget = Budget(1000)
    stub = SimpleNamespace(
        client=script,
        cursor_name=None,
        options=S3Options(bucket="b", profile=Profile(min_part=8, total_size=total_size), concurrency=1),
        thresholds=Thresholds(completions=3),
        budget=budget,
        tails=TailCache(budget),
    )
    return cast("Bucket", stub)


def full(**changes: Any) -> Upload:
    cursor = S3Cursor(key="key", grid=GRID, **{"multipart": "m", **changes})
    return upload(length=10, offset=10, phase=Phase.FINISHING, cursor=cursor.dump())


def head(etag: str = "e", length: int = 10) -> Mapping[str, Any]:
    return {"ContentLength": length, "ETag": f'"{etag}"', "Metadata": {"tus-id": full().id}}


@pytest.mark.parametrize("total_size", [False, True])
async def test_the_size_is_told_to_those_who_check_it(*, total_size: bool) -> None:
    script = Script(complete_multipart=["e"])
    assert await complete(bucket(script, total_size=total_size), full(), "key", "m", PARTS) == "e"
    assert [options for _, _, options in script.calls] == [{"total": 10 if total_size else None}]


async def test_parts_with_other_etags_are_named_as_they_are() -> None:
    script = Script(complete_multipart=[WRONG, "e"], list_parts=[THERE])
    assert await complete(bucket(script), full(), "key", "m", PARTS) == "e"
    assert script.names == ["complete_multipart", "list_parts", "complete_multipart"]
    assert script.calls[-1][1][-1] == THERE


async def test_parts_that_are_gone_are_lost() -> None:
    script = Script(complete_multipart=[WRONG], list_parts=[THERE[:1]])
    with pytest.raises(UploadLost, match="key"):
        await complete(bucket(script), full(), "key", "m", PARTS)


@pytest.mark.parametrize(("error", "times"), [(WRONG, 3), (DENIED, 1), (MISSING, 1)])
async def test_what_no_repeat_mends_is_raised(error: Exception, times: int) -> None:
    script = Script(complete_multipart=[error], list_parts=[THERE])
    with pytest.raises(type(error)):
        await complete(bucket(script), full(), "key", "m", PARTS)
    assert script.names.count("complete_multipart") == times


async def test_unanswered_completion_is_checked_and_retried() -> None:
    """A completion that fails with S3TransientError, and whose object HEAD doesn't find, is tried three times; then the
    parts are listed, and the error is raised."""
    script = Script(complete_multipart=[TROUBLE], head=[None], list_parts=[THERE])
    with pytest.raises(S3TransientError):
        await complete(bucket(script), full(), "key", "m", PARTS)
    assert script.names == [*["complete_multipart", "head"] * 3, "list_parts"]


async def test_a_completion_that_took_effect_is_found() -> None:
    script = Script(complete_multipart=[TROUBLE], head=[None, head("found")])
    assert await complete(bucket(script), full(), "key", "m", PARTS) == "found"


@pytest.mark.parametrize("doubt", [MISSING, TROUBLE])
async def test_an_object_that_is_there_settles_any_doubt(doubt: Exception) -> None:
    script = Script(complete_multipart=[doubt], head=[None, None, None, head("found")], list_parts=[THERE])
    if doubt is MISSING:
        script = Script(complete_multipart=[doubt], head=[head("found")])
    outcome = await finish(bucket(script), full(), [part.to_entry() for part in PARTS])
    assert outcome.etag == "found"


@pytest.mark.parametrize(("doubt", "raised"), [(MISSING, UploadLost), (TROUBLE, S3TransientError)])
async def test_without_an_object_only_s3s_own_word_ends_it(doubt: Exception, raised: type[Exception]) -> None:
    script = Script(complete_multipart=[doubt], head=[None], list_parts=[THERE])
    with pytest.raises(raised, match="key" if raised is UploadLost else "InternalError"):
        await finish(bucket(script), full(), [part.to_entry() for part in PARTS])


# concatenation


async def test_a_tail_from_memory_counts_until_it_is_sent() -> None:
    place, part, used = bucket(Script()), Assembly(), list[int]()
    part.add(bytes(10))
    part.pieces[-1].mark_stored("tail")
    place.tails.keep(full().id, part)

    async def put_object(*_: Any) -> StoredObject:
        used.append(place.budget.used)
        return StoredObject(etag="e")

    object.__setattr__(place, "put_object", put_object)
    await finish(place, full(multipart=None, tail=part.segments), [])
    assert (used, place.budget.used) == ([10], 0)


def sources(*lengths: int) -> list[Upload]:
    cursor = S3Cursor(key="source", grid=GRID, etag="e")
    return [upload(length=length, offset=length, phase=Phase.DONE, cursor=cursor.dump()) for length in lengths]


@pytest.mark.parametrize(
    ("lengths", "requests"),
    [
        ((), ["put"]),
        ((3, 4), ["put"]),
        ((3, 3, 3), ["put"]),
        ((9,), ["create_multipart", "copy_part", "complete_multipart"]),
        ((9, 9), ["create_multipart", "copy_part", "copy_part", "complete_multipart"]),
    ],
)
async def test_little_is_sent_at_once_and_the_rest_copied(lengths: tuple[int, ...], requests: list[str]) -> None:
    multipart, part = NewMultipart(multipart="m", troubled=True), Part(number=1, length=9, etag="p")
    script = Script(
        put=[StoredObject(etag="e")], create_multipart=[multipart], copy_part=[part], complete_multipart=["e"]
    )
    outcome = await concatenate(Buckets(bucket(script)), full(multipart=None), sources(*lengths))
    assert script.names == requests
    assert outcome.troubled is ("put" not in requests)


async def test_changed_source_is_copied_by_its_new_etag() -> None:
    part = Part(number=1, length=9, etag="p")
    script = Script(
        create_multipart=[NewMultipart(multipart="m")],
        copy_part=[CHANGED, part],
        head=[head("changed", 9)],
        complete_multipart=["e"],
    )
    await concatenate(Buckets(bucket(script)), full(multipart=None), sources(9))
    copies = [arguments for name, arguments, _ in script.calls if name == "copy_part"]
    assert [arguments[-1] for arguments in copies] == ["e", "changed"]


async def test_a_copy_that_is_refused_is_not_tried_again() -> None:
    script = Script(create_multipart=[NewMultipart(multipart="m")], copy_part=[DENIED], abort_multipart=[None])
    with pytest.raises(S3Error, match="AccessDenied"):
        await concatenate(Buckets(bucket(script)), full(multipart=None), sources(9))
    assert script.names == ["create_multipart", "copy_part", "abort_multipart"]


async def test_a_source_that_s3_denies_is_no_lost_upload() -> None:
    """If S3 says that the source of a copy is missing, but HEAD finds it unchanged, S3TransientError is raised, and the
    multipart upload is aborted."""
    denied = S3Missing("UploadPartCopy", 404, "NoSuchKey")
    script = Script(
        create_multipart=[NewMultipart(multipart="m")],
        copy_part=[denied],
        head=[head("e", 9), None],
        abort_multipart=[None],
    )
    with pytest.raises(S3TransientError, match="NoSuchKey"):
        await concatenate(Buckets(bucket(script)), full(multipart=None), sources(9))
    assert script.names == ["create_multipart", "copy_part", "head", "abort_multipart"]
