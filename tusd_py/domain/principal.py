"""The subject of a good credential, and what it allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CREATE, WATCH, READ = "create", "watch", "read"
"""Scopes of upload tokens: creation alone, following progress alone, downloads alone."""
UPLOAD, TOKENS, LIST = "upload", "tokens", "list"
"""Scopes: all uses of one's uploads, making tokens, listing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """The most that an account may have; None is no limit."""

    max_bytes: int | None = None
    """Bytes stored and reserved."""
    max_uploads: int | None = None
    """Unfinished uploads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The use of an upload token, counted in the commit of each creation."""

    jti: str
    """The token's id (RFC 7519, 4.1.7)."""
    max_uses: int
    expires_at: float
    """Seconds since the epoch; the count may be forgotten then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """The limits that a credential sets to the uploads made with it; None and empty set none."""

    max_length: int | None = None
    """Bytes of one upload."""
    types: tuple[str, ...] = ()
    """Media types, `image/*` or `*/*`, in lower case."""
    metadata: Mapping[str, bytes] = field(default_factory=dict)
    """Metadata that replaces the client's under the same keys."""
    name: str | None = None
    """The stem of the upload's name and of its object's key."""
    key_prefix: str = ""
    """Text before the key of each object."""
    quota: Quota | None = None
    """The account's quota, in place of the settings'."""
    rate: tuple[int, float] | None = None
    """Creations of the account: so many in so many seconds, in place of the settings'."""
    grant: Grant | None = None


NO_ALLOWANCE = Allowance()
NO_ACCOUNT = "-"
"""The account of all that has no owner."""


def account_name(owner: str, tenant: str | None) -> str:
    """Return the name of an owner's account."""
    return owner if tenant is None else f"{tenant}/{owner}"


def account_of(principal: Principal | None) -> str:
    """Return the account that an upload of the principal is charged to."""
    if principal is None or principal.subject is None:
        return NO_ACCOUNT
    return account_name(principal.subject, principal.tenant)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The subject of a good credential."""

    subject: str | None
    """The owner of what it creates; None if an authentication server allows the request without naming a user."""
    tenant: str | None = None
    scopes: frozenset[str] = frozenset({UPLOAD})
    allowance: Allowance = NO_ALLOWANCE
