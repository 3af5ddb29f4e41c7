"""Refusals that S3 or one of its providers makes, and that an emulator may not make."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass

from tests.support.s3request import COPY, S3Request

MAX_METADATA = 2048
"""Bytes of all user metadata, names and values together (AWS: PUT object, user-defined metadata)."""
WRITES = frozenset({"PutObject", "UploadPart"})


class S3Error(Exception):
    """An S3 error answer: status and code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of a provider that requests must keep."""

    idle_limit: float = 20.0
    """Seconds without a byte of a request body after which the request is refused; S3 hangs up after about 20."""
    equal_parts: bool = False
    """True if all parts but the last must have one size, and the last no larger one (Cloudflare R2)."""
    dense_parts: bool = True
    """True if the part numbers must be 1, 2, 3 … at completion (AWS with part checksums)."""


class Strict:
    """A check of requests by `rules`. It remembers the sizes of the parts that S3 has stored, if their requests tell
    them: a copy of a whole object as a part doesn't."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._parts: defaultdict[str, dict[int, int]] = defaultdict(dict)

    def check_head(self, request: S3Request) -> None:
        """Raise S3Error for a PutObject or UploadPart without Content-Length, or for any request with more than
        `MAX_METADATA` (2048) bytes of user metadata."""
        if request.operation in WRITES and request.headers.get("Content-Length") is None:
            raise S3Error(411, "MissingContentLength")
        if _metadata_size(request) > MAX_METADATA:
            raise S3Error(400, "MetadataTooLarge")

    async def check_body(self, request: S3Request, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the chunks of the body; the last one only once the body's SHA-256 is known to be that in
        `x-amz-content-sha256`, if this header has one. Raises S3Error if the body has another, or if no chunk comes for
        `Rules.idle_limit` seconds."""
        digest, pending = hashlib.sha256(), b""
        async for chunk in self._lively(chunks):
            if pending:
                yield pending
            digest.update(chunk)
            pending = chunk
        announced = request.headers.get("x-amz-content-sha256", "")
        if re.fullmatch("[0-9a-f]{64}", announced) and announced != digest.hexdigest():
            raise S3Error(400, "XAmzContentSHA256Mismatch")
        if pending:
            yield pending

    def check_completion(self, request: S3Request, document: str) -> None:
        """Raise S3Error for a CompleteMultipartUpload with the body `document` if its parts' numbers break the rules,
        or their sizes do, as far as these are known. Raise it, too, if all sizes are known and their sum isn't the one
        in `x-amz-mp-object-size`, if the request has this header."""
        numbers = [int(number) for number in re.findall(r"<PartNumber>(\d+)</PartNumber>", document)]
        stored = self._parts[request.upload_id]
        sizes = [stored[number] for number in numbers if number in stored]
        if self._rules.dense_parts and numbers != list(range(1, len(numbers) + 1)):
            raise S3Error(400, "InvalidPart")
        if self._rules.equal_parts and (len({*sizes[:-1]}) > 1 or sizes[-1:] > sizes[:1]):
            raise S3Error(400, "InvalidPart")
        total = request.headers.get("x-amz-mp-object-size")
        if total is not None and len(sizes) == len(numbers) and int(total) != sum(sizes):
            raise S3Error(400, "InvalidRequest")

    def learn(self, request: S3Request) -> None:
        """Remember the size of the part that this request, which S3 has answered with success, has stored. Do nothing
        if it has stored no part, or doesn't tell the size."""
        if request.operation == "UploadPart" and request.size is not None:
            self._parts[request.upload_id][request.part_number] = request.size
        elif request.operation == "UploadPartCopy" and (span := _copied(request)) is not None:
            self._parts[request.upload_id][request.part_number] = span

    async def _lively(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        while True:
            try:
                async with asyncio.timeout(self._rules.idle_limit):
                    chunk = await anext(chunks, None)
            except TimeoutError:
                raise S3Error(400, "RequestTimeout") from None
            if chunk is None:
                return
            yield chunk


def _metadata_size(request: S3Request) -> int:
    prefix = "x-amz-meta-"
    fields = ((name.lower(), value) for name, value in request.headers.items())
    return sum(len(name) - len(prefix) + len(value) for name, value in fields if name.startswith(prefix))


def _copied(request: S3Request) -> int | None:
    """Return the number of bytes that a part copy takes; None for a copy of a whole object, whose size is not in the
    request."""
    span = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get(f"{COPY}-range", ""))
    return int(span[2]) - int(span[1]) + 1 if span else None
