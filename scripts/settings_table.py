"""`make docs`: the tables of settings in docs/settings.md, from `Settings`."""

from __future__ import annotations

import re
from pathlib import Path

from tusd_py.config import Settings
from tusd_py.config.sources import PREFIX, kebab
from tusd_py.config.units import MIB

SETTINGS = Path(__file__).parents[1] / "docs" / "settings.md"
NOTHING = ""
"""The text of a default without a value: none, no limit, or chosen by the server."""

THEMES = {
    "host": "Addresses and paths",
    "storage": "Storage",
    "state": "State and files",
    "part_size": "Memory and parts",
    "max_size": "Uploads: what is accepted, and for how long",
    "network_timeout": "Limits on requests, clients and unfinished uploads",
    "ietf_interim_responses": "IETF clients, direct uploads, downloads",
    "lock_ttl": "Locks and shutdown",
    "behind_proxy": "Proxies and host names",
    "cors_allow_origin": "Browsers (CORS)",
    "disable_download": "Methods and extensions",
    "workers": "Processes and logs",
    "hooks_http": "Hooks",
    "events_to": "Events",
    "auth_token_secret": "Authentication and rights",
    "quota_bytes": "Quotas",
    "live": "Live: events, listings, dashboard",
    "jobs": "Jobs and exports",
    "plain_uploads": "Plain uploads",
}
"""The heading of each theme, by its first setting; the settings declared from there to the next theme's first belong to
it."""

_HEAD = "| flag and TOML key | environment | default | meaning |\n|---|---|---|---|\n"
_TABLES = re.compile(r"(?<=<!-- settings -->\n).*?(?=<!-- end of settings -->)", re.DOTALL)


def defaults() -> dict[str, str]:
    """Return each setting's default as an operator would write it."""
    fields = Settings.model_fields.items()
    return {setting: _written(field.get_default(call_default_factory=True)) for setting, field in fields}


def tables() -> str:
    """Return all settings in Markdown, a table for each theme."""
    return "".join(_heading(setting) + _row(setting, default) for setting, default in defaults().items()) + "\n"


def renewed(text: str) -> str:
    """Return `text` with the tables in place of all that is between the comments `settings` and `end of settings`;
    unchanged without these comments."""
    return _TABLES.sub(lambda _: tables(), text)


def _heading(setting: str) -> str:
    return f"\n## {THEMES[setting]}\n\n{_HEAD}" if setting in THEMES else ""


def _row(setting: str, default: str) -> str:
    about = (Settings.model_fields[setting].description or "").replace("|", r"\|")
    text = NOTHING if default == NOTHING else f"`{default}`"
    return f"| `{kebab(setting)}` | `{PREFIX}{setting.upper()}` | {text} | {about} |\n"


def _written(default: object) -> str:
    match default:
        case bool():
            return "on" if default else "off"
        case re.Pattern():
            return str(default.pattern)
        case tuple():
            return ",".join(map(str, default))
        case float():
            return f"{default / 3600:g}h" if default % 3600 == 0 else f"{default:g}s"
        case int() if default and default % MIB == 0:
            return f"{default // MIB}MiB"
    return str(default or NOTHING)


if __name__ == "__main__":
    SETTINGS.write_text(renewed(SETTINGS.read_text()))
