"""The right to be told of uploads, jobs and events."""

from __future__ import annotations

from contextlib import AbstractContextManager

from aiohttp import web

from tusd_py.domain.access_refusals import Unauthenticated
from tusd_py.domain.rights import Watcher, authenticated, watcher
from tusd_py.http.context import CALLER, Context

_ALL = Watcher(sees_all=True)


def counted(request: web.Request, context: Context) -> AbstractContextManager[None]:
    """Return a context that counts the client among the listeners of this process. Entering it raises TooManyListeners,
    ListenersFull; the call, Malformed."""
    return context.listeners.one(context.client(request))


def watcher_of(request: web.Request, context: Context, *scopes: str) -> Watcher:
    """Return the caller's right to be told of uploads, jobs and events, by its credential: of all with the scope
    `list`, else of those of its subject. Raises Unauthenticated without a credential, the refusal of one that isn't
    good (`Caller.denial`), InsufficientScope unless it has the scope `upload`, `list` or one of `scopes`: an upload
    token has neither of the first two.

    Without `auth`, the caller is told of all if the server listens on loopback addresses alone, and the request comes
    from this machine, names an allowed host, and isn't sent by a page of another site that could read the answer and
    that `cors-allow-origin` doesn't name (`LocalAccess.check`): else Unauthenticated or Malformed is raised.
    """
    if context.authenticator is not None:
        return watcher(authenticated(request[CALLER]), *scopes)
    if context.local_access is None:
        raise Unauthenticated("without auth, this is told on loopback alone: set auth, or use 127.0.0.1")
    context.local_access.check(request)
    return _ALL
