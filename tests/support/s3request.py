"""An S3 request's operation, key and query, read from method, path and headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the S3 API: a request of `method` on a key, or on a bucket if `on_key` is False, that carries
    every one of `marks`. If several operations fit a request, it is the one that comes first in `OPERATIONS`."""

    name: str
    method: str
    on_key: bool
    marks: frozenset[str] = frozenset()
    """Names of query parameters, or of headers in lower case, all of which a request of the operation has."""


COPY = "x-amz-copy-source"

OPERATIONS = (
    Operation("CreateMultipartUpload", "POST", True, frozenset({"uploads"})),
    Operation("CompleteMultipartUpload", "POST", True, frozenset({"uploadId"})),
    Operation("UploadPartCopy", "PUT", True, frozenset({"uploadId", COPY})),
    Operation("UploadPart", "PUT", True, frozenset({"uploadId"})),
    Operation("CopyObject", "PUT", True, frozenset({COPY})),
    Operation("PutObjectTagging", "PUT", True, frozenset({"tagging"})),
    Operation("PutObject", "PUT", True),
    Operation("AbortMultipartUpload", "DELETE", True, frozenset({"uploadId"})),
    Operation("DeleteObject", "DELETE", True),
    Operation("ListParts", "GET", True, frozenset({"uploadId"})),
    Operation("GetObject", "GET", True),
    Operation("HeadObject", "HEAD", True),
    Operation("DeleteObjects", "POST", False, frozenset({"delete"})),
    Operation("PostObject", "POST", False),
    Operation("ListMultipartUploads", "GET", False, frozenset({"uploads"})),
    Operation("GetBucketLocation", "GET", False, frozenset({"location"})),
    Operation("GetBucketVersioning", "GET", False, frozenset({"versioning"})),
    Operation("GetBucketLifecycleConfiguration", "GET", False, frozenset({"lifecycle"})),
    Operation("GetBucketCors", "GET", False, frozenset({"cors"})),
    Operation("PutBucketCors", "PUT", False, frozenset({"cors"})),
    Operation("ListObjectsV2", "GET", False, frozenset({"list-type"})),
    Operation("ListObjects", "GET", False),
    Operation("HeadBucket", "HEAD", False),
    Operation("CreateBucket", "PUT", False),
    Operation("DeleteBucket", "DELETE", False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Request:
    """The head of a path-style S3 request."""

    operation: str
    """The name in S3's API reference of the first operation in `OPERATIONS` that fits; "Unknown" if none does."""
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Read without regard to case."""

    @property
    def upload_id(self) -> str:
        return self.query.get("uploadId", "")

    @property
    def part_number(self) -> int:
        return int(self.query["partNumber"])

    @property
    def size(self) -> int | None:
        """The size in bytes of the body, without the framing of a signed stream; None if no header says the size."""
        length = self.headers.get("x-amz-decoded-content-length") or self.headers.get("Content-Length")
        return None if length is None else int(length)


def parse(method: str, target: str, headers: Mapping[str, str]) -> S3Request:
    """Return the request that has this method, target and headers. `target` is the path and query exactly as they were
    sent."""
    url = urlsplit(target)
    bucket, _, key = unquote(url.path).removeprefix("/").partition("/")
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    marks = {*query, *(name.lower() for name in headers)}
    return S3Request(
        operation=_operation(method, bool(key), marks), bucket=bucket, key=key, query=query, headers=headers
    )


def _operation(method: str, on_key: bool, marks: set[str]) -> str:  # noqa: FBT001 - a column of the table
    matching = (row for row in OPERATIONS if (row.method, row.on_key) == (method, on_key) and row.marks <= marks)
    return next((row.name for row in matching), "Unknown")
