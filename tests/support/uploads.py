"""Uploads to test with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tusd_py.domain.digest import WholeDigest
from tusd_py.domain.direct import DirectMode, DirectTransfer
from tusd_py.domain.phase import Phase
from tusd_py.domain.trace import Trace
from tusd_py.domain.upload import Kind, Times, Upload
from tusd_py.domain.upload_id import UploadId

ids = st.integers(0, 2**128 - 1).map(lambda number: UploadId(f"{number:032x}"))
times = st.floats(0, 2**40, allow_nan=False)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
json_objects = st.dictionaries(st.text(max_size=10), json_values, max_size=4)
metadata = st.dictionaries(st.text("abcdefghij-_", min_size=1, max_size=8), st.binary(max_size=40), max_size=4)

uploads = st.builds(
    Upload,
    id=ids,
    kind=st.sampled_from(Kind),
    phase=st.sampled_from(Phase),
    length=st.none() | st.integers(0, 2**50),
    offset=st.integers(0, 2**50),
    metadata=metadata,
    partials=st.lists(ids, max_size=3).map(tuple),
    max_length=st.none() | st.integers(0, 2**60),
    types=st.lists(st.text(max_size=20), max_size=3).map(tuple),
    owner=st.none() | st.text(max_size=20),
    trace=st.none() | st.builds(Trace, parent=st.text(max_size=55), state=st.text(max_size=9)),
    explicit_completion=st.booleans(),
    direct=st.none()
    | st.builds(
        DirectTransfer,
        mode=st.sampled_from(DirectMode),
        presigned_until=st.none() | times,
        parts_check_at=st.none() | times,
    ),
    troubled_at=st.none() | times,
    cursor=json_objects,
    etag=st.none() | st.text(max_size=20),
    digest=st.none()
    | st.builds(WholeDigest, algorithm=st.sampled_from(("sha256", "sha512")), value=st.none() | st.text(max_size=20)),
    times=st.builds(Times, created_at=times, updated_at=times, expires_at=st.none() | times),
    revision=st.integers(0, 2**40),
)


def upload(number: int = 1, **changes: Any) -> Upload:
    """Return an open upload of 10 bytes, none of them received, whose id is `number` in hex, with these changes."""
    planned = Upload(id=UploadId(f"{number:032x}"), length=10, times=Times.at_creation(1.0))
    return changed(planned, **changes)


def changed(before: Upload, **changes: Any) -> Upload:
    """A copy of the upload with other values; those of `times` (as `created_at`) are given by their own names."""
    moved = {name: changes.pop(name) for name in ("created_at", "updated_at", "expires_at") if name in changes}
    return replace(before, times=replace(before.times, **moved), **changes)
