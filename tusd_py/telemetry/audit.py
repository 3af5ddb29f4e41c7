"""The audit log: a line for each download, and for each request that is refused after its head was read, if the
setting log-audit is on. Changes of uploads are logged in any case, by `LogObserver`."""

from __future__ import annotations

from typing import Final

from tusd_py.domain.upload_id import UploadId
from tusd_py.telemetry.log import AUDIT, get_logger

_log: Final = get_logger(AUDIT)


class Audit:
    """The audit log of downloads and refusals, written only if `on`: any client can cause a line with each request."""

    def __init__(self, *, on: bool) -> None:
        self._on = on

    def downloaded(self, upload_id: UploadId, status: int, *, bytes_sent: int, complete: bool) -> None:
        """Log a download, or a redirect to the object: the status and bytes of the response, and if these were all
        bytes of the request's range."""
        if self._on:
            _log.info("upload downloaded", id=upload_id, status=status, sent=bytes_sent, complete=complete)

    def refused(self, upload_id: UploadId | None, status: int, code: str | None) -> None:
        """Log a refused request: its upload, if its path names one, its `status` (499 if the client closed the
        connection first), and the `code` of the refusal, if it has one."""
        if self._on:
            fields = {"id": upload_id, "status": status, "code": code}
            _log.info("request refused", **{name: value for name, value in fields.items() if value is not None})
