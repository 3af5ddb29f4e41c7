from __future__ import annotations

import stat
from collections import namedtuple
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from tusd_py.disk.space import Ballast, disk_space
from tusd_py.domain.space import MIB, Space, reserve_of

Disk = namedtuple("Disk", "f_bavail f_blocks f_frsize")  # noqa: PYI024 (as os.statvfs gives it)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function, to be called with `free` and `size` (1 GiB by default), that makes each disk seem to have
    `size` bytes, of which `free` are free, both rounded down to blocks of 4096."""

    def put(*, free: int, size: int = 1024 * MIB) -> None:
        monkeypatch.setattr("tusd_py.disk.space.os.statvfs", lambda _: Disk(free // 4096, size // 4096, 4096))

    return put


def test_the_reserve_is_a_tenth_and_no_more_than_needed() -> None:
    assert (reserve_of(12_000_000), reserve_of(10**15)) == (1_200_000, 64 * MIB)


def test_a_disk_is_full_below_its_reserve(disk: Any, tmp_path: Path) -> None:
    disk(free=64 * MIB)
    assert not disk_space(tmp_path).full
    disk(free=64 * MIB - 4096)
    assert disk_space(tmp_path) == Space(free=64 * MIB - 4096, reserve=64 * MIB)
    assert disk_space(tmp_path).full


def test_a_disk_that_does_not_say_how_large_it_is_has_no_reserve(disk: Any, tmp_path: Path) -> None:
    disk(free=0, size=0)
    assert not disk_space(tmp_path).full


def test_a_ballast_takes_up_room_that_only_its_owner_reads(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "ballast")
    ballast.restore()
    status = (tmp_path / "ballast").stat()
    assert status.st_blocks * 512 >= ballast.size == status.st_size
    assert stat.S_IMODE(status.st_mode) == 0o600
    ballast.delete()
    assert not ballast.exists
    ballast.delete()


def test_one_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ballast").write_text("another process's")
    Ballast(tmp_path / "ballast").restore()
    assert (tmp_path / "ballast").read_text() == "another process's"


@pytest.mark.parametrize(("size", "ballast"), [(1024 * MIB, 4 * MIB), (12 * MIB, 12 * MIB // 40), (0, 4 * MIB)])
def test_two_take_half_of_a_small_disks_reserve(disk: Any, tmp_path: Path, size: int, ballast: int) -> None:
    disk(free=size, size=size)
    assert Ballast(tmp_path / "ballast").size == ballast


def test_none_is_made_where_there_is_no_room_for_two(disk: Any, tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "ballast")
    disk(free=8 * MIB - 4096)
    ballast.restore()
    assert not ballast.exists
    disk(free=8 * MIB)
    ballast.restore()
    assert ballast.exists


def test_one_that_cannot_be_written_to_its_end_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(FileIO):
        def write(self, _: object) -> int:
            raise OSError

    monkeypatch.setattr("tusd_py.disk.space.FileIO", Full)
    ballast = Ballast(tmp_path / "ballast")
    ballast.restore()
    assert not ballast.exists


def test_where_nothing_can_be_written_it_is_just_not_there(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "nowhere" / "ballast")
    ballast.restore()
    ballast.delete()
    assert not ballast.exists
