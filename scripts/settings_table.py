"""`make docs`: README's table of settings, out of `Settings` itself."""

from __future__ import annotations

import re
from pathlib import Path

from tusd_py.config import Settings
from tusd_py.config.sources import PREFIX, kebab
from tusd_py.config.units import MIB

README = Path(__file__).parents[1] / "README.md"
NOTHING = ""
"""The default that nobody writes: no limit, none, or chosen."""

_HEAD = "| flag and TOML key | environment | default | meaning |\n|---|---|---|---|\n"
_TABLE = re.compile(r"(?<=<!-- settings -->\n).*?(?=<!-- end of settings -->)", re.DOTALL)


def defaults() -> dict[str, str]:
    """Each setting's default as one would write it."""
    fields = Settings.model_fields.items()
    return {setting: _written(field.get_default(call_default_factory=True)) for setting, field in fields}


def table() -> str:
    """All settings, in Markdown."""
    return _HEAD + "".join(_row(setting, default) for setting, default in defaults().items())


def renewed(text: str) -> str:
    """`text` with the table as it should be."""
    return _TABLE.sub(lambda _: table(), text)


def _row(setting: str, default: str) -> str:
    about = (Settings.model_fields[setting].description or "").replace("|", r"\|")
    shown = NOTHING if default == NOTHING else f"`{default}`"
    return f"| `{kebab(setting)}` | `{PREFIX}{setting.upper()}` | {shown} | {about} |\n"


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
    README.write_text(renewed(README.read_text()))
