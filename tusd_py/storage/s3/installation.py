"""The object that names the installation that a bucket, or a prefix of it, belongs to.

In a bucket other than the storage's own, which holds only uploads for which a hook chose it, the object also names the
storage: so neither bucket can be configured in place of the other, and no server removes another server's leftovers.
"""

from __future__ import annotations

from tusd_py.domain.errors import StorageUnavailable, UploadLost, WrongPair
from tusd_py.storage.s3.api.errors import S3Missing
from tusd_py.storage.s3.bucket import Bucket
from tusd_py.storage.s3.buckets import Buckets
from tusd_py.storage.s3.keys import installation_key
from tusd_py.storage.s3.pieces import Piece

_OF = " of "
"""The text between id and storage name in the object of a bucket other than the storage's own."""


async def read(buckets: Buckets) -> str | None:
    """Return the installation's id from the storage's own bucket, None if it has none. Raises StorageUnavailable, and
    WrongPair if one of the other buckets belongs to another storage."""
    await _check(buckets)
    return await _read(buckets.own)


async def write(buckets: Buckets, installation_id: str) -> None:
    """Store the id in the storage's own bucket and in all other buckets, in place of an earlier id. Raises
    StorageUnavailable; WrongPair, before any id is stored, if a bucket other than the storage's own belongs to another
    storage."""
    await _check(buckets)
    await _write(buckets.own, installation_id)
    for bucket in buckets.other_buckets:
        await _write(bucket, f"{installation_id}{_OF}{buckets.own.name}")


async def _check(buckets: Buckets) -> None:
    """Raise WrongPair if a bucket other than the storage's own belongs to another storage, StorageUnavailable if that
    can't be told."""
    for bucket in buckets.other_buckets:
        claim = await _read(bucket)
        if claim is not None and not claim.endswith(_OF + buckets.own.name):
            raise WrongPair(
                f"{bucket.name} belongs to another server than {buckets.own.name}: take it out of hooks-buckets, or "
                f"remove its object {installation_key(bucket.options.prefix)} if no other server uses it"
            )


async def _read(bucket: Bucket) -> str | None:
    """Return the text of the bucket's installation object, None if S3 says NoSuchKey. Raises StorageUnavailable, also
    for a 404 without that code, which a proxy may have sent."""
    key = installation_key(bucket.options.prefix)
    try:
        text = b"".join([bytes(chunk) async for chunk in bucket.client.get(key)])
    except UploadLost as lost:
        missing = lost.__cause__
        if isinstance(missing, S3Missing) and missing.code == "NoSuchKey":
            return None
        raise StorageUnavailable(f"can't tell if {key} exists: S3 answered {missing}") from lost
    return text.decode(errors="replace")


async def _write(bucket: Bucket, text: str) -> None:
    piece = Piece()
    piece.add(text.encode())
    await bucket.put_segment(installation_key(bucket.options.prefix), piece)
