"""The messages of Uppy's Companion on a WebSocket (@uppy/companion 6, src/server/socket.ts), about one upload.

The server's messages are `progress`, `success` and `error`; a client's are `pause`, `resume` and `cancel`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any

from tusd_py.domain.refusals import Malformed
from tusd_py.domain.snapshot import Snapshot
from tusd_py.protocol.companion import read_json
from tusd_py.protocol.live_events import LiveEvent

_ENDS = {
    "terminated": "the upload was terminated",
    "expired": "the upload has expired",
    "lost": "bytes of the upload are lost: start it again",
    "infected": "the upload's content is malicious; it was removed",
    "unscanned": "the upload's content can't be scanned; it was removed",
}

Message = Mapping[str, Any]


class Action(enum.StrEnum):
    """The actions on an upload that a client can ask for in a message on the upload's WebSocket."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


def read_action(text: str) -> Action:
    """Return the action that a client's message asks for. Raises Malformed."""
    try:
        return Action(str(read_json(text.encode("utf-8", "replace")).get("action")))
    except ValueError:
        raise Malformed("the actions are pause, resume and cancel") from None


def messages(events: Sequence[LiveEvent], snapshot: Snapshot, endpoint: str, now: float) -> Sequence[Message]:
    """Return one message or none for `events`, which `Teller.tell` returned for `snapshot`: at the end `error` if
    the upload is gone, or else `success`; before, `progress` if the upload isn't gone and its state or offset is news.
    `endpoint` is the creation endpoint's URL; `now` is in seconds since the epoch.
    """
    types = {event.type for event in events}
    if "end" in types:
        return [_failure(snapshot) if snapshot.is_gone else _success(snapshot, endpoint)]
    is_news = not types.isdisjoint({"state", "progress"}) and not snapshot.is_gone
    return [_progress(snapshot, now)] if is_news else []


def _failure(snapshot: Snapshot) -> Message:
    code = snapshot.end or ""
    return error(code, _ENDS.get(code, ""))


def error(code: str, message: str) -> Message:
    """Return the `error` message about a refused action, or about an upload that is gone."""
    return {"action": "error", "payload": {"error": {"code": code, "message": message}}}


def _progress(snapshot: Snapshot, now: float) -> Message:
    upload = snapshot.upload
    payload = {
        "progress": _percentage(upload.offset, upload.length),
        "bytesUploaded": upload.offset,
        "bytesTotal": upload.length,
        "revision": upload.revision,
        "phase": upload.phase,
        "paused": upload.paused(now),
    }
    return {"action": "progress", "payload": payload}


def _percentage(offset: int, length: int | None) -> str:
    """Return the percentage of the length that the offset is, with two decimals: `100.00` for an empty upload, `0.00`
    while the length is unknown."""
    if length is None:
        return "0.00"
    return f"{100 * offset / length:.2f}" if length else "100.00"


def _success(snapshot: Snapshot, endpoint: str) -> Message:
    upload = snapshot.upload
    payload = {
        "complete": True,
        "url": f"{endpoint}{upload.url_name}",
        "bytesUploaded": upload.offset,
        "bytesTotal": upload.length,
        "revision": upload.revision,
    }
    return {"action": "success", "payload": payload}
