"""The S3 calls in use: timed, retried unless their method says otherwise, and with errors of our own types.

Bodies go through `requests.RawS3`, everything else through aiobotocore, whose own retries are off: it
doesn't know if a retry is safe, and a body must start again from its first byte.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tusd_py.domain.span import Span
from tusd_py.domain.thresholds import DEFAULT, Thresholds
from tusd_py.ports.direct import CorsRule
from tusd_py.ports.meter import Meter
from tusd_py.storage.s3.api.answers import Listed, completed_part, etag_of, listed_part, require_field, require_words
from tusd_py.storage.s3.api.download import Selection, download
from tusd_py.storage.s3.api.errors import S3Error, S3Missing, S3TransientError, translated
from tusd_py.storage.s3.api.requests import Payload, RawRequest, RawS3
from tusd_py.storage.s3.cors import cors_rule, written_rule
from tusd_py.storage.s3.cursor import NewMultipart, Part, Source, StoredObject
from tusd_py.storage.s3.retries import Retries

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client as BotoClient
    from types_aiobotocore_s3.type_defs import HeadObjectOutputTypeDef, PartTypeDef


class S3Client:
    """The calls to one bucket. Each may raise S3Error or a subclass. A retried call raises S3TransientError only after
    its last attempt, or if an answer of success lacks its result."""

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
        self._retries = Retries(meter, guard, thresholds.attempts)
        self._thresholds = thresholds

    def guarded(self, guard: Callable[[], None]) -> S3Client:
        """Return a client that calls `guard` before each attempt of its retried calls, except `get`; an exception of
        the guard ends the call."""
        return S3Client(self._boto, self._raw, self._bucket, self._retries.meter, guard, self._thresholds)

    async def put(self, key: str, payload: Payload, headers: Mapping[str, str]) -> StoredObject:
        """PutObject. Raises UploadLost if a segment or a partial upload's object that the payload reads is gone."""
        return await self._upload(
            RawRequest(operation="PutObject", method="PUT", key=key, headers=headers, payload=payload)
        )

    async def upload_part(
        self, key: str, multipart: str, number: int, payload: Payload, headers: Mapping[str, str]
    ) -> str:
        """UploadPart; returns the ETag without quotes. A late attempt has no effect once the multipart upload
        ended. Raises UploadLost if a stored segment that the payload reads is gone.
        """
        query = {"partNumber": str(number), "uploadId": multipart}
        stored = await self._upload(
            RawRequest(operation="UploadPart", method="PUT", key=key, query=query, headers=headers, payload=payload)
        )
        return stored.etag

    async def _upload(self, request: RawRequest) -> StoredObject:
        async def send() -> str:
            async with self._raw.send(request) as answer:
                await answer.read()
                return etag_of(request.operation, answer.headers)

        etag, troubled = await self._retries.tell(request.operation, send)
        return StoredObject(etag=etag, troubled=troubled)

    def get(
        self, key: str, span: Span | None = None, etag: str | None = None, *, wide: bool = False
    ) -> AsyncGenerator[bytes, None]:
        """GetObject: yields the bytes of `span` or all, in larger chunks if `wide`; resumes where a connection broke.

        Raises UploadLost if the object is gone, or is no longer the one with `etag`.
        """
        step = self._thresholds.wide_step if wide else self._thresholds.step
        return download(self._raw, self._retries, Selection(key=key, span=span, etag=etag, step=step))

    async def create_multipart(self, key: str, params: Mapping[str, Any], *, crc: bool) -> NewMultipart:
        """CreateMultipartUpload, with `params` by botocore's names; if `crc`, for parts with CRC-32C."""
        checksum: dict[str, Any] = {"ChecksumAlgorithm": "CRC32C"} if crc else {}
        created, troubled = await self._retries.tell(
            "CreateMultipartUpload",
            lambda: self._boto.create_multipart_upload(Bucket=self._bucket, Key=key, **params, **checksum),
        )
        return NewMultipart(
            multipart=str(require_field("CreateMultipartUpload", created, "UploadId")), troubled=troubled
        )

    async def complete_multipart(self, key: str, multipart: str, parts: Sequence[Part], *, total: int | None) -> str:
        """CompleteMultipartUpload, once; returns the ETag without quotes. S3 checks the length if `total` is given.
        After S3TransientError the object may exist or not."""
        completed_parts = [completed_part(part) for part in parts]
        size: dict[str, Any] = {} if total is None else {"MpuObjectSize": total}
        async with self._retries.observed("CompleteMultipartUpload"):
            answer = await self._boto.complete_multipart_upload(
                Bucket=self._bucket, Key=key, UploadId=multipart, MultipartUpload={"Parts": completed_parts}, **size
            )
            return etag_of("CompleteMultipartUpload", answer)

    async def copy_part(self, key: str, multipart: str, number: int, source: Source, span: Span, etag: str) -> Part:
        """Copy the span of another object, `source`, as part `number` (UploadPartCopy); return the part. Raises
        S3Error, with the code PreconditionFailed if the ETag of `source` isn't `etag`.
        """
        answer = await self._retries.call(
            "UploadPartCopy",
            lambda: self._boto.upload_part_copy(
                Bucket=self._bucket,
                Key=key,
                UploadId=multipart,
                PartNumber=number,
                CopySource={"Bucket": source.bucket, "Key": source.key},
                CopySourceRange=f"bytes={span.start}-{span.stop - 1}",
                CopySourceIfMatch=etag,
            ),
        )
        result = require_field("UploadPartCopy", answer, "CopyPartResult")
        return Part(
            number=number, length=len(span), etag=etag_of("UploadPartCopy", result), crc=result.get("ChecksumCRC32C")
        )

    async def list_parts(self, key: str, multipart: str, *, attempts: int = 1) -> list[Part]:
        """Return the parts that S3 lists (ListParts), ordered by number; `attempts` is the most tries. SeaweedFS
        lists a part once for each time that it was sent: of parts with the same number, the newest is the last.

        Raises S3Missing where S3 says that there is no such multipart upload.
        """
        try:
            parts = await self._retries.call("ListParts", lambda: self._all_parts(key, multipart), attempts)
        except S3TransientError as error:
            if error.seems_missing and not await self._is_begun(key, multipart):
                raise S3Missing("ListParts", error.status, "NoSuchUpload") from error
            raise
        return [
            listed_part(part) for part in sorted(parts, key=lambda part: (part["PartNumber"], part["LastModified"]))
        ]

    async def _all_parts(self, key: str, multipart: str) -> list[PartTypeDef]:
        pages = self._boto.get_paginator("list_parts").paginate(Bucket=self._bucket, Key=key, UploadId=multipart)
        return [part async for page in pages for part in require_words("ListParts", page).get("Parts", [])]

    async def _is_begun(self, key: str, multipart: str) -> bool:
        """Return True if S3 lists the multipart upload. To be asked after another request got a 404 without a code of
        S3: a provider may send this if the multipart upload is gone, but a proxy may send it, too."""
        return multipart in {upload.multipart async for upload in self.list_multiparts(key)}

    async def abort_multipart(self, key: str, multipart: str) -> None:
        """AbortMultipartUpload; no error if the multipart upload is gone."""
        try:
            await self._retries.call(
                "AbortMultipartUpload",
                lambda: self._boto.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=multipart),
            )
        except S3Missing:
            return
        except S3TransientError as error:
            if not error.seems_missing or await self._is_begun(key, multipart):
                raise

    async def list_multiparts(self, prefix: str) -> AsyncIterator[Listed]:
        """ListMultipartUploads: yields the multipart uploads whose keys begin with `prefix`. Not retried."""
        pages = self._boto.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=prefix)
        async for page in self._pages("ListMultipartUploads", pages):
            for upload in page.get("Uploads", []):
                yield Listed(key=upload["Key"], since=upload["Initiated"].timestamp(), multipart=upload["UploadId"])

    async def head(self, key: str) -> HeadObjectOutputTypeDef | None:
        """HeadObject; returns None if S3 says that there is no such object in the bucket."""
        return await self._retries.call("HeadObject", lambda: self._head(key))

    async def _head(self, key: str) -> HeadObjectOutputTypeDef | None:
        """Try `head` once. Return None for a 404 if a GET finds no object either. Raises S3TransientError if the GET
        finds one, as it may have been stored meanwhile."""
        try:
            async with translated("HeadObject"):
                head = await self._boto.head_object(Bucket=self._bucket, Key=key)
        except S3Missing as missing:
            if await self._retries.call("GetObject", lambda: self._exists(key)):
                raise S3TransientError("HeadObject", missing.status, "") from missing
            return None
        etag_of("HeadObject", head)
        return require_words("HeadObject", head)

    async def _exists(self, key: str) -> bool:
        """Return True if a GET finds the object, False if S3 says that there is none: a HEAD's 404 has no code, so a
        proxy may have sent it, or the bucket may be missing."""
        try:
            first = RawRequest(operation="GetObject", method="GET", key=key, headers={"Range": "bytes=0-0"})
            async with self._raw.send(first):
                return True
        except S3Missing:
            return False
        except S3Error as failure:
            if failure.code == "InvalidRange":  # the object exists, but has no first byte
                return True
            raise

    async def delete(self, keys: Iterable[str]) -> None:
        """DeleteObjects in batches, or DeleteObject for a single one; a missing object is no error."""
        remaining, limit = list(keys), self._thresholds.deletions
        while remaining:
            batch, remaining = remaining[:limit], remaining[limit:]
            await (self._delete_many(batch) if len(batch) > 1 else self._delete_one(batch[0]))

    async def _delete_one(self, key: str) -> None:
        with suppress(S3Missing):  # some providers say so, though S3 counts it as a success
            await self._retries.call("DeleteObject", lambda: self._boto.delete_object(Bucket=self._bucket, Key=key))

    async def _delete_many(self, keys: Sequence[str]) -> None:
        """DeleteObjects, with the deleted keys in the answer: an answer without keys might be a proxy's. Raises
        S3Error if S3 reports a key that it couldn't delete.
        """
        objects: Any = {"Objects": [{"Key": key} for key in keys], "Quiet": False}
        errors = await self._retries.call("DeleteObjects", lambda: self._errors_of_deletion(objects))
        if errors:
            raise S3Error("DeleteObjects", HTTPStatus.OK, errors[0].get("Code", ""))

    async def _errors_of_deletion(self, objects: Any) -> Sequence[Mapping[str, Any]]:
        answer = await self._boto.delete_objects(Bucket=self._bucket, Delete=objects)
        return require_words("DeleteObjects", answer).get("Errors", [])

    async def list_objects(self, prefix: str) -> AsyncIterator[Listed]:
        """ListObjectsV2: yields the objects whose keys begin with `prefix`. Not retried."""
        pages = self._boto.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        async for page in self._pages("ListObjectsV2", pages):
            for item in page.get("Contents", []):
                yield Listed(key=item["Key"], since=item["LastModified"].timestamp(), size=item["Size"])

    async def _pages(self, operation: str, pages: AsyncIterable[Any]) -> AsyncIterator[Any]:
        walk = aiter(pages)
        while True:
            async with self._retries.observed(operation) as attempt:
                page = await anext(walk, None)
                attempt.counted = page is not None  # None: the page before was the last, so no request was sent
                if page is None:
                    return
                require_words(operation, page)
            yield page

    async def ping(self) -> None:
        """HeadBucket, once. For a bucket that doesn't exist raises S3Error, not S3Missing."""
        try:
            async with self._retries.observed("HeadBucket"):
                await self._boto.head_bucket(Bucket=self._bucket)
        except S3Missing as missing:
            raise S3Error("HeadBucket", missing.status, "NoSuchBucket") from missing

    async def reach(self, key: str) -> bool:
        """GetObject, by the HTTP client that sends bodies; returns True if the object exists. Tried twice at most: the
        first attempt may take a kept connection that S3 has closed."""
        return await self._retries.call("GetObject", lambda: self._raw.reach(key), attempts=2)

    @property
    def writable(self) -> bool:
        """True after S3 took a body; False before that, and after an S3Error, other than S3Missing, for a body."""
        return self._raw.writable

    async def cors(self) -> Sequence[CorsRule]:
        """GetBucketCors; returns an empty list if the bucket has no rules."""
        try:
            return await self._retries.call("GetBucketCors", self._cors)
        except S3Missing:
            return []

    async def _cors(self) -> Sequence[CorsRule]:
        answer = await self._boto.get_bucket_cors(Bucket=self._bucket)
        return [cors_rule(rule) for rule in require_field("GetBucketCors", answer, "CORSRules")]

    async def put_cors(self, rules: Sequence[CorsRule]) -> None:
        """PutBucketCors: replaces all rules of the bucket."""
        new: Any = {"CORSRules": [written_rule(rule) for rule in rules]}
        await self._retries.call(
            "PutBucketCors", lambda: self._boto.put_bucket_cors(Bucket=self._bucket, CORSConfiguration=new)
        )
