"""Where the links are told that give finished uploads to readers, and what they name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from tusd_py.domain.errors import StateUnavailable
from tusd_py.domain.refusals import Malformed, UploadNotFound
from tusd_py.domain.upload import Upload, UploadId
from tusd_py.engine.engine import Engine
from tusd_py.protocol.links import ReadLinks, is_readable


class Links:
    """The installation's links. With `redirects`, they send their readers to the storage."""

    def __init__(self, engine: Engine, *, redirects: bool) -> None:
        self._engine, self.redirects = engine, redirects
        self._names: ReadLinks | None = None

    async def told(self, upload: Upload, endpoint: Callable[[], str]) -> Mapping[str, str]:
        """The header field that tells the link of an upload that can be downloaded (RFC 8288). Raises StateUnavailable.

        Where a request doesn't say how its URL is put together, there is none: that is no reason to fail.
        """
        if self._engine.limits.downloads and is_readable(upload):
            path = (await self._opened()).path(upload)
            with suppress(Malformed):
                return {"Link": f'<{endpoint()}{path}>; rel="enclosure"'}
        return {}

    async def named(self, name: str) -> UploadId:
        """Raises UploadNotFound, StateUnavailable."""
        upload_id = (await self._opened()).upload_id(name)
        if upload_id is None:
            raise UploadNotFound
        return upload_id

    async def _opened(self) -> ReadLinks:
        """The state is asked once: an installation keeps its id."""
        if self._names is None:
            installed = await self._engine.state.installation()
            if installed is None:
                raise StateUnavailable("it belongs to no installation yet")
            self._names = ReadLinks(installed.id)
        return self._names
