"""The guard that allows no work on uploads before state and storage are known to belong together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from inspect import iscoroutinefunction
from typing import Any, cast

from tusd_py.domain.checkpoint import Entry
from tusd_py.domain.errors import ConfigurationError, StorageUnavailable, Unavailable
from tusd_py.domain.events import Event
from tusd_py.domain.installation import Installation
from tusd_py.domain.principal import Grant, Quota
from tusd_py.domain.space import Space
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.domain.usage import Usage
from tusd_py.engine.engine import Engine
from tusd_py.engine.installation import grace_period_end, pair
from tusd_py.ports.jobs import JobStore
from tusd_py.ports.outbox import Outbox, Subscription
from tusd_py.ports.state import Numbered, StateStore, Unfinished

_PATIENCE = 5.0
"""The most seconds that a caller waits for the pairing, which continues in the background."""


_UNGUARDED = ("backlogs",)
"""The asynchronous methods of the outbox that don't wait for the pairing, as they only count."""


class PairedState:
    """The state of `engine`, usable once it is known to belong to the engine's storage. Until then every method except
    `ping`, `space`, `unfinished` and `aclose` tries to pair the two first, and raises ConfigurationError (mostly
    WrongPair) or Unavailable if that fails.

    All work on an upload begins with its record, so that all of it waits for the pairing. The asynchronous methods of
    `outbox` and `jobs`, except the outbox's `backlogs`, pair first in the same way. `aclose` ends an attempt to pair
    that still runs; the owner of the state closes the state.
    """

    def __init__(self, engine: Engine, subscriptions: Sequence[Subscription] | None = None) -> None:
        """Take the engine. `subscriptions` are registered before any upload is served, so that no event is missed; None
        leaves those that are registered."""
        self._engine, self._state, self._subscriptions = engine, engine.state, subscriptions
        self._paired = False
        self._attempt: asyncio.Task[Exception | None] | None = None

    @property
    def name(self) -> str:
        return self._state.name

    @cached_property
    def outbox(self) -> Outbox | None:
        outbox = self._state.outbox
        return None if outbox is None else cast("Outbox", _Guarded(outbox, self._paired_state))

    @cached_property
    def jobs(self) -> JobStore:
        return cast("JobStore", _Guarded(self._state.jobs, self._paired_state))

    async def create(
        self,
        upload: Upload,
        entries: Sequence[Entry] = (),
        events: Sequence[Event] = (),
        *,
        quota: Quota | None = None,
        grant: Grant | None = None,
    ) -> Upload:
        return await (await self._paired_state()).create(upload, entries, events, quota=quota, grant=grant)

    async def load(self, upload_id: UploadId) -> Upload | None:
        return await (await self._paired_state()).load(upload_id)

    async def resolve(self, name: str) -> UploadId | None:
        return await (await self._paired_state()).resolve(name)

    async def save(
        self,
        upload: Upload,
        added: Sequence[Entry] = (),
        events: Sequence[Event] = (),
        *,
        quota: Quota | None = None,
        refund: Grant | None = None,
    ) -> Upload:
        return await (await self._paired_state()).save(upload, added, events, quota=quota, refund=refund)

    async def rewind(self, upload: Upload, entries: Sequence[Entry], events: Sequence[Event] = ()) -> Upload:
        return await (await self._paired_state()).rewind(upload, entries, events)

    async def entries(self, upload_id: UploadId) -> Sequence[Entry]:
        return await (await self._paired_state()).entries(upload_id)

    async def delete(self, upload: Upload) -> None:
        await (await self._paired_state()).delete(upload)

    async def numbered(self, upload_id: UploadId) -> Numbered | None:
        return await (await self._paired_state()).numbered(upload_id)

    async def changed(self, since: int, limit: int) -> Sequence[Numbered]:
        return await (await self._paired_state()).changed(since, limit)

    async def due(self, now: float, limit: int) -> Sequence[UploadId]:
        return await (await self._paired_state()).due(now, limit)

    async def list(self, after: UploadId | None, limit: int) -> Sequence[Upload]:
        return await (await self._paired_state()).list(after, limit)

    async def installation(self) -> Installation | None:
        return await (await self._paired_state()).installation()

    async def install(self, installation: Installation) -> Installation:
        return await (await self._paired_state()).install(installation)

    async def reinstall(self, installation: Installation) -> None:
        await (await self._paired_state()).reinstall(installation)

    async def ping(self) -> None:
        await self._state.ping()

    async def space(self) -> Space | None:
        return await self._state.space()

    async def unfinished(self) -> Unfinished:
        return await self._state.unfinished()

    async def usage(self, account: str) -> Usage:
        return await (await self._paired_state()).usage(account)

    async def usages(self, after: str | None, limit: int) -> Sequence[Usage]:
        return await (await self._paired_state()).usages(after, limit)

    async def recount(self) -> int:
        return await (await self._paired_state()).recount()

    async def aclose(self) -> None:
        if self._attempt is not None:
            self._attempt.cancel()
            await asyncio.wait((self._attempt,))

    async def _paired_state(self) -> StateStore:
        if not self._paired:
            await self._join()
        return self._state

    async def _join(self) -> None:
        """Wait until the current attempt to pair has ended; if there is none, start one first. Raises the attempt's
        error, or StorageUnavailable if the attempt hasn't ended after `_PATIENCE` (5) seconds."""
        if self._attempt is None or self._attempt.done():
            self._attempt = asyncio.create_task(self._try(), name="pairing")
        attempt = self._attempt
        await asyncio.wait((attempt,), timeout=_PATIENCE)
        error = attempt.result() if attempt.done() else StorageUnavailable("no answer about the installation yet")
        if error is not None:
            raise error

    async def _try(self) -> Exception | None:
        try:
            await pair(self._engine)
            await self._subscribe()
            await self._warn()
        except (ConfigurationError, Unavailable) as error:
            return error
        self._paired = True
        return None

    async def _subscribe(self) -> None:
        if self._subscriptions is not None and self._state.outbox is not None:
            await self._state.outbox.register(self._subscriptions)

    async def _warn(self) -> None:
        if await grace_period_end(self._engine) is not None:
            self._engine.observer.trouble(
                "installation adopted",
                state=self._engine.state.name,
                storage=self._engine.storage.name,
                reason="the state was empty, the storage was not: no leftover is removed before a week has passed, or "
                "tusd-py repair --apply has run",
            )


class _Guarded:
    """The outbox or the job store of the state, with the same methods. Each asynchronous method except `backlogs` first
    makes sure that state and storage belong together, or raises: no event is sent, and no job begun, for another
    installation."""

    def __init__(self, part: object, pair: Callable[[], Awaitable[object]]) -> None:
        self._part, self._pair = part, pair

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._part, name)
        if name in _UNGUARDED or not iscoroutinefunction(method):
            return method

        async def paired(*args: Any, **kwargs: Any) -> Any:
            await self._pair()
            return await method(*args, **kwargs)

        return paired
