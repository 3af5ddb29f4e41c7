"""Where settings come from: flags, then environment, then files named in the environment, then TOML, then defaults.

Each value keeps the name its writer gave it, so that the one line about a wrong one says where to look.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from tusd_py.config.places import without_secrets
from tusd_py.config.settings import Settings
from tusd_py.errors import ConfigurationError

PREFIX = "TUSD_PY_"
CONFIG = f"{PREFIX}CONFIG"
"""Names the TOML file where --config doesn't."""
_FILE = "_FILE"
_SERVICE_LINK = re.compile(rf"{PREFIX}(SERVICE_(HOST|PORT\w*)|PORT_\d+_(TCP|UDP|SCTP)\w*)")
_SERVICE_PORT = re.compile(r"(tcp|udp|sctp)://.*")
_HIDING = frozenset({"state", "s3_endpoint_url", "public_url"})
"""Settings whose value may hold a password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A value as somebody wrote it, and the name it was given under."""

    setting: str
    name: str
    value: object
    shown: bool = True
    """False for what came out of a secrets file."""


def load_settings(flags: Mapping[str, object], config: Path | None, environ: Mapping[str, str]) -> Settings:
    """`flags` by the settings' names, those that were given. Raises ConfigurationError with one line."""
    path = config or (Path(environ[CONFIG]) if environ.get(CONFIG) else None)
    found: dict[str, Given] = {}
    for given in (*(_toml(path) if path else ()), *_secrets(environ), *_environment(environ), *_flags(flags)):
        found[given.setting] = given
    return _settled(found)


def kebab(setting: str) -> str:
    return setting.replace("_", "-")


def _settled(found: Mapping[str, Given]) -> Settings:
    try:
        return Settings.model_validate({setting: given.value for setting, given in found.items()})
    except ValidationError as errors:
        first = errors.errors(include_url=False)[0]
    setting, complaint = str(first["loc"][0]), first["msg"].removeprefix("Value error, ")
    raise ConfigurationError(f"{_as_written(found[setting])}: {complaint}")


def _as_written(given: Given) -> str:
    if not given.shown:
        return given.name
    text = str(given.value)
    return f"{given.name} {without_secrets(text) if given.setting in _HIDING else text!r}"


def _flags(flags: Mapping[str, object]) -> Iterator[Given]:
    for setting, value in flags.items():
        yield Given(setting=setting, name=f"--{kebab(setting)}", value=value)


def _environment(environ: Mapping[str, str]) -> Iterator[Given]:
    for name, value in environ.items():
        if name.startswith(PREFIX) and name != CONFIG and not name.endswith(_FILE) and not _service_link(name, value):
            yield Given(setting=_known(name.removeprefix(PREFIX).lower(), name), name=name, value=value)


def _service_link(name: str, value: str) -> bool:
    """Kubernetes sets these in every pod beside a Service called tusd-py; they are nobody's settings."""
    return bool(_SERVICE_LINK.fullmatch(name)) or (name == f"{PREFIX}PORT" and bool(_SERVICE_PORT.fullmatch(value)))


def _secrets(environ: Mapping[str, str]) -> Iterator[Given]:
    """`TUSD_PY_STATE_FILE=/run/secrets/redis-url` stands for TUSD_PY_STATE with what the file holds."""
    for name, path in environ.items():
        if name.startswith(PREFIX) and name.endswith(_FILE):
            setting = _known(name.removeprefix(PREFIX).removesuffix(_FILE).lower(), name)
            yield Given(setting=setting, name=name, value=_read(Path(path), name).rstrip("\r\n"), shown=False)


def _toml(path: Path) -> Iterator[Given]:
    try:
        table = tomllib.loads(_read(path, "the settings file"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: not TOML: {error}") from None
    for key, value in table.items():
        name = f"{path}: {key}"
        if "-" in key and key.replace("-", "_") in table:
            raise ConfigurationError(f"{name}: given twice, with hyphens and with underscores")
        yield Given(setting=_known(key.replace("-", "_"), name), name=name, value=value)


def _read(path: Path, name: str) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise ConfigurationError(f"{name}: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{name}: {path}: not UTF-8 text") from None


def _known(setting: str, name: str) -> str:
    if setting in Settings.model_fields:
        return setting
    near = difflib.get_close_matches(setting, Settings.model_fields, n=1)
    hint = f"; did you mean {kebab(near[0])}?" if near else ""
    raise ConfigurationError(f"{name}: there is no such setting{hint}")
