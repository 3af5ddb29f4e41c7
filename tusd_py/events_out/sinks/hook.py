"""Sinks that call a hook: a URL, a command, or Python code."""

from __future__ import annotations

from collections.abc import Sequence

from tusd_py.events_out.facts_reader import FactsReader
from tusd_py.events_out.formats import Format
from tusd_py.events_out.hooks.call import Call, CallFailed, HookCaller, Result, call_of
from tusd_py.ports.outbox import Delivery
from tusd_py.ports.sink import DeliveryFailed

_GONE = 410
_WAIT = frozenset({429, 503})
"""Statuses with which a receiver may say when to come again (RFC 9110, 10.2.3; RFC 6585, 4)."""


class HookSink:
    """A sink that calls `caller` and ignores what it answers, but for the status."""

    def __init__(
        self, caller: HookCaller, reader: FactsReader, form: Format, seconds: float, forward: Sequence[str] = ()
    ) -> None:
        """`seconds` is the time for one attempt; `forward` names header fields of clients' requests to send along."""
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
        """Return the call; None if the format has no words for the event."""
        facts = self._reader.read(delivery)
        message = self._format(facts)
        if message is None:
            return None
        return call_of(message, facts.id, facts.event.upload, facts.event.caller, self._forward)


def _check(result: Result) -> None:
    """Raise DeliveryFailed unless the event has arrived."""
    if not result.ok:
        raise DeliveryFailed(
            f"HTTP {result.status}",
            retry_after=result.retry_after if result.status in _WAIT else None,
            unsubscribed=result.status == _GONE,
        )
