"""The way to S3: one for botocore's requests and for ours, whatever names the CA, the client certificate or the proxy.

botocore resolves all of it and hands it to whatever makes its HTTP session: that is the one place where it can be had.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
from aiobotocore.httpsession import AIOHTTPSession
from botocore.httpsession import ProxyConfiguration

from tusd_py.domain.errors import ConfigurationError

_CONNECT = 15.0
"""Seconds for a connection, through a proxy and with TLS. aiohttp gives a proxy that accepts it for ever to answer."""


class Transport:
    """Makes botocore's HTTP session, and a client of our own that goes the same way."""

    def __init__(self) -> None:
        self._resolved: Mapping[str, Any] = {}

    def __call__(self, **resolved: Any) -> AIOHTTPSession:
        """What aiobotocore calls as its `http_session_cls`, with all that its settings say."""
        self._resolved = resolved
        session = AIOHTTPSession(**resolved)
        connect, read = resolved["timeout"]
        session._timeout = aiohttp.ClientTimeout(connect=_CONNECT, sock_connect=connect, sock_read=read)  # noqa: SLF001
        return session

    async def client(self, url: str) -> aiohttp.ClientSession:
        """For requests to `url`, any number at a time. Raises ConfigurationError, BotoCoreError."""
        proxy = self._proxy(url)
        return aiohttp.ClientSession(
            connector=await self._connector(proxy),
            proxy=proxy,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),  # S3 sets none, and a real jar is searched for each request
            skip_auto_headers=("Content-Type", "Accept", "Accept-Encoding", "User-Agent"),
        )

    def _proxy(self, url: str) -> str | None:
        proxies = ProxyConfiguration(self._resolved["proxies"], self._resolved["proxies_config"])
        proxy: str | None = proxies.proxy_url_for(url)
        if proxy is not None and proxy.count("://") > 1:  # botocore takes what isn't HTTP for a host's name
            raise ConfigurationError(
                "S3's proxy (HTTPS_PROXY, HTTP_PROXY) must be http:// or https://; or set NO_PROXY"
            )
        return proxy

    async def _connector(self, proxy: str | None) -> aiohttp.BaseConnector:
        session = AIOHTTPSession(**{**self._resolved, "max_pool_connections": 0})  # no limit
        try:
            made: aiohttp.BaseConnector = await session._create_connector(proxy)  # noqa: SLF001
        except OSError as error:
            raise ConfigurationError(
                f"S3's certificates can't be read: {error.strerror} (CA bundle: {self._resolved['verify']})"
            ) from error
        return made
