"""The public keys of an identity provider: a JWK Set (RFC 7517, 5), fetched by URL and cached."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt

from tusd_py.domain.access_refusals import AuthUnavailable
from tusd_py.ports.observer import Observer

_FAMILIES: Mapping[str, Sequence[str]] = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "OKP": ("EdDSA",),
}
"""The algorithms for which each type of key (`kty`) is accepted."""
ASYMMETRIC = frozenset(algorithm for family in _FAMILIES.values() for algorithm in family)
_LARGEST = 1024 * 1024
"""The most bytes of a JWK Set."""
_PAUSE = 1.0
"""Seconds between two attempts to fetch the JWK Set while none was ever fetched."""


@dataclass(frozen=True, slots=True)
class _Key:
    """A public key of a JWK Set."""

    kid: str | None
    algorithms: Sequence[str]
    """The algorithms for which the key is used: the one that the set names, or that fits its curve (EC), else all of
    its type."""
    key: Any


class Jwks:
    """The JWK Set at `url`, fetched when first needed. Times are in seconds.

    A request fetches it again once its age is `age`, or if it lacks the key that the request names: for that at most
    once in `refresh_pause`. A fetch that fails leaves the set as it is, however old, and is repeated after
    `refresh_pause` (after `_PAUSE` while there is no set).
    """

    def __init__(
        self, url: str, session: aiohttp.ClientSession, observer: Observer, *, age: float, refresh_pause: float
    ) -> None:
        self._url, self._session, self._observer = url, session, observer
        self._age, self._refresh_pause = age, refresh_pause
        self._keys: Sequence[_Key] | None = None
        self._failing = False
        self._due_at = self._refresh_at = -math.inf
        self._lock = asyncio.Lock()

    async def find(self, algorithm: str, kid: str | None) -> Sequence[Any]:
        """Return the public keys with which a signature may be checked: those for the algorithm with the id `kid`,
        or with any id if `kid` is None; empty if there is none.

        Raises AuthUnavailable if no set could be fetched, or if no key has the id and the last fetch has
        failed.
        """
        await self._renew()
        if kid is not None and not self._has(kid):
            await self._refresh(kid)
        if self._keys is None or (self._failing and kid is not None and not self._has(kid)):
            raise AuthUnavailable
        return [key.key for key in self._keys if algorithm in key.algorithms and kid in {None, key.kid}]

    async def aclose(self) -> None:
        await self._session.close()

    def _has(self, kid: str) -> bool:
        return any(key.kid == kid for key in self._keys or ())

    async def _renew(self) -> None:
        """Fetch the set if there is none, or if its age has reached `age`; after a failed fetch only once a
        pause is over. One request fetches; meanwhile all other requests use the old set, or wait if there is
        none. A failure isn't raised, but reported to the observer.
        """
        if self._keys is None:
            async with self._lock:
                if self._keys is None and _now() >= self._due_at:
                    await self._fetch()
        elif _now() >= self._due_at:
            self._due_at = _now() + self._refresh_pause
            async with self._lock:
                await self._fetch()

    async def _refresh(self, kid: str) -> None:
        """Fetch the set because it lacks the key with the id `kid`. Does nothing if a fetch for this or another
        missing key began less than `refresh_pause` seconds ago, or if there is no set. Requests that lack a key
        meanwhile wait for the same answer. A failure isn't raised, but reported to the observer.
        """
        async with self._lock:
            if not self._has(kid) and self._keys is not None and _now() >= self._refresh_at:
                self._refresh_at = _now() + self._refresh_pause
                await self._fetch()

    async def _fetch(self) -> None:
        try:
            self._keys = _usable_keys(await self._read())
        except (aiohttp.ClientError, TimeoutError, ValueError, RecursionError) as error:
            self._failing = True
            self._due_at = _now() + (_PAUSE if self._keys is None else self._refresh_pause)
            reason = str(error) or type(error).__name__
            self._observer.trouble("jwks not fetched", url=self._url, reason=reason)
        else:
            self._failing = False
            self._due_at = _now() + self._age

    async def _read(self) -> bytes:
        """Return the body of the key set's response. Raises aiohttp.ClientError and TimeoutError; ValueError for a
        status other than 200, or for a body of more than 1 MiB.
        """
        async with self._session.get(self._url, allow_redirects=False) as answer:
            if answer.status != 200:  # noqa: PLR2004 (OK)
                raise ValueError(f"HTTP {answer.status}")
            body = bytearray()
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > _LARGEST:
                    raise ValueError(f"more than {_LARGEST} bytes")
            return bytes(body)


def _usable_keys(body: bytes) -> Sequence[_Key]:
    """Return the keys of a JWK Set in JSON that can check signatures. Raises ValueError if `body` isn't a JWK Set
    or has no such key; RecursionError for JSON that is nested too deeply.
    """
    document = json.loads(body)
    listed = document.get("keys") if isinstance(document, dict) else None
    keys = [key for entry in (listed if isinstance(listed, list) else ()) if (key := _usable_key(entry)) is not None]
    if not keys:
        raise ValueError("not a JWK Set with a key for signatures")
    return keys


def _usable_key(entry: Any) -> _Key | None:
    """Return the key of a member of the set; None for one that is symmetric or malformed, isn't for signatures, or has
    an unknown type, or an algorithm that isn't accepted for its type.
    """
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    try:
        key = jwt.PyJWK.from_dict(entry)
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        return None
    family = _FAMILIES.get(str(key.key_type), ())
    algorithms = (key.algorithm_name,) if "alg" in entry or key.key_type == "EC" else family
    kid = entry.get("kid")
    usable = key.algorithm_name in family
    return _Key(kid if isinstance(kid, str) else None, algorithms, _public(key.key)) if usable else None


def _public(key: Any) -> Any:
    """Return the public key of a private one, which an issuer may publish by mistake; return a public key as it is."""
    return key.public_key() if hasattr(key, "public_key") else key


def _now() -> float:
    return asyncio.get_running_loop().time()
