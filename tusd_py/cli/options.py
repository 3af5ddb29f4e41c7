"""Every field of `Settings` as an option of the command line."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tusd_py.config import Settings, load_settings
from tusd_py.config.sources import PREFIX, kebab, with_password
from tusd_py.config.units import MIB

Command = Callable[..., int | None]
Decorator = Callable[[Command], Command]
_SEEN = (
    "tusd-py: --{}: accounts of this machine see its password among the processes; put it in a file, named by {}{}_FILE"
)


def takes_settings(*, hidden: bool = False) -> Decorator:
    """The command gets Settings as its first argument; `hidden` keeps the many options out of its help.

    Options stay text: `Settings` judges them, as it judges every other source.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_settings(config: Path | None, **options: Any) -> int | None:
            flags = {name: value for name in Settings.model_fields if (value := options.pop(name)) is not None}
            settings = load_settings(flags, config, os.environ)
            for setting in with_password(flags):
                click.echo(_SEEN.format(kebab(setting), PREFIX, setting.upper()), err=True)
            return command(settings, **options)

        config_file = click.option(
            "--config", type=click.Path(path_type=Path), help="TOML file with any of these settings."
        )
        options: list[Decorator] = [
            config_file,
            *(_option(setting, hidden=hidden) for setting in Settings.model_fields),
        ]
        for option in reversed(options):
            option(with_settings)
        return with_settings

    return decorate


def _option(setting: str, *, hidden: bool) -> Decorator:
    field, name = Settings.model_fields[setting], kebab(setting)
    default = _written(field.get_default(call_default_factory=True))
    about = f"{field.description} [{default}]" if default else field.description
    if field.annotation is bool:
        return click.option(f"--{name}/--no-{name}", default=None, help=about, hidden=hidden)
    return click.option(f"--{name}", metavar="VALUE", help=about, hidden=hidden)


def _written(default: object) -> str:
    """A default as one would write it; empty for none and off."""
    match default:
        case bool():
            return ""
        case re.Pattern():
            return str(default.pattern)
        case tuple():
            return ",".join(map(str, default))
        case float():
            return f"{default:g}s"
        case int() if default >= MIB:
            return f"{default // MIB}MiB"
    return str(default or "")
