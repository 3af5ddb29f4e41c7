"""Examples of uploads and bodies for the tests of `tusd_py.domain.rules`."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from tests.support.uploads import changed
from tusd_py.domain.intents import Body
from tusd_py.domain.phase import Phase
from tusd_py.domain.upload import Kind, Times, Upload
from tusd_py.domain.upload_id import UploadId

ID = UploadId("0123456789abcdef0123456789abcdef")
OTHER_ID = UploadId("f" * 32)
NOW = 1_000_000.0
OPEN = Upload(id=ID, length=10, offset=4, times=Times.at_creation(0.0))
DEFERRED = replace(OPEN, length=None)
DONE = replace(OPEN, offset=10, phase=Phase.DONE)
PARTIAL = replace(DONE, kind=Kind.PARTIAL)
FINAL = replace(DONE, kind=Kind.FINAL)
EXPIRED = changed(OPEN, expires_at=NOW)
CHUNKED = Body(length=None)
EMPTY = Body(length=0)

SIZES = st.integers(min_value=0, max_value=40)
MAYBE_SIZES = st.none() | SIZES
BODIES = st.builds(Body, length=MAYBE_SIZES)
