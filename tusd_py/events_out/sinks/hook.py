"""Sinks that call a hook: a URL, a command, or Python code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tusd_py.events_out.facts_reader import FactsReader
from tusd_py.events_out.formats import Format
from tusd_py.events_out.hooks.call import Call, CallFailed, HookCaller, Result, call_of
from tusd_py.ports.outbox import Delivery
from tusd_py.ports.sink import DeliveryFailed

_GONE = 410
_WAIT = frozenset({429, 503})
"""The statuses with which Retry-After counts (RFC 9110, 10.2.3; RFC 6585, 4)."""


class HookSink:
    """A sink that calls a hook. Of the answer, only the status and, with 429 and 503, Retry-After count."""

    def __init__(
        self, caller: HookCaller, reader: FactsReader, form: Format, seconds: float, forward: Sequence[str] = ()
    ) -> None:
        """Take the caller of the hook and the format `form` of its messages; `seconds` is the time for one attempt, and
        `forward` names header fields of clients' requests to send along.
        """
        self._caller, self._reader, self._format = caller, reader, form
        self._seconds, self._forward = seconds, forward

    async def publish(self, delivery: Delivery) -> None:
        call = self._call(delivery)
        if call is None:
            return
        try:
            result = await self._caller.call(call, self._seconds)
        except CallFailed as error:
            raise DeliveryFailed(str(error)) from error
        _check(result)

    async def aclose(self) -> None:
        await self._caller.aclose()

    def _call(self, delivery: Delivery) -> Call | None:
        """Return the call; None if the format can't express the event."""
        facts = self._reader.read(delivery)
        message = self._format(facts)
        if message is None:
            return None
        call = call_of(message, facts.id, facts.event.upload, facts.event.caller, self._forward)
        return replace(call, status_only=True)


def _check(result: Result) -> None:
    """Raise DeliveryFailed unless the status says that the event has arrived (2xx)."""
    if not result.ok:
        raise DeliveryFailed(
            f"HTTP {result.status}",
            retry_after=result.retry_after if result.status in _WAIT else None,
            unsubscribed=result.status == _GONE,
        )
