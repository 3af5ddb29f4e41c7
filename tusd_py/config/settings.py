"""All settings in one class. Flags, environment variables and TOML keys are derived from its fields.

Each theme has a module, whose class extends that of the theme before, so that its checks see the earlier settings.
"""

from __future__ import annotations

from tusd_py.config.plain_settings import PlainSettings


class Settings(PlainSettings):
    """The settings, validated. The class reads no source: `load_settings` merges flags, environment and files."""
