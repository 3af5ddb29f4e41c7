"""tusd-py: a resumable-upload server that streams into S3. As a library: `create_app(Settings(...))`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tusd_py.version import __version__

if TYPE_CHECKING:
    from tusd_py.config import Settings
    from tusd_py.server.app import create_app

__all__ = ["Settings", "__version__", "create_app"]


def __getattr__(name: str) -> object:
    """Return `Settings` or `create_app`, imported only when first used, so that the command line prints its help fast;
    raise AttributeError for any other name.
    """
    if name == "create_app":
        from tusd_py.server.app import create_app  # noqa: PLC0415

        return create_app
    if name == "Settings":
        from tusd_py.config import Settings  # noqa: PLC0415

        return Settings
    raise AttributeError(name)
