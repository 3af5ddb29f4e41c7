"""The wire of Resumable Uploads for HTTP: it reads intents and writes replies, in the version that a request names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus

from tusd_py.domain import refusals
from tusd_py.domain.intents import Intent
from tusd_py.domain.limits import Limits
from tusd_py.domain.refusals import Refusal
from tusd_py.domain.upload import Upload
from tusd_py.protocol.rufh import answers, reading
from tusd_py.protocol.rufh.versions import INTEROP, Version
from tusd_py.protocol.statuses import STATUS, details
from tusd_py.protocol.wire import Reply, RequestHead

_UPLOAD_RESUMPTION_SUPPORTED = 104


class Rufh:
    """The wire of Resumable Uploads for HTTP: it reads intents and writes replies, in one version. With `interim`,
    clients get interim responses (104)."""

    common_headers: Mapping[str, str] = {}
    answers_interrupted = False
    """False: if the server breaks off a request, it closes the connection without an answer, as URLSession (Apple's
    client) retries after a lost connection, and gives up after a refusal."""
    inspects_by_get = True
    shows_content = False
    locates_appended = True

    def __init__(self, version: Version, limits: Limits, clock: Callable[[], float], *, interim: bool) -> None:
        self._version, self._limits, self._clock, self._interim = version, limits, clock, interim

    def read(self, head: RequestHead) -> Intent:
        return reading.read(head, self._version, self._limits)

    def created(self, upload: Upload, location: str, *, with_body: bool) -> Reply:  # noqa: ARG002  the offset is always sent
        return self._reply(HTTPStatus.CREATED, {"Location": location, **self._about(upload)})

    def inspected(self, upload: Upload, base_path: str) -> Reply:  # noqa: ARG002  the port's signature
        return self._reply(HTTPStatus.NO_CONTENT, self.download_fields(upload))

    def download_fields(self, upload: Upload) -> Mapping[str, str]:
        return {**self._about(upload), **answers.length(upload, self._version)}

    def appended(self, upload: Upload, locate: Callable[[], str]) -> Reply:
        """Return the reply to an append. If the upload is done, the reply is as to a creation with all of its bytes;
        `locate` returns the upload's URL for that."""
        if upload.done:
            return self.created(upload, locate(), with_body=True)
        return self._reply(self._version.append_status, self._about(upload))

    def terminated(self) -> Reply:
        return self._reply(HTTPStatus.NO_CONTENT, {})

    def started(self, upload: Upload, location: str) -> Reply | None:
        if not self._interim:
            return None
        return self._interim_reply({"Location": location, **self._limit(upload)})

    def progressed(self, upload: Upload) -> Reply | None:
        """Return a 104 with the offset; None if the wire is made without `interim`, in versions up to 4, whose clients
        don't know such a 104, or if the upload is full: only the final response confirms the last byte."""
        if not self._interim or not self._version.progress or upload.full:
            return None
        return self._interim_reply({"Upload-Offset": str(upload.offset)})

    def refuse(self, refusal: Refusal, head: RequestHead) -> Reply:
        status = self._status(refusal, head)
        fields = {**details(refusal), **answers.refused(refusal, self._version)}
        if isinstance(refusal, refusals.TooLarge):
            fields |= self._limit(None)
        if head.method == "HEAD":
            return self._reply(status, fields)
        return self._reply(status, fields, answers.problem(refusal, status))

    def _status(self, refusal: Refusal, head: RequestHead) -> int:
        unavailable = isinstance(refusal, refusals.ServiceUnavailable) and head.method == "HEAD"
        if unavailable or isinstance(refusal, refusals.UploadLocked):
            return self._version.busy_status
        return STATUS[type(refusal)]

    def limits(self) -> Mapping[str, str]:
        """Return Upload-Limit for new uploads."""
        return self._limit(None)

    def _about(self, upload: Upload) -> Mapping[str, str]:
        return {**answers.state(upload, self._version), **self._limit(upload), **answers.digest(upload)}

    def _limit(self, upload: Upload | None) -> Mapping[str, str]:
        return answers.limit(upload, self._version, self._limits, self._clock())

    def _reply(self, status: int, fields: Mapping[str, str], problem: str | None = None) -> Reply:
        kind = {} if problem is None else {"Content-Type": "application/problem+json"}
        return Reply(
            status=status,
            headers={"Cache-Control": "no-store", **self._version_field(), **fields, **kind},
            text=problem,
        )

    def _interim_reply(self, fields: Mapping[str, str]) -> Reply:
        return Reply(status=_UPLOAD_RESUMPTION_SUPPORTED, headers={**self._version_field(), **fields})

    def _version_field(self) -> Mapping[str, str]:
        """Return the header field with the reply's version; none if the version has no number."""
        return {} if self._version.number is None else {INTEROP: str(self._version.number)}
