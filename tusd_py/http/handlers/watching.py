"""The right to be told of uploads, jobs and events."""

from __future__ import annotations

from contextlib import AbstractContextManager

from aiohttp import web

from tusd_py.config.addresses import is_loopback
from tusd_py.domain.access_refusals import Unauthenticated
from tusd_py.domain.rights import Watcher, authenticated, watcher
from tusd_py.http.context import CALLER, Context
from tusd_py.http.forwarded import Trust, is_forwarded

_ALL = Watcher(sees_all=True)


def counted(request: web.Request, context: Context) -> AbstractContextManager[None]:
    """Count the client among the listeners of this process, for as long as it is told of changes. Raises
    TooManyListeners, ListenersFull."""
    return context.listeners.one(context.client(request))


def watcher_of(request: web.Request, context: Context, *scopes: str) -> Watcher:
    """Return what the request's credential gives the right to see; with `scopes`, also that of an upload token which
    has one of these. Raises Unauthenticated, InsufficientScope, or what is wrong with the credential.

    Without `auth` it is everything, for clients of this machine if no other can reach the server.
    """
    if context.authenticator is not None:
        return watcher(authenticated(request[CALLER]), *scopes)
    if not (context.watched_locally and _is_local(request, context.trust)):
        raise Unauthenticated("without auth, this is told on loopback alone: set auth, or use 127.0.0.1")
    return _ALL


def _is_local(request: web.Request, trust: Trust) -> bool:
    """Return True for a client of this machine. Behind a trusted proxy its word tells; that of another proxy counts for
    nothing, and neither does the address of that proxy: its clients may be anywhere."""
    address = trust.client(request)
    return (not address or is_loopback(address)) and (trust.is_proxied(request) or not is_forwarded(request))
