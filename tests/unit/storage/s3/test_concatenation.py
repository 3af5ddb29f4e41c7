"""The copying of partial uploads' objects into a final upload, where S3 says that something is missing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.uploads import upload
from tusd_py.domain.span import Span
from tusd_py.storage.s3 import concatenation
from tusd_py.storage.s3.api.errors import S3Error, S3Missing, S3TransientError
from tusd_py.storage.s3.bucket import Bucket
from tusd_py.storage.s3.concat_plan import Slice
from tusd_py.storage.s3.cursor import S3Cursor
from tusd_py.storage.s3.grid import MIB, Grid

SOURCE = upload(length=9, cursor=S3Cursor(key="source", grid=Grid(base=MIB), etag="recorded").dump())


def job(failure: S3Error) -> concatenation._Job:
    """The making of a final upload's object from one source, whose object is there; each copy raises `failure`."""

    async def copy_part(*_: Any) -> None:
        raise failure

    bucket = cast(
        Bucket, SimpleNamespace(client=SimpleNamespace(copy_part=copy_part), options=SimpleNamespace(bucket="b"))
    )
    buckets = cast(Any, SimpleNamespace(of=lambda _: bucket))
    return concatenation._Job(buckets=buckets, bucket=bucket, upload=upload(2), key="final", sources=[SOURCE])


@pytest.mark.parametrize(("code", "error"), [("NoSuchUpload", S3Missing), ("NoSuchKey", S3TransientError)])
async def test_only_a_missing_multipart_is_final(
    monkeypatch: pytest.MonkeyPatch, code: str, error: type[S3Error]
) -> None:
    """A copy that fails with NoSuchUpload raises S3Missing, as the multipart upload is gone. One that fails with
    NoSuchKey, though its source has the recorded ETag, raises S3TransientError: it may succeed later."""

    async def same_etag(*_: Any) -> str:
        return "recorded"

    monkeypatch.setattr(concatenation, "require_etag", same_etag)
    with pytest.raises(S3Error, match=code) as failure:
        await job(S3Missing("UploadPartCopy", 404, code))._copy("multipart", 1, Slice(source=0, span=Span(0, 9)))
    assert type(failure.value) is error


def test_sources_are_fetched_within_the_limit_of_fetches() -> None:
    """The payload of a part that joins bytes of sources is marked as read from S3 (`fetched`), so that the request
    counts for the limit of such requests at a time (`Thresholds.fetches`)."""
    payload = job(S3Missing("any", 404, "any"))._payload((Slice(source=0, span=Span(0, 4)),))
    assert (payload.length, payload.fetched) == (4, True)
