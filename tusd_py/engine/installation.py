"""An installation: the state and the storage that belong together. Both have its id before the first upload."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tusd_py.domain.errors import StorageUnavailable, WrongPair
from tusd_py.domain.installation import Installation, label
from tusd_py.domain.upload_id import parse_upload_id
from tusd_py.engine.engine import Engine

_GRACE_PERIOD = 7 * 86400.0
"""Seconds in which garbage collection removes nothing after an empty state adopted a storage, or an operator forced a
pair: until `repair` rebuilds the records that the lost state had, what their uploads need looks like orphans."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The installations that state and storage have, as read at one time."""

    installation: Installation | None
    """The state's installation."""
    storage_id: str | None
    """The id of the storage's installation; None if the storage holds none."""
    state_empty: bool
    """True if the state has no upload."""


async def pair(engine: Engine) -> Installation:
    """Give state and storage the same installation, and return it. Raises WrongPair, Unavailable.

    Safe to repeat after any failure, and to run on several nodes at once: the state is written first, and decides.
    """
    snapshot = await take_snapshot(engine)
    agreed = reconcile(engine, snapshot)
    installed = await engine.state.install(agreed) if snapshot.installation is None else snapshot.installation
    if installed != agreed:
        return await pair(engine)  # another node was first
    if snapshot.storage_id is None:
        await engine.storage.install(installed.id)
    if not installed.stored:
        installed = replace(installed, stored=True)
        await engine.state.reinstall(installed)
    return installed


async def take_snapshot(engine: Engine) -> Snapshot:
    """Return a snapshot of the installations that state and storage have now; it also tells if the state has an upload.
    Raises WrongPair, StateUnavailable, StorageUnavailable.
    """
    installation = await engine.state.installation()
    while True:
        storage_id, state_empty = await _storage_id(engine), not await engine.state.list(None, 1)
        snapshot = Snapshot(installation=installation, storage_id=storage_id, state_empty=state_empty)
        installation = await engine.state.installation()
        if installation == snapshot.installation:  # else another node starts, and the reads in between fit neither
            return snapshot


async def _storage_id(engine: Engine) -> str | None:
    storage_id = await engine.storage.installation()
    if storage_id is not None and parse_upload_id(storage_id) is None:
        raise StorageUnavailable(f"the installation id stored in {engine.storage.name} is malformed")
    return storage_id


def reconcile(engine: Engine, snapshot: Snapshot) -> Installation:
    """Return the installation that the state and the storage must have, given what both have now, `snapshot`.
    Raises WrongPair if they don't belong together: their ids differ; or the state has uploads, and either
    only the storage has an id, or only the state has, and that id was once written to a storage.
    """
    match snapshot.installation, snapshot.storage_id:
        case None, None:
            return Installation(id=engine.new_id())
        case None, str(storage_id) if snapshot.state_empty:
            return Installation(id=storage_id, stored=True, adopted_at=engine.clock())
        case Installation() as installation, storage_id if storage_id == installation.id:
            return installation
        case Installation() as installation, None if snapshot.state_empty or not installation.stored:
            return installation
    raise WrongPair(_mismatch(engine, snapshot))


def _mismatch(engine: Engine, snapshot: Snapshot) -> str:
    state_side = (
        f"installation {snapshot.installation.label}" if snapshot.installation else "no installation, but has uploads"
    )
    storage_side = f"installation {label(snapshot.storage_id)}" if snapshot.storage_id else "none"
    return (
        f"state and storage don't belong together: {engine.state.name} is of {state_side}, "
        f"{engine.storage.name} of {storage_side}. "
        "Set the storage that this state belongs to, or another state (in a shared Redis: another redis-prefix). "
        "If these two do belong together, say so with tusd-py repair --pair"
    )


async def force_pair(engine: Engine) -> Installation:
    """Make state and storage one installation, as an operator demands, and return it: that of the storage, else of the
    state, else a new one. The grace period begins, in which garbage collection removes nothing. Raises Unavailable."""
    snapshot = await take_snapshot(engine)
    installation_id = snapshot.storage_id or (snapshot.installation.id if snapshot.installation else engine.new_id())
    installed = Installation(id=installation_id, stored=True, adopted_at=engine.clock())
    await engine.storage.install(installation_id)
    await engine.state.reinstall(installed)
    return installed


async def grace_period_end(engine: Engine) -> float | None:
    """Return the time, in seconds since the epoch, before which garbage collection removes nothing; None if there is no
    grace period, or if it has passed.

    Raises StateUnavailable.
    """
    installed = await engine.state.installation()
    if installed is None or installed.adopted_at is None:
        return None
    until = installed.adopted_at + _GRACE_PERIOD
    return until if engine.clock() < until else None


async def end_grace_period(engine: Engine) -> None:
    """End the grace period, so that garbage collection removes leftovers again. The caller has made sure that each
    upload in the storage that can have a record has one. Raises StateUnavailable."""
    installed = await engine.state.installation()
    if installed is not None and installed.adopted_at is not None:
        await engine.state.reinstall(replace(installed, adopted_at=None))


async def renew(engine: Engine) -> None:
    """Write the id of the state's installation to the storage again, so that no lifecycle rule removes it as an old
    object; do nothing if the state has none, or the storage has another id. Raises Unavailable."""
    installed = await engine.state.installation()
    if installed is not None and await engine.storage.installation() in {None, installed.id}:
        await engine.storage.install(installed.id)
