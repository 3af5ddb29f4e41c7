"""The settings: their declaration (`settings`), the types of their values (`kinds`) and their sources (`sources`)."""

from tusd_py.config.places import LocalDirectory, MemoryState, RedisState, S3Bucket, SqliteState
from tusd_py.config.settings import Settings
from tusd_py.config.sources import load_settings

__all__ = ["LocalDirectory", "MemoryState", "RedisState", "S3Bucket", "Settings", "SqliteState", "load_settings"]
