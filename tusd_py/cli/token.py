"""The command that makes upload tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
from yarl import URL

from tusd_py.auth.terms import LONGEST_TTL, TTL, parse_terms
from tusd_py.cli.options import takes_settings
from tusd_py.config import Settings
from tusd_py.config.addresses import TcpAddress
from tusd_py.config.kinds import read_url, split_words
from tusd_py.config.units import parse_duration, parse_size
from tusd_py.domain.errors import ConfigurationError


class _Value(click.ParamType[Any]):
    """A type of option values, parsed by `read`. If `read` raises ValueError, the usage error says that `phrase` was
    expected.
    """

    def __init__(self, name: str, phrase: str, read: Callable[[str], Any]) -> None:
        self.name, self._phrase, self._read = name, phrase, read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return self._read(value) if isinstance(value, str) else value
        except ValueError:
            self.fail(f"{value!r}: expected {self._phrase}", param, ctx)


def _read_pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ValueError(text)
    return key, value


def _read_ttl(text: str) -> float:
    seconds = parse_duration(text)
    if not 0 < seconds <= LONGEST_TTL:
        raise ValueError(text)
    return seconds


_SIZE = _Value("size", "a size such as 5GiB", parse_size)
_PAIR = _Value("k=v", "K=V", _read_pair)
_TTL = _Value("t", "a duration above 0, up to 7d", _read_ttl)
_URL = _Value("url", "an http:// or https:// URL without a query", read_url)


@click.command()
@takes_settings(hidden=True)
@click.option("--sub", metavar="S", help="Owner of the uploads; none if not given.")
@click.option("--max", "max_", type=_SIZE, help="Size of the largest upload.")
@click.option("--types", metavar="G,G", default="", help="Types of uploads, such as image/*,application/pdf.")
@click.option("--meta", type=_PAIR, multiple=True, help="Metadata in place of the client's.")
@click.option("--key", metavar="STEM", help="Stem of the upload's name and of its object's key.")
@click.option("-n", "uses", metavar="N", type=click.IntRange(min=1), default=1, help="Number of uploads. [1]")
@click.option("--ttl", type=_TTL, default=TTL, help="Time to use it in, up to 7d. [1h]")
@click.option("--endpoint", type=_URL, help="Creation endpoint that it is for, if not public-url.")
def token(settings: Settings, *, ttl: float, endpoint: str | None, **options: Any) -> None:
    """Print an upload token, with which a client creates uploads without another credential."""
    from tusd_py.server.auth_wiring import token_issuer  # noqa: PLC0415  imported late, for fast help

    issuer = token_issuer(settings)
    if issuer is None:
        raise ConfigurationError("auth-token-secret is missing: set it as the server has it")
    try:
        text, _ = issuer.issue(parse_terms(_members(**options)), _endpoint(settings, endpoint), ttl)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    click.echo(text)


def _members(
    *, sub: str | None, max_: int | None, types: str, meta: Sequence[tuple[str, str]], key: str | None, uses: int
) -> Mapping[str, Any]:
    members = {"sub": sub, "max": max_, "types": list(split_words(types)), "meta": dict(meta), "key": key, "n": uses}
    return {name: value for name, value in members.items() if value is not None}


def _endpoint(settings: Settings, endpoint: str | None) -> str:
    """Return the creation endpoint's URL, with a slash at its end: `endpoint`, else the URL from public-url,
    else the URL of the first address that the server listens on. Raises ConfigurationError if that address
    has no URL for clients: it is a UNIX socket or a wildcard, or has port 0.
    """
    if endpoint is not None or settings.public_endpoint is not None:
        return f"{(endpoint or settings.public_endpoint or '').rstrip('/')}/"
    address = settings.addresses[0]
    if not isinstance(address, TcpAddress) or not address.names_one:
        raise ConfigurationError(
            f"public-url is missing: a server at {address} has no URL for clients; or give --endpoint"
        )
    return f"{URL(f'http://{address}').origin()}{settings.base_path}"
