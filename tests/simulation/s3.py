"""The two clients that `S3Client` uses (aiobotocore's client and `RawS3`), with a bucket in memory behind the
network."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from aiohttp import ClientConnectionError
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.simulation.bucket import Bucket, Refused
from tests.simulation.network import Network, Service
from tusd_py.storage.s3.api.errors import S3Missing, S3TransientError, failure_from_body, translated
from tusd_py.storage.s3.api.requests import Payload, RawRequest

T = TypeVar("T")
_Listing = Mapping[Any, Any]
"""The entries of a listing, by the keys that order them."""

BUCKET = "bucket"


def _client_error(operation: str, status: int, code: str) -> Exception:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error: Exception = ClientError(answer, operation)
    return error


def _error_body(code: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>no</Message></Error>'.encode()


BOTO = Service(
    name="s3",
    patience=60.0,
    broken=lambda operation: ReadTimeoutError(endpoint_url=operation),
    refused=lambda operation: _client_error(operation, 403, "AccessDenied"),
    rumour=lambda operation: _client_error(operation, 404, "404"),  # as botocore reads what isn't XML
)
RAW = Service(
    name="s3",
    patience=30.0,
    broken=lambda operation: S3TransientError(operation, 0, "ServerDisconnectedError"),
    refused=lambda operation: failure_from_body(operation, 403, _error_body("AccessDenied")),
    rumour=lambda operation: failure_from_body(operation, 404, b"404 page not found\n"),
)

MORE = replace(RAW, refused=RAW.broken, rumour=RAW.broken)
"""S3 as a node asks it for each further piece of a response that has begun. For every fault, the error is that of a
broken connection: the answer has its status already."""


class SimulatedBoto:
    """A replacement of aiobotocore's client, with the methods that `S3Client` uses, except those for CORS."""

    def __init__(self, network: Network, bucket: Bucket, clock: Callable[[], float], *, listed: int) -> None:
        self._network, self._bucket, self._clock = network, bucket, clock
        self._listed = listed

    async def create_multipart_upload(self, **parameters: Any) -> Any:
        crc = parameters.get("ChecksumAlgorithm") == "CRC32C"
        return await self._ask(
            "CreateMultipartUpload",
            lambda: {
                "UploadId": self._bucket.begin(parameters["Key"], parameters["Metadata"], self._clock(), wants_crc=crc)
            },
        )

    async def upload_part_copy(self, **parameters: Any) -> Any:
        headers = {"Range": parameters["CopySourceRange"], "If-Match": f'"{parameters["CopySourceIfMatch"]}"'}
        place = parameters["Key"], parameters["UploadId"], parameters["PartNumber"], parameters["CopySource"]["Key"]
        return await self._ask(
            "UploadPartCopy",
            lambda: {"CopyPartResult": {"ETag": f'"{self._bucket.copy_part(*place, headers)}"'}},
        )

    async def complete_multipart_upload(self, **parameters: Any) -> Any:
        place = (
            parameters["Key"],
            parameters["UploadId"],
            parameters["MultipartUpload"]["Parts"],
            parameters.get("MpuObjectSize"),
        )
        return await self._ask(
            "CompleteMultipartUpload", lambda: {"ETag": f'"{self._bucket.complete(*place, self._clock())}"'}
        )

    async def abort_multipart_upload(self, **parameters: Any) -> None:
        await self._ask("AbortMultipartUpload", lambda: self._bucket.abort(parameters["Key"], parameters["UploadId"]))

    async def head_object(self, **parameters: Any) -> Any:
        def head() -> Any:
            stored = self._bucket.head(parameters["Key"])
            return {"ContentLength": len(stored.content), "ETag": f'"{stored.etag}"', "Metadata": stored.metadata}

        return await self._ask("HeadObject", head)

    async def delete_object(self, **parameters: Any) -> None:
        await self._ask("DeleteObject", lambda: self._bucket.delete([parameters["Key"]]))

    async def delete_objects(self, **parameters: Any) -> Any:
        keys = [entry["Key"] for entry in parameters["Delete"]["Objects"]]
        await self._ask("DeleteObjects", lambda: self._bucket.delete(keys))
        return {"Deleted": [{"Key": key} for key in keys]}

    async def head_bucket(self, **_: Any) -> None:
        await self._ask("HeadBucket", lambda: None)

    def get_paginator(self, name: str) -> Any:
        entries, listing = {
            "list_parts": ("Parts", self._parts),
            "list_objects_v2": ("Contents", self._objects),
            "list_multipart_uploads": ("Uploads", self._multiparts),
        }[name]
        return _Pages(boto=self, listing=listing, entries=entries, name=name)

    def _parts(self, parameters: Any) -> _Listing:
        parts = self._bucket.multipart(parameters["Key"], parameters["UploadId"]).parts
        return {
            number: {
                "PartNumber": number,
                "Size": len(part.content),
                "ETag": f'"{part.etag}"',
                "LastModified": _at(part.at),
            }
            | ({} if part.crc is None else {"ChecksumCRC32C": part.crc})
            for number, part in parts.items()
        }

    def _objects(self, parameters: Any) -> _Listing:
        return {
            key: {"Key": key, "LastModified": _at(stored.at), "Size": len(stored.content)}
            for key, stored in self._bucket.objects.items()
            if key.startswith(parameters["Prefix"])
        }

    def _multiparts(self, parameters: Any) -> _Listing:
        return {
            (multipart.key, multipart.at, name): {
                "Key": multipart.key,
                "UploadId": name,
                "Initiated": _at(multipart.at),
            }
            for name, multipart in self._bucket.multiparts.items()
            if multipart.key.startswith(parameters["Prefix"])
        }

    def page(self, listing: _Listing, after: Any) -> tuple[list[Any], Any]:
        """Return one page of the listing: the entries whose keys follow `after`, or the first if that is None, in order
        of their keys; and the page's last key, or None if no entries follow."""
        remaining = sorted(name for name in listing if after is None or name > after)
        names = remaining[: self._listed]
        return [listing[name] for name in names], names[-1] if len(remaining) > self._listed else None

    async def _ask(self, operation: str, effect: Callable[[], T]) -> T:
        try:
            return await self._network.ask(BOTO, operation, effect)
        except Refused as refused:
            code = str(refused.status) if operation.startswith("Head") else refused.code  # HEAD has no body
            raise _client_error(operation, refused.status, code) from refused


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pages:
    boto: SimulatedBoto
    listing: Callable[[Any], _Listing]
    entries: str
    name: str

    async def paginate(self, **parameters: Any) -> AsyncIterator[Any]:
        entries, last = await self._page(parameters, None)
        yield {self.entries: entries, "IsTruncated": last is not None}
        while last is not None:
            entries, last = await self._page(parameters, last)
            yield {self.entries: entries, "IsTruncated": last is not None}

    async def _page(self, parameters: Any, after: Any) -> tuple[list[Any], Any]:
        return await self.boto._ask(self.name, lambda: self.boto.page(self.listing(parameters), after))


