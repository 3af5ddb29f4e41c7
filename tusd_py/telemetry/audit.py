"""What clients were given and what they were refused, one event each; changes of uploads are `LogObserver`'s."""

from __future__ import annotations

from typing import Final

from tusd_py.domain.upload import UploadId
from tusd_py.telemetry.log import AUDIT, get_logger

_log: Final = get_logger(AUDIT)


class Audit:
    """Says nothing unless it is `on`: anybody can cause such lines, one with each request."""

    def __init__(self, *, on: bool) -> None:
        self._on = on

    def downloaded(self, upload_id: UploadId, status: int, *, sent: int, complete: bool) -> None:
        """`sent` bytes of it went out, all that were asked for if `complete`."""
        if self._on:
            _log.info("upload downloaded", id=upload_id, status=status, sent=sent, complete=complete)

    def refused(self, upload_id: UploadId | None, status: int, code: str | None) -> None:
        """A request was answered with `status`, 499 for a closed connection; `code` is the refusal's."""
        if self._on:
            told = {"id": upload_id, "status": status, "code": code}
            _log.info("request refused", **{name: value for name, value in told.items() if value is not None})
