"""The sources of settings: flags, then environment, then files named in the environment, then TOML, then defaults.

pydantic-settings merges them. This module reads the files named in the environment, takes TOML keys with hyphens,
ignores the TUSD_PY_… variables that Kubernetes sets for a Service called tusd-py, and its one line about a wrong value
names the setting as the value's source does.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import DotEnvSettingsSource, InitSettingsSource, TomlConfigSettingsSource
from pydantic_settings import PydanticBaseSettingsSource as Source

from tusd_py.config.places import without_secrets
from tusd_py.config.settings import Settings
from tusd_py.domain.errors import ConfigurationError

PREFIX = Settings.model_config["env_prefix"]
CONFIG = f"{PREFIX}CONFIG"
"""The environment variable that names the TOML file, unless --config does."""
_FILE = "_FILE"
_NO_SETTING = re.compile(
    rf"(?!{PREFIX}).*|{CONFIG}=.*"
    rf"|{PREFIX}(SERVICE_(HOST|PORT\w*)=.*|PORT_\d+_(TCP|UDP|SCTP)\w*=.*|PORT=(tcp|udp|sctp)://.*)",
    re.DOTALL,
)
"""The pattern of environment variables (`NAME=value`) that are no settings. Kubernetes sets those of the pattern's
second line in the pods of a namespace that has a Service called tusd-py."""
_SECRET = frozenset(
    {
        *("state", "s3_endpoint_url", "s3_public_url", "public_url"),
        *("auth_url", "auth_jwks_url", "hooks_http", "events_to"),
    }
)
"""The settings whose value may hold a password, in a URL or a list of URLs."""
_WHOLLY_SECRET = frozenset({"auth_token_secret", "auth_jwt_secret", "hooks_secret"})
"""The settings whose whole value is a secret."""
_PASSWORD = re.compile(r"://[^/?#]+@|[?&]password=")
"""The pattern of a user, who may be a token (NATS), or a password in a URL or a list of URLs."""

_FORMER = {"rufh_interim": ["ietf_interim_responses"]}
"""The present names of settings, by their names before 0.1.0."""

Layers = Mapping[Source, Callable[[str], str]]
"""The sources in order of precedence, each with a function from a setting's name to its spelling in that source."""


def load_settings(flags: Mapping[str, object], config: Path | None, environ: Mapping[str, str]) -> Settings:
    """Return the settings from all sources. `flags` holds the values of the flags given, by setting. `config` names the
    TOML file; if None, TUSD_PY_CONFIG in `environ` may name one. Raises ConfigurationError, with a message of one line,
    if a file can't be read, a name is that of no setting, or a value is wrong.
    """
    path = config or (Path(environ[CONFIG]) if environ.get(CONFIG) else None)
    flag_layer: Layers = {InitSettingsSource(Settings, dict(flags)): lambda setting: f"--{kebab(setting)}"}
    layers = {**flag_layer, **_environment(environ), **(_toml(path) if path else {})}
    try:
        return Settings(_build_sources=(tuple(layers), {}))  # type: ignore[call-arg]  # mypy knows only the fields
    except ValidationError as errors:
        raise ConfigurationError(_complaint(errors, layers)) from None


def password_settings(flags: Mapping[str, object]) -> Sequence[str]:
    """Return the names of those settings in `flags` (values by setting, already found valid) that are secret as a
    whole, or have a user or a password in a URL or a list of URLs.
    """
    return [setting for setting, value in flags.items() if setting in _WHOLLY_SECRET or _may_tell(setting, value)]


def _may_tell(setting: str, value: object) -> bool:
    return setting in _SECRET and _PASSWORD.search(str(value)) is not None


def kebab(setting: str) -> str:
    return setting.replace("_", "-")


def _complaint(errors: ValidationError, layers: Layers) -> str:
    error = errors.errors(include_url=False)[0]
    setting, text = str(error["loc"][0]), str(error["input"])
    name = next((written(setting) for source, written in layers.items() if setting in source()), kebab(setting))
    if error["type"] == "extra_forbidden":
        similar = _FORMER.get(setting) or difflib.get_close_matches(setting, Settings.model_fields, n=1)
        return f"{name}: there is no such setting" + "".join(
            f"; did you mean {kebab(suggestion)}?" for suggestion in similar
        )
    hidden = _is_of_file(name) or setting in _WHOLLY_SECRET
    value = "" if hidden else f" {without_secrets(text) if setting in _SECRET else text!r}"
    return f"{name}{value}: {error['msg'].removeprefix('Value error, ')}"


def _environment(environ: Mapping[str, str]) -> Layers:
    """Return the layers of the environment: first its variables, then the files that it names.
    `TUSD_PY_STATE_FILE=/run/secrets/redis-url` sets TUSD_PY_STATE to the file's text, without the line ends at its
    end. Raises ConfigurationError if a file can't be read or isn't UTF-8.
    """
    variables = {name: value for name, value in environ.items() if not _NO_SETTING.fullmatch(f"{name}={value}")}
    plain = {name: value for name, value in variables.items() if not _is_of_file(name)}
    files = {name.removesuffix(_FILE): _read(Path(variables[name]), name) for name in variables.keys() - plain.keys()}
    return {**_variables(plain), **_variables(files, _FILE)}


def _is_of_file(name: str) -> bool:
    """Return True for a variable such as TUSD_PY_STATE_FILE, which names a file that holds the value of the
    setting `state`; False for the variable of a setting whose own name ends with `_file`, such as
    `auth_keys_file`.
    """
    return name.endswith(_FILE) and name.removeprefix(PREFIX).lower() not in Settings.model_fields


def _variables(values: Mapping[str, str], suffix: str = "") -> Layers:
    """Return `values`, text by variable, as one source of settings. `suffix` is what the operator wrote after each name
    in `values` (`_FILE` if the variable names a file); errors show the name with it. A variable that names no setting
    is an error: pydantic-settings' EnvSettingsSource would drop it, but DotEnvSettingsSource, which is used here,
    passes it on to Settings, which refuses it.
    """
    source = DotEnvSettingsSource(Settings, env_file=None, dotenv_filtering="match_prefix")
    source.env_vars = {name.lower(): value for name, value in values.items()}
    names = {name.lower(): f"{name}{suffix}" for name in values}
    return {source: lambda setting: names[f"{PREFIX}{setting}".lower()]}


class _Toml(TomlConfigSettingsSource):
    """A TOML source that raises FileNotFoundError if its file doesn't exist; the library's source would have no
    values then.
    """

    def _read_files(self, files: Any, *_: object, **__: object) -> dict[str, Any]:
        return self._read_file(files)


def _toml(path: Path) -> Layers:
    with _readable(path, "the settings file"):
        source = _Toml(Settings, path)
    table = source.toml_data
    source.init_kwargs = {key.replace("-", "_"): value for key, value in table.items()}
    if twice := [key for key in table if "_" in key and kebab(key) in table]:
        raise ConfigurationError(f"{path}: {twice[0]}: given twice, with hyphens and with underscores")
    if wrong := [key for key, value in table.items() if _has_nul(value)]:
        raise ConfigurationError(f"{path}: {wrong[0]}: has a NUL character: take it out")
    return {source: lambda setting: f"{path}: {setting if setting in table else kebab(setting)}"}


def _has_nul(value: object) -> bool:
    """Return True if a text, or a text in a list, has a NUL, which no path may have; only TOML can express one."""
    return "\0" in value if isinstance(value, str) else isinstance(value, list) and any(map(_has_nul, value))


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