class SimulatedRaw:
    """A replacement of `RawS3` with all that `S3Client` uses."""

    writable = True

    def __init__(self, network: Network, bucket: Bucket, clock: Callable[[], float]) -> None:
        self._network, self._bucket, self._clock = network, bucket, clock

    @asynccontextmanager
    async def send(self, request: RawRequest) -> AsyncIterator[_Answer]:
        async with translated(request.operation):
            body = await _gathered(request.payload)
            try:
                yield await self._network.ask(RAW, request.operation, lambda: self._serve(request, body))
            except Refused as refused:
                raise failure_from_body(request.operation, refused.status, _error_body(refused.code)) from refused

    async def reach(self, key: str) -> bool:
        try:
            async with self.send(RawRequest(operation="GetObject", method="GET", key=key)):
                return True
        except S3Missing:
            return False

    def _serve(self, request: RawRequest, body: bytes) -> _Answer:
        match request.operation:
            case "GetObject":
                etag, body = self._bucket.head(request.key).etag, self._bucket.get(request.key, request.headers)
                return _Answer(
                    self._network, etag=etag, body=body, step=request.step, range_header=request.headers.get("Range")
                )
            case "PutObject":
                return _Answer(self._network, etag=self._bucket.put(request.key, body, request.headers, self._clock()))
        place = request.key, request.query["uploadId"], int(request.query["partNumber"])
        return _Answer(self._network, etag=self._bucket.put_part(*place, body, request.headers))


async def _gathered(payload: Payload | None) -> bytes:
    """Return the whole body; empty without a payload. Raises ClientConnectionError, as aiohttp does, if the body can't
    be read or hasn't the declared length."""
    if payload is None:
        return b""
    try:
        body = b"".join([chunk async for chunk in payload.chunks()])
    except Exception as error:
        raise ClientConnectionError("Failed to send bytes into the underlying connection") from error
    if len(body) != payload.length:
        raise ClientConnectionError("Connection closed")
    return body


def ranged(range_header: str | None, body: bytes) -> dict[str, str]:
    """Return the Content-Range header for the body of an answer to `range_header`, the request's Range; no header if
    that is None."""
    if range_header is None:
        return {}
    first = int(range_header.removeprefix("bytes=").split("-")[0])
    return {"Content-Range": f"bytes {first}-{first + len(body) - 1}/*"}


class _Answer:
    """A response like aiohttp's. `read` returns its body at once; `iter_any` yields it in pieces of `step` bytes, the
    last one of the rest, and sends a further request for each but the first."""

    def __init__(
        self, network: Network, *, etag: str, body: bytes = b"", step: int = 1, range_header: str | None = None
    ) -> None:
        self.status, self.content_length = 200 if range_header is None else 206, len(body)
        self.headers = {"ETag": f'"{etag}"'} | ranged(range_header, body)
        self.content = self
        self._network, self._body, self._step = network, body, step

    async def read(self) -> bytes:
        return self._body

    async def iter_any(self) -> AsyncIterator[bytes]:
        remaining = self._body
        while len(remaining) > self._step:
            yield remaining[: self._step]
            remaining = remaining[self._step :]
            await self._network.ask(MORE, "GetObject, more", lambda: None)
        yield remaining
