"""The right to be told of uploads, jobs and events."""

from __future__ import annotations

from contextlib import AbstractContextManager

from aiohttp import web

from tusd_py.config.addresses import is_loopback
from tusd_py.domain.refusals import Unauthenticated
from tusd_py.domain.rights import Watcher, authenticated, watcher
from tusd_py.http.context import CALLER, Context

_ALL = Watcher(sees_all=True)


def counted(request: web.Request, context: Context) -> AbstractContextManager[None]:
    """Count the client among the listeners of this process, for as long as it is told of changes. Raises
    TooManyListeners, ListenersFull."""
    return context.listeners.one(context.client(request))


def watcher_of(request: web.Request, context: Context, *scopes: str) -> Watcher:
    """Return what the request's credential gives the right to see; with `scopes`, also that of an upload token which
    has one of these. Raises Unauthenticated, InsufficientScope, or what is wrong with the credential.

    Without `auth` it is everything, for clients of this machine if no other can reach the server; behind a trusted
    proxy the proxy's word tells which these are.
    """
    if context.authenticator is not None:
        return watcher(authenticated(request[CALLER]), *scopes)
    address = context.trust.client(request)
    if not context.watched_locally or (address and not is_loopback(address)):
        raise Unauthenticated("without auth, this is told on loopback alone: set auth, or use 127.0.0.1")
    return _ALL
