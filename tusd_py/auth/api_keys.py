"""API keys: secrets of programs, known here by their digests alone, from a file that may change at any time."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tusd_py.auth import credentials
from tusd_py.domain.caller import Caller
from tusd_py.domain.errors import ConfigurationError
from tusd_py.domain.principal import TOKENS, UPLOAD, Allowance, Principal
from tusd_py.ports.observer import Observer
from tusd_py.recent import Recent

_AGE = 1.0
"""Seconds after which a request with a possible key (X-Api-Key or bearer token) reads the file of API keys again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key, by its SHA-256 digest, and what it allows."""

    name: str
    """The owner of the uploads that are created with the key."""
    digest: bytes
    scopes: frozenset[str] = frozenset({UPLOAD, TOKENS})
    allowance: Allowance = field(default_factory=Allowance)


class ApiKeys:
    """An authenticator of the keys in a file, which it reads with `read` and parses with `parse`.

    Both may raise ConfigurationError: at construction, that error is raised; later, it is reported to the observer, and
    the keys stay as they were.
    """

    def __init__(
        self, read: Callable[[], str], parse: Callable[[str], Sequence[ApiKey]], observer: Observer | None = None
    ) -> None:
        self._read, self._parse, self._observer = read, parse, observer or Observer()
        self._text = read()
        self._keys = parse(self._text)
        self._trouble: str | None = None
        self._recent = Recent(self._renewed, _AGE)

    async def identify(self, caller: Caller) -> Principal | None:
        """Return the principal of the key in X-Api-Key or, as a bearer token, in Authorization; None if neither is
        known.
        """
        for key in (credentials.api_key(caller), credentials.bearer(caller)):
            if key and (entry := _find(await self._recent.get(), key)) is not None:
                return Principal(subject=entry.name, scopes=entry.scopes, allowance=entry.allowance)
        return None

    async def aclose(self) -> None:
        """Return at once: no file stays open."""

    async def _renewed(self) -> Sequence[ApiKey]:
        """Return the keys in the file, or the last valid ones while it can't be read or parsed. Each new error is
        reported once.
        """
        try:
            text = await asyncio.to_thread(self._read)
            if text != self._text:
                self._keys, self._text = self._parse(text), text
            self._trouble = None
        except ConfigurationError as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                self._observer.trouble("api keys not read", reason=f"{error}; the keys stay as they were")
        return self._keys


def _find(keys: Sequence[ApiKey], text: str) -> ApiKey | None:
    """Return the key with the SHA-256 digest of the text, None if there is none. All digests are compared, each in
    constant time.
    """
    digest = hashlib.sha256(text.encode(errors="replace")).digest()
    matching = [key for key in keys if hmac.compare_digest(key.digest, digest)]
    return matching[0] if matching else None
