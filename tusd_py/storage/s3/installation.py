"""The object that names the installation that a bucket, or a prefix of it, belongs to.

In another bucket than the storage's own it says whose it is, too: neither can be set in place of the other, and no two
servers remove each other's leftovers there.
"""

from __future__ import annotations

from tusd_py.domain.errors import StorageUnavailable, UploadLost, WrongPair
from tusd_py.storage.s3.api.errors import S3Missing
from tusd_py.storage.s3.bucket import Bucket
from tusd_py.storage.s3.buckets import Buckets
from tusd_py.storage.s3.keys import installation_key
from tusd_py.storage.s3.pieces import Piece

_OF = " of "
"""Stands in another bucket between the id and the name of the storage that the bucket belongs to."""


async def read(buckets: Buckets) -> str | None:
    """Return the id, or None if there is none. Raises StorageUnavailable, WrongPair."""
    await _check(buckets)
    return await _read(buckets.own)


async def write(buckets: Buckets, installation_id: str) -> None:
    """Store the id, also in place of an earlier one. Raises StorageUnavailable, WrongPair."""
    await _check(buckets)
    await _write(buckets.own, installation_id)
    for bucket in buckets.other_buckets:
        await _write(bucket, f"{installation_id}{_OF}{buckets.own.name}")


async def _check(buckets: Buckets) -> None:
    """Raise WrongPair if one of the other buckets belongs to another storage."""
    for bucket in buckets.other_buckets:
        claim = await _read(bucket)
        if claim is not None and not claim.endswith(_OF + buckets.own.name):
            raise WrongPair(
                f"{bucket.name} belongs to another server than {buckets.own.name}: take it out of hooks-buckets, or "
                f"remove its object {installation_key(bucket.options.prefix)} if no other server uses it"
            )


async def _read(bucket: Bucket) -> str | None:
    """Return the text, or None if S3 says NoSuchKey: a 404 alone may be a proxy's. Raises StorageUnavailable."""
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
