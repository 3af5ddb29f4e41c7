"""The making of a finished object from recorded bytes. Every step may be repeated; uncertain results are checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tusd_py.domain.checkpoint import Entry, Finished
from tusd_py.domain.errors import UploadLost
from tusd_py.domain.upload import Upload
from tusd_py.storage.s3.api.errors import S3Error, S3Missing, S3TransientError
from tusd_py.storage.s3.attributes import UPLOAD_ID
from tusd_py.storage.s3.bucket import Bucket
from tusd_py.storage.s3.cursor import Part, S3Cursor, StoredObject
from tusd_py.storage.s3.pieces import Assembly
from tusd_py.transfer.budget import Budget


async def finish(bucket: Bucket, upload: Upload, entries: Sequence[Entry]) -> Finished:
    """Return the finished object of an upload whose bytes are all recorded. Unless the cursor has the object's ETag,
    make the object first; if the client has sent it to S3 in one request, only check it.

    Raises UploadLost if recorded bytes, or the object of a direct upload, are missing or replaced by others.
    """
    cursor = S3Cursor.load(upload.cursor)
    if cursor.etag is not None:
        return cursor.to_finished(StoredObject(etag=cursor.etag))
    if upload.length == 0 and upload.direct is None:
        cursor = replace(cursor, multipart=None)  # S3 completes none without a part; the sweep aborts it
    return cursor.to_finished(await _make(bucket, upload, cursor, [Part.from_entry(entry) for entry in entries]))


async def _make(bucket: Bucket, upload: Upload, cursor: S3Cursor, parts: list[Part]) -> StoredObject:
    if upload.direct is not None:
        return await _make_direct(bucket, upload, cursor, parts)
    tail = bucket.tails.take(upload.id, cursor.tail)
    with _charged(bucket.budget, tail.memory_size):
        if cursor.multipart is None:
            return await bucket.put_object(upload, cursor.key, tail)
        try:
            etag = await _complete(bucket, upload, cursor, cursor.multipart, parts, tail)
        except (S3Missing, S3TransientError, UploadLost) as doubt:  # the object may exist, which ends its multipart
            etag = await _resolve(bucket, upload, cursor.key, doubt)
        return StoredObject(etag=etag)


@contextmanager
def _charged(budget: Budget, size: int) -> Iterator[None]:
    """Charge the budget, without waiting, for bytes in memory that are sent in this context."""
    account = budget.account(lambda: None, busy=True)
    account.adopt(size)
    account.sending(size)
    try:
        yield
    finally:
        account.close()


async def _make_direct(bucket: Bucket, upload: Upload, cursor: S3Cursor, parts: Sequence[Part]) -> StoredObject:
    """Complete the multipart upload of a direct upload, if there is one; return the upload's object, which a HEAD
    request checks in any case, as its bytes didn't pass this server.

    If the object is missing or isn't the upload's, raises S3TransientError if the completion ended with that error,
    else UploadLost. Raises S3Error if S3 refuses a request.
    """
    if cursor.multipart is not None:
        try:
            await complete(bucket, upload, cursor.key, cursor.multipart, parts)
        except (S3Missing, S3TransientError, UploadLost) as doubt:
            return StoredObject(etag=await _resolve(bucket, upload, cursor.key, doubt))
    return StoredObject(etag=await require_etag(bucket, upload, cursor.key, UploadLost(cursor.key)))


async def _complete(
    bucket: Bucket, upload: Upload, cursor: S3Cursor, multipart: str, parts: list[Part], tail: Assembly
) -> str:
    if tail.length:
        number, _ = cursor.grid.part_at(upload.offset - tail.length)
        parts = [*parts, await bucket.upload_part(cursor.key, multipart, number, tail)]
    return await complete(bucket, upload, cursor.key, multipart, parts)


async def complete(bucket: Bucket, upload: Upload, key: str, multipart: str, parts: Sequence[Part]) -> str:
    """Send CompleteMultipartUpload, at most `Thresholds.completions` times, until it is certain if the object exists;
    after InvalidPart, send it again with the parts' current ETags. Return the object's ETag.

    Raises S3Missing if the multipart upload is gone, UploadLost if a part is gone or holds other bytes (S3Error if only
    the last attempt tells so), else S3Error.
    """
    total = upload.length if bucket.options.profile.total_size else None
    attempt, max_attempts = 0, bucket.thresholds.completions
    while True:
        attempt += 1
        try:
            return await bucket.client.complete_multipart(key, multipart, parts, total=total)
        except S3TransientError:
            if (etag := await find_etag(bucket, upload, key)) is not None:
                return etag
            if attempt == max_attempts:
                await bucket.client.list_parts(key, multipart)  # S3Missing, if that was the reason of a 500
                raise
        except S3Error as failure:
            if failure.code != "InvalidPart" or attempt == max_attempts:
                raise
            parts = await refresh_etags(bucket, key, multipart, parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectHead:
    """The result of a HEAD request for a finished object."""

    length: int
    etag: str


async def find_object(bucket: Bucket, upload: Upload, key: str) -> ObjectHead | None:
    """Return the object under `key` if it is this upload's, and of the upload's length if that is known; else None.
    Also None if a client replaced the object of a direct upload by another with a presigned request.
    """
    finished = await find_own(bucket, upload, key)
    if finished is None or upload.length not in (None, finished.length):
        return None
    return None if _was_replaced(upload, finished) else finished


async def find_own(bucket: Bucket, upload: Upload, key: str) -> ObjectHead | None:
    """Return the object under `key` if its metadata names this upload; else None."""
    head = await bucket.client.head(key)
    if head is None or head["Metadata"].get(UPLOAD_ID) != upload.id:
        return None
    return ObjectHead(length=head["ContentLength"], etag=head["ETag"].strip('"'))


def _was_replaced(upload: Upload, finished: ObjectHead) -> bool:
    """Return True if a client has replaced the object of a direct upload, by sending a presigned request again: the
    object's ETag isn't the one in the cursor. False if the cursor has none.

    The object of an upload that isn't direct may have another ETag than the cursor, too, if a write of this server took
    effect twice: with the same bytes.
    """
    return upload.direct is not None and S3Cursor.load(upload.cursor).etag not in (None, finished.etag)


async def find_etag(bucket: Bucket, upload: Upload, key: str) -> str | None:
    """Return the ETag of the object under `key` if it is this upload's, of the upload's length if that is known, and
    not one by which a client replaced it (`find_object`); else None."""
    finished = await find_object(bucket, upload, key)
    return None if finished is None else finished.etag


async def require_etag(bucket: Bucket, upload: Upload, key: str, doubt: Exception) -> str:
    """Return the ETag of the upload's object under `key`. Raises UploadLost, with `doubt` as its cause, if there is no
    such object (`find_object`)."""
    etag = await find_etag(bucket, upload, key)
    if etag is None:
        raise UploadLost(key) from doubt
    return etag


async def _resolve(bucket: Bucket, upload: Upload, key: str, doubt: Exception) -> str:
    """Return the ETag of the upload's object, after an error (`doubt`) that left it uncertain if there is one. If
    there is no such object, raises `doubt` if that is an S3TransientError, else UploadLost."""
    if not isinstance(doubt, S3TransientError):
        return await require_etag(bucket, upload, key, doubt)
    etag = await find_etag(bucket, upload, key)
    if etag is None:
        raise doubt
    return etag


async def refresh_etags(bucket: Bucket, key: str, multipart: str, parts: Sequence[Part]) -> list[Part]:
    """Return `parts` with the ETags that S3 lists now. Raises UploadLost if a part is gone or holds other bytes,
    S3Missing if the multipart upload is gone, else S3Error."""
    verified = verify_parts(parts, await bucket.client.list_parts(key, multipart))
    if len(verified) < len(parts):
        raise UploadLost(key)
    return verified


def verify_parts(parts: Sequence[Part], listed: Sequence[Part]) -> list[Part]:
    """Return those of `parts` before the first that isn't in `listed` or holds other bytes (`Part.same_as`), with their
    ETags in `listed`.

    If a part's request timed out, was retried, and then took effect late, the part has the same bytes, but with SSE-KMS
    another ETag.
    """
    parts_by_number = {part.number: part for part in listed}
    verified = list[Part]()
    for part in parts:
        current = parts_by_number.get(part.number)
        if current is None or not current.same_as(part):
            break
        verified.append(current)
    return verified
