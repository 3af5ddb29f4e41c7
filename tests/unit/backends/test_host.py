"""Ids of processes: a later process with the same pid is another one."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tusd_py.backends.sqlite.host import _started, is_gone, this_process


def test_this_process_is_not_gone() -> None:
    assert not is_gone(this_process())


def test_zombie_process_counts_as_gone() -> None:
    """A process that ended is gone before its parent has waited for it."""
    namespace, *_ = this_process().split(" ")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        name = f"{namespace} {process.pid} {_started(process.pid)}"
        assert not is_gone(name)
        process.kill()
        while _started(process.pid):
            pass  # the kernel is about to end it
        assert is_gone(name)


def test_a_process_that_got_the_pid_of_another_is_not_that_other() -> None:
    namespace, pid, _ = this_process().split(" ")
    assert is_gone(f"{namespace} {pid} 12345")


def test_nothing_is_certain_of_a_process_in_another_container() -> None:
    assert not is_gone("pid:[1] 999999999 12345")


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.EACCES, errno.EIO])
def test_a_process_lives_while_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """A process does not count as gone while its start time can't be read, for example for want of a file
    descriptor."""
    living, dead_process = this_process(), "{} {} 12345".format(*this_process().split(" "))
    monkeypatch.setattr(Path, "read_text", _failing(code))
    assert not is_gone(living)
    assert not is_gone(dead_process)
    assert not is_gone(this_process())


@pytest.mark.parametrize("code", [errno.ENOENT, errno.ESRCH])
def test_a_process_without_a_file_has_ended(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    namespace, *_ = this_process().split(" ")
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    monkeypatch.setattr(Path, "read_text", _failing(code))
    assert is_gone(f"{namespace} {process.pid} 12345")


@pytest.mark.parametrize("code", [None, errno.EPERM, errno.EACCES])
def test_a_hidden_process_is_not_gone(monkeypatch: pytest.MonkeyPatch, code: int | None) -> None:
    """A process whose files in /proc are hidden (hidepid, for processes of other users) does not count as gone."""
    living = this_process()
    monkeypatch.setattr(Path, "read_text", _failing(errno.ENOENT))
    if code is not None:
        monkeypatch.setattr(os, "kill", _failing(code))
    assert not is_gone(living)


def test_one_whose_start_could_not_be_read_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", _failing(errno.EMFILE))
        process = this_process()
    assert not is_gone(process)


def _failing(code: int) -> Callable[..., str]:
    def fail(*_: object) -> str:
        raise OSError(code, "")

    return fail
