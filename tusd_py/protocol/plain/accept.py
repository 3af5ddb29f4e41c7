"""The media type that a client prefers (RFC 9110, 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping

_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_MOST = 64
"""Types of a field that are looked at."""


def prefers_html(accept: str) -> bool:
    """Return True if Accept has a page before JSON; a client that takes anything gets JSON."""
    qualities = dict(map(_quality, accept.split(",", _MOST)[:_MOST]))
    return _quality_of("text/html", qualities) > _quality_of("application/json", qualities)


def _quality(member: str) -> tuple[str, float]:
    media_range, *parameters = (part.strip(" \t").lower() for part in member.split(";"))
    texts = [parameter.removeprefix("q=") for parameter in parameters if parameter.startswith("q=")]
    weights = [float(text) for text in texts if _QUALITY.fullmatch(text)]
    return media_range, weights[0] if weights else 1.0


def _quality_of(media_type: str, qualities: Mapping[str, float]) -> float:
    """Return the quality of the most specific range that has the type; 0 if none has it."""
    ranges = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
    return next((qualities[media_range] for media_range in ranges if media_range in qualities), 0.0)
