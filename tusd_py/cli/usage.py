"""The command for the usage of accounts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import click

from tusd_py.cli.options import takes_settings, with_shared_state
from tusd_py.cli.output import printable
from tusd_py.config import Settings
from tusd_py.domain.thresholds import DEFAULT
from tusd_py.domain.usage import Usage
from tusd_py.ports.state import StateStore

_LINE = "{:>20}  {:>20}  {:>8}  {}"


@click.command("usage")
@takes_settings(hidden=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.argument("account", required=False)
def print_usage(settings: Settings, account: str | None, *, as_json: bool) -> None:
    """Print the usage of all owners, or of one: bytes stored and reserved, and unfinished uploads.

    ACCOUNT is an owner, TENANT/OWNER, or - for all that has no owner.
    """
    asyncio.run(_print(with_shared_state(settings), account, as_json=as_json))


async def _print(settings: Settings, account: str | None, *, as_json: bool) -> None:
    from tusd_py.server import wiring  # noqa: PLC0415  imported late, for fast help

    if not as_json:
        click.echo(_LINE.format("bytes", "reserved", "uploads", "owner"))
    async with wiring.open_state(settings) as state:
        async for usage in _usages(state, account):
            click.echo(_as_json(usage) if as_json else _line(usage))


async def _usages(state: StateStore, account: str | None) -> AsyncIterator[Usage]:
    if account is not None:
        yield await state.usage(account)
        return
    after: str | None = None
    while page := await state.usages(after, DEFAULT.page):
        for usage in page:
            yield usage
        after = page[-1].account


def _line(usage: Usage) -> str:
    return _LINE.format(usage.stored, usage.reserved, usage.uploads, printable(usage.account))


def _as_json(usage: Usage) -> str:
    return json.dumps(
        {"owner": usage.account, "bytes": usage.stored, "reserved": usage.reserved, "uploads": usage.uploads}
    )
