"""The ways in which a server tells of changes, as requests and the words that mark what is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}
LISTENERS, VIEWERS = 500, 25
"""Listeners of most ways, and of the dashboard: each of these looks at the state once a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way to be told of each change: a PATCH of one upload or, without `of_upload`, a creation."""

    path: str
    """The path and query after the URL of the upload, or after the origin."""
    mark: bytes
    """The bytes that each change brings once."""
    of_upload: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    listeners: int = LISTENERS
    """The number of listeners at a time."""
    polls: bool = False
    """True if each response tells one change, and is followed by the next request."""


SSE = "SSE of an upload"
FEED = "feed, SSE"
WAYS: Mapping[str, Way] = {
    SSE: Way(path="/events", mark=b"event: progress\n", of_upload=True),
    "WebSocket": Way(path="/socket", mark=b'"action":"progress"', of_upload=True, headers=_UPGRADE),
    "long polling": Way(path="/status?wait=60&revision={}", mark=b'"jobs":[]}', of_upload=True, polls=True),
    FEED: Way(path="/events?since=now", mark=b"event: created\n"),
    "feed, NDJSON": Way(path="/events?since=now&follow=1&format=ndjson", mark=b'"specversion"'),
    "list, NDJSON": Way(path="/uploads?follow=1", mark=b'"created":"'),
    "dashboard": Way(path="/dashboard", mark=b'<article class="u-', listeners=VIEWERS),
}
LISTS: Mapping[str, str] = {f"whole list, {form}": form.lower() for form in ("NDJSON", "CSV", "JSON")}
"""The formats of a list that ends."""
