"""The aiohttp class of the HTTP requests that this server sends to authentication servers and hooks."""

from __future__ import annotations

import aiohttp
from aiohttp.connector import Connection


class OutgoingRequest(aiohttp.ClientRequest):
    """A request of this server to another one. `send` raises ServerDisconnectedError for a connection with unread
    bytes: these may be a second answer to the previous request, and would count as the answer to this one (RFC 9112,
    9.2)."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        if conn.protocol is not None and conn.protocol.should_close:
            raise aiohttp.ServerDisconnectedError
        return await super().send(conn)
