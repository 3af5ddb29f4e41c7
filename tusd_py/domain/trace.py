"""The trace that a request belongs to (W3C Trace Context)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_PARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_LONGEST_STATE = 512
"""Characters of the longest tracestate that is passed on (3.3.1.1: at least 512)."""


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
    """Return the trace that a request's header fields name; None if traceparent is missing or malformed. Several lines
    of tracestate are joined to one list (W3C Trace Context, 3.3.1). A list with other characters than printable ASCII,
    or longer than `_LONGEST_STATE`, is dropped; its members aren't checked."""
    parent, states = "", list[str]()
    for name, value in headers.items():
        match name.lower():
            case "traceparent":
                parent = value.strip()
            case "tracestate":
                states.append(value.strip())
    state = ",".join(filter(None, states))
    if not _PARENT.fullmatch(parent):
        return None
    return Trace(parent, state if state.isascii() and state.isprintable() and len(state) <= _LONGEST_STATE else "")
