"""The header fields `traceparent` and `tracestate`: read and passed on where they are well-formed, else ignored."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from tusd_py.domain.caller import Caller
from tusd_py.domain.trace import Trace, read_trace

ID, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{ID}-{SPAN}-01"


def test_a_trace_is_read_and_passed_on() -> None:
    trace = read_trace({"TraceParent": f" {PARENT} ", "TRACESTATE": "a=1,b=2"})
    assert trace == Trace(PARENT, "a=1,b=2")
    assert (trace.id, trace.span_id) == (ID, SPAN)
    assert read_trace(trace.headers) == trace
    assert read_trace({"traceparent": PARENT}) == Trace(PARENT)
    assert Trace(PARENT).headers == {"traceparent": PARENT}


@pytest.mark.parametrize(
    "parent",
    [
        "",
        PARENT.upper(),
        f"ff-{ID}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{ID}-{'0' * 16}-01",
        f"{PARENT}-more",
        f"{PARENT}\nx",
        PARENT[:-1],
    ],
)
def test_what_is_no_trace_is_passed_over(parent: str) -> None:
    assert read_trace({"traceparent": parent}) is None
    assert read_trace({"tracestate": "a=1"}) is None


@pytest.mark.parametrize("version", ["01", "cc"])
def test_a_later_version_is_read_as_the_known_one(version: str) -> None:
    """The known fields of a version that isn't known are passed on, as those of version 00."""
    for suffix in ("", "-", "-what-the future-brings"):
        assert read_trace({"traceparent": f"{version}{PARENT[2:]}{suffix}"}) == Trace(PARENT)
    assert read_trace({"traceparent": f"{version}{PARENT[2:]}more"}) is None


def test_several_lines_of_state_are_one_list() -> None:
    lines = CIMultiDict([("traceparent", PARENT), ("tracestate", "a=1, b=2"), ("Tracestate", " c=3 ")])
    assert read_trace(lines) == Trace(PARENT, "a=1, b=2,c=3")
    assert read_trace(CIMultiDict([*lines.items(), ("tracestate", "d" * 512)])) == Trace(PARENT)


@pytest.mark.parametrize("state", ["a=\u00fc", "a=1\x07", "a" * 513])
def test_a_state_that_can_not_be_passed_on_is_left_out(state: str) -> None:
    assert read_trace({"traceparent": PARENT, "tracestate": state}) == Trace(PARENT)


def test_the_span_of_this_server_comes_before_the_client_s() -> None:
    own_trace = Trace(f"00-{ID}-{'1' * 16}-01")
    assert Caller(headers={"traceparent": PARENT}).trace == Trace(PARENT)
    assert Caller(headers={"traceparent": PARENT}, span=own_trace).trace == own_trace
    assert Caller().trace is None
