"""The reading of an object's bytes, which goes on where a connection broke."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp

from tusd_py.domain.errors import UploadLost
from tusd_py.domain.span import Span
from tusd_py.storage.s3.api.answers import etag_of
from tusd_py.storage.s3.api.errors import S3Error, S3Missing, S3TransientError
from tusd_py.storage.s3.api.requests import RawRequest, RawS3
from tusd_py.storage.s3.retries import Retries, pause

_OPERATION = "GetObject"
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,20})-([0-9]{1,20})/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The bytes to read of an object."""

    key: str
    span: Span | None
    """None for all."""
    etag: str | None
    """The ETag that the object must have, without quotes; None for any."""
    step: int
    """The most bytes to read from the socket at a time."""

    def is_read(self, received: int) -> bool:
        """Return True if `received` bytes are the whole span; False for a whole object, as only the end of the
        response tells that none of its bytes is missing.
        """
        return self.span is not None and self.span.start + received >= self.span.stop

    def request(self, received: int) -> RawRequest:
        """Return the request for the bytes after the first `received`."""
        headers = {"If-Match": f'"{self.etag}"'} if self.etag else {}
        if self.span is not None:
            headers["Range"] = f"bytes={self.span.start + received}-{self.span.stop - 1}"
        elif received:
            headers["Range"] = f"bytes={received}-"
        return RawRequest(operation=_OPERATION, method="GET", key=self.key, headers=headers, step=self.step)


async def download(raw: RawS3, retries: Retries, selection: Selection) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of the selection. Raises S3Error, and UploadLost if the object is gone or has another ETag."""
    received = failures = 0
    while not selection.is_read(received):
        try:
            async with _response(raw, retries, selection.request(received)) as answer:
                async for chunk in answer.content.iter_any():
                    received, failures = received + len(chunk), 0
                    yield chunk
        except S3TransientError:
            failures += 1
            if failures == retries.limit:
                raise
            await pause(failures)
        else:
            return


@asynccontextmanager
async def _response(raw: RawS3, retries: Retries, request: RawRequest) -> AsyncIterator[aiohttp.ClientResponse]:
    started = time.perf_counter()
    try:
        async with raw.send(request) as answer:
            _check(request, answer)
            retries.meter.s3_request(_OPERATION, time.perf_counter() - started, "ok")
            yield answer
    except S3Error as failure:
        retries.meter.s3_request(_OPERATION, time.perf_counter() - started, failure.code)
        if isinstance(failure, S3Missing) or failure.code == "PreconditionFailed":
            raise UploadLost(request.key) from failure
        raise


def _check(request: RawRequest, answer: aiohttp.ClientResponse) -> None:
    """Raise S3TransientError unless the answer has an ETag and, if a range was asked for, that range or the start of
    it: a proxy's page with 200 would be taken for the object's bytes."""
    etag_of(_OPERATION, answer.headers)
    range_header = request.headers.get("Range")
    if range_header is not None and not _is_range_of(answer, range_header):
        raise S3TransientError(_OPERATION, answer.status, "NoContentRange")


def _is_range_of(answer: aiohttp.ClientResponse, range_header: str) -> bool:
    """Return True if the answer's body begins with the first byte asked for (`bytes=first-last`, or `bytes=first-`),
    and ends with the last at the latest."""
    match = _CONTENT_RANGE.match(answer.headers.get("Content-Range", ""))
    if answer.status != HTTPStatus.PARTIAL_CONTENT or match is None:
        return False
    first, last = range_header.removeprefix("bytes=").split("-")
    length = int(match[2]) + 1 - int(match[1])
    whole = answer.content_length in (None, length)
    return whole and match[1] == first and (not last or int(match[2]) <= int(last))
