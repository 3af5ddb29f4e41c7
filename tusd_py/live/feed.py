"""The feed of one listener: the kept events that it chose and may be told of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tusd_py.domain.events import EventType
from tusd_py.domain.principal import tenant_of
from tusd_py.domain.rights import Watcher
from tusd_py.ports.outbox import Outbox, StoredEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The choice of events of one listener: those of `types`, about uploads and jobs of `owner`, that `watcher` has the
    right to see. With `types` None, events of all types; with `owner` None, those of all owners and of none."""

    watcher: Watcher
    types: frozenset[str] | None = None
    owner: str | None = None

    def includes(self, event: StoredEvent) -> bool:
        """Return True if the event is chosen, and the listener may be told of it."""
        if self.types is not None and event.type not in self.types:
            return False
        if self.watcher.sees_all and self.owner is None:
            return True  # no owner is looked for: an event may be megabytes of JSON
        owner, tenant = _owner(event)
        return self.watcher.sees(owner, tenant) and self.owner in {None, owner}


def _owner(event: StoredEvent) -> tuple[str | None, str | None]:
    """Return the owner of the event's upload or job, and the owner's tenant; each None if there is none."""
    document = json.loads(event.document)
    if event.type is EventType.JOB:
        return document["job"]["owner"], document["job"]["tenant"]
    upload = document["upload"]
    return upload["owner"], tenant_of(upload.get("account"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The outcome of one read of the outbox."""

    events: Sequence[StoredEvent]
    """The chosen events, in order."""
    read_to: int
    """The number of the last event that was read, chosen or not; if none was read, the number `since` after which
    events were asked for."""
    full: bool
    """True if there may be more events to read now."""


async def read_page(outbox: Outbox, choice: Choice, since: int, limit: int, size: int) -> Page:
    """Read up to `limit` events with numbers above `since`, fewer once their documents have `size` characters
    together; return those that `choice` includes. Raises StateUnavailable."""
    events = await outbox.events(since, limit, size)
    return Page(
        events=[event for event in events if choice.includes(event)],
        read_to=events[-1].seq if events else since,
        full=len(events) == limit or sum(len(event.document) for event in events) >= size,
    )
