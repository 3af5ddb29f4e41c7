"""The output of commands about events: as lines for people or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tusd_py.cli.output import date, printable
from tusd_py.ports.outbox import Delivery, DeliveryState


def line(delivery: Delivery) -> str:
    """Return the delivery as a line that needs no heading; the event's id shows its type, or the phase in which its job
    ended."""
    words = [f"{delivery.seq:>6}", date(delivery.at), delivery.event_id, delivery.sink, f"{delivery.state:<9}"]
    if delivery.attempts:
        words.append(f"failed {delivery.attempts}x: {printable(delivery.error or '')}")
    if due := _due(delivery):
        words.append(f"due {due}")
    return "  ".join(map(str, words)).rstrip()


def line_as_json(delivery: Delivery) -> str:
    return json.dumps(_delivery(delivery))


def event_as_json(deliveries: Sequence[Delivery], indent: int | None) -> str:
    """Return an event as JSON, with `deliveries`: at least one, and none of another event. Times are UTC dates, but
    in the event's stored `document` seconds since the epoch."""
    first = deliveries[0]
    event = {
        "id": first.event_id,
        "seq": first.seq,
        "upload": first.upload_id,
        "type": first.type,
        "at": date(first.at),
        "document": json.loads(first.document),
        "deliveries": [_delivery(delivery) for delivery in deliveries],
    }
    return json.dumps(event, indent=indent)


def _delivery(delivery: Delivery) -> Mapping[str, Any]:
    return {
        "id": delivery.event_id,
        "seq": delivery.seq,
        "upload": delivery.upload_id,
        "type": delivery.type,
        "at": date(delivery.at),
        "sink": delivery.sink,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "due": _due(delivery),
        "error": delivery.error,
    }


def _due(delivery: Delivery) -> str | None:
    return date(delivery.due_at) if delivery.state is DeliveryState.PENDING else None
