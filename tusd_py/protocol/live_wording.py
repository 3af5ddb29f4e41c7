"""The texts of live events, made once for all listeners that are sent the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tusd_py.domain.snapshot import Snapshot
from tusd_py.protocol.live_events import LiveEvent, state_object


class Wording:
    """A cache for all of a process's listeners to single uploads that get server-sent events: the last event of each
    type as text, and the data of `state` events about the last snapshot. Thousands may be told of the same change."""

    def __init__(self) -> None:
        self._texts = dict[str, tuple[LiveEvent, bytes]]()
        self._snapshot: Snapshot | None = None
        self._descriptions = dict[tuple[str, bool], Mapping[str, Any]]()
        """The data of the cached snapshot's `state` events, by the endpoint and by whether the upload is paused."""

    def text(self, event: LiveEvent) -> bytes:
        """Return the event as a server-sent event, encoded; from the cache if it equals the last one of its type."""
        last_event, text = self._texts.get(event.type, (None, b""))
        if last_event != event:
            text = event_text(compact_json(event.data), id=event.id, event=event.type)
            self._texts[event.type] = (event, text)
        return text

    def describe(self, snapshot: Snapshot, endpoint: str, now: float) -> Mapping[str, Any]:
        """Return the data of the snapshot's `state` event (`state_object`). The data come from the cache if they were
        made before for the same snapshot and endpoint, with the upload paused (`Upload.paused`) or not as it is at
        `now`, and for no other snapshot since. `endpoint` is the creation endpoint's URL; `now` is in seconds since the
        epoch.
        """
        if snapshot is not self._snapshot:
            self._snapshot, self._descriptions = snapshot, {}
        key = endpoint, snapshot.upload.paused(now)
        if key not in self._descriptions:
            self._descriptions[key] = state_object(snapshot, endpoint, now)
        return self._descriptions[key]


def event_text(data: str, *, id: str, event: str) -> bytes:  # noqa: A002  the field's name
    """Return a server-sent event with one line of data, encoded (HTML standard, "Server-sent events")."""
    return f"id: {id}\nevent: {event}\ndata: {data}\n\n".encode()


def compact_json(members: Mapping[str, Any]) -> str:
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"))
