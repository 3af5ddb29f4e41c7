"""Authentication by a server that is asked about each request, in the contract of Traefik's forwardAuth and nginx's
auth_request."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Mapping, Sequence

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from tusd_py.auth.credentials import parse_identifier
from tusd_py.domain.access_refusals import AuthUnavailable, Unauthenticated
from tusd_py.domain.caller import Caller
from tusd_py.domain.principal import Principal
from tusd_py.domain.refusals import Forbidden
from tusd_py.ports.observer import Observer

_DROPPED = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"),
        *("transfer-encoding", "upgrade"),
        *("expect", "host", "forwarded"),
    }
)
"""The names, in lower case, of header fields of the client that the authentication server isn't sent: those of the
connection (RFC 9110, 7.6.1) and of authentication to proxies, Expect, and those that name the request's host and
proxies. `_passed_on` drops further fields."""
_DROPPED_FAMILIES = ("content-", "upload-", "tus-", "x-forwarded-", "x-original-")
_VOLATILE = frozenset({"x-request-id", "traceparent", "tracestate"})
"""Header fields that the key of a cached answer leaves out: they differ for each request, and no answer depends on
them."""
_USER_HEADERS = ("Remote-User", "X-Auth-Request-User", "X-Forwarded-User")
"""The fields of the authentication server's answer that may name the user, unless `user_header` names another: those of
Authelia, oauth2-proxy and Traefik's companions. The first that isn't empty counts."""
_LONGEST_CHALLENGE = 1024
_MAX_ANSWERS = 1024
"""The most answers that are cached."""


class ForwardAuth:
    """An authenticator that asks the server at `url` about each request, with the header fields that `question`
    returns. A 2xx answer is cached for `cache` seconds (0: not cached), for all requests with the same fields but for
    request ids and traces. The answer's field `user_header` (None: one of `_USER_HEADERS`) names the user.
    """

    def __init__(
        self,
        url: str,
        session: aiohttp.ClientSession,
        observer: Observer,
        *,
        user_header: str | None = None,
        cache: float = 0.0,
    ) -> None:
        self._url, self._session, self._observer = URL(url), session, observer
        self._user_headers = _USER_HEADERS if user_header is None else (user_header,)
        self._cache = cache
        self._answers: dict[bytes, tuple[float, Principal]] = {}

    async def identify(self, caller: Caller) -> Principal:
        """Return a principal for the user whom the server names, or one without a subject if it names none.

        Raises Unauthenticated if the server answers 401 or with a redirect, or names the user by text that isn't 1 to
        255 printable characters; Forbidden if it answers 403; AuthUnavailable if it doesn't answer, or with another
        status.
        """
        headers = question(caller)
        if not self._cache:
            return await self._ask(headers)
        key = _digest(headers)
        until, principal = self._answers.get(key, (0.0, None))
        if principal is None or until <= _now():
            principal = await self._ask(headers)
            self._keep(key, principal)
        return principal

    async def aclose(self) -> None:
        await self._session.close()

    def _keep(self, key: bytes, principal: Principal) -> None:
        """Cache the principal as the answer to questions with the digest `key`; drop the oldest answer if
        `_MAX_ANSWERS` others are cached.
        """
        self._answers.pop(key, None)
        if len(self._answers) >= _MAX_ANSWERS:
            del self._answers[next(iter(self._answers))]
        self._answers[key] = (_now() + self._cache, principal)

    async def _ask(self, headers: CIMultiDict[str]) -> Principal:
        try:
            async with self._session.get(self._url, headers=headers, allow_redirects=False) as answer:
                status, fields = answer.status, answer.headers
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            self._observer.trouble("auth server doesn't answer", reason=str(error) or type(error).__name__)
            raise AuthUnavailable from None
        return self._judge(status, fields)

    def _judge(self, status: int, fields: Mapping[str, str]) -> Principal:
        match status // 100, status:
            case 2, _:
                user = next((fields[name] for name in self._user_headers if fields.get(name)), None)
                return Principal(subject=None if user is None else parse_identifier(user))
            case _, 401:
                raise Unauthenticated(challenge=_challenge(fields))
            case _, 403:
                raise Forbidden("the authentication server doesn't allow this")
            case 3, _:
                raise Unauthenticated
            case _:
                self._observer.trouble("auth server doesn't answer", reason=f"HTTP {status}")
                raise AuthUnavailable


def _challenge(fields: Mapping[str, str]) -> str | None:
    """Return the WWW-Authenticate of the authentication server's response: empty without one, None if the field is too
    long, or not printable ASCII, and can't be passed on.
    """
    challenge = fields.get("WWW-Authenticate", "")
    return (
        challenge if challenge.isascii() and challenge.isprintable() and len(challenge) <= _LONGEST_CHALLENGE else None
    )


def question(caller: Caller) -> CIMultiDict[str]:
    """Return the header fields of the question to the authentication server: those of the client that are passed on,
    and the X-Forwarded-… and X-Original-… fields with which Traefik and nginx describe the client's request.
    """
    headers = CIMultiDict((name, _sendable(value)) for name, value in _passed_on(caller.headers))
    scheme, _, authority = caller.endpoint.partition("://")
    host, target = authority.partition("/")[0], _sendable(caller.target)
    fields = {
        "X-Forwarded-Method": caller.method,
        "X-Forwarded-Proto": scheme,
        "X-Forwarded-Host": host,
        "X-Forwarded-Uri": target,
        "X-Forwarded-For": caller.address,
        "X-Original-Method": caller.method,
        "X-Original-URL": f"{scheme}://{host}{target}" if caller.endpoint else "",
    }
    headers.update({name: value for name, value in fields.items() if value})
    return headers


def _passed_on(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    lists = [value for name, value in headers.items() if name.lower() == "connection"]
    connection_fields = {name.strip().lower() for name in ",".join(lists).split(",")}
    for name, value in headers.items():
        lower = name.lower()
        if lower not in _DROPPED and lower not in connection_fields and not lower.startswith(_DROPPED_FAMILIES):
            yield name, value


def _sendable(text: str) -> str:
    """Return the text with a question mark in place of each byte that the client sent and that isn't UTF-8."""
    return text.encode(errors="replace").decode()


def _digest(headers: CIMultiDict[str]) -> bytes:
    parts: Sequence[str] = [part for name in headers.items() if name[0].lower() not in _VOLATILE for part in name]
    return hashlib.sha256("\0".join(parts).encode()).digest()


def _now() -> float:
    return asyncio.get_running_loop().time()
