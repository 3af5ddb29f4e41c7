"""The object that names the installation that a bucket, or a prefix of it, belongs to."""

from __future__ import annotations

from tusd_py.domain.errors import StorageUnavailable, UploadLost
from tusd_py.storage.s3.api.errors import S3Missing
from tusd_py.storage.s3.bucket import Bucket
from tusd_py.storage.s3.keys import installation_key
from tusd_py.storage.s3.pieces import Piece


async def read(bucket: Bucket) -> str | None:
    """Return the id, or None if S3 says NoSuchKey: a 404 alone may be a proxy's. Raises StorageUnavailable."""
    key = installation_key(bucket.options.prefix)
    try:
        text = b"".join([bytes(chunk) async for chunk in bucket.client.get(key)])
    except UploadLost as lost:
        missing = lost.__cause__
        if isinstance(missing, S3Missing) and missing.code == "NoSuchKey":
            return None
        raise StorageUnavailable(f"can't tell if {key} exists: S3 answered {missing}") from lost
    return text.decode(errors="replace")


async def write(bucket: Bucket, installation_id: str) -> None:
    text = Piece()
    text.add(installation_id.encode())
    await bucket.put_segment(installation_key(bucket.options.prefix), text)
