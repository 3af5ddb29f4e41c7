"""HTTP-date (RFC 9110, 5.6.7), parsed and formatted, and timestamps of RFC 3339, formatted only; without a locale or
a clock.

Times are seconds since the epoch.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Literal

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
_DAY = rf"(?:{'|'.join(_DAYS)})"
_LONG_DAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"

_FORMS = tuple(
    re.compile(form)
    for form in (
        rf"{_DAY}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT",  # IMF-fixdate
        rf"{_LONG_DAY}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT",  # RFC 850, obsolete
        rf"{_DAY} {_MONTH} (?P<day>[ 0-9][0-9]) {_TIME} (?P<year>[0-9]{{4}})",  # asctime, obsolete
    )
)

_CENTURY_TURN = 70
"""The first year of two digits that means 19xx, and not 20xx: no time to compare with is before the epoch."""


def parse_http_date(text: str) -> int | None:
    """Return the time, in seconds since the epoch, that a text in one of the three forms of HTTP-date gives; None for
    any other text, for a day or time that doesn't exist, such as 30 Feb, and for a leap second (`:60`)."""
    match = next((match for form in _FORMS if (match := form.fullmatch(text))), None)
    return None if match is None else _seconds(match.groupdict())


def format_http_date(seconds: int) -> str:
    """Return the time, in seconds since the epoch, as an IMF-fixdate."""
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{_DAYS[at.weekday()]}, {at:%d} {_MONTHS[at.month - 1]} {at.year:04} {at:%H:%M:%S} GMT"


def format_timestamp(seconds: float) -> str:
    """Return the time, in seconds since the epoch, in UTC and cut to whole seconds (RFC 3339)."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def rfc3339(at: float, precision: Literal["milliseconds", "microseconds"] = "microseconds") -> str:
    """Return the time, in seconds since the epoch, in UTC and with its fraction (RFC 3339)."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def _seconds(fields: dict[str, str]) -> int | None:
    month = _MONTHS.index(fields["month"]) + 1
    day, hour, minute, second = (int(fields[unit]) for unit in ("day", "hour", "minute", "second"))
    try:
        at = datetime(_year(fields["year"]), month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return int(at.timestamp())


def _year(digits: str) -> int:
    year = int(digits)
    if len(digits) > 2:  # noqa: PLR2004 - RFC 850 has two digits
        return year
    return year + (1900 if year >= _CENTURY_TURN else 2000)
