"""The options for S3, and the differences between providers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tusd_py.storage.s3.grid import GIB, MIB

Checksum = Literal["crc32c", "md5", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The limits and features of a provider (sizes in bytes)."""

    max_parts: int = 10_000
    min_part: int = 5 * MIB
    max_part: int = 5 * GIB
    max_object: int = 5 * 1024 * GIB
    equal_parts: bool = False
    """True if all parts but the last must have one size."""
    checksum: Checksum = "crc32c"
    """The checksum that an object, segment or part sent from memory has, for S3 to verify it; "none" for none. A body
    with bytes read from S3 may have none in any case. All providers support Content-MD5 ("md5"), which costs the most
    CPU."""
    lists_checksums: bool = True
    """True if ListParts returns each part's CRC-32C. A multipart upload created with CRC-32C can't be completed without
    them, nor be recovered if its record is lost and they aren't listed: if False, none is created with CRC-32C."""
    total_size: bool = False
    """True if CompleteMultipartUpload checks x-amz-mp-object-size (other providers ignore or refuse it)."""
    forms: bool = True
    """True if the provider accepts uploads from forms (POST policy)."""
    abort_after: float | None = None
    """The age in seconds by which an upload must be finished, as the provider aborts multipart uploads soon after; None
    if it aborts none."""


PROFILES: Mapping[str, Profile] = {
    "aws": Profile(max_object=10_000 * 5 * GIB, total_size=True),
    "minio": Profile(),
    # Parts have one size (R2, limits); multipart uploads are aborted after seven days by default: expire before.
    "r2": Profile(equal_parts=True, forms=False, abort_after=7 * 86400.0 - 3600.0),
    "seaweedfs": Profile(lists_checksums=False),
    "ceph": Profile(checksum="md5"),
    "b2": Profile(forms=False, checksum="md5"),
    "scaleway": Profile(max_parts=1000, checksum="md5"),
    "generic": Profile(checksum="md5"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options:
    """The settings of the buckets, of the requests to them, and of the objects in them."""

    bucket: str
    more_buckets: tuple[str, ...] = ()
    """Other buckets that uploads may be in, below the same prefix, with the same endpoint and credentials."""
    prefix: str = ""
    endpoint_url: str | None = None
    public_url: str | None = None
    """The endpoint that clients use, if it differs from `endpoint_url`."""
    addressing_style: str = "auto"
    profile: Profile = field(default_factory=Profile)
    part_size: int = 8 * MIB
    concurrency: int = 6
    """The most parts of one upload to send at a time."""
    object_key: str = "{id}"
    sse: str | None = None
    sse_kms_key_id: str | None = None
    storage_class: str | None = None
    acl: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    info_objects: bool = False
    """True if the record of each unfinished upload is copied into the bucket with its first stored bytes, so that
    `repair` can restore all of it; if False, only if a hook or a credential chose or prefixed the key. Direct uploads
    have no copy."""
