"""Uploads to test with."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tusd_py.domain.upload import Direct, Kind, Phase, Upload, UploadId

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
    direct=st.none() | st.sampled_from(Direct),
    troubled_at=st.none() | times,
    presigned_until=st.none() | times,
    parts_check_at=st.none() | times,
    cursor=json_objects,
    etag=st.none() | st.text(max_size=20),
    created_at=times,
    updated_at=times,
    expires_at=st.none() | times,
    revision=st.integers(0, 2**40),
)


def upload(number: int = 1, **changes: Any) -> Upload:
    """An open upload of 10 bytes whose id is `number`."""
    values: dict[str, Any] = {"id": UploadId(f"{number:032x}"), "length": 10, "created_at": 1.0, "updated_at": 1.0}
    return Upload(**values | changes)
