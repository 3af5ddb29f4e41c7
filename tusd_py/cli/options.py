"""The options of all commands: `--config`, and one for each field of `Settings`."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import click

from tusd_py.config import MemoryState, Settings, load_settings
from tusd_py.config.sources import PREFIX, kebab, password_settings
from tusd_py.config.units import MIB
from tusd_py.domain.errors import ConfigurationError

Command = Callable[..., int | None]
Decorator = Callable[[Command], Command]
_FLAG_WARNING = (
    "tusd-py: --{}: other accounts can read its secret in the list of processes: put it in a file, named by {}{}_FILE"
)


def takes_settings(*, hidden: bool = False, but: Collection[str] = ()) -> Decorator:
    """Return a decorator that adds `--config` and the options of all settings to a command, and passes the Settings of
    all sources as its first argument.

    `hidden` omits the settings from the command's help. For those in `but`, the command has options of the same names.
    Values stay text, except True or False for a switch: `Settings` validates them, like those of the other sources.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_settings(config: Path | None, **options: Any) -> int | None:
            flags = {name: value for name in Settings.model_fields if (value := options.pop(name)) is not None}
            settings = load_settings(flags, config, os.environ)
            for setting in password_settings(flags):
                click.echo(_FLAG_WARNING.format(kebab(setting), PREFIX, setting.upper()), err=True)
            return command(settings, **options)

        config_file = click.option("--config", type=click.Path(path_type=Path), help="TOML file with settings.")
        options: list[Decorator] = [
            config_file,
            *(_option(setting, hidden=hidden) for setting in Settings.model_fields if setting not in but),
        ]
        for option in reversed(options):
            option(with_settings)
        return with_settings

    return decorate


def with_shared_state(settings: Settings) -> Settings:
    """Return `settings` unchanged, for a command that works on a server's state. Raises ConfigurationError if
    the state is in memory, where a command can't reach the state.
    """
    if isinstance(settings.state, MemoryState):
        raise ConfigurationError(
            "state memory: is inside the server's process, where commands can't reach it: use sqlite: or redis:"
        )
    return settings


def _option(setting: str, *, hidden: bool) -> Decorator:
    field, name = Settings.model_fields[setting], kebab(setting)
    default = _written(field.get_default(call_default_factory=True))
    description = f"{field.description} [{default}]" if default else field.description
    if field.annotation is bool:
        return click.option(f"--{name}/--no-{name}", default=None, help=description, hidden=hidden)
    return click.option(f"--{name}", metavar="VALUE", help=description, hidden=hidden)


def _written(default: object) -> str:
    """Return the default of a setting as an operator would write it; empty for None, for a switch, and for the
    integer 0.
    """
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
