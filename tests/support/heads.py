"""Request heads with arbitrary header fields, as hypothesis draws them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st
from multidict import CIMultiDict

from tusd_py.protocol.wire import RequestHead


def any_head(
    names: Sequence[str], values: st.SearchStrategy[str], usual: Mapping[str, str]
) -> st.SearchStrategy[RequestHead]:
    """Return a strategy for request heads: the method POST, HEAD, PATCH, DELETE, GET or PUT, on an upload or not; the
    fields `usual`, with any of the fields `names` in their place or in addition, with values of `values`; any
    Content-Length or none."""
    return st.builds(
        RequestHead,
        method=st.sampled_from(["POST", "HEAD", "PATCH", "DELETE", "GET", "PUT"]),
        on_upload=st.booleans(),
        headers=st.dictionaries(st.sampled_from(names), values).map(lambda fields: CIMultiDict({**usual, **fields})),
        content_length=st.none() | st.integers(min_value=0),
    )
