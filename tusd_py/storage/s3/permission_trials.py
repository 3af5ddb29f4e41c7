"""Trial requests, on a test key, for the permissions that uploads need: only using a permission shows that it is
granted.

They have the headers and parameters of uploads, for which a bucket's policy may ask, or which need permissions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from tusd_py.domain.errors import StorageUnavailable, UploadLost
from tusd_py.domain.upload import Times, Upload
from tusd_py.ports.inspection import Trial
from tusd_py.storage.s3.bucket import Bucket
from tusd_py.storage.s3.keys import ID_OF_TESTS, probe_key
from tusd_py.storage.s3.pieces import Assembly

_UPLOAD = Upload(id=ID_OF_TESTS, length=1, times=Times.at_creation(0.0))

_Run = Callable[[Bucket, str], Awaitable[None]]
"""A function that sends the requests of a trial, with a test key, and removes what they stored."""


def trials(bucket: Bucket) -> Sequence[Trial]:
    """Return the self-tests of the bucket, each with a name for operators and a function that sends the test's
    requests."""
    runs: Mapping[str, _Run] = {"write, read and delete": _object, "multipart": _multipart, "list": _list}
    ping = Trial(name="bucket", place=bucket.name, run=bucket.client.ping)
    return [
        ping,
        *(Trial(name=name, place=bucket.name, run=partial(_try, run, bucket)) for name, run in runs.items()),
    ]


async def _try(run: _Run, bucket: Bucket) -> None:
    """Run a trial, `run`, with a test key. Raise StorageUnavailable if a request fails, or S3 doesn't have what the
    trial has just stored."""
    try:
        await run(bucket, probe_key(bucket.options.prefix))
    except UploadLost as lost:
        raise StorageUnavailable(f"what was just stored is gone: {lost.__cause__ or lost}") from lost


async def _object(bucket: Bucket, key: str) -> None:
    """Store an object as a finished one and then as a segment, read and delete it."""
    data = _byte()
    try:
        await bucket.put_object(_UPLOAD, key, data)
        await bucket.put_segment(key, data.pieces[0])
        async for _ in bucket.client.get(key):
            pass
    finally:
        await bucket.client.delete([key])


async def _multipart(bucket: Bucket, key: str) -> None:
    multipart = (await bucket.create_multipart(_UPLOAD, key)).multipart
    try:
        await bucket.upload_part(key, multipart, 1, _byte())
        await bucket.client.list_parts(key, multipart)
    finally:
        await bucket.client.abort_multipart(key, multipart)


async def _list(bucket: Bucket, key: str) -> None:
    async for _ in bucket.client.list_objects(key):
        pass
    async for _ in bucket.client.list_multiparts(key):
        pass


def _byte() -> Assembly:
    data = Assembly()
    data.add(b"?")
    return data
