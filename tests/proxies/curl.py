"""curl through a proxy, in one version of HTTP."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from tests.e2e.curl import BYTES, Answer, Transfer, transfer
from tests.proxies.conftest import Way


class Curl:
    """A client that runs curl through one proxy, that of `way`, in one version of HTTP: `version` is curl's option for
    it, such as `--http2`."""

    def __init__(self, binary: str, way: Way, version: str) -> None:
        self.way = way
        self._binary, self._flags = binary, (*way.front.flags, version)

    def start(self, url: str, *flags: str, **headers: str) -> AbstractAsyncContextManager[Transfer]:
        return transfer(self._binary, url, *self._flags, *flags, **headers)

    async def run(self, url: str, *flags: str, data: bytes = b"", **headers: str) -> Answer:
        async with self.start(url, *flags, **headers) as running:
            return await running.answer(data)

    def patching(self, url: str, offset: int, *flags: str) -> AbstractAsyncContextManager[Transfer]:
        """Return a context that runs a PATCH at `offset`; its body is fed to the transfer that the context yields.
        `flags` are options of curl."""
        return self.start(url, *flags, "-X", "PATCH", "-T", "-", Upload_Offset=str(offset), Content_Type=BYTES)

    async def patch(self, url: str, offset: int, data: bytes) -> Answer:
        async with self.patching(url, offset) as running:
            return await running.answer(data)

    async def created(self, length: int) -> str:
        answer = await self.run(self.way.url, "-X", "POST", Upload_Length=str(length))
        assert answer.status == 201
        return answer.headers["location"]
