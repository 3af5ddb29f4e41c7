"""Apple's URLSession in an upload that the app leaves to it: an ordinary POST, which it resumes if a 104 told it the
upload's URL.

The requests of each version are known from Apple's server side (NIOResumableUpload) and from reports of iOS 26; no
traffic was recorded.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.support.raw import RawAnswer, RawConnection, connected

INTEROP: Mapping[str, int] = {"iOS 17": 3, "iOS 18.0": 5, "iOS 18.1": 6, "iOS 26": 8}

_END = """\
Accept: */*
User-Agent: Films/1 CFNetwork/1568.200.51 Darwin/24.1.0
Accept-Language: en-GB,en;q=0.9
Accept-Encoding: gzip, deflate
Connection: keep-alive
"""


class NotResumableError(Exception):
    """The connection ended, and no 104 had told where the upload is: the app sees an error."""


@dataclass(slots=True, kw_only=True)
class Task:
    """An upload task that speaks the interop version `version`. Each time a connection ends without a final answer, it
    resumes the upload, if a 104 of this version has told the upload's URL; a final answer of any status ends it."""

    url: str
    data: bytes
    version: int
    tls: ssl.SSLContext | None = None
    replies: list[RawAnswer] = field(default_factory=list)
    """All answers to POST and PATCH requests, interim ones too, in order; none to HEAD."""
    _location: str | None = None

    async def run(self, *, cut: int | None = None) -> RawAnswer:
        """Upload `data` and return the final answer. With `cut`, at most so many bytes of the first request's body are
        sent, and its connection breaks after the first answer if that is an interim one. Raises NotResumableError, or
        TimeoutError if no answer comes for 15 seconds."""
        answer = await self._send("POST", self.url, 0, cut)
        while answer is None:
            if self._location is None:
                raise NotResumableError
            offset = await self._ask(self._location)
            answer = await self._send("PATCH", self._location, offset, None)
        return answer

    async def _send(self, method: str, url: str, offset: int, cut: int | None) -> RawAnswer | None:
        """Send a request that announces all bytes from `offset` on, but send at most `cut` of them (None: all). Return
        the final answer; None if the connection fails or ends before it, or is broken for `cut` (`_answer`). Raises
        TimeoutError if no answer comes for 15 seconds."""
        remaining = self.data[offset:]
        try:
            async with connected(_port(url), self.tls) as connection:
                await connection.send(self._head(method, url, len(remaining), offset))
                sending = asyncio.create_task(connection.send(remaining[:cut]))
                try:
                    return await self._answer(connection, cut=cut is not None)
                finally:
                    sending.cancel()
                    await asyncio.gather(sending, return_exceptions=True)
        except (ConnectionError, asyncio.IncompleteReadError):
            return None

    async def _answer(self, connection: RawConnection, *, cut: bool) -> RawAnswer:
        """Return the final answer, and keep the URL that a 104 tells. With `cut`, raise ConnectionResetError after the
        first answer if that is an interim one. Raises TimeoutError and IncompleteReadError like
        `RawConnection.answer`."""
        while True:
            answer = await connection.answer()
            self.replies.append(answer)
            if answer.status >= 200:
                return answer
            if answer.status == 104 and answer.headers["upload-draft-interop-version"] == str(self.version):
                self._location = answer.headers.get("location", self._location)
            if cut:
                raise ConnectionResetError

    async def _ask(self, url: str) -> int:
        async with connected(_port(url), self.tls) as connection:
            await connection.send(self._lines("HEAD", url, f"Upload-Draft-Interop-Version: {self.version}\n"))
            answer = await connection.answer(head=True)
        assert 200 <= answer.status < 300, answer
        return int(answer.headers["upload-offset"])

    def _head(self, method: str, url: str, size: int, offset: int) -> bytes:
        complete = "Upload-Incomplete: ?0\n" if self.version == 3 else "Upload-Complete: ?1\n"
        fields = f"{complete}Upload-Draft-Interop-Version: {self.version}\n"
        if method == "PATCH":
            fields += f"Upload-Offset: {offset}\n"
            fields += "Content-Type: application/partial-upload\n" if self.version >= 6 else ""
        else:
            fields += "Content-Type: video/mp4\n"
            fields += f"Upload-Length: {len(self.data)}\n" if self.version >= 6 else ""
        return self._lines(method, url, f"{fields}Content-Length: {size}\n")

    def _lines(self, method: str, url: str, fields: str) -> bytes:
        target = urlsplit(url)
        lines = f"{method} {target.path} HTTP/1.1\nHost: {target.netloc}\n{fields}{_END}\n"
        return lines.replace("\n", "\r\n").encode()


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port
