"""The trace that a request belongs to (W3C Trace Context)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_VERSION = "00"
_PARENT = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})(?P<known>-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(?P<more>-.*)?"
)
_LONGEST_STATE = 512
"""Characters of the longest tracestate that is passed on (W3C Trace Context, "tracestate Limits": at least 512)."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A span of a trace, as the header fields of a request name it."""

    parent: str
    """The value of traceparent: version, trace id, span id and flags, with hyphens between them."""
    state: str = ""
    """The value of tracestate; empty if there is none."""

    @property
    def id(self) -> str:
        """The id of the trace, 32 hexadecimal digits."""
        return self.parent[3:35]

    @property
    def span_id(self) -> str:
        """The id of the span, 16 hexadecimal digits."""
        return self.parent[36:52]

    @property
    def headers(self) -> Mapping[str, str]:
        """The header fields that tell the next server of the trace."""
        return {"traceparent": self.parent, **({"tracestate": self.state} if self.state else {})}


def read_trace(headers: Mapping[str, str]) -> Trace | None:
    """Return the trace that a request's header fields name; None if traceparent is missing or malformed. Of a later
    version, the fields of version 00 are read (W3C Trace Context, "Versioning of traceparent"). Several lines of
    tracestate are joined to one list ("tracestate Header Field Values"). A list with other characters than printable
    ASCII, or with more than 512 characters, is dropped; its members aren't checked."""
    parent, states = "", list[str]()
    for name, value in headers.items():
        match name.lower():
            case "traceparent":
                parent = value.strip()
            case "tracestate":
                states.append(value.strip())
    state = ",".join(filter(None, states))
    match = _PARENT.fullmatch(parent)
    if match is None or (match["version"] == _VERSION and match["more"]):
        return None
    return Trace(
        _VERSION + match["known"],
        state if state.isascii() and state.isprintable() and len(state) <= _LONGEST_STATE else "",
    )
