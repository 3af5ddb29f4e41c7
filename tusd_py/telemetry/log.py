"""Logs of events, as text or as JSON lines, without secrets.

The only global state is that of `logging`. Only `configure_logging` changes it, except that
`server/plain_wiring.py` sets the level of the library for forms: mounted in another application, tusd-py's
events go through that application's logging.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal, TextIO, cast

import structlog
from structlog.dev import Column
from structlog.stdlib import BoundLogger, ProcessorFormatter
from structlog.typing import EventDict, Processor

from tusd_py.domain.events import Event, EventType
from tusd_py.domain.upload import Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.ports.meter import Meter
from tusd_py.ports.observer import Observer
from tusd_py.telemetry.redaction import STACKS, shortened, without_secrets
from tusd_py.telemetry.served import with_request

AUDIT = "tusd_py.audit"
"""The name of the logger of downloads, of refusals, and of uploads' events except roll-backs: by this name, they can be
routed elsewhere."""

_QUIET = ("aiobotocore", "aiohttp.access", "asyncio", "boto3", "botocore", "urllib3")
"""The names of libraries' loggers that log only from WARNING on: below that, they log too much, or signatures."""
_MUTE = ("aiohttp.websocket",)
"""The names of libraries' loggers that log only from ERROR on: their warnings hold what clients sent, such as tokens as
subprotocols of a WebSocket."""

_EVENT: tuple[Processor, ...] = (
    with_request,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def get_logger(name: str) -> BoundLogger:
    """Return a logger of events that are fixed words, with all variable data in fields.

    The logger is bound already: structlog would bind an unbound one again for each event.
    """
    logger = structlog.wrap_logger(
        logging.getLogger(name),
        wrapper_class=BoundLogger,
        processors=[structlog.stdlib.filter_by_level, *_EVENT, ProcessorFormatter.wrap_for_formatter],
    )
    return cast("BoundLogger", logger.bind())


def configure_logging(log_format: Literal["text", "json"], level: str, stream: TextIO | None = None) -> None:
    """Write the events of all loggers, from `level` up, to `stream` (default: stderr), one line for each; as text, a
    stack follows on indented lines. But libraries that log too much, or secrets, write less: those in `_QUIET` from
    WARNING up, or from `level` up if that is higher; those in `_MUTE` from ERROR up.

    Handlers that the root logger had are removed.
    """
    # No line names these: the Logging HOWTO, Optimization
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 - documented there
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_formatter(log_format, colours=handler.stream.isatty()))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
    for name in _MUTE:
        logging.getLogger(name).setLevel(logging.ERROR)


def _formatter(log_format: str, *, colours: bool) -> ProcessorFormatter:
    return ProcessorFormatter(
        foreign_pre_chain=_EVENT,
        processors=[
            ProcessorFormatter.remove_processors_meta,
            _shortened,
            structlog.processors.format_exc_info,
            *(_json() if log_format == "json" else _text(colours=colours)),
            _without_secrets,
        ],
    )


def _shortened(_logger: Any, _method: str, event: EventDict) -> EventDict:
    return shortened(event)


def _json() -> tuple[Processor, ...]:
    return (structlog.processors.JSONRenderer(default=str),)


def _text(*, colours: bool) -> tuple[Processor, ...]:
    renderer = structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)
    if not colours:
        renderer.columns = _PLAIN_COLUMNS
    return _printable, renderer


def _key_value(key: str, value: object) -> str:
    return f"{key}={value if isinstance(value, str) and _SEPARATORS.isdisjoint(value) else repr(value)}"


_SEPARATORS = frozenset(" \t=\r\n\"'")
_PLAIN_COLUMNS = [
    Column("", _key_value),
    Column("timestamp", lambda _, value: str(value)),
    Column("level", lambda _, value: f"[{value!s:<9}]"),
    Column("event", lambda _, value: f"{value!s:<30}"),
    Column("logger", lambda _, value: f"[{value}]"),
]
"""The columns for a `ConsoleRenderer` without colours: its default ones take twice the time. The first is for all
fields for which no column is listed."""


def _printable(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Return the event with its texts escaped, so that a client's bytes can neither control a terminal nor forge a
    line."""
    return {
        key: _escaped(key, value) if isinstance(value, str) and (key in STACKS or not value.isprintable()) else value
        for key, value in event.items()
    }


def _escaped(key: str, text: str) -> str:
    """Return the text of the event's field `key` escaped; a stack line by line, and indented, so that no line of it
    looks like an event: the error messages in a stack may hold anything."""
    if key not in STACKS:
        return ascii(text)
    return "\n".join(f"  {line if line.isprintable() else ascii(line)}" for line in text.split("\n"))


def _without_secrets(_logger: Any, _method: str, line: MutableMapping[str, Any] | str) -> str:
    return without_secrets(str(line))


class LogObserver(Observer):
    """An observer that logs each trouble and each rollback by `logger`, as warnings, and the other events of uploads
    by the logger `AUDIT`."""

    def __init__(self, logger: BoundLogger) -> None:
        self._log = logger
        self._audit = get_logger(AUDIT)

    def notify(self, event: Event) -> None:
        if event.type is EventType.ROLLED_BACK:
            self._log.warning("upload rolled back", **_fields(event.upload), before=event.before)
            return
        reason = {} if event.reason is None else {"reason": str(event.reason)}
        self._audit.info(f"upload {event.type}", **_fields(event.upload), **reason)

    def trouble(self, message: str, **fields: object) -> None:
        self._log.warning(message, **fields)


class LogMeter(Meter):
    """A meter that logs each orphan that is removed from the storage and, at the level DEBUG, each request to S3."""

    def __init__(self, logger: BoundLogger) -> None:
        self._log = logger

    def leftover_removed(self, upload_id: UploadId, name: str) -> None:
        self._log.info("leftover removed", id=upload_id, name=name)

    def s3_request(self, operation: str, seconds: float, outcome: str) -> None:
        if self._log.isEnabledFor(logging.DEBUG):  # structlog makes the event before it looks
            self._log.debug("s3 request", operation=operation, seconds=round(seconds, 3), outcome=outcome)


def _fields(upload: Upload) -> Mapping[str, Any]:
    owner = {} if upload.owner is None else {"owner": upload.owner}
    return {"id": upload.id, "kind": str(upload.kind), "offset": upload.offset, "length": upload.length, **owner}
