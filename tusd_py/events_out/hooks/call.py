"""A call of a hook, its result, and the port to the callers of hooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tusd_py.domain.caller import Caller
from tusd_py.domain.trace import Trace
from tusd_py.domain.upload import Upload
from tusd_py.events_out.formats.facts import Message
from tusd_py.events_out.formats.tusd import offset, url_id

TIMEOUT = "timeout"
_OK = range(200, 300)


class CallFailed(Exception):
    """A call got no answer, or one that reports a failure. The message is a few words without secrets: `TIMEOUT`, or
    the reason.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of a hook."""

    id: str
    """The id of the call, the same for each attempt."""
    message: Message
    forwarded: Sequence[tuple[str, str]] = ()
    """The header fields of the client's request to send along over HTTP, as names and values; those that belong to the
    call, such as Host, are left out when it is sent."""
    trace: Trace | None = None
    """The trace that the call belongs to."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The environment variables that tell a command of the upload, the call and the trace (`environment`)."""
    status_only: bool = False
    """True if the body of the answer has no meaning, as for an event. Over HTTP, the result's body is empty then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The answer to a call."""

    status: int = 200
    """The status of an answer over HTTP; 200 for an answer from a command or a Python method."""
    body: bytes = b""
    """The answer's body. Over HTTP and from a command, it has at most one byte more than the caller's limit: a
    longer one is cut there."""
    retry_after: float | None = None
    """Seconds that the hook asks to wait before the next call; None if it doesn't ask."""

    @property
    def ok(self) -> bool:
        return self.status in _OK


class HookCaller(Protocol):
    """A caller of hooks of one kind: over HTTP, as commands, or in Python."""

    async def call(self, call: Call, seconds: float) -> Result:
        """Return the answer, over HTTP also one with an error status; an empty answer if there is no command or method
        for the hook. Raises CallFailed if no answer came within `seconds`, or if the call failed.
        """

    async def aclose(self) -> None:
        """Close the caller's connections, and have its threads end once their work has returned; doesn't wait for that
        work."""


def call_of(message: Message, call_id: str, upload: Upload, caller: Caller, forward: Sequence[str]) -> Call:
    """Return the call of a hook with the message. `forward` names the header fields of `caller` to send along, spelled
    as the hook gets them.
    """
    trace = caller.trace or upload.trace
    return Call(
        id=call_id,
        message=message,
        forwarded=_forwarded(caller, forward),
        trace=trace,
        environment=environment(message.name, call_id, upload, trace),
    )


def _forwarded(caller: Caller, names: Sequence[str]) -> Sequence[tuple[str, str]]:
    """Return the client's header fields that are forwarded, each named as in `names`."""
    spelled = {name.lower(): name for name in names}
    return [(spelled[name.lower()], value) for name, value in caller.headers.items() if name.lower() in spelled]


def environment(hook: str, call_id: str, upload: Upload, trace: Trace | None = None) -> Mapping[str, str]:
    """Return the environment variables for a command: those of tusd, the id of the call, and the trace (OpenTelemetry,
    "Environment Variables as Context Propagation Carriers").
    """
    variables = {} if trace is None else trace.headers
    return {
        **{name.upper(): value for name, value in variables.items()},
        "TUS_ID": url_id(hook, upload),
        "TUS_SIZE": str(upload.length or 0),
        "TUS_OFFSET": str(offset(hook, upload)),
        "TUS_EVENT_ID": call_id,
    }
