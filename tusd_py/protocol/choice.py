"""The choice between the protocols on the same URLs; HEAD and OPTIONS that name none are answered in both."""

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
    """The setting `ietf-interim-responses`: when to send 104s to clients whose version has them."""

    OFF = "off"
    AUTO = "auto"
    """For a request that brings the rest of an upload, since others learn the offset in other ways; and that no proxy
    has passed on, since some take a 104 for the final response."""
    ON = "on"


_PROXY_FIELDS = ("Via", "Forwarded", "X-Forwarded-For")
"""Header fields that proxies add to requests: RFC 9110, 7.6.3, RFC 7239, and the older one."""


class Wires:
    """All protocols and versions of this server."""

    def __init__(self, limits: Limits, clock: Callable[[], float], interim: Interim, *, plain: bool = False) -> None:
        self._limits, self._clock, self._interim, self._plain = limits, clock, interim, plain
        self._tus = Tus(limits)
        self._newest = Rufh(NEWEST, limits, clock, interim=False)

    def choose(self, head: RequestHead) -> Wire:
        """Return the protocol of a request: tus if it names that, or none; a HEAD that names none gets both. With
        `plain`, a creation that names none is plain."""
        if self._plain and is_plain(head):
            return Plain(self._limits)
        if is_rufh(head):
            version = version_of(head.headers)
            return Rufh(version, self._limits, self._clock, interim=self._sends_interim(head, version))
        if head.method == "HEAD" and "Tus-Resumable" not in head.headers:
            return _Both(self._limits, self._newest)
        return self._tus

    def discover(self) -> Reply:
        """Return the server's capabilities, for OPTIONS: one answer for both protocols."""
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
    """tus, with the other protocol's fields about an upload added."""

    shows_content = True

    def __init__(self, limits: Limits, rufh: Rufh) -> None:
        super().__init__(limits)
        self._rufh = rufh

    def inspected(self, upload: Upload, base_path: str) -> Reply:
        reply = super().inspected(upload, base_path)
        return replace(reply, headers={**self._rufh.download_fields(upload), **reply.headers})
