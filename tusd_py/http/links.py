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
    """The reading links of an installation. With `redirects`, GET of a link is redirected to the storage, except for an
    object that its client sent to S3 in one request."""

    def __init__(self, engine: Engine, *, redirects: bool) -> None:
        self._engine, self.redirects = engine, redirects
        self._names: ReadLinks | None = None

    async def header_fields(self, upload: Upload, endpoint: Callable[[], str]) -> Mapping[str, str]:
        """Return the Link field (RFC 8288) with the reading link, if the upload is finished and not partial, and
        downloads are on; else no fields. `endpoint` returns the creation endpoint's URL.

        If `endpoint` raises Malformed, or the state can't be read, there is no field and no error: the answer tells
        what has already happened.
        """
        if self._engine.limits.downloads and is_readable(upload):
            with suppress(Malformed, StateUnavailable):
                path = (await self._opened()).path(upload)
                return {"Link": f'<{endpoint()}{path}>; rel="enclosure"'}
        return {}

    async def upload_id(self, name: str) -> UploadId:
        """Return the id of the upload whose reading link ends with `name` (after `read/`). Raises UploadNotFound if
        this installation didn't make the name, StateUnavailable."""
        upload_id = (await self._opened()).upload_id(name)
        if upload_id is None:
            raise UploadNotFound
        return upload_id

    async def _opened(self) -> ReadLinks:
        """Return the maker of links, keyed by the installation's id. The id is read only once: a change of the
        id, by `repair --pair`, counts from the server's restart on. Raises StateUnavailable.
        """
        if self._names is None:
            installed = await self._engine.state.installation()
            if installed is None:
                raise StateUnavailable("the state belongs to no installation yet")
            self._names = ReadLinks(installed.id)
        return self._names
