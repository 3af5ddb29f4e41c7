"""The subject of a good credential, and what the credential allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

CREATE, WATCH, READ = "create", "watch", "read"
"""Scopes of upload tokens. `create` allows a client to create, continue and pause uploads, `watch` to follow all
uploads of the token's owner; each of the three to look at one upload (HEAD) and to follow it, and `read` nothing more.
"""
UPLOAD, TOKENS, LIST = "upload", "tokens", "list"
"""Scopes of other credentials. `upload` allows all uses of the subject's own uploads, `tokens` to make upload tokens,
`list` to see the uploads, jobs and events of all subjects, to start and cancel jobs on all uploads, and to end all
uploads on the dashboard."""

_COUNTED_SECONDS = 3600.0
"""Seconds for which uses of an expired token stay counted: a creation that was planned in time may be recorded later,
and clocks differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """The most that an account may have at a time; None is no limit."""

    max_bytes: int | None = None
    """The most bytes that the account may have: those stored, and those reserved for unfinished uploads, together."""
    max_uploads: int | None = None
    """The most unfinished uploads that the account may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The limited use of an upload token. A use is counted in the transaction that records a new upload."""

    jti: str
    """The token's id (RFC 7519, 4.1.7)."""
    max_uses: int
    expires_at: float
    """The time, in seconds since the epoch, at which the token expires."""

    @property
    def forgotten_at(self) -> float:
        """The time, in seconds since the epoch, from which on the state store may forget how often the token was
        used."""
        return self.expires_at + _COUNTED_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """The limits that a credential sets to the uploads made with it. A field that is None or empty sets none."""

    max_length: int | None = None
    """The most bytes of one upload."""
    types: tuple[str, ...] = ()
    """The allowed media types and ranges, such as `image/*` or `*/*`, in lower case."""
    metadata: Mapping[str, bytes] = field(default_factory=dict)
    """Metadata of each upload, in place of the client's values under the same keys."""
    name: str | None = None
    """The name of the upload, unless a hook chooses another one; its object's key has it, too, unless a hook chooses
    the place or the upload is partial. If the credential is for several uploads, each name is this one, a hyphen and
    the upload's id."""
    key_prefix: str = ""
    """Text before the key of each object, unless a hook chooses the place or the upload is partial."""
    quota: Quota | None = None
    """The account's quota: its numbers take the place of the settings'. For one that is None, that of the settings
    applies."""
    rate: tuple[int, float] | None = None
    """The rate at which the account may create uploads, in place of that of the settings: a number of uploads, and the
    seconds in which they may come."""
    grant: Grant | None = None

    def for_jobs(self) -> Allowance:
        """Return the allowance for the uploads that jobs make: with the length, types, key prefix and quota of this
        one. Metadata, name and grant of a token are for its client's own uploads, and the many uploads that a job
        unpacks from an archive would exceed the rate."""
        return replace(self, metadata={}, name=None, grant=None, rate=None)


NO_ALLOWANCE = Allowance()
NO_ACCOUNT = "-"
"""The name of the account of all uploads without an owner."""


def account_name(owner: str, tenant: str | None) -> str:
    """Return the name of an owner's account, which no other owner has: `TENANT/OWNER`, or `OWNER` without a tenant.

    `%` and `/` are percent-encoded in a tenant, and in an owner without a tenant; so is the owner `-` without a tenant,
    as that is `NO_ACCOUNT`.
    """
    if tenant is not None:
        return f"{_encoded(tenant)}/{owner}"
    return "%2D" if owner == NO_ACCOUNT else _encoded(owner)


def tenant_of(account: str | None) -> str | None:
    """Return the tenant in the name of an account, as `account_name` makes it; None if there is none."""
    tenant, slash, _ = (account or "").partition("/")
    return tenant.replace("%2F", "/").replace("%25", "%") if slash else None


def _encoded(text: str) -> str:
    return text.replace("%", "%25").replace("/", "%2F")


def account_of(principal: Principal | None) -> str:
    """Return the name of the account that uploads of the principal are charged to; `NO_ACCOUNT` without a subject."""
    if principal is None or principal.subject is None:
        return NO_ACCOUNT
    return account_name(principal.subject, principal.tenant)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The subject of a good credential, with its tenant, scopes and allowance."""

    subject: str | None
    """The owner of what the principal creates; None if there is none: an upload token may have no `sub`, an
    authentication server may allow a request without naming a user, and a job may have no owner."""
    tenant: str | None = None
    scopes: frozenset[str] = frozenset({UPLOAD})
    allowance: Allowance = NO_ALLOWANCE
