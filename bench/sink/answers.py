"""The responses of the sink, an S3 for benchmarks, and their headers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from email.utils import formatdate
from xml.sax.saxutils import escape

from bench.sink.store import Multipart, Stored

_REASONS = {200: "OK", 204: "No Content", 206: "Partial Content", 404: "Not Found", 501: "Not Implemented"}
DATE = "2026-01-01T00:00:00.000Z"
MODIFIED = formatdate(1_767_225_600, usegmt=True)


def head(status: int, headers: Mapping[str, str] | Iterable[tuple[str, str]] = (), length: int = 0) -> bytes:
    fields = headers.items() if isinstance(headers, Mapping) else headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"HTTP/1.1 {status} {_REASONS[status]}\r\n{lines}Content-Length: {length}\r\n\r\n".encode("latin-1")


def document(name: str, inside: str, status: int = 200) -> tuple[bytes, bytes]:
    body = f'<?xml version="1.0" encoding="UTF-8"?><{name}>{inside}</{name}>'.encode()
    return head(status, {"Content-Type": "application/xml"}, len(body)), body


def error(code: str, status: int = 404) -> tuple[bytes, bytes]:
    return document("Error", f"<Code>{code}</Code><Message>{code}</Message>", status)


def of(stored: Stored) -> dict[str, str]:
    """Return the headers that a response to GET or HEAD takes from the object: those stored with it, and its ETag,
    Last-Modified and Accept-Ranges."""
    return {**stored.headers, "ETag": f'"{stored.etag}"', "Last-Modified": MODIFIED, "Accept-Ranges": "bytes"}


def created(bucket: str, key: str, multipart_id: str) -> tuple[bytes, bytes]:
    where = f"<Bucket>{bucket}</Bucket><Key>{escape(key)}</Key>"
    return document("InitiateMultipartUploadResult", f"{where}<UploadId>{multipart_id}</UploadId>")


def completed(key: str, stored: Stored) -> tuple[bytes, bytes]:
    return document("CompleteMultipartUploadResult", f"<Key>{escape(key)}</Key><ETag>&quot;{stored.etag}&quot;</ETag>")


def parts(multipart_id: str, multipart: Multipart, after: int, limit: int) -> tuple[bytes, bytes]:
    """Return the head and body of a response to ListParts: at most `limit` parts with numbers above `after`."""
    numbers = [number for number in sorted(multipart.parts) if number > after]
    page = numbers[:limit]
    listed = "".join(_part(number, multipart.parts[number]) for number in page)
    truncated = f"<IsTruncated>{'true' if len(numbers) > limit else 'false'}</IsTruncated>"
    marker = f"<NextPartNumberMarker>{page[-1] if page else after}</NextPartNumberMarker>"
    about = f"<Key>{escape(multipart.key)}</Key><UploadId>{multipart_id}</UploadId>"
    return document("ListPartsResult", f"{about}{truncated}{marker}{listed}")


def _part(number: int, part: Stored) -> str:
    about = f"<PartNumber>{number}</PartNumber><LastModified>{DATE}</LastModified>"
    return f"<Part>{about}<ETag>&quot;{part.etag}&quot;</ETag><Size>{part.size}</Size></Part>"
