"""An installation: the state and the storage that belong together. Both have its id before the first upload."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tusd_py.domain.errors import StorageUnavailable, WrongPair
from tusd_py.domain.upload import Installation, label, parse_upload_id
from tusd_py.engine.engine import Engine

_HOLD = 7 * 86400.0
"""Seconds in which nothing is collected as garbage after an empty state was put beside a storage: what the lost one
knew looks like garbage until `repair` has made records of it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What state and storage said at one time."""

    known: Installation | None
    """The state's."""
    found: str | None
    """The storage's id."""
    empty: bool
    """The state remembers no upload."""


async def pair(engine: Engine) -> Installation:
    """The installation of both, which they have from now on. Raises WrongPair, Unavailable.

    Safe to repeat after any failure, and at the same time on several nodes: the state decides, as it is written first.
    """
    seen = await look(engine)
    wanted = judge(engine, seen)
    installed = await engine.state.install(wanted) if seen.known is None else seen.known
    if installed != wanted:
        return await pair(engine)  # another node was first
    if seen.found is None:
        await engine.storage.install(installed.id)
    if not installed.stored:
        installed = replace(installed, stored=True)
        await engine.state.reinstall(installed)
    return installed


async def look(engine: Engine) -> Seen:
    """Raises StateUnavailable, StorageUnavailable."""
    known = await engine.state.installation()
    while True:
        found, empty = await _found(engine), not await engine.state.list(None, 1)
        seen = Seen(known=known, found=found, empty=empty)
        known = await engine.state.installation()
        if known == seen.known:  # else another node starts, and what was read in between fits neither
            return seen


async def _found(engine: Engine) -> str | None:
    found = await engine.storage.installation()
    if found is not None and parse_upload_id(found) is None:
        raise StorageUnavailable(f"what says which installation {engine.storage.name} belongs to is not an id")
    return found


def judge(engine: Engine, seen: Seen) -> Installation:
    """What both are from now on. Raises WrongPair."""
    match seen.known, seen.found:
        case None, None:
            return Installation(id=engine.new_id())
        case None, str(found) if seen.empty:
            return Installation(id=found, stored=True, adopted_at=engine.clock())
        case Installation() as known, found if found == known.id:
            return known
        case Installation() as known, None if seen.empty or not known.stored:
            return known
    raise WrongPair(_complaint(engine, seen))


def _complaint(engine: Engine, seen: Seen) -> str:
    known = f"installation {seen.known.label}" if seen.known else "no installation, but has uploads"
    found = f"installation {label(seen.found)}" if seen.found else "none"
    return (
        f"state and storage don't belong together: {engine.state.name} is of {known}, "
        f"{engine.storage.name} of {found}. "
        "Set the storage that this state belongs to, or another state (in a shared Redis: another redis-prefix). "
        "If these two do belong together, say so with tusd-py repair --pair"
    )


async def pair_by_hand(engine: Engine) -> Installation:
    """Both are of one installation from now on, as an operator says. Raises Unavailable."""
    seen = await look(engine)
    found = seen.found or (seen.known.id if seen.known else engine.new_id())
    installed = Installation(id=found, stored=True, adopted_at=engine.clock())
    await engine.storage.install(found)
    await engine.state.reinstall(installed)
    return installed


async def held_until(engine: Engine) -> float | None:
    """Until when nothing may be collected as garbage, in seconds since the epoch; None if that time has passed.

    Raises StateUnavailable.
    """
    installed = await engine.state.installation()
    if installed is None or installed.adopted_at is None:
        return None
    until = installed.adopted_at + _HOLD
    return until if engine.clock() < until else None


async def release(engine: Engine) -> None:
    """Let garbage be collected: everything in the storage has a record again, where it could have one."""
    installed = await engine.state.installation()
    if installed is not None and installed.adopted_at is not None:
        await engine.state.reinstall(replace(installed, adopted_at=None))


async def renew(engine: Engine) -> None:
    """Write the storage's id anew, before a lifecycle rule takes it for something left behind."""
    installed = await engine.state.installation()
    if installed is not None and await engine.storage.installation() in {None, installed.id}:
        await engine.storage.install(installed.id)
