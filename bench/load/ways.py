"""The ways in which a server tells of changes: requests, and the bytes that mark a change in the response."""

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
"""The number of listeners of each way but the dashboard, and that of the dashboard, each of whose responses reads the
state once a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A request by which a client is told of changes. Each change is a PATCH of one upload if `of_upload`, else a
    creation."""

    path: str
    """The path and query to append to the URL of the upload if `of_upload`, else to the origin; `{}` stands for the
    revision of which the client was last told, at first 0."""
    mark: bytes
    """The bytes that the response has once for each change."""
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
"""The formats of a whole list, one that ends instead of being followed, by the names of the benchmark's cases."""
