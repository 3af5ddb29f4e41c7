"""The requests by which `tusd-py check` tries the permissions that a bucket gives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import pytest

from tusd_py.domain.errors import StorageUnavailable, UploadLost
from tusd_py.storage.s3.attributes import UPLOAD_ID
from tusd_py.storage.s3.bucket import Bucket
from tusd_py.storage.s3.cursor import NewMultipart, StoredObject
from tusd_py.storage.s3.options import PROFILES, S3Options
from tusd_py.storage.s3.permission_trials import trials
from tusd_py.storage.s3.tails import TailCache
from tusd_py.transfer.budget import Budget
from tusd_py.transfer.read_ahead import ReadAhead

OPTIONS = S3Options(
    bucket="b", profile=PROFILES["aws"], sse="AES256", storage_class="STANDARD_IA", acl="private", tags={"a": "b"}
)
CRC = "x-amz-checksum-crc32c"


class Client:
    """A stand-in for `S3Client` that keeps the headers or parameters of each write, the keys and multipart ids that it
    is to remove, and the multipart ids whose parts it is to list. If `forgetful`, it has no object to read
    (UploadLost)."""

    def __init__(self, *, forgetful: bool = False) -> None:
        self.writes = list[Mapping[str, Any]]()
        self.removed, self.listed = list[str](), list[str]()
        self._forgetful = forgetful

    async def ping(self) -> None:
        """Do nothing: the bucket is there."""

    async def put(self, key: str, payload: Any, headers: Mapping[str, str]) -> StoredObject:  # noqa: ARG002
        self.writes.append(headers)
        return StoredObject(etag="e")

    async def get(self, key: str) -> AsyncIterator[bytes]:
        if self._forgetful:
            raise UploadLost(key)
        yield b"?"

    async def delete(self, keys: list[str]) -> None:
        self.removed += keys

    async def create_multipart(self, key: str, params: Mapping[str, Any], *, crc: bool) -> NewMultipart:  # noqa: ARG002
        self.writes.append({**params, "crc": crc})
        return NewMultipart(multipart="m")

    async def upload_part(self, *arguments: Any) -> str:
        self.writes.append(arguments[-1])
        return "e"

    async def list_parts(self, key: str, multipart: str) -> list[object]:  # noqa: ARG002
        self.listed.append(multipart)
        return []

    async def abort_multipart(self, key: str, multipart: str) -> None:  # noqa: ARG002
        self.removed.append(multipart)

    async def list_objects(self, prefix: str) -> AsyncIterator[str]:
        yield prefix

    list_multiparts = list_objects


def bucket(client: Client) -> Bucket:
    budget, hidden = Budget(1000), cast("Any", None)
    return Bucket(
        client=cast("Any", client),
        presigner=hidden,
        options=OPTIONS,
        budget=budget,
        tails=TailCache(budget),
        ahead=ReadAhead(budget),
    )


async def test_they_have_the_headers_of_uploads() -> None:
    client = Client()
    for trial in trials(bucket(client)):
        await trial.run()
    whole, segment, multipart, part = client.writes
    chosen = {"x-amz-server-side-encryption", "x-amz-storage-class", "x-amz-acl", "x-amz-tagging"}
    assert chosen | {CRC, f"x-amz-meta-{UPLOAD_ID}"} <= whole.keys()
    assert segment.keys() == {"x-amz-server-side-encryption", CRC}
    assert {"ServerSideEncryption", "StorageClass", "ACL", "Tagging", "Metadata"} <= multipart.keys()
    assert multipart["crc"]
    assert part.keys() == {CRC}
    assert client.listed == ["m"]
    assert len(client.removed) == 2


async def test_an_s3_that_forgets_is_told_of() -> None:
    _, storing, *_ = trials(bucket(Client(forgetful=True)))
    with pytest.raises(StorageUnavailable, match="gone"):
        await storing.run()
