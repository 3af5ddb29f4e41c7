"""Libraries that are no fixed dependencies: the extras of the package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tusd_py.domain.errors import ConfigurationError


@contextmanager
def importing(extra: str, library: str, needed_by: str) -> Iterator[None]:
    """Turn an ImportError in the context into a ConfigurationError of one line. It names the setting that needs the
    library (`needed_by`), the library, and the extra of this package to install."""
    try:
        yield
    except ImportError as error:
        raise ConfigurationError(f"{needed_by}: {library} is missing: install tusd-py[{extra}]") from error
