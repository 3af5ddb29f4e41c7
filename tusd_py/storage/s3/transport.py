"""The HTTP connections to S3, with the same CA, client certificate and proxy for botocore's requests and for ours.

botocore resolves these settings and passes them only to the class of its HTTP session, which captures them here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
from aiobotocore.httpsession import AIOHTTPSession
from botocore.httpsession import ProxyConfiguration

from tusd_py.domain.errors import ConfigurationError

_CONNECT_SECONDS = 15.0
"""The seconds that a request of botocore's waits for a connection, also through a proxy and with TLS: without this,
aiohttp has no time limit for a proxy's answer."""


class Transport:
    """A factory of botocore's HTTP session, and of our own HTTP client with the same settings."""

    def __init__(self) -> None:
        self._resolved: Mapping[str, Any] = {}

    def __call__(self, **resolved: Any) -> AIOHTTPSession:
        """Create botocore's HTTP session. aiobotocore calls this as its `http_session_cls`, with resolved settings."""
        self._resolved = resolved
        session = AIOHTTPSession(**resolved)
        connect, read = resolved["timeout"]
        session._timeout = aiohttp.ClientTimeout(connect=_CONNECT_SECONDS, sock_connect=connect, sock_read=read)  # noqa: SLF001
        return session

    async def client(self, url: str) -> aiohttp.ClientSession:
        """Return an HTTP client for many requests at a time, with the proxy that botocore uses for `url`. Raises
        ConfigurationError if that proxy is neither http:// nor https://, or if the CA bundle or the client certificate
        can't be used; BotoCoreError if those for the proxy can't.

        The client sends each request once. To be called once botocore's session exists.
        """
        proxy = self._proxy(url)
        session = aiohttp.ClientSession(
            connector=await self._connector(proxy),
            proxy=proxy,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),  # S3 sets no cookies, and a real jar is searched for each request
            skip_auto_headers=("Content-Type", "Accept", "Accept-Encoding", "User-Agent"),
        )
        # aiohttp would send a PUT without an answer again, and hide that S3 may yet carry out the first one.
        session._retry_connection = False  # noqa: SLF001
        return session

    def _proxy(self, url: str) -> str | None:
        proxies = ProxyConfiguration(self._resolved["proxies"], self._resolved["proxies_config"])
        proxy: str | None = proxies.proxy_url_for(url)
        if proxy is not None and proxy.count("://") > 1:  # botocore takes another scheme for a host name
            raise ConfigurationError(
                "S3's proxy (HTTPS_PROXY, HTTP_PROXY) must be http:// or https://; or set NO_PROXY"
            )
        return proxy

    async def _connector(self, proxy: str | None) -> aiohttp.BaseConnector:
        session = AIOHTTPSession(**{**self._resolved, "max_pool_connections": 0})  # no limit
        try:
            connector: aiohttp.BaseConnector = await session._create_connector(proxy)  # noqa: SLF001
        except OSError as error:
            raise ConfigurationError(
                f"S3's certificates can't be read: {error.strerror} (CA bundle: {self._resolved['verify']})"
            ) from error
        return connector
