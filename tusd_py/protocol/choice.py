"""The choice of a request's protocol: tus, the IETF's protocol and plain HTTP share the same URLs. A HEAD that names no
protocol, and every OPTIONS, is answered in both tus and Resumable Uploads for HTTP.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import replace

from tusd_py.domain.limits import Limits
from tusd_py.domain.upload import Upload
from tusd_py.protocol.plain.reading import is_plain
from tusd_py.protocol.plain.wire import Plain
from tusd_py.protocol.rufh.reading import completes
from tusd_py.protocol.rufh.versions import NEWEST, PARTIAL_UPLOAD, Version, is_rufh, version_of
from tusd_py.protocol.rufh.wire import Rufh
from tusd_py.protocol.tus import CONTENT_TYPE, Tus
from tusd_py.protocol.wire import Reply, RequestHead, Wire


class Interim(enum.StrEnum):
    """The values of the setting `ietf-interim-responses`: when to send interim responses (104) to IETF clients. A
    client that names no known interop version never gets any."""

    OFF = "off"
    AUTO = "auto"
    """Interim responses only to a request that brings the rest of an upload, as clients that send several requests
    learn the offset from the responses; and only if its header fields name no proxy that has passed it
    on, as some proxies take a 104 for the final response."""
    ON = "on"


_PROXY_FIELDS = ("Via", "Forwarded", "X-Forwarded-For")
"""Header fields that proxies add to requests: RFC 9110, 7.6.3, RFC 7239, and its predecessor."""


class Wires:
    """The wires of the protocols that share the uploads' URLs: tus, Resumable Uploads for HTTP in all its versions and,
    with `plain`, plain HTTP."""

    def __init__(self, limits: Limits, clock: Callable[[], float], interim: Interim, *, plain: bool = False) -> None:
        self._limits, self._clock, self._interim, self._plain = limits, clock, interim, plain
        self._tus = Tus(limits)
        self._newest = Rufh(NEWEST, limits, clock, interim=False)

    def choose(self, head: RequestHead) -> Wire:
        """Return the wire of the protocol that a request names. With `plain`, a PUT, or a POST to the creation
        endpoint, without a header field of an upload protocol (`is_plain`) gets plain HTTP. A HEAD that names no
        protocol gets both upload protocols, any other request tus.
        """
        if self._plain and is_plain(head):
            return Plain(self._limits)
        if is_rufh(head):
            version = version_of(head.headers)
            return Rufh(version, self._limits, self._clock, interim=self._sends_interim(head, version))
        if head.method == "HEAD" and "Tus-Resumable" not in head.headers:
            return _Both(self._limits, self._newest)
        return self._tus

    def discover(self) -> Reply:
        """Return the answer to OPTIONS: the server's capabilities in tus and in Resumable Uploads for HTTP."""
        reply = self._tus.discover()
        patches = {"Accept-Patch": f"{CONTENT_TYPE}, {PARTIAL_UPLOAD}"}
        return replace(reply, headers={**reply.headers, **patches, **self._newest.limits()})

    def _sends_interim(self, head: RequestHead, version: Version) -> bool:
        if version.number is None or self._interim is Interim.OFF:
            return False
        return self._interim is Interim.ON or (_brings_the_rest(head, version) and not _is_forwarded(head))


def _brings_the_rest(head: RequestHead, version: Version) -> bool:
    return head.content_length != 0 and completes(head, version) is True


def _is_forwarded(head: RequestHead) -> bool:
    return any(name in head.headers for name in _PROXY_FIELDS)


class _Both(Tus):
    """The wire of a HEAD that names no protocol: tus, with the fields of Resumable Uploads for HTTP added."""

    shows_content = True

    def __init__(self, limits: Limits, rufh: Rufh) -> None:
        super().__init__(limits)
        self._rufh = rufh

    def inspected(self, upload: Upload, base_path: str) -> Reply:
        reply = super().inspected(upload, base_path)
        added = dict(self._rufh.download_fields(upload))
        if upload.settled_length is None:  # equal to the offset, it would tell a tus client that the upload is complete
            added.pop("Upload-Length", None)
        return replace(reply, headers={**added, **reply.headers})
