"""Clients whose bytes go straight to S3: one sends parts, and asks the server to begin and to complete the upload; the
other sends one form."""

from __future__ import annotations

import asyncio
import json
import time
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import aiohttp

from tests.storm.client import SOON, UploadClient
from tests.storm.contents import MIB
from tests.storm.history import Breach
from tests.storm.talk import Reply
from tests.storm.world import SIGNED_FOR
from tests.support.tus import TUS

_PART = 5 * MIB
_IN_TIME = 5.0
_JSON = {"Content_Type": "application/json"}


def _written(document: object) -> bytes:
    return json.dumps(document).encode()


class DirectUploadClient(UploadClient):
    """A client that sends parts as Uppy does, but retries without end."""

    _key = ""
    _id = ""

    async def create(self) -> None:
        document = {"filename": self.name, "type": "application/x-storm", "size": self.content.size}
        while not self._id:
            reply = await self.talk.ask("POST", f"{self.talk.endpoint()}s3/multipart", _written(document), **_JSON)
            if reply is None or self.passes(reply):
                self.talk.tally.counts["creations tried again"] += 1
                await asyncio.sleep(self.dice.uniform(*SOON))
            elif reply.status != 200:
                raise Breach(f"{reply.status} to the beginning of a direct upload")
            else:
                self._note_begin(reply)

    def _note_begin(self, reply: Reply) -> None:
        document = json.loads(reply.body)
        self._key, self._id = document["key"], document["uploadId"]
        self.upload.url = self.talk.endpoint() + self._id
        self.upload.stays(reply, moved=True)

    async def fill(self, stop: int | None = None) -> None:
        spans = [(at, min(at + _PART, self.content.size)) for at in range(0, max(self.content.size, 1), _PART)]
        parts = [await self._part(number, *span) for number, span in enumerate(spans, start=1)]
        if stop is None:
            await self._complete(parts)

    async def step(self) -> None:
        await self._part(1, 0, min(_PART, self.content.size))

    async def look(self) -> bool:
        """Send one HEAD for an upload that is complete: the server answers 404 to any other too. Return False if no
        answer came or it is a 423, else True. Raises Breach or Ended on a 404, and Breach on a 423 without
        Retry-After."""
        reply = await self.talk.ask("HEAD", self.talk.anywhere(self.upload.url), **TUS)
        if reply is None or (reply.status == 423 and self.passes(reply)):
            return False
        if reply.status == 404:
            self.upload.check_gone(reply)
        return True

    async def _part(self, number: int, begin: int, end: int) -> dict[str, object]:
        """Have part `number` signed and send it, until S3 takes it; return its number and ETag. Raises Breach,
        Ended."""
        while True:
            signed = self._json(await self._ask("GET", f"/{number}"))
            reply = await self.talk.ask("PUT", signed["url"], self.content.slice(begin, end))
            if reply is not None and reply.status == 200:
                return {"PartNumber": number, "ETag": reply.headers["ETag"]}
            await asyncio.sleep(self.dice.uniform(*SOON))

    async def _complete(self, parts: list[dict[str, object]]) -> None:
        """Complete the upload; after a 400 again, once, with the parts that S3 lists: a request that the client gave up
        may have replaced a part. Raises Breach, Ended."""
        reply = await self._ask("POST", "/complete", _written({"parts": parts}), **_JSON)
        if reply.status == 400:
            self.talk.tally.counts["direct completions tried again"] += 1
            stored = self._json(await self._ask("GET", ""))
            reply = await self._ask("POST", "/complete", _written({"parts": stored}), **_JSON)
        self._json(reply)
        self.upload.sent_to = self.upload.acknowledged = self.content.size
        self.hear_complete()

    async def _ask(self, method: str, path: str, body: bytes | None = None, /, **headers: object) -> Reply:
        while True:
            url = f"{self.talk.endpoint()}s3/multipart/{self._id}{path}?{urlencode({'key': self._key})}"
            reply = await self.talk.ask(method, url, body, **headers)
            if reply is not None and not self.passes(reply):
                return reply
            await asyncio.sleep(self.dice.uniform(*SOON))

    def _json(self, reply: Reply) -> Any:
        if reply.status in (404, 410):
            self.upload.check_gone(reply)
        if reply.status != 200:
            raise Breach(f"{reply.status} to a request about a direct upload")
        return json.loads(reply.body)

    async def delete(self) -> None:
        if self.upload.complete:
            return await super().delete()
        self.upload.deleting = True
        reply = await self._ask("DELETE", "")
        if reply.status not in (200, 404):
            raise Breach(f"{reply.status} to the abort of a direct upload")
        return None


class FormClient(DirectUploadClient):
    """A client that sends all bytes to S3 in one form. No request completes the upload: HEAD makes the server look for
    the object."""

    async def create(self) -> None:
        query = urlencode({"filename": self.name, "type": "application/x-storm"})
        while not self._id:
            reply = await self.talk.ask("GET", f"{self.talk.endpoint()}s3/params?{query}")
            if reply is None or self.passes(reply):
                await asyncio.sleep(self.dice.uniform(*SOON))
            elif reply.status != 200:
                raise Breach(f"{reply.status} to the beginning of a direct upload")
            else:
                self._signed(reply)

    def _signed(self, reply: Reply) -> None:
        self._form, self._signed_at = json.loads(reply.body), reply.asked_at
        self._id = self._form["fields"]["key"].rpartition("/")[2]
        self.upload.url = self.talk.endpoint() + self._id
        self.upload.stays(reply, moved=True)

    async def fill(self, stop: int | None = None) -> None:
        while not self.upload.complete:
            if time.time() > self._signed_at + SIGNED_FOR - _IN_TIME:
                self._id = ""
                await self.create()
            form = self._filled_in()
            reply = await self.talk.ask("POST", self._form["url"], form, Content_Type=form.headers["Content-Type"])
            if reply is not None and reply.status in (200, 201, 204):
                self.upload.sent_to = self.content.size
                return await self.catch_up() if stop is None else None
            await asyncio.sleep(self.dice.uniform(*SOON))
        return None

    def _filled_in(self) -> aiohttp.payload.Payload:
        form = aiohttp.FormData(self._form["fields"], default_to_multipart=True)
        form.add_field("file", BytesIO(self.content.slice(0, self.content.size)), filename="blob")
        return form()

    async def step(self) -> None:
        await self.fill(0)

    async def look(self) -> bool:
        reply = await self.talk.ask("HEAD", self.talk.anywhere(self.upload.url), **TUS)
        if reply is None or (reply.status == 423 and self.passes(reply)):
            return False
        if reply.status in (404, 410):
            self.upload.check_gone(reply)
        if reply.status != 200:
            raise Breach(f"{reply.status} to a HEAD")
        self.upload.hear(reply.offset, self.content.size)
        self.hear_complete()
        return True

    async def delete(self) -> None:
        """Delete the upload if the client knows that it is complete; else leave it to the server, which finishes it if
        its object exists, or lets it expire. Raises Breach."""
        if self.upload.complete:
            await UploadClient.delete(self)
