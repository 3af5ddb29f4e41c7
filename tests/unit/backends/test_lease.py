"""A lease that is valid until a deadline on the clock of its holder's process; the start times of processes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.uploads import upload
from tusd_py.backends import lease
from tusd_py.backends.lease import TimedLease
from tusd_py.backends.sqlite import host
from tusd_py.backends.sqlite.locks import SqliteLocker
from tusd_py.domain.errors import Superseded

ID = upload().id


def test_lease_expires_at_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    timed_lease = TimedLease(ID, lambda: None)
    assert (timed_lease.valid, timed_lease.expired) == (False, False), "it was never given"
    timed_lease.extend(10.0)
    for now, valid in ((9.9, True), (10.0, False), (10.1, False)):
        monkeypatch.setattr(lease, "elapsed", lambda now=now: now)
        assert (timed_lease.valid, timed_lease.expired) == (valid, not valid)
    with pytest.raises(Superseded, match=f"^the lock on upload {ID} is no longer held$"):
        timed_lease.check()
    timed_lease.end()
    assert not timed_lease.expired, "its holder gave it back"


def stat(state: str, *, name: str = "x") -> str:
    return f"1 ({name}) {state} " + " ".join(map(str, range(4, 53)))


@pytest.mark.parametrize("state", ["Z", "X"])
def test_a_dead_process_has_not_started(monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    monkeypatch.setattr(host, "_read", lambda _: stat(state))
    assert host._started(1) == ""


@pytest.mark.parametrize("name", ["x", "a) Z (b", ") ) "])
def test_a_process_has_started_whatever_its_name(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(host, "_read", lambda _: stat("S", name=name))
    assert host._started(1) == "22"


def test_what_cannot_be_read_is_empty() -> None:
    assert host._read(f"/proc/{os.getpid()}/no-such-file") == ""


async def test_own_deadline_precedes_shared_one(tmp_path: Path) -> None:
    """A lease that processes share ends for its holder a tenth of its TTL before it ends for the others."""
    locker = SqliteLocker(tmp_path / "leases.db", 10.0)
    assert locker._deadline(100.0) == 109.0
    await locker.aclose()
