"""The commands for events: what was delivered to the sinks, and what wasn't."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import click

from tusd_py.cli import event_operations, event_output
from tusd_py.cli.event_operations import DEFAULT_STATES, Choice
from tusd_py.cli.options import takes_settings, with_shared_state
from tusd_py.config import Settings
from tusd_py.config.units import parse_duration
from tusd_py.ports.outbox import DeliveryState, Selection

_STATES = {state.value: frozenset({state}) for state in DeliveryState} | {"all": frozenset(DeliveryState)}


class _Time(click.ParamType[float]):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        for read in (_ago, _moment):
            with suppress(ValueError):
                return read(value)
        problem = f"{value!r}: expected a time such as 2026-01-31T12:00:00Z, or a duration back from now"
        return self.fail(problem, param, ctx)


def _ago(value: str) -> float:
    return time.time() - parse_duration(value)


def _moment(value: str) -> float:
    moment = datetime.fromisoformat(value.upper())
    if moment.tzinfo is None:
        raise ValueError(value)
    return moment.timestamp()


def _take_states(context: click.Context, _: click.Parameter, values: Sequence[str]) -> str | None:
    """Split the values of `--state`: each names a state of deliveries or, as for all commands, the state store. Return
    the last one that names a state store; None without one. Set the command's parameter `states` to the delivery states
    that the last other value names, `DEFAULT_STATES` without one.
    """
    words = [value for value in values if value in _STATES]
    context.params["states"] = _STATES[words[-1]] if words else DEFAULT_STATES
    places = [value for value in values if value not in _STATES]
    return places[-1] if places else None


_Decorator = Callable[[Callable[..., None]], Callable[..., None]]
_json: _Decorator = click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
_sink: _Decorator = click.option("--sink", metavar="NAME", help="Only events for this sink.")
_since: _Decorator = click.option(
    "--since", type=_Time(), metavar="TIME", help="Only events since then: RFC 3339, or a duration back from now (1h)."
)
_ids: _Decorator = click.argument("event_ids", metavar="[ID...]", nargs=-1)


@click.group()
def events() -> None:
    """List events, have them sent again, or drop them, also while a server runs."""


@events.command("list")
@takes_settings(hidden=True, but=("state",))
@click.option(
    "--state",
    multiple=True,
    callback=_take_states,
    metavar="STATE",
    help="Only these: pending, dead, delivered or all. [pending and dead]",
)
@_sink
@_since
@_json
def list_events(
    settings: Settings, *, states: frozenset[DeliveryState], sink: str | None, since: float | None, as_json: bool
) -> None:
    """List events, a line for each sink."""
    selection = Selection(states=states, sink=sink, since=since or 0.0)
    asyncio.run(_list(with_shared_state(settings), selection, as_json=as_json))


async def _list(settings: Settings, selection: Selection, *, as_json: bool) -> None:
    written = event_output.line_as_json if as_json else event_output.line
    async with event_operations.open_outbox(settings) as outbox:
        async for page in event_operations.pages(outbox, selection):
            for delivery in page:
                click.echo(written(delivery))


@events.command()
@takes_settings(hidden=True)
@click.argument("event_id", metavar="ID")
@_sink
@_json
def show(settings: Settings, *, event_id: str, sink: str | None, as_json: bool) -> None:
    """Show one event as JSON."""
    choice = Choice(event_ids=(event_id,), sink=sink)
    deliveries = asyncio.run(event_operations.find(with_shared_state(settings), choice))
    click.echo(event_output.event_as_json(deliveries, None if as_json else 2))


@events.command()
@takes_settings(hidden=True)
@_ids
@_sink
@_since
@_json
def retry(settings: Settings, *, as_json: bool, **options: Any) -> None:
    """Have servers send dead events again, as if they were new."""
    count = asyncio.run(event_operations.retry(with_shared_state(settings), _choice(**options)))
    _print_count("retried", count, as_json=as_json)


@events.command()
@takes_settings(hidden=True)
@_ids
@_sink
@_since
@_json
def replay(settings: Settings, *, as_json: bool, **options: Any) -> None:
    """Have servers send events again, also delivered ones within events-retention.

    Those for the sink `jobs`, which begins the server's own jobs, only with --sink jobs.
    """
    count = asyncio.run(event_operations.replay(with_shared_state(settings), _choice(**options)))
    _print_count("replayed", count, as_json=as_json)


@events.command()
@takes_settings(hidden=True)
@click.argument("event_ids", metavar="ID...", nargs=-1, required=True)
@_sink
@_json
def drop(settings: Settings, *, event_ids: Sequence[str], sink: str | None, as_json: bool) -> None:
    """Drop events for all sinks or for one, in any state: they are neither sent nor replayed any more."""
    choice = Choice(event_ids=event_ids, sink=sink)
    count = asyncio.run(event_operations.drop(with_shared_state(settings), choice))
    _print_count("dropped", count, as_json=as_json)


def _choice(event_ids: Sequence[str], sink: str | None, since: float | None) -> Choice:
    if bool(event_ids) == (since is not None):
        raise click.UsageError("name events by their ids, or all since a time with --since TIME")
    return Choice(event_ids=event_ids, sink=sink, since=since)


def _print_count(word: str, count: int, *, as_json: bool) -> None:
    click.echo(json.dumps({word: count}) if as_json else f"{word} {count}")
