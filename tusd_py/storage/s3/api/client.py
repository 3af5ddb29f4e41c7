"""The S3 calls in use, one method each: retried, timed, and with errors in our own words.

Bodies go through `requests.RawS3`, everything else through aiobotocore, whose own retries are off: whether a repeat is
safe is known here, and a body must start again from its first byte.
"""

from __future__ import annotations

import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp

from tusd_py.domain.errors import UploadLost
from tusd_py.domain.thresholds import DEFAULT, Thresholds
from tusd_py.domain.upload import Span
from tusd_py.ports.direct import CorsRule
from tusd_py.ports.meter import Meter
from tusd_py.storage.s3.api.answers import Listed, completed, etag_of, listed_part, told
from tusd_py.storage.s3.api.errors import S3Failure, S3Missing, S3Trouble, translated
from tusd_py.storage.s3.api.requests import Payload, RawRequest, RawS3
from tusd_py.storage.s3.attempts import Attempts, pause
from tusd_py.storage.s3.cors import cors_rule, written_rule
from tusd_py.storage.s3.cursor import Begun, Part, Stored

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client as BotoClient
    from types_aiobotocore_s3.type_defs import HeadObjectOutputTypeDef, PartTypeDef


class S3Client:
    """One bucket. Every method raises StorageUnavailable (S3Failure, S3Trouble, S3Missing) once retries are used up."""

    def __init__(
        self,
        boto: BotoClient,
        raw: RawS3,
        bucket: str,
        meter: Meter,
        guard: Callable[[], None] = lambda: None,
        thresholds: Thresholds = DEFAULT,
    ) -> None:
        self._boto = boto
        self._raw = raw
        self._bucket = bucket
        self._attempts = Attempts(meter, guard, thresholds.attempts)
        self._thresholds = thresholds

    def guarded(self, guard: Callable[[], None]) -> S3Client:
        """The same, but each attempt asks `guard` first, which raises what it likes: a repeat may come too late."""
        return S3Client(self._boto, self._raw, self._bucket, self._attempts.meter, guard, self._thresholds)

    async def put(self, key: str, payload: Payload, headers: Mapping[str, str]) -> Stored:
        """PutObject."""
        return await self._upload(
            RawRequest(operation="PutObject", method="PUT", key=key, headers=headers, payload=payload)
        )

    async def upload_part(
        self, key: str, multipart: str, number: int, payload: Payload, headers: Mapping[str, str]
    ) -> str:
        """UploadPart; returns the ETag without quotes. Late repeats of it end with the multipart upload."""
        query = {"partNumber": str(number), "uploadId": multipart}
        stored = await self._upload(
            RawRequest(operation="UploadPart", method="PUT", key=key, query=query, headers=headers, payload=payload)
        )
        return stored.etag

    async def _upload(self, request: RawRequest) -> Stored:
        async def send() -> str:
            async with self._raw.send(request) as answer:
                await answer.read()
                return etag_of(request.operation, answer.headers)

        etag, troubled = await self._attempts.tell(request.operation, send)
        return Stored(etag=etag, troubled=troubled)

    async def get(
        self, key: str, span: Span | None = None, etag: str | None = None, *, wide: bool = False
    ) -> AsyncGenerator[bytes, None]:
        """GetObject: the bytes of `span`, or all of them; `wide` in large pieces. Goes on where a broken connection
        stopped.

        Raises UploadLost when the object is gone, or is no longer the one with `etag`.
        """
        done = failures = 0
        while span is None or span.start + done < span.stop:
            try:
                async with self._got(key, span, done, etag, wide=wide) as answer:
                    async for chunk in answer.content.iter_any():
                        done, failures = done + len(chunk), 0
                        yield chunk
            except S3Trouble:
                failures += 1
                if failures == self._attempts.most:
                    raise
                await pause(failures)
            else:
                return

    @asynccontextmanager
    async def _got(
        self, key: str, span: Span | None, done: int, etag: str | None, *, wide: bool
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {"If-Match": f'"{etag}"'} if etag else {}
        if span is not None:
            headers["Range"] = f"bytes={span.start + done}-{span.stop - 1}"
        elif done:
            headers["Range"] = f"bytes={done}-"
        step = self._thresholds.wide_step if wide else self._thresholds.step
        started = time.perf_counter()
        try:
            request = RawRequest(operation="GetObject", method="GET", key=key, headers=headers, step=step)
            async with self._raw.send(request) as got:
                self._attempts.meter.s3_request("GetObject", time.perf_counter() - started, "ok")
                yield got
        except S3Failure as failure:
            self._attempts.meter.s3_request("GetObject", time.perf_counter() - started, failure.code)
            if isinstance(failure, S3Missing) or failure.code == "PreconditionFailed":
                raise UploadLost(key) from failure
            raise

    async def create_multipart(self, key: str, params: Mapping[str, Any], *, crc: bool) -> Begun:
        """CreateMultipartUpload."""
        chosen: dict[str, Any] = {"ChecksumAlgorithm": "CRC32C"} if crc else {}
        made, troubled = await self._attempts.tell(
            "CreateMultipartUpload",
            lambda: self._boto.create_multipart_upload(Bucket=self._bucket, Key=key, **params, **chosen),
        )
        return Begun(multipart=str(told("CreateMultipartUpload", made, "UploadId")), troubled=troubled)

    async def complete_multipart(self, key: str, multipart: str, parts: Sequence[Part], *, total: int | None) -> str:
        """CompleteMultipartUpload, once; returns the ETag without quotes. After S3Trouble: look at the object."""
        listed = [completed(part) for part in parts]
        sized: dict[str, Any] = {} if total is None else {"MpuObjectSize": total}
        async with self._attempts.observed("CompleteMultipartUpload"):
            made = await self._boto.complete_multipart_upload(
                Bucket=self._bucket, Key=key, UploadId=multipart, MultipartUpload={"Parts": listed}, **sized
            )
            return etag_of("CompleteMultipartUpload", made)

    async def copy_part(self, key: str, multipart: str, number: int, source: str, span: Span, etag: str) -> Part:
        """UploadPartCopy of a range of another object, which must still be the one with `etag`."""
        made = await self._attempts.call(
            "UploadPartCopy",
            lambda: self._boto.upload_part_copy(
                Bucket=self._bucket,
                Key=key,
                UploadId=multipart,
                PartNumber=number,
                CopySource={"Bucket": self._bucket, "Key": source},
                CopySourceRange=f"bytes={span.start}-{span.stop - 1}",
                CopySourceIfMatch=etag,
            ),
        )
        result = told("UploadPartCopy", made, "CopyPartResult")
        return Part(number=number, length=len(span), etag=result["ETag"].strip('"'), crc=result.get("ChecksumCRC32C"))

    async def list_parts(self, key: str, multipart: str, *, attempts: int = 1) -> list[Part]:
        """ListParts. SeaweedFS lists a part once for each time that it was sent: the last one sent is last here.

        Raises S3Missing where S3 says that there is no such multipart upload.
        """
        try:
            found = await self._attempts.call("ListParts", lambda: self._all_parts(key, multipart), attempts)
        except S3Trouble as trouble:
            if trouble.seems_missing and not await self._is_begun(key, multipart):
                raise S3Missing("ListParts", trouble.status, "NoSuchUpload") from trouble
            raise
        return [
            listed_part(part) for part in sorted(found, key=lambda part: (part["PartNumber"], part["LastModified"]))
        ]

    async def _all_parts(self, key: str, multipart: str) -> list[PartTypeDef]:
        pages = self._boto.get_paginator("list_parts").paginate(Bucket=self._bucket, Key=key, UploadId=multipart)
        return [part async for page in pages for part in page.get("Parts", [])]

    async def _is_begun(self, key: str, multipart: str) -> bool:
        """Asked where a provider may tell of a multipart upload that is gone by a 404 without a code: S3 lists it."""
        return multipart in {found.multipart async for found in self.list_multiparts(key)}

    async def abort_multipart(self, key: str, multipart: str) -> None:
        """AbortMultipartUpload; already gone is fine."""
        try:
            await self._attempts.call(
                "AbortMultipartUpload",
                lambda: self._boto.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=multipart),
            )
        except S3Missing:
            return

    async def list_multiparts(self, prefix: str) -> AsyncIterator[Listed]:
        """ListMultipartUploads: those begun below `prefix`."""
        pages = self._boto.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=prefix)
        async for page in self._pages("ListMultipartUploads", pages):
            for begun in page.get("Uploads", []):
                yield Listed(key=begun["Key"], since=begun["Initiated"].timestamp(), multipart=begun["UploadId"])

    async def head(self, key: str) -> HeadObjectOutputTypeDef | None:
        """HeadObject, or None when S3 says that there is no such object in the bucket."""
        return await self._attempts.call("HeadObject", lambda: self._head(key))

    async def _head(self, key: str) -> HeadObjectOutputTypeDef | None:
        """Asked again where the two answers differ: it may just have come about."""
        try:
            async with translated("HeadObject"):
                return await self._boto.head_object(Bucket=self._bucket, Key=key)
        except S3Missing as rumour:
            if await self._attempts.call("GetObject", lambda: self._exists(key)):
                raise S3Trouble("HeadObject", rumour.status, "") from rumour
            return None

    async def _exists(self, key: str) -> bool:
        """Asked after a HEAD: its answer has no error code, so a proxy may have given it, or the bucket be missing."""
        try:
            first = RawRequest(operation="GetObject", method="GET", key=key, headers={"Range": "bytes=0-0"})
            async with self._raw.send(first):
                return True
        except S3Missing:
            return False
        except S3Failure as failure:
            if failure.code == "InvalidRange":  # it has no first byte, but it is there
                return True
            raise

    async def delete(self, keys: Iterable[str]) -> None:
        """DeleteObjects in batches, or DeleteObject for a single one; not there is fine."""
        left, most = list(keys), self._thresholds.deletions
        while left:
            batch, left = left[:most], left[most:]
            await (self._delete_many(batch) if len(batch) > 1 else self._delete_one(batch[0]))

    async def _delete_one(self, key: str) -> None:
        await self._attempts.call("DeleteObject", lambda: self._boto.delete_object(Bucket=self._bucket, Key=key))

    async def _delete_many(self, keys: Sequence[str]) -> None:
        objects: Any = {"Objects": [{"Key": key} for key in keys], "Quiet": True}
        done = await self._attempts.call(
            "DeleteObjects", lambda: self._boto.delete_objects(Bucket=self._bucket, Delete=objects)
        )
        if errors := done.get("Errors"):
            raise S3Failure("DeleteObjects", 200, errors[0].get("Code", ""))

    async def list_objects(self, prefix: str) -> AsyncIterator[Listed]:
        """ListObjectsV2: those below `prefix`."""
        pages = self._boto.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        async for page in self._pages("ListObjectsV2", pages):
            for found in page.get("Contents", []):
                yield Listed(key=found["Key"], since=found["LastModified"].timestamp(), size=found["Size"])

    async def _pages(self, operation: str, pages: AsyncIterable[Any]) -> AsyncIterator[Any]:
        walk = aiter(pages)
        while True:
            async with self._attempts.observed(operation) as attempt:
                page = await anext(walk, None)
                attempt.asked = page is not None  # the one before was the last, and has said so
            if page is None:
                return
            yield page

    async def ping(self) -> None:
        """HeadBucket. A bucket that isn't there is a failure, not something missing."""
        try:
            async with self._attempts.observed("HeadBucket"):
                await self._boto.head_bucket(Bucket=self._bucket)
        except S3Missing as missing:
            raise S3Failure("HeadBucket", missing.status, "NoSuchBucket") from missing

    async def reach(self, key: str) -> bool:
        """Go the way of bytes once, to a key that may be empty; whether the last body that went there was taken."""
        async with self._attempts.observed("GetObject"):
            await self._raw.reach(key)
        return self._raw.writable

    async def cors(self) -> Sequence[CorsRule]:
        """GetBucketCors; no rules where there are none."""
        try:
            found = await self._attempts.call("GetBucketCors", lambda: self._boto.get_bucket_cors(Bucket=self._bucket))
        except S3Missing:
            return []
        return [cors_rule(rule) for rule in found["CORSRules"]]

    async def put_cors(self, rules: Sequence[CorsRule]) -> None:
        """PutBucketCors."""
        new: Any = {"CORSRules": [written_rule(rule) for rule in rules]}
        await self._attempts.call(
            "PutBucketCors", lambda: self._boto.put_bucket_cors(Bucket=self._bucket, CORSConfiguration=new)
        )
