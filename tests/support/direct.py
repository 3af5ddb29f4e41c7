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
    """Talks to the Companion routes below the creation endpoint `url`."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.files = url
        self.url = f"{url}s3"

    def at(self, url: str) -> DirectClient:
        """The same, for the routes below another URL."""
        return DirectClient(self._session, url)

    async def request(
        self, method: str, url: str, body: Body = None, /, headers: Mapping[str, str] | None = None
    ) -> Answer:
        return await exchange(self._session, method, url, body, headers)

    async def ask(self, method: str, path: str, told: object = None, /, **query: object) -> Answer:
        """JSON to one of the routes."""
        asked = f"?{urlencode(query)}" if query else ""
        body = None if told is None else json.dumps(told)
        return await self.request(method, f"{self.url}/{path}{asked}", body, {"Content-Type": "application/json"})

    async def begin(self, filename: str = "film.mp4", **told: object) -> Begun:
        answer = await self.ask("POST", "multipart", {"filename": filename, "type": "video/mp4", **told})
        assert answer.status == 200, answer
        found = answer.json
        return Begun(key=found["key"], upload_id=found["uploadId"], bucket=found["bucket"])

    async def sign(self, begun: Begun, number: int, **query: object) -> Answer:
        return await self.ask("GET", f"multipart/{begun.upload_id}/{number}", key=begun.key, **query)

    async def part(self, begun: Begun, number: int, body: bytes) -> dict[str, object]:
        """Sent, and as a completion names it."""
        signed = await self.sign(begun, number)
        assert signed.status == 200, signed
        sent = await self.request("PUT", signed.json["url"], body)
        assert sent.status == 200, sent
        return {"PartNumber": number, "ETag": sent.etag}

    async def parts(self, begun: Begun, *bodies: bytes) -> list[dict[str, object]]:
        return [await self.part(begun, number, body) for number, body in enumerate(bodies, start=1)]

    async def stored(self, begun: Begun) -> Answer:
        return await self.ask("GET", f"multipart/{begun.upload_id}", key=begun.key)

    async def complete(self, begun: Begun, parts: Sequence[Mapping[str, object]]) -> Answer:
        return await self.ask("POST", f"multipart/{begun.upload_id}/complete", {"parts": list(parts)}, key=begun.key)

    async def abort(self, begun: Begun) -> Answer:
        return await self.ask("DELETE", f"multipart/{begun.upload_id}", key=begun.key)

    async def params(self, filename: str = "note.txt", **told: object) -> Any:
        answer = await self.ask("GET", "params", filename=filename, **told)
        assert answer.status == 200, answer
        return answer.json

    async def form(self, url: str, fields: Mapping[str, str], body: bytes) -> Answer:
        """A browser's form, its file last."""
        form = aiohttp.FormData(dict(fields), default_to_multipart=True)
        form.add_field("file", BytesIO(body), filename="blob", content_type="application/octet-stream")
        payload = form()
        return await self.request("POST", url, payload, {"Content-Type": payload.headers["Content-Type"]})

    async def presign(self, **told: object) -> Answer:
        return await self.ask("POST", "presign", told)

    async def content(self, upload_id: str) -> bytes:
        answer = await self.request("GET", self.files + upload_id)
        assert answer.status == 200, answer
        return answer.body
