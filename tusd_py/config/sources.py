"""Where settings come from: flags, then environment, then files named in the environment, then TOML, then defaults.

pydantic-settings reads and layers them. Ours is what it leaves open: which variables are nobody's settings, and the
one line about a wrong value, under the name its writer gave it.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import ValidationError
from pydantic_settings import DotEnvSettingsSource, InitSettingsSource, TomlConfigSettingsSource
from pydantic_settings import PydanticBaseSettingsSource as Source

from tusd_py.config.places import without_secrets
from tusd_py.config.settings import Settings
from tusd_py.domain.errors import ConfigurationError

PREFIX = Settings.model_config["env_prefix"]
CONFIG = f"{PREFIX}CONFIG"
"""Names the TOML file where --config doesn't."""
_FILE = "_FILE"
_NO_SETTING = re.compile(
    rf"(?!{PREFIX}).*|{CONFIG}=.*"
    rf"|{PREFIX}(SERVICE_(HOST|PORT\w*)=.*|PORT_\d+_(TCP|UDP|SCTP)\w*=.*|PORT=(tcp|udp|sctp)://.*)",
    re.DOTALL,
)
"""Kubernetes sets the second line's in every pod beside a Service called tusd-py."""
_HIDING = frozenset({"state", "s3_endpoint_url", "public_url"})
"""Settings whose value may hold a password."""

Layers = Mapping[Source, Callable[[str], str]]
"""Each source, the strongest first, and how a setting is written there."""


def load_settings(flags: Mapping[str, object], config: Path | None, environ: Mapping[str, str]) -> Settings:
    """`flags` by the settings' names, those that were given. Raises ConfigurationError with one line."""
    path = config or (Path(environ[CONFIG]) if environ.get(CONFIG) else None)
    given: Layers = {InitSettingsSource(Settings, dict(flags)): lambda setting: f"--{kebab(setting)}"}
    layers = {**given, **_environment(environ), **(_toml(path) if path else {})}
    try:
        return Settings(_build_sources=(tuple(layers), {}))  # type: ignore[call-arg]  # mypy knows only the fields
    except ValidationError as errors:
        raise ConfigurationError(_complaint(errors, layers)) from None


def with_password(flags: Mapping[str, object]) -> Sequence[str]:
    """Those of the settings, as they were accepted, whose value does hold a password."""
    return [setting for setting, value in flags.items() if setting in _HIDING and _has_password(str(value))]


def _has_password(url: str) -> bool:
    split = urlsplit(url)
    return bool(split.password) or "password" in parse_qs(split.query)


def kebab(setting: str) -> str:
    return setting.replace("_", "-")


def _complaint(errors: ValidationError, layers: Layers) -> str:
    error = errors.errors(include_url=False)[0]
    setting, text = str(error["loc"][0]), str(error["input"])
    name = next(written(setting) for source, written in layers.items() if setting in source())
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(setting, Settings.model_fields, n=1)
        return f"{name}: there is no such setting" + "".join(f"; did you mean {kebab(known)}?" for known in near)
    shown = "" if name.endswith(_FILE) else f" {without_secrets(text) if setting in _HIDING else text!r}"
    return f"{name}{shown}: {error['msg'].removeprefix('Value error, ')}"


def _environment(environ: Mapping[str, str]) -> Layers:
    """`TUSD_PY_STATE_FILE=/run/secrets/redis-url` stands for TUSD_PY_STATE with what the file holds."""
    ours = {name: value for name, value in environ.items() if not _NO_SETTING.fullmatch(f"{name}={value}")}
    plain = {name: value for name, value in ours.items() if not name.endswith(_FILE)}
    files = {name.removesuffix(_FILE): _read(Path(ours[name]), name) for name in ours.keys() - plain.keys()}
    return {**_variables(plain), **_variables(files, _FILE)}


def _variables(given: Mapping[str, str], suffix: str = "") -> Layers:
    """The library's one source of variables that keeps the names nobody knows, for Settings to refuse."""
    source = DotEnvSettingsSource(Settings, env_file=None, dotenv_filtering="match_prefix")
    source.env_vars = {name.lower(): value for name, value in given.items()}
    names = {name.lower(): f"{name}{suffix}" for name in given}
    return {source: lambda setting: names[f"{PREFIX}{setting}".lower()]}


class _Toml(TomlConfigSettingsSource):
    """Reads the file even if it isn't there, which the library would pass over."""

    def _read_files(self, files: Any, *_: object, **__: object) -> dict[str, Any]:
        return self._read_file(files)


def _toml(path: Path) -> Layers:
    with _readable(path, "the settings file"):
        source = _Toml(Settings, path)
    table = source.toml_data
    source.init_kwargs = {key.replace("-", "_"): value for key, value in table.items()}
    if twice := [key for key in table if "_" in key and kebab(key) in table]:
        raise ConfigurationError(f"{path}: {twice[0]}: given twice, with hyphens and with underscores")
    return {source: lambda setting: f"{path}: {setting if setting in table else kebab(setting)}"}


def _read(path: Path, name: str) -> str:
    with _readable(path, name):
        return path.read_text("utf-8").rstrip("\r\n")


@contextmanager
def _readable(path: Path, name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"{name}: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{name}: {path}: not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: not TOML: {error}") from None
