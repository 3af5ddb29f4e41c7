"""The rights of callers to uploads, the same for every wire protocol. They are judged before the rules for requests
(`domain/rules.py`). No function does I/O or reads a clock.

An upload belongs to the subject of the credential that created it, within the subject's tenant. An upload that was
created without a credential, or with one that names no subject, belongs to all principals.
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
"""The scopes of which a credential needs one, by the type of the intent. Other intents need none: HEAD, for example,
since clients start over after a 403."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """The settings of rights. If `authenticating` is False, all callers have all rights."""

    authenticating: bool = False
    """True if the server checks credentials (setting `auth`)."""
    by_url: bool = False
    """True if a client that knows the URL of an upload needs no credential to continue, watch or pause the upload
    (`auth-uploads = capability`)."""
    strict_head: bool = False
    """True if HEAD needs a credential (`auth-head = required`)."""

    def check(self, intent: Intent, caller: Caller, upload: Upload | None) -> None:
        """Check that the caller has the right to do what the intent asks. `upload` is the record; None for a creation,
        or if there is no such upload.

        Raises Unauthenticated, UploadNotFound (the upload belongs to another owner), InsufficientScope, or the
        refusal of the caller's credential (`Caller.denial`), which may also be Forbidden or AuthUnavailable.
        """
        if self.authenticating and not self._is_open(intent, caller):
            continued = caller.continuing if isinstance(intent, Append | Continue) else None
            principal = continued or authenticated(caller)
            listed = isinstance(intent, Watch | Pause) and LIST in principal.scopes
            if upload is not None and not listed and not _is_owner(principal, upload):
                raise UploadNotFound
            if principal.scopes.isdisjoint(_SCOPES.get(type(intent), principal.scopes)):
                raise InsufficientScope("the credential doesn't give the right to do this: use another one")

    def owns(self, caller: Caller, upload: Upload) -> bool:
        """Return True if the caller has a good credential of the upload's owner (any good one if the upload has no
        owner), or the server checks no credentials."""
        return not self.authenticating or (caller.principal is not None and _is_owner(caller.principal, upload))

    def reads(self, caller: Caller, upload: Upload) -> bool:
        """Return True if the caller may read the upload, once it is finished, without its reading link."""
        return self._has_right(Read, caller, upload)

    def shows(self, caller: Caller, upload: Upload) -> bool:
        """Return True if the server may tell the caller the upload's metadata, owner and jobs, and not only its
        progress."""
        return self.owns(caller, upload) or (caller.principal is not None and LIST in caller.principal.scopes)

    def preempts(self, caller: Caller, upload: Upload) -> bool:
        """Return True if the caller may make the upload's lock holder save its bytes and release the lock: any
        caller if an upload's URL is enough to continue it (`by_url`), else one with the right to append, other than by
        an upload token that has expired."""
        return self.by_url or self._has_right(Append, caller, upload)

    def _has_right(self, intent: type[Intent], caller: Caller, upload: Upload) -> bool:
        """Return True if the caller has a good credential of the upload's owner (any good one if the upload has no
        owner) with a scope for such intents, or the server checks no credentials."""
        scopes = caller.principal.scopes if caller.principal else frozenset[str]()
        return self.owns(caller, upload) and (not self.authenticating or not scopes.isdisjoint(_SCOPES[intent]))

    def _is_open(self, intent: Intent, caller: Caller) -> bool:
        """Return True if the caller's credential needs no check for the intent. If an upload's URL is enough to
        continue it (`by_url`), that is so for a HEAD, Append and Continue, and for Watch and Pause if the caller sent
        no credential. In any case it is so for a HEAD without a good credential, and for Read with the reading link.
        Raises Unauthenticated or AuthUnavailable for a HEAD without a good credential, if the settings demand one for
        HEAD (`strict_head`)."""
        if isinstance(intent, Inspect):
            if caller.principal is None and self.strict_head:
                _raise_for_head(caller)
            return self.by_url or caller.principal is None
        if isinstance(intent, Watch | Pause):
            return self.by_url and caller.principal is None and caller.denial is None
        return (self.by_url and isinstance(intent, _CONTINUING)) or (isinstance(intent, Read) and intent.linked)


@dataclass(frozen=True, slots=True)
class Watcher:
    """The right of a caller to see uploads, jobs and events in lists and feeds: those of one owner, or all. Only a
    watcher that sees all sees uploads without an owner, even if every principal may continue them, so that lists don't
    reveal their ids."""

    subject: str | None = None
    tenant: str | None = None
    sees_all: bool = False

    @property
    def account(self) -> str | None:
        """The account whose jobs the watcher sees, as in `Job.account`; None if it sees all, a name that no job's
        account has if it sees none."""
        if self.sees_all:
            return None
        return account_name(self.subject or "", self.tenant)

    def sees(self, owner: str | None, tenant: str | None) -> bool:
        """Return True if the watcher sees what belongs to that owner of that tenant. The rest is answered as if it
        didn't exist."""
        return self.sees_all or (owner is not None and (owner, tenant) == (self.subject, self.tenant))


def watcher(principal: Principal, *scopes: str) -> Watcher:
    """Return the principal's right to see: all with the scope `list`, else only what belongs to its subject. Raises
    InsufficientScope unless it has the scope `upload`, `list` or one of `scopes`: a client with an upload token
    that gives none of them isn't to know the other uploads of the token's owner."""
    if principal.scopes.isdisjoint({UPLOAD, LIST, *scopes}):
        raise InsufficientScope("an upload token doesn't give the right to see uploads: use the owner's credential")
    return Watcher(principal.subject, principal.tenant, sees_all=LIST in principal.scopes)


def authenticated(caller: Caller) -> Principal:
    """Return the caller's principal. Raises the refusal of its credential (`Caller.denial`), or Unauthenticated if it
    sent none."""
    if caller.principal is None:
        raise caller.denial or Unauthenticated()
    return caller.principal


def without_content(upload: Upload) -> Upload:
    """Return the upload without its metadata and digest, for a caller that only knows its id."""
    return copy_with(upload, metadata={}, digest=None)


def _raise_for_head(caller: Caller) -> None:
    """Raise, for a caller without a principal, the refusal of its credential (`Caller.denial`), or Unauthenticated if
    it sent none. Unauthenticated also takes the place of Forbidden, with which an authentication server refuses:
    clients start over after a 403."""
    if isinstance(caller.denial, Forbidden):
        raise Unauthenticated(invalid=True)
    authenticated(caller)


def _is_owner(principal: Principal, upload: Upload) -> bool:
    return upload.owner is None or (upload.owner, upload.tenant) == (principal.subject, principal.tenant)
