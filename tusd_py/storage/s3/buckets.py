"""The buckets that uploads are in: the storage's own, and those that a hook may choose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tusd_py.domain.errors import StorageUnavailable
from tusd_py.domain.upload import Upload
from tusd_py.storage.s3.bucket import Bucket
from tusd_py.storage.s3.cursor import bucket_of


class Buckets:
    """Buckets at one endpoint. All of an upload, from its first segment to its object, is in one of them."""

    def __init__(self, own: Bucket, other_buckets: Sequence[Bucket] = ()) -> None:
        self.own = own
        """The storage's own bucket: it holds the uploads for which a hook chose no other."""
        self.other_buckets = other_buckets
        self._by_name = {bucket.cursor_name: bucket for bucket in (own, *other_buckets)}

    def __iter__(self) -> Iterator[Bucket]:
        return iter(self._by_name.values())

    def of(self, upload: Upload) -> Bucket:
        """Return the bucket that holds the upload. Raises StorageUnavailable if the settings don't name it any more."""
        return self.find(bucket_of(upload.cursor))

    def find(self, cursor_name: str | None) -> Bucket:
        """Return the bucket that a cursor names; None names the storage's own. Raises StorageUnavailable if the
        settings don't name it any more."""
        bucket = self._by_name.get(cursor_name)
        if bucket is None:
            raise StorageUnavailable(f"uploads are in bucket {cursor_name}, which isn't in hooks-buckets: add it")
        return bucket
