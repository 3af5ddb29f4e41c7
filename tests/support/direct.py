"""A client that sends its bytes straight to S3, as @uppy/aws-s3 does; it does what it is told, wrong things too."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import aiohttp

from tests.support.exchange import Answer, Body, exchange

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A multipart upload as its client knows it."""

    key: str
    upload_id: str
    bucket: str = "uploads"

    def but(self, **changes: str) -> Begun:
        return replace(self, **changes)


class DirectClient:
    """A client of the routes below `…/s3/` that Uppy's server Companion has, too; `url` is the creation endpoint, with
    a slash at its end."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.files = url
        self.url = f"{url}s3"

    def at(self, url: str) -> DirectClient:
        """Return a client of another creation endpoint, with the same session."""
        return DirectClient(self._session, url)

    async def request(
        self, method: str, url: str, body: Body = None, /, headers: Mapping[str, str] | None = None
    ) -> Answer:
        return await exchange(self._session, method, url, body, headers)

    async def ask(self, method: str, path: str, members: object = None, /, **query: object) -> Answer:
        """Send a request with `members` as JSON, or without a body if None, and with `query` in its URL, to the
        Companion route `path` below `…/s3/`; return the answer."""
        query_string = f"?{urlencode(query)}" if query else ""
        body = None if members is None else json.dumps(members)
        return await self.request(
            method, f"{self.url}/{path}{query_string}", body, {"Content-Type": "application/json"}
        )

    async def begin(self, filename: str = "film.mp4", **extra: object) -> Begun:
        answer = await self.ask("POST", "multipart", {"filename": filename, "type": "video/mp4", **extra})
        assert answer.status == 200, answer
        members = answer.json
        return Begun(key=members["key"], upload_id=members["uploadId"], bucket=members["bucket"])

    async def sign(self, upload: Begun, number: int, **query: object) -> Answer:
        return await self.ask("GET", f"multipart/{upload.upload_id}/{number}", key=upload.key, **query)

    async def part(self, upload: Begun, number: int, body: bytes) -> dict[str, object]:
        """Send the bytes to S3 as part `number`, with a URL that the server signs; return the part as a completion
        names it. Fail unless both answers are 200."""
        signed = await self.sign(upload, number)
        assert signed.status == 200, signed
        reply = await self.request("PUT", signed.json["url"], body)
        assert reply.status == 200, reply
        return {"PartNumber": number, "ETag": reply.etag}

    async def parts(self, upload: Begun, *bodies: bytes) -> list[dict[str, object]]:
        return [await self.part(upload, number, body) for number, body in enumerate(bodies, start=1)]

    async def stored(self, upload: Begun) -> Answer:
        return await self.ask("GET", f"multipart/{upload.upload_id}", key=upload.key)

    async def complete(self, upload: Begun, parts: Sequence[Mapping[str, object]]) -> Answer:
        return await self.ask("POST", f"multipart/{upload.upload_id}/complete", {"parts": list(parts)}, key=upload.key)

    async def abort(self, upload: Begun) -> Answer:
        return await self.ask("DELETE", f"multipart/{upload.upload_id}", key=upload.key)

    async def params(self, filename: str = "note.txt", **extra: object) -> Any:
        answer = await self.ask("GET", "params", filename=filename, **extra)
        assert answer.status == 200, answer
        return answer.json

    async def form(self, url: str, fields: Mapping[str, str], body: bytes) -> Answer:
        """Send a form as a browser does, with the file as its last field."""
        form = aiohttp.FormData(dict(fields), default_to_multipart=True)
        form.add_field("file", BytesIO(body), filename="blob", content_type="application/octet-stream")
        payload = form()
        return await self.request("POST", url, payload, {"Content-Type": payload.headers["Content-Type"]})

    async def presign(self, **members: object) -> Answer:
        return await self.ask("POST", "presign", members)

    async def content(self, upload_id: str) -> bytes:
        answer = await self.request("GET", self.files + upload_id)
        assert answer.status == 200, answer
        return answer.body
