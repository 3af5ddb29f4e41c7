from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusd_py.domain.span import Span
from tusd_py.serving.ranges import UnsatisfiableRange, select_span

lengths = st.integers(0, 12)
positions = st.integers(0, 15)


@given(length=lengths, first=positions, last=positions)
def test_first_to_last_is_the_bytes_a_person_would_count(length: int, first: int, last: int) -> None:
    expected = {n for n in range(length) if first <= n <= last}
    assert_selects(f"bytes={first}-{last}", length, expected, ignored=last < first)


@given(length=lengths, first=positions)
def test_an_open_range_goes_to_the_end(length: int, first: int) -> None:
    assert_selects(f"bytes={first}-", length, {n for n in range(length) if n >= first}, ignored=False)


@given(length=lengths, count=positions)
def test_a_suffix_is_the_last_bytes_or_all_there_are(length: int, count: int) -> None:
    expected = {n for n in range(length) if n >= length - count}
    assert_selects(f"bytes=-{count}", length, expected, ignored=length == 0 and count > 0)


@pytest.mark.parametrize(
    "header",
    [
        "bytes=-",
        "bytes=",
        "bytes",
        "",
        "items=0-1",
        "bytes=0-1,2-3",
        "bytes=0-1,",
        "bytes=a-b",
        "bytes=0x1-2",
        "bytes=--1",
        "bytes=+1-2",
        "bytes=1-2-3",
        "bytes = 1-2",
        "bytes=\u0661-\u0662",
        "bytes=0-" + "9" * 5000,
    ],
)
def test_what_is_malformed_unknown_or_several_is_ignored(header: str) -> None:
    assert select_span(header, 10) is None


def test_the_unit_is_known_in_any_case() -> None:
    assert select_span("BYTES=1-2", 10) == Span(1, 3)


@given(text=st.text(alphabet="bytes=-,0123456789 "))
def test_no_header_selects_bytes_outside_the_object(text: str) -> None:
    try:
        span = select_span(f"bytes={text}", 10)
    except UnsatisfiableRange:
        return
    assert span is None or 0 <= span.start < span.stop <= 10


def assert_selects(header: str, length: int, expected: set[int], *, ignored: bool) -> None:
    if ignored:
        assert select_span(header, length) is None
    elif not expected:
        with pytest.raises(UnsatisfiableRange):
            select_span(header, length)
    else:
        assert select_span(header, length) == Span(min(expected), max(expected) + 1)
