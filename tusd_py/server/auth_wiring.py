"""The assembly of the authenticator from settings: the only module that knows every kind of authenticator.

Kinds are imported when the settings name them: importing PyJWT and cryptography takes a while.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

import aiohttp
from pydantic import SecretStr

from tusd_py.config import Settings
from tusd_py.config.keys_file import parse_keys_file, read_keys_file
from tusd_py.domain.errors import ConfigurationError
from tusd_py.domain.rights import Rights
from tusd_py.outgoing import OutgoingRequest
from tusd_py.ports.authenticator import Authenticator
from tusd_py.ports.observer import Observer
from tusd_py.telemetry.throttle import ThrottledObserver
from tusd_py.version import __version__

if TYPE_CHECKING:
    from tusd_py.auth.tokens import TokenIssuer

_CONNECTIONS = 100
"""The maximum number of connections at a time to the server that checks credentials or publishes keys."""


@asynccontextmanager
async def open_authenticator(settings: Settings, observer: Observer) -> AsyncIterator[Authenticator | None]:
    """Yield one authenticator that asks those that `auth` names, in that order; None if it names none. Raises
    ConfigurationError."""
    if not settings.auth:
        yield None
        return
    from tusd_py.auth.chain import Chain  # noqa: PLC0415  imported late

    makers = list[Authenticator]()
    chain = Chain(makers)
    try:
        for name in settings.auth:
            makers.append(_BUILDERS[name](settings, ThrottledObserver(observer)))
        yield chain
    finally:
        await chain.aclose()


def rights(settings: Settings) -> Rights:
    """Return the settings of clients' rights. Commands don't use them, as they act for the operator with all rights."""
    return Rights(
        authenticating=bool(settings.auth),
        by_url=settings.continues_by_url,
        strict_head=settings.auth_head == "required",
    )


def token_issuer(settings: Settings) -> TokenIssuer | None:
    """Return the issuer of upload tokens; None without auth-token-secret."""
    from tusd_py.auth.tokens import TokenIssuer  # noqa: PLC0415  imported late

    secret = _text(settings.auth_token_secret)
    return None if secret is None else TokenIssuer(secret, time.time)


def _tokens(settings: Settings, _: Observer) -> Authenticator:
    from tusd_py.auth.tokens import UploadTokens  # noqa: PLC0415  imported late

    return UploadTokens(_text(settings.auth_token_secret) or "")


def _jwt(settings: Settings, observer: Observer) -> Authenticator:
    from tusd_py.auth.jwks import Jwks  # noqa: PLC0415  imported late
    from tusd_py.auth.jwt import JwtAuthenticator, JwtRules  # noqa: PLC0415  imported late

    rules = JwtRules(
        audience=settings.auth_audience,
        issuer=settings.auth_issuer,
        leeway=settings.auth_leeway,
        owner_claim=settings.auth_owner_claim,
        tenant_claim=settings.auth_tenant_claim,
    )
    keys = None
    if settings.auth_jwks_url is not None:
        if find_spec("cryptography") is None:
            raise ConfigurationError("auth-jwks-url needs the package cryptography: install tusd-py[auth]")
        keys = Jwks(
            settings.auth_jwks_url,
            _session(settings),
            observer,
            age=settings.auth_jwks_cache,
            refresh_pause=settings.auth_jwks_refresh,
        )
    return JwtAuthenticator(rules, secret=_text(settings.auth_jwt_secret), keys=keys)


def _api_keys(settings: Settings, observer: Observer) -> Authenticator:
    from tusd_py.auth.api_keys import ApiKeys  # noqa: PLC0415  imported late

    if settings.auth_keys_file is None:
        raise ConfigurationError("auth-keys-file: expected a path with api-key")
    return ApiKeys(partial(read_keys_file, settings.auth_keys_file), parse_keys_file, observer)


def _forward(settings: Settings, observer: Observer) -> Authenticator:
    from tusd_py.auth.forward import ForwardAuth  # noqa: PLC0415  imported late

    return ForwardAuth(
        settings.auth_url or "",
        _session(settings),
        observer,
        user_header=settings.auth_user_header,
        cache=settings.auth_cache,
    )


def _proxy(settings: Settings, _: Observer) -> Authenticator:
    from tusd_py.auth.proxy import ProxyUsers  # noqa: PLC0415  imported late

    return ProxyUsers(settings.auth_user_header or "")


_BUILDERS = {"token": _tokens, "jwt": _jwt, "api-key": _api_keys, "forward": _forward, "proxy": _proxy}


def _session(settings: Settings) -> aiohttp.ClientSession:
    """Return a session for requests to authentication servers. It stores no cookies, and neither asks for nor unpacks
    compressed answers: an answer may be hostile. The timeout is `auth_timeout`."""
    return aiohttp.ClientSession(
        request_class=OutgoingRequest,  # else the answer to another user's request could count
        connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
        timeout=aiohttp.ClientTimeout(total=settings.auth_timeout),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"tusd-py/{__version__}", "Accept-Encoding": "identity"},
        auto_decompress=False,
    )


def _text(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
