"""The refusals of uploads by the scan of their content."""

from __future__ import annotations

from tusd_py.domain.refusals import Refusal, ServiceUnavailable


class ScanRejected(Refusal):
    """The upload can't be finished because of its scan, and has ended."""

    code = "infected"


class Infected(ScanRejected):
    """A scan found that the content is malicious."""

    def __init__(self) -> None:
        super().__init__("the scan found malicious content in the upload; the upload was removed")


class Unscanned(ScanRejected):
    """The content is beyond a limit of the scanner, such as that of size or of nesting, and the setting
    `scan-unscanned` is `reject`."""

    code = "unscanned"

    def __init__(self) -> None:
        super().__init__("the upload is too large, or packed too deeply, to be scanned; it was removed")


class ScannerUnavailable(ServiceUnavailable):
    """The scanner is unreachable, gave no answer in time or an invalid one, or closed the connection."""

    code = "scanner-unavailable"

    def __init__(self) -> None:
        super().__init__("the content can't be scanned right now; try again soon")
