"""Reading links: URLs that give the right to read a finished upload, and no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from tusd_py.domain.errors import StateUnavailable
from tusd_py.domain.refusals import Malformed, UploadNotFound
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.engine.engine import Engine
from tusd_py.protocol.links import ReadLinks, is_readable


class Links:
    """The installation's reading links. With `redirects`, they send readers to the storage."""

    def __init__(self, engine: Engine, *, redirects: bool) -> None:
        self._engine, self.redirects = engine, redirects
        self._names: ReadLinks | None = None

    async def header_fields(self, upload: Upload, endpoint: Callable[[], str]) -> Mapping[str, str]:
        """Return the Link field of an upload that can be downloaded, else no field (RFC 8288). Raises StateUnavailable.

        There is none, and no error, if the request doesn't make a URL.
        """
        if self._engine.limits.downloads and is_readable(upload):
            path = (await self._opened()).path(upload)
            with suppress(Malformed):
                return {"Link": f'<{endpoint()}{path}>; rel="enclosure"'}
        return {}

    async def upload_id(self, name: str) -> UploadId:
        """Return the id of the upload that a link names. Raises UploadNotFound, StateUnavailable."""
        upload_id = (await self._opened()).upload_id(name)
        if upload_id is None:
            raise UploadNotFound
        return upload_id

    async def _opened(self) -> ReadLinks:
        """Return the links, with the state asked only once: an installation keeps its id."""
        if self._names is None:
            installed = await self._engine.state.installation()
            if installed is None:
                raise StateUnavailable("it belongs to no installation yet")
            self._names = ReadLinks(installed.id)
        return self._names
