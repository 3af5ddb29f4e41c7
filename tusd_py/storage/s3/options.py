"""What can be set for S3, and what providers differ in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tusd_py.storage.s3.grid import GIB, MIB

Checksum = Literal["crc32c", "md5", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A provider's quirks (sizes in bytes)."""

    max_parts: int = 10_000
    min_part: int = 5 * MIB
    max_part: int = 5 * GIB
    max_object: int = 5 * 1024 * GIB
    equal_parts: bool = False
    """All parts but the last must have one size."""
    checksum: Checksum = "crc32c"
    """What each body carries for S3 to verify. Content-MD5 is the one everybody honours, and the dearest."""
    lists_checksums: bool = True
    """ListParts tells each part's CRC-32C. Complete demands it of a multipart upload that was begun with one: where it
    isn't told, none is, so that an upload without a record can still be completed."""
    total_size: bool = False
    """CompleteMultipartUpload honours x-amz-mp-object-size (others ignore or refuse it)."""
    forms: bool = True
    """Takes objects from forms (POST policy)."""
    abort_after: float | None = None
    """Seconds after which the provider aborts a multipart upload by itself."""


PROFILES: Mapping[str, Profile] = {
    "aws": Profile(max_object=10_000 * 5 * GIB, total_size=True),
    "minio": Profile(),
    # Parts of one size (R2, limits); multipart uploads are aborted after seven days by default: we give up before.
    "r2": Profile(equal_parts=True, forms=False, abort_after=7 * 86400.0 - 3600.0),
    "seaweedfs": Profile(lists_checksums=False),
    "ceph": Profile(checksum="md5"),
    "b2": Profile(forms=False, checksum="md5"),
    "scaleway": Profile(max_parts=1000, checksum="md5"),
    "generic": Profile(checksum="md5"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options:
    """Where and how objects are kept."""

    bucket: str
    prefix: str = ""
    endpoint_url: str | None = None
    public_url: str | None = None
    """The endpoint as clients see it, where that is another."""
    addressing_style: str = "auto"
    profile: Profile = field(default_factory=Profile)
    part_size: int = 8 * MIB
    concurrency: int = 6
    """Parts of one upload in flight."""
    object_key: str = "{id}"
    sse: str | None = None
    sse_kms_key_id: str | None = None
    storage_class: str | None = None
    acl: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    info_objects: bool = False
    """Each upload that leaves something unfinished keeps its record beside it, so that repair can make it whole."""
