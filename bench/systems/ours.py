"""tusd-py, in the configurations to measure."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from bench.places import BUCKET
from bench.systems.base import Place, System, nothing_missing


def tusdpy(name: str, *flags: str, state: str = "sqlite:state.db", profile: str = "aws") -> System:
    """Return the system `tusd-py serve` on S3, by default with a SQLite state in its directory; `name` is shown in the
    report, and settings without a flag or parameter here have tusd-py's defaults."""
    return System(
        name=name,
        command=_command(("--state", state, "--s3-profile", profile, *flags)),
        missing=nothing_missing,
        environment=_environment,
    )


def _command(flags: Sequence[str]) -> Callable[[Place], Sequence[str]]:
    def command(place: Place) -> Sequence[str]:
        where = ("--port", str(place.port), "--storage", f"s3://{BUCKET}/", "--s3-endpoint-url", place.endpoint)
        return (sys.executable, "-m", "tusd_py", "serve", *where, *flags)

    return command


def _environment(place: Place) -> Mapping[str, str]:
    if place.authority is None:
        return {}
    return {"AWS_CA_BUNDLE": str(place.authority), "SSL_CERT_FILE": str(place.authority)}


PLAIN = tusdpy("tusd-py", "--s3-checksum", "none")
CHECKED = tusdpy("tusd-py crc32c", "--s3-checksum", "crc32c")
TWO = tusdpy("tusd-py 2 workers", "--s3-checksum", "none", "--workers", "2")
