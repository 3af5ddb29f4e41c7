"""All settings, a theme a module. Flags, variables and TOML keys are derived from them.

Each theme extends the one before it, so that its checks see the settings of the earlier ones.
"""

from __future__ import annotations

from tusd_py.config.plain_settings import PlainSettings


class Settings(PlainSettings):
    """The settings, from any source.

    The class reads no source: `load_settings` merges flags, environment and files.
    """
