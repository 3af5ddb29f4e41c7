"""The settings of jobs: the values that they accept, and a ConfigurationError of one line for those that can't work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tusd_py.config import LocalDirectory, S3Bucket, Settings, load_settings
from tusd_py.config.addresses import TcpAddress, UnixAddress
from tusd_py.domain.errors import ConfigurationError

CLAMD = "tcp:127.0.0.1:3310"
WRONG: Mapping[str, Sequence[object]] = {
    "clamd": ["127.0.0.1:3310", "tcp:localhost", "tcp:h:99999", "http://h/", "unix:", "tcp:unix:/a"],
    "scan_unscanned": ["maybe"],
    "jobs_on_finish": ["thumbnail", "command:", "command:a/b", "copy", "export", "scan checksum"],
    "jobs_copy_to": ["/srv/copies", "s3:bucket", "ftp://h/"],
    "jobs_concurrency": ["0"],
    "jobs_attempts": ["0"],
    "jobs_timeout": ["0"],
    "unzip_max_members": ["0", "x"],
    "unzip_max_size": ["x"],
}


def load(**flags: Any) -> Settings:
    return load_settings(flags, None, {})


def complaint(**flags: Any) -> str:
    with pytest.raises(ConfigurationError) as raised:
        load(**flags)
    text = str(raised.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_value_is_told_in_one_line(name: str, value: object) -> None:
    assert name.replace("_", "-") in complaint(**{name: value})


def test_a_scan_needs_a_scanner() -> None:
    assert "clamd" in complaint(jobs_on_finish="checksum,scan")
    assert "clamd" in complaint(scan_before_finish="on")
    assert load(jobs_on_finish="scan", scan_before_finish="on", clamd=CLAMD).has_jobs


def test_a_command_must_be_there(tmp_path: Path) -> None:
    assert "jobs-dir" in complaint(jobs_on_finish="command:thumb")
    assert "a folder that is there" in complaint(jobs_dir=str(tmp_path / "none"))
    (tmp_path / "thumb").write_text("")
    assert "thumb" in complaint(jobs_on_finish="command:thumb", jobs_dir=str(tmp_path))
    (tmp_path / "thumb").chmod(0o755)
    settings = load(jobs_on_finish="command:thumb,unzip,unzip", jobs_dir=str(tmp_path))
    assert settings.jobs_on_finish == ("command:thumb", "unzip")


@pytest.mark.parametrize(
    ("storage", "copies"),
    [
        ("s3://bucket/a", "s3://bucket/a"),
        ("s3://bucket/a", "s3://bucket"),
        ("s3://bucket/a", "s3://bucket/a/b"),
        ("s3://bucket", "s3://other,s3://more"),
        ("s3://bucket/a", "s3://more/a/b"),
        ("file:X", "file:X/"),
        ("file:X/data", "file:X"),
        ("file:X", "file:X/copies"),
        ("file:X/data", "file:X/link/copies"),
        ("file:X/link", "file:X/data"),
    ],
)
def test_copies_reach_no_uploads(tmp_path: Path, storage: str, copies: str) -> None:
    """A place in `jobs-copy-to` is refused if it is, or lies above or below, a place of uploads (by `storage` or
    `hooks-buckets`), also through a symbolic link: a copy under an upload's key would replace the object."""
    (tmp_path / "link").symlink_to(tmp_path / "data")
    places = {"storage": storage.replace("X", str(tmp_path)), "jobs_copy_to": copies.replace("X", str(tmp_path))}
    buckets = {"hooks_buckets": "more"} if storage.startswith("s3:") else {}
    assert "neither above nor below" in complaint(state="memory:", **places, **buckets)


def test_copies_dont_replace_the_state(tmp_path: Path) -> None:
    state = f"sqlite:{tmp_path}/copies/state.db"
    assert "file of state" in complaint(state=state, jobs_copy_to=f"file:{tmp_path}/copies")


def test_copies_go_next_to_uploads(tmp_path: Path) -> None:
    load(storage=f"file:{tmp_path}/data", jobs_copy_to=f"file:{tmp_path}/data2", state=f"sqlite:{tmp_path}/state.db")
    load(storage="s3://bucket/a", jobs_copy_to="s3://bucket/ab,s3://bucket/b,s3://other", hooks_buckets="more")
    places = load(jobs_copy_to="s3://bucket/b,file:/srv/copies").jobs_copy_to
    assert places == (S3Bucket("bucket", "b/"), LocalDirectory(Path("/srv/copies")))


def test_addresses_of_clamd() -> None:
    assert load(clamd=CLAMD).clamd == TcpAddress("127.0.0.1", 3310)
    assert load(clamd="unix:/run/clamd.sock").clamd == UnixAddress(Path("/run/clamd.sock"))
    assert load(clamd="none").clamd is None


def test_scanner_limit_needs_refusal_of_unscanned() -> None:
    assert load(clamd=CLAMD).largest_scanned is None
    assert load(clamd=CLAMD, scan_before_finish="on").largest_scanned == 100_000_000
    assert load(clamd=CLAMD, scan_before_finish="on", scan_unscanned="accept").largest_scanned is None
