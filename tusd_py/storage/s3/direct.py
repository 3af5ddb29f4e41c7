"""The adapter of `ports.direct.DirectAccess` for S3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tusd_py.domain.checkpoint import Checkpoint, Entry
from tusd_py.domain.direct import DirectPart, Signed
from tusd_py.domain.errors import UploadLost
from tusd_py.domain.limits import PartLimits
from tusd_py.domain.upload import Upload
from tusd_py.ports.direct import CorsAccess
from tusd_py.storage.s3.api.errors import S3Missing
from tusd_py.storage.s3.attributes import as_fields, as_headers, object_params
from tusd_py.storage.s3.buckets import Buckets
from tusd_py.storage.s3.cursor import Part, S3Cursor
from tusd_py.storage.s3.finishing import find_object

_CREATED = "201"
"""The status that a form asks S3 to answer with: this answer has a Location header, which scripts of a page may read if
the bucket's CORS rules expose it."""


class S3Direct:
    """The direct access of clients to the buckets, by presigned requests."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets

    @property
    def part_limits(self) -> PartLimits:
        profile = self._buckets.own.options.profile
        return PartLimits(
            max_parts=profile.max_parts,
            min_length=profile.min_part,
            max_length=profile.max_part,
            equal=profile.equal_parts,
            forms=profile.forms,
        )

    def key(self, upload: Upload) -> str:
        return S3Cursor.load(upload.cursor).key

    async def begin(self, upload: Upload) -> Checkpoint:
        """Create the multipart upload, if the cursor names none; return the checkpoint with its UploadId.

        The multipart upload has no checksums: clients send none, and a multipart upload created with checksums can't be
        completed without them.
        """
        cursor = S3Cursor.load(upload.cursor)
        if cursor.multipart is not None:
            return Checkpoint(offset=0, cursor=upload.cursor)
        bucket = self._buckets.of(upload)
        created = await bucket.client.create_multipart(cursor.key, object_params(upload, bucket.options), crc=False)
        ready = replace(cursor, multipart=created.multipart)
        return Checkpoint(offset=0, cursor=ready.dump(), troubled=created.troubled)

    async def sign_whole(self, upload: Upload, *, max_bytes: int, lifetime: float, form: bool) -> Signed:
        bucket = self._buckets.of(upload)
        params = object_params(upload, bucket.options)
        key, length = self.key(upload), upload.length
        if form and bucket.options.profile.forms:
            fields = {**as_fields(params), "success_action_status": _CREATED}
            shortest, longest = (0, max_bytes) if length is None else (length, length)
            return await bucket.presigner.form(key, lifetime, fields, shortest, longest)
        headers = as_headers(params)
        sized = {} if length is None else {"Content-Length": str(length)}
        url = await bucket.presigner.url("PUT", key, lifetime, headers={**headers, **sized})
        return Signed(url=url, headers=headers)

    async def sign_part(self, upload: Upload, number: int, length: int | None, lifetime: float) -> Signed:
        cursor = S3Cursor.load(upload.cursor)
        if cursor.multipart is None:
            raise UploadLost(cursor.key)
        query = {"partNumber": str(number), "uploadId": cursor.multipart}
        sized = {} if length is None else {"Content-Length": str(length)}
        presigner = self._buckets.of(upload).presigner
        return Signed(url=await presigner.url("PUT", cursor.key, lifetime, query, sized))

    async def sign_read(self, upload: Upload, shown_as: Mapping[str, str], lifetime: float) -> str:
        query = {f"response-{name.lower()}": value for name, value in shown_as.items()}
        return await self._buckets.of(upload).presigner.url("GET", self.key(upload), lifetime, query)

    async def stored_parts(self, upload: Upload) -> Sequence[DirectPart]:
        cursor = S3Cursor.load(upload.cursor)
        if cursor.multipart is None:
            return []
        bucket = self._buckets.of(upload)
        attempts = bucket.thresholds.listings
        try:
            listed = await bucket.client.list_parts(cursor.key, cursor.multipart, attempts=attempts)
        except S3Missing as missing:
            raise UploadLost(cursor.key) from missing
        return [DirectPart(number=part.number, etag=part.etag, length=part.length) for part in listed]

    def entries(self, parts: Sequence[DirectPart]) -> Sequence[Entry]:
        return [Part(number=part.number, length=part.length, etag=part.etag).to_entry() for part in parts]

    async def object_length(self, upload: Upload) -> int | None:
        head = await find_object(self._buckets.of(upload), upload, self.key(upload))
        return None if head is None else head.length

    @property
    def cors(self) -> Mapping[str, CorsAccess]:
        return {bucket.name: bucket.client for bucket in self._buckets}
