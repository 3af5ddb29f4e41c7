"""Interim responses such as 104, which aiohttp doesn't support, to a client whose request is still being served."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from aiohttp import web
from aiohttp.http import HttpVersion11

from tusd_py.domain.upload import Upload
from tusd_py.protocol.wire import Reply, Wire

_REASONS = {104: "Upload Resumption Supported"}


class Interim:
    """A `ports.progress.Watcher` that sends interim responses (1xx) as the client's protocol (`wire`) makes them, to
    HTTP/1.1 clients: the upload's URL, which `locate` returns, once it is created, then offsets."""

    def __init__(self, request: web.Request, wire: Wire, locate: Callable[[Upload], str]) -> None:
        self._request, self._wire, self._locate = request, wire, locate

    async def on_created(self, upload: Upload) -> bool:
        return self._send(self._wire.started(upload, self._locate(upload)))

    def on_progress(self, upload: Upload) -> None:
        """Send the new offset, unless bytes still wait for a client that doesn't read."""
        transport = self._request.transport
        if transport is not None and not transport.get_write_buffer_size():
            self._send(self._wire.progressed(upload))

    def _send(self, reply: Reply | None) -> bool:
        transport = self._request.transport
        if reply is None or transport is None or transport.is_closing() or self._request.version < HttpVersion11:
            return False
        transport.write(_head(reply))
        return True


def _head(reply: Reply) -> bytes:
    reason = _REASONS.get(reply.status) or HTTPStatus(reply.status).phrase
    fields = (f"{name}: {value}" for name, value in reply.headers.items())
    return "\r\n".join([f"HTTP/1.1 {reply.status} {reason}", *fields, "", ""]).encode("latin-1")
