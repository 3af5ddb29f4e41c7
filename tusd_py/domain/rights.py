"""The rights of callers to uploads, the same on every wire. Pure, like the rules, and judged before them.

An upload belongs to the subject of the credential that created it, in that one's tenant. One that was created without a
credential belongs to all principals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tusd_py.domain.access_refusals import InsufficientScope, Unauthenticated
from tusd_py.domain.caller import Caller
from tusd_py.domain.copying import copy_with
from tusd_py.domain.intents import Append, Begin, Continue, Create, Inspect, Intent, Pause, Read, Terminate, Watch
from tusd_py.domain.principal import CREATE, LIST, UPLOAD, Principal, account_name
from tusd_py.domain.refusals import Forbidden, UploadNotFound
from tusd_py.domain.upload import Upload

_CONTINUING = (Inspect, Append, Continue)
_SCOPES: Mapping[type[Intent], frozenset[str]] = {
    Create: frozenset({CREATE, UPLOAD}),
    Begin: frozenset({CREATE, UPLOAD}),
    Append: frozenset({CREATE, UPLOAD}),
    Continue: frozenset({CREATE, UPLOAD}),
    Pause: frozenset({CREATE, UPLOAD}),
    Read: frozenset({UPLOAD}),
    Terminate: frozenset({UPLOAD}),
}
"""The scopes of which a credential needs one; HEAD needs none, since clients start over after a 403."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """The settings of rights. Without authentication, all callers have all rights."""

    authenticating: bool = False
    """True if credentials are checked (`auth`)."""
    by_url: bool = False
    """True if the URL of an upload is enough to continue it (`auth-uploads = capability`)."""
    strict_head: bool = False
    """True if HEAD needs a credential (`auth-head = required`)."""

    def check(self, intent: Intent, caller: Caller, upload: Upload | None) -> None:
        """Return if the caller may do that with the upload as stored; None for a creation, or if there is none.

        Raises Unauthenticated, UploadNotFound (another's), InsufficientScope, Forbidden, AuthUnavailable.
        """
        if self.authenticating and not self._is_open(intent, caller):
            principal = authenticated(caller)
            listed = isinstance(intent, Watch | Pause) and LIST in principal.scopes
            if upload is not None and not listed and not _is_owner(principal, upload):
                raise UploadNotFound
            if principal.scopes.isdisjoint(_SCOPES.get(type(intent), principal.scopes)):
                raise InsufficientScope("the credential doesn't give the right to do this: use another one")

    def owns(self, caller: Caller, upload: Upload) -> bool:
        """Return True if the caller has a good credential of the upload's owner, or needs none."""
        return not self.authenticating or (caller.principal is not None and _is_owner(caller.principal, upload))

    def reads(self, caller: Caller, upload: Upload) -> bool:
        """Return True if the caller may read the upload once it is finished."""
        if not self.authenticating:
            return True
        principal = caller.principal
        return principal is not None and _is_owner(principal, upload) and not principal.scopes.isdisjoint(_SCOPES[Read])

    def shows(self, caller: Caller, upload: Upload) -> bool:
        """Return True if the caller is told of the upload's content, and not only of its progress."""
        return self.owns(caller, upload) or (caller.principal is not None and LIST in caller.principal.scopes)

    def preempts(self, caller: Caller, upload: Upload) -> bool:
        """Return True if the caller may make a writer save and leave: one who may write to the upload itself."""
        return self.by_url or self.owns(caller, upload)

    def _is_open(self, intent: Intent, caller: Caller) -> bool:
        """Return True if the intent needs no credential, even if one was sent that isn't good."""
        if isinstance(intent, Inspect):
            if caller.principal is None and self.strict_head:
                _raise_for_head(caller)
            return self.by_url or caller.principal is None
        if isinstance(intent, Watch | Pause):
            return self.by_url and caller.principal is None and caller.denial is None
        return (self.by_url and isinstance(intent, _CONTINUING)) or (isinstance(intent, Read) and intent.linked)


@dataclass(frozen=True, slots=True)
class Watcher:
    """The right of a caller to be told of uploads, jobs and events that it doesn't name. It sees those of one subject;
    an upload without an owner is no such subject's, even if every principal may continue it: its id isn't given away.
    """

    subject: str | None = None
    tenant: str | None = None
    sees_all: bool = False

    @property
    def account(self) -> str | None:
        """The account whose jobs it sees, as jobs have it; None if it sees all, empty if it sees none."""
        if self.sees_all:
            return None
        return account_name(self.subject or "", self.tenant)

    def sees(self, owner: str | None, tenant: str | None) -> bool:
        """Return True if it is told of what belongs to that owner of the tenant; what it isn't told of doesn't exist
        for it."""
        return self.sees_all or (owner is not None and (owner, tenant) == (self.subject, self.tenant))


def watcher(principal: Principal, *scopes: str) -> Watcher:
    """Return the watcher that a principal is. Raises InsufficientScope for an upload token without one of `scopes`: it
    is in the hands of a client that isn't to know the other uploads of the same owner."""
    if principal.scopes.isdisjoint({UPLOAD, LIST, *scopes}):
        raise InsufficientScope("an upload token doesn't give the right to see uploads: use the owner's credential")
    return Watcher(principal.subject, principal.tenant, sees_all=LIST in principal.scopes)


def authenticated(caller: Caller) -> Principal:
    """Return the principal. Raises Unauthenticated, or what is wrong with the credential that was sent."""
    if caller.principal is None:
        raise caller.denial or Unauthenticated()
    return caller.principal


def without_content(upload: Upload) -> Upload:
    """Return the upload without what tells of its content, for a caller that only knows its id."""
    return copy_with(upload, metadata={}, digest=None)


def _raise_for_head(caller: Caller) -> None:
    """Raise the denial, but Unauthenticated instead of Forbidden: its authentication server denied it."""
    if isinstance(caller.denial, Forbidden):
        raise Unauthenticated(invalid=True)
    authenticated(caller)


def _is_owner(principal: Principal, upload: Upload) -> bool:
    return upload.owner is None or (upload.owner, upload.tenant) == (principal.subject, principal.tenant)
