"""A state store for tests that run the engine: it lets an upload's phase change only as `lifecycle.FOLLOWING` says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tusd_py.domain.checkpoint import Entry
from tusd_py.domain.events import Event
from tusd_py.domain.lifecycle import FOLLOWING
from tusd_py.domain.phase import ALIVE, Phase
from tusd_py.domain.upload import Upload
from tusd_py.ports.state import StateStore


class CheckedState:
    """A state store that does as `store`, but raises AssertionError for an upload that is created as terminating or
    gone, is saved in a phase that can't follow the recorded one, or is deleted before it is terminating. Tests that
    need such a record write it to `store` directly."""

    def __init__(self, store: StateStore, stored: StateStore | None = None) -> None:
        """Wrap `store`. The recorded phase is read from `stored`; by default from `store`, which then must not fail or
        count calls on purpose."""
        self._store, self._stored = store, stored or store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def create(self, upload: Upload, *args: Any, **kwargs: Any) -> Upload:
        if upload.phase not in ALIVE:
            raise AssertionError(f"upload {upload.id} is created as {upload.phase}")
        return await self._store.create(upload, *args, **kwargs)

    async def save(self, upload: Upload, *args: Any, **kwargs: Any) -> Upload:
        await self._check(upload)
        return await self._store.save(upload, *args, **kwargs)

    async def rewind(self, upload: Upload, entries: Sequence[Entry], events: Sequence[Event] = ()) -> Upload:
        await self._check(upload)
        return await self._store.rewind(upload, entries, events)

    async def delete(self, upload: Upload) -> None:
        stored = await self._stored.load(upload.id)
        if stored is not None and stored.phase not in {Phase.TERMINATING, Phase.GONE}:
            raise AssertionError(f"the record of upload {upload.id} is deleted while the upload is {stored.phase}")
        await self._store.delete(upload)

    async def _check(self, upload: Upload) -> None:
        """Raise AssertionError if the upload's phase can't follow the recorded one. An upload without a record, or of
        another revision, passes, as the store refuses it."""
        stored = await self._stored.load(upload.id)
        if stored is None or stored.revision != upload.revision:
            return
        if upload.phase not in FOLLOWING[stored.phase] | {stored.phase}:
            raise AssertionError(f"upload {upload.id} is saved as {upload.phase} after {stored.phase}")
