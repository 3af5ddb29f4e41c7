"""The commands. Exit codes: 0 success, 1 failure, 2 wrong settings or usage, 130 interrupted by Ctrl-C
(`serve`: 0).

An error that ends a command is one line on stderr; the failed checks of `check`, and what `repair` finds, are lines on
stdout. Commands import the server when they run, so that help is fast.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from tusd_py.cli import health, output
from tusd_py.cli.event_operations import EventNotFound
from tusd_py.cli.events import events
from tusd_py.cli.options import takes_settings, with_shared_state
from tusd_py.cli.token import token
from tusd_py.cli.usage import print_usage
from tusd_py.config import Settings
from tusd_py.domain.errors import ConfigurationError, Locked, Superseded, Unavailable
from tusd_py.domain.refusals import Refusal
from tusd_py.domain.thresholds import DEFAULT
from tusd_py.domain.upload_id import UploadId, parse_upload_id
from tusd_py.version import __version__

if TYPE_CHECKING:
    from tusd_py.cli.operations import CheckResult

_FAILURES = (Unavailable, Refusal, Locked, Superseded, EventNotFound, OSError)
"""The errors that end a command with one line and exit code 1, or 2 if they are a ConfigurationError, too (`WrongPair`:
state and storage, or two buckets, don't belong together): their cause isn't a fault of this program."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code."""
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        return cli.main(arguments, prog_name="tusd-py", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        return _print_error(error.format_message(), 2)
    except ConfigurationError as error:
        return _print_error(str(error), 2)
    except _FAILURES as error:
        return _print_error(str(error) or type(error).__name__, 1)
    except click.Abort:
        return 130


def _print_error(message: str, code: int) -> int:
    click.echo(f"tusd-py: {' '.join(message.split())}", err=True)
    return code


class _Id(click.ParamType[UploadId]):
    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> UploadId:
        return parse_upload_id(value) or self.fail(f"{value!r} is not an upload's id (32 hex digits)", param, ctx)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tusd-py")
def cli() -> None:
    """A resumable-upload server that streams into S3.

    Each command takes the settings that `tusd-py serve --help` lists: as flags, as TUSD_PY_… in the environment,
    or from a TOML file.
    """


cli.add_command(events)
cli.add_command(print_usage)


@cli.command()
@takes_settings()
def serve(settings: Settings) -> int:
    """Run the server until SIGTERM or SIGINT (Ctrl-C)."""
    from tusd_py.server import workers  # noqa: PLC0415  imported late, for fast help

    return workers.serve(settings)


@cli.command()
@takes_settings(hidden=True)
@click.option("--cors", is_flag=True, help="Check only the bucket's CORS rules, and print those it needs.")
@click.option("--install", is_flag=True, help="With --cors: add these rules to the bucket's own.")
def check(settings: Settings, *, cors: bool, install: bool) -> int:
    """Try what a server needs of state and storage with these settings, and name what is open to other machines, one
    line for each; or, with --cors, print the CORS rules that the buckets need and check those that they have, with
    --install after adding the needed ones. Exits with 1 if a check fails."""
    from tusd_py.cli import operations  # noqa: PLC0415  imported late, for fast help

    if cors:
        return _check_cors(settings, install=install)
    if install:
        raise click.UsageError("--install needs --cors")
    return _print_results(asyncio.run(operations.check(settings)))


@cli.command("health")
@takes_settings(hidden=True)
@click.option("--container", is_flag=True, help="Use the flags of `serve`, this container's first process.")
def ask_health(settings: Settings, *, container: bool) -> int:
    """Check that a server with these settings answers GET /healthz on this machine with 200."""
    if container:
        return int(ask_health.main(health.flags_of_container(), standalone_mode=False) or 0)
    click.echo(health.probe(settings))
    return 0


def _check_cors(settings: Settings, *, install: bool) -> int:
    from tusd_py.cli import operations  # noqa: PLC0415  imported late, for fast help

    rules = operations.required_cors(settings)
    if not rules:
        click.echo("no rules needed: neither direct-uploads nor download-mode redirect sends browsers to the bucket")
        return 0
    click.echo(output.rules_as_json(rules))
    return _print_results(asyncio.run(operations.check_cors(settings, rules, install=install)))


def _print_results(results: Sequence[CheckResult]) -> int:
    for result in results:
        click.echo(f"{'ok' if result.ok else 'FAIL':<4} {result.name}  {result.detail}".rstrip())
    return 0 if all(result.ok for result in results) else 1


cli.add_command(token)


@cli.group()
def uploads() -> None:
    """List, show and remove uploads, also while a server runs."""


@uploads.command("list")
@takes_settings(hidden=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def list_uploads(settings: Settings, *, as_json: bool) -> None:
    """List all uploads, in order of their ids."""
    asyncio.run(_list(settings, as_json=as_json))


@uploads.command()
@takes_settings(hidden=True)
@click.argument("upload_id", type=_Id(), metavar="ID")
def show(settings: Settings, upload_id: UploadId) -> None:
    """Show one upload as JSON."""
    click.echo(asyncio.run(_show(settings, upload_id)))


@uploads.command()
@takes_settings(hidden=True)
@click.argument("upload_ids", type=_Id(), metavar="ID...", nargs=-1, required=True)
def terminate(settings: Settings, upload_ids: Sequence[UploadId]) -> None:
    """Remove uploads, with their bytes."""
    asyncio.run(_terminate(settings, upload_ids))


@uploads.command()
@takes_settings(hidden=True)
def expire(settings: Settings) -> None:
    """Remove expired uploads now, as a sweep does, which also completes finishing uploads and retries removals."""
    click.echo(f"{asyncio.run(_expire(settings))} expired")


@uploads.command("collect-garbage")
@takes_settings(hidden=True)
@click.option("--dry-run", is_flag=True, help="Only list what would be removed.")
def collect_garbage(settings: Settings, *, dry_run: bool) -> None:
    """Remove from the storage what no upload needs, except in the grace period. A server does the same once an hour."""
    asyncio.run(_collect_garbage(settings, dry_run=dry_run))


@cli.command()
@takes_settings(hidden=True)
@click.option("--apply", is_flag=True, help="Mend what is found; without it, only list it.")
@click.option("--pair", is_flag=True, help="First make this state and this storage one installation.")
def repair(settings: Settings, *, apply: bool, pair: bool) -> int:
    """Compare state and storage, and list where they disagree.

    With --apply, it also mends what it finds. After the state was lost, that rebuilds the records of unfinished uploads
    and of finished partial ones: run it before the server starts again.
    """
    if pair:
        click.echo(f"state and storage are of installation {asyncio.run(_pair(settings))}")
    return asyncio.run(_repair(settings, apply=apply))


async def _list(settings: Settings, *, as_json: bool) -> None:
    from tusd_py.cli import operations  # noqa: PLC0415  imported late, for fast help

    after: UploadId | None = None
    async with operations.open_operator(with_shared_state(settings)) as engine:
        if not as_json:
            click.echo(output.HEADING)
        while page := await engine.uploads(after, DEFAULT.page):
            for upload in page:
                click.echo(output.as_json(upload, engine.link(upload)) if as_json else output.line(upload))
            after = page[-1].id


async def _show(settings: Settings, upload_id: UploadId) -> str:
    from tusd_py.cli import operations  # noqa: PLC0415  imported late, for fast help

    async with operations.open_operator(with_shared_state(settings)) as engine:
        upload = await engine.show(upload_id)
        return output.as_json(upload, engine.link(upload), indent=2)


async def _terminate(settings: Settings, upload_ids: Sequence[UploadId]) -> None:
    from tusd_py.cli import operations  # noqa: PLC0415  imported late, for fast help

    async with operations.open_operator(with_shared_state(settings)) as engine:
        for upload_id in upload_ids:
            await engine.terminate(upload_id)
            click.echo(f"{upload_id} terminated")


async def _expire(settings: Settings) -> int:
    from tusd_py.cli import operations  # noqa: PLC0415  imported late, for fast help

    async with operations.open_operator(with_shared_state(settings)) as engine:
        return await engine.expire()


async def _collect_garbage(settings: Settings, *, dry_run: bool) -> None:
    from tusd_py.cli import operations  # noqa: PLC0415  imported late, for fast help

    count = 0
    async with operations.open_operator(with_shared_state(settings)) as engine:
        until = await engine.grace_period_end()
        async for leftover in engine.collect_garbage(dry_run=dry_run):
            click.echo(f"{leftover.upload_id}  {leftover.name}")
            count += 1
    if until is not None:
        click.echo(
            f"nothing is removed until {output.date(until)}, or until tusd-py repair --apply has run: "
            "the state was empty, the storage was not"
        )
    click.echo(f"{count} {'to remove' if dry_run else 'removed'}")


async def _pair(settings: Settings) -> str:
    from tusd_py.cli import operations  # noqa: PLC0415  imported late, for fast help

    return await operations.pair(with_shared_state(settings))


async def _repair(settings: Settings, *, apply: bool) -> int:
    from tusd_py.cli import operations  # noqa: PLC0415  imported late, for fast help

    count = mended = 0
    async with operations.open_operator(with_shared_state(settings)) as engine:
        async for finding in engine.repair(apply=apply):
            click.echo(f"{finding.upload_id}  {finding.sentence}")
            count, mended = count + 1, mended + finding.done
        recounted = await engine.recount() if apply else 0
    if recounted:
        click.echo(f"{recounted} charged again")
    click.echo(f"{count} found, {mended} mended")
    return 0 if mended == count else 1
