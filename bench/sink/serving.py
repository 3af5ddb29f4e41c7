"""The S3 operations of the sink."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from multidict import CIMultiDict

from bench.sink import answers
from bench.sink.connection import Connection, Head
from bench.sink.store import MAX_STORED, Multipart, Store, Stored
from tests.support.s3request import S3Request, parse

COUNTS = "/-/counts"
"""The path of the counts: GET returns them, DELETE also resets them; neither is counted."""

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_STORED = ("content-type", "content-disposition", "cache-control")
Answer = tuple[bytes, bytes]


class Exchange:
    """One request and its answer."""

    def __init__(self, store: Store, connection: Connection, head: Head) -> None:
        self._store = store
        self._connection = connection
        self._head = head
        self._request: S3Request = parse(head.method, head.target, head.headers)
        self._key = f"{self._request.bucket}/{self._request.key}"
        self._size = head.length or 0
        """Bytes of the body as received, with the framing of aws-chunked; 0 for HTTP chunks until `_receive` has read
        them."""

    def serve(self) -> None:
        if self._head.target == COUNTS:
            self._connection.answer(*self._counts())
            return
        serve = _SERVE.get(self._request.operation, Exchange.unknown)
        answer = serve(self)
        self._store.count(self._request.operation, self._size)
        if answer is not None:
            self._connection.answer(*answer)

    def _counts(self) -> Answer:
        body = json.dumps({"requests": self._store.requests, "bytes": self._store.bytes}).encode()
        if self._head.method == "DELETE":
            self._store.reset()
        return answers.head(200, length=len(body)), body

    def put(self) -> Answer:
        stored = self._store.objects[self._key] = self._receive()
        return answers.head(200, {"ETag": f'"{stored.etag}"'}), b""

    def create(self) -> Answer:
        multipart_id = self._store.fresh()
        self._store.multiparts[multipart_id] = Multipart(key=self._key, headers=_stored_headers(self._head))
        self._connection.skip(self._head.length)
        return answers.created(self._request.bucket, self._request.key, multipart_id)

    def upload_part(self) -> Answer:
        part = self._receive(keep=0)
        if (multipart := self._store.multiparts.get(self._request.upload_id)) is None:
            return answers.error("NoSuchUpload")
        multipart.parts[self._request.part_number] = part
        return answers.head(200, {"ETag": f'"{part.etag}"'}), b""

    def complete(self) -> Answer:
        self._connection.skip(self._head.length)
        stored = self._store.complete(self._request.upload_id)
        return answers.error("NoSuchUpload") if stored is None else answers.completed(self._request.key, stored)

    def list_parts(self) -> Answer:
        if (multipart := self._store.multiparts.get(self._request.upload_id)) is None:
            return answers.error("NoSuchUpload")
        after, limit = (int(self._request.query.get(name, n)) for name, n in _PAGE)
        return answers.parts(self._request.upload_id, multipart, after, limit)

    def abort(self) -> Answer:
        multipart = self._store.multiparts.pop(self._request.upload_id, None)
        return answers.error("NoSuchUpload") if multipart is None else (answers.head(204), b"")

    def delete(self) -> Answer:
        self._store.objects.pop(self._key, None)
        return answers.head(204), b""

    def delete_many(self) -> Answer:
        body = self._connection.body(self._head.length).decode()
        for key in re.findall(r"<Key>(.*?)</Key>", body):
            self._store.objects.pop(f"{self._request.bucket}/{key}", None)
        return answers.document("DeleteResult", "")

    def look(self) -> Answer:
        if (stored := self._store.objects.get(self._key)) is None:
            return answers.head(404), b""
        return answers.head(200, answers.of(stored), stored.size), b""

    def get(self) -> Answer | None:
        if (stored := self._store.objects.get(self._key)) is None:
            return answers.error("NoSuchKey")
        start, stop, status = self._range(stored.size)
        headers = answers.of(stored)
        if status == 206:  # noqa: PLR2004 (Partial Content)
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{stored.size}"
        head = answers.head(status, headers, stop - start)
        if stored.content is not None:
            return head, stored.content[start:stop]
        self._connection.answer(head)
        self._connection.zeros(stop - start)
        return None

    def _range(self, size: int) -> tuple[int, int, int]:
        match = _RANGE.fullmatch(self._head.headers.get("Range", ""))
        if match is None:
            return 0, size, 200
        return int(match[1]), min(size, int(match[2] or size) + 1), 206

    def nothing(self) -> Answer:
        return answers.document("ListBucketResult", "<IsTruncated>false</IsTruncated>")

    def bucket(self) -> Answer:
        return answers.head(200), b""

    def unknown(self) -> Answer:
        self._connection.skip(self._head.length)
        return answers.error("NotImplemented", 501)

    def _receive(self, keep: int = MAX_STORED) -> Stored:
        """Read the body; return the object or part, with its content if that has at most `keep` bytes by the request's
        headers, else with None instead."""
        size = self._request.size or 0
        if size > keep:
            self._size = self._connection.skip(self._head.length)
            return Stored(size=size, headers=_stored_headers(self._head), etag=self._store.fresh())
        body = self._connection.body(self._head.length)
        self._size, content = len(body), _unframed(body, self._head)
        return Stored(size=size, content=content, headers=_stored_headers(self._head), etag=self._store.fresh())


_PAGE = (("part-number-marker", "0"), ("max-parts", "1000"))
_SERVE: dict[str, Callable[[Exchange], Answer | None]] = {
    "PutObject": Exchange.put,
    "CreateMultipartUpload": Exchange.create,
    "UploadPart": Exchange.upload_part,
    "CompleteMultipartUpload": Exchange.complete,
    "AbortMultipartUpload": Exchange.abort,
    "ListParts": Exchange.list_parts,
    "GetObject": Exchange.get,
    "HeadObject": Exchange.look,
    "DeleteObject": Exchange.delete,
    "DeleteObjects": Exchange.delete_many,
    "ListObjectsV2": Exchange.nothing,
    "ListMultipartUploads": Exchange.nothing,
    "HeadBucket": Exchange.bucket,
}


def _stored_headers(head: Head) -> CIMultiDict[str]:
    fields = ((name.lower(), value) for name, value in head.headers.items())
    return CIMultiDict((name, value) for name, value in fields if name in _STORED or name.startswith("x-amz-meta-"))


def _unframed(body: bytes, head: Head) -> bytes:
    """Return the object's bytes of a body that may be in SigV4's aws-chunked encoding."""
    if "aws-chunked" not in head.headers.get("Content-Encoding", ""):
        return body
    whole = bytearray()
    while body:
        line, _, body = body.partition(b"\r\n")
        if not (size := int(line.split(b";")[0], 16)):
            break
        whole += body[:size]
        body = body[size + 2 :]
    return bytes(whole)
