"""The kept events that one listener is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tusd_py.domain.account import tenant_of
from tusd_py.domain.events import EventType
from tusd_py.domain.rights import Watcher
from tusd_py.ports.outbox import Outbox, StoredEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A choice of events; None chooses all."""

    watcher: Watcher
    types: frozenset[str] | None = None
    owner: str | None = None

    def includes(self, event: StoredEvent) -> bool:
        """Return True if the event is chosen, and its listener may be told of it."""
        if self.types is not None and event.type not in self.types:
            return False
        if self.watcher.sees_all and self.owner is None:
            return True  # no owner is looked for: an event may be megabytes of JSON
        owner, tenant = _owner(event)
        return self.watcher.sees(owner, tenant) and self.owner in {None, owner}


def _owner(event: StoredEvent) -> tuple[str | None, str | None]:
    """Return the owner of the event's upload or job, and the tenant of that."""
    document = json.loads(event.document)
    if event.type is EventType.JOB:
        return document["job"]["owner"], document["job"]["tenant"]
    upload = document["upload"]
    owner = upload["owner"]
    return owner, tenant_of(upload.get("account"), owner)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The next events."""

    events: Sequence[StoredEvent]
    """The chosen ones, in order."""
    read_to: int
    """The number of the last event that was read, chosen or not."""
    full: bool
    """True if there may be more of them now."""


async def read_page(outbox: Outbox, choice: Choice, since: int, limit: int) -> Page:
    """Return the chosen ones of up to `limit` events after the number `since`. Raises StateUnavailable."""
    events = await outbox.events(since, limit)
    return Page(
        events=[event for event in events if choice.includes(event)],
        read_to=events[-1].seq if events else since,
        full=len(events) == limit,
    )
