"""The S3 requests by which a copy is stored in a bucket."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from tusd_py.jobs.targets import bucket
from tusd_py.jobs.targets.bucket import BucketTarget
from tusd_py.ports.meter import Meter
from tusd_py.storage.s3.options import PROFILES, S3Options

OPTIONS = S3Options(
    bucket="b",
    profile=PROFILES["scaleway"],
    sse="aws:kms",
    sse_kms_key_id="key",
    acl="private",
    storage_class="STANDARD_IA",
    tags={"a": "b"},
)


@dataclass
class FakeClient:
    """A client of S3 that notes what it is asked for."""

    objects: list[Mapping[str, str]] = field(default_factory=list)
    """The headers of each PutObject and the parameters of each CreateMultipartUpload."""
    parts: list[int] = field(default_factory=list)
    """The numbers of the uploaded parts, in order."""

    async def put(self, key: str, payload: object, headers: Mapping[str, str]) -> None:
        del key, payload
        self.objects.append(headers)

    async def create_multipart(self, key: str, params: Mapping[str, str], *, crc: bool) -> Any:
        del key, crc
        self.objects.append(params)
        return SimpleNamespace(multipart="m")

    async def upload_part(self, key: str, multipart: str, number: int, *arguments: object) -> str:
        del key, multipart, arguments
        self.parts.append(number)
        return "etag"

    async def complete_multipart(self, *arguments: object, **options: object) -> None:
        """Accept the completion of the multipart upload."""


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    """The S3 client that `BucketTarget`, the bucket to which a job `copy` writes, gets instead of a real one. The parts
    of a multipart upload have at least 8 bytes, instead of 8 MiB."""
    fake_client = FakeClient()

    @asynccontextmanager
    async def connect(*arguments: object) -> AsyncIterator[Any]:
        del arguments
        yield SimpleNamespace(client=fake_client)

    monkeypatch.setattr(bucket, "connect", connect)
    monkeypatch.setattr(bucket, "_PART", 8)
    return fake_client


async def pieces(count: int) -> AsyncGenerator[bytes, None]:
    for _ in range(count):
        yield bytes(8)


async def write(count: int) -> None:
    target = BucketTarget(options=OPTIONS, meter=Meter())
    await target.write("a", 8 * count, {"filetype": b"image/png"}, pieces(count))


async def test_a_copy_in_parts_is_stored_as_the_settings_say(client: FakeClient) -> None:
    await write(2)
    assert client.objects == [
        {
            "ContentType": "image/png",
            "ServerSideEncryption": "aws:kms",
            "SSEKMSKeyId": "key",
            "ACL": "private",
            "StorageClass": "STANDARD_IA",
            "Tagging": "a=b",
        }
    ]


async def test_a_copy_in_one_request_is_stored_as_they_say(client: FakeClient) -> None:
    await write(1)
    assert client.objects == [
        {
            "Content-Type": "image/png",
            "x-amz-server-side-encryption": "aws:kms",
            "x-amz-server-side-encryption-aws-kms-key-id": "key",
            "x-amz-acl": "private",
            "x-amz-storage-class": "STANDARD_IA",
            "x-amz-tagging": "a=b",
        }
    ]


async def test_a_copy_has_no_more_parts_than_its_provider_takes(client: FakeClient) -> None:
    await write(1500)
    assert client.parts == list(range(1, 1001))
