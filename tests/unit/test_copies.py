"""Jobs of kind copy: the keys that they take, and the permissions of their files."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast

import pytest

from tusd_py.domain.job_faults import BadJob
from tusd_py.jobs.kinds.copy import Copy
from tusd_py.jobs.targets.folder import FolderTarget

PLACES = ("s3://bucket", f"s3://bucket/{'p' * 512}", "file:/copies")


@pytest.mark.parametrize(("to", "longest"), [(PLACES[0], 900), (PLACES[1], 511), (PLACES[2], 900)])
def test_a_key_fits_into_s3_with_the_prefix_of_its_place(to: str, longest: int) -> None:
    """A key may have 900 bytes, or fewer if the prefix of its place in S3, a slash and the key would have more than the
    1,024 bytes that S3 takes; a longer key raises BadJob, as it would fail at each attempt."""
    copy = Copy(cast(Any, dict.fromkeys(PLACES)))
    assert copy.check({"to": to, "key": "x" * longest}) == {"to": to, "key": "x" * longest}
    with pytest.raises(BadJob):
        copy.check({"to": to, "key": "x" * (longest + 1)})


async def chunks() -> AsyncGenerator[bytes, None]:
    yield b"a"


async def test_a_copy_has_the_mode_of_the_setting(tmp_path: Path) -> None:
    """The umask takes no permission away from a copy."""
    umask = os.umask(0o077)
    try:
        await FolderTarget(tmp_path, mode=0o640).write("a/b", 1, {}, chunks())
    finally:
        os.umask(umask)
    assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o640
