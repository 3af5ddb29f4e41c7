"""Two protocols on the same URLs: which of them a request speaks, and what is said to those that speak neither."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import replace

from tusd_py.domain.limits import Limits
from tusd_py.domain.upload import Upload
from tusd_py.protocol.rufh.reading import completes
from tusd_py.protocol.rufh.versions import NEWEST, PARTIAL_UPLOAD, Version, is_rufh, version_of
from tusd_py.protocol.rufh.wire import Rufh
from tusd_py.protocol.tus import CONTENT_TYPE, Tus
from tusd_py.protocol.wire import Reply, RequestHead, Wire


class Interim(enum.StrEnum):
    """The setting `rufh-interim`: when 104s go out to clients whose version has them."""

    OFF = "off"
    AUTO = "auto"
    """For a request that brings the rest of an upload, since others have other ways to learn what a 104 says; and that
    no proxy has passed on, since some take a 104 for the final response."""
    ON = "on"


_PASSED_ON = ("Via", "Forwarded", "X-Forwarded-For")
"""What proxies add to requests: RFC 9110, 7.6.3, RFC 7239, and what was there before."""


class Wires:
    """All that this server speaks."""

    def __init__(self, limits: Limits, clock: Callable[[], float], interim: Interim) -> None:
        self._limits, self._clock, self._interim = limits, clock, interim
        self._tus = Tus(limits)
        self._newest = Rufh(NEWEST, limits, clock, interim=False)

    def choose(self, head: RequestHead) -> Wire:
        """tus for what says so, or says nothing; a mere look at an upload is answered in both."""
        if is_rufh(head):
            version = version_of(head.headers)
            return Rufh(version, self._limits, self._clock, interim=self._tells(head, version))
        if head.method == "HEAD" and "Tus-Resumable" not in head.headers:
            return _Both(self._limits, self._newest)
        return self._tus

    def discover(self) -> Reply:
        """What this server can do, for OPTIONS: one answer for all."""
        told = self._tus.discover()
        patches = {"Accept-Patch": f"{CONTENT_TYPE}, {PARTIAL_UPLOAD}"}
        return replace(told, headers={**told.headers, **patches, **self._newest.limits()})

    def _tells(self, head: RequestHead, version: Version) -> bool:
        if version.number is None or self._interim is Interim.OFF:
            return False
        return self._interim is Interim.ON or (_brings_the_rest(head, version) and not _passed_on(head))


def _brings_the_rest(head: RequestHead, version: Version) -> bool:
    return head.content_length != 0 and completes(head, version) is True


def _passed_on(head: RequestHead) -> bool:
    return any(name in head.headers for name in _PASSED_ON)


class _Both(Tus):
    """tus, with what the other protocol tells of an upload besides."""

    shows_content = True

    def __init__(self, limits: Limits, rufh: Rufh) -> None:
        super().__init__(limits)
        self._rufh = rufh

    def inspected(self, upload: Upload, base_path: str) -> Reply:
        told = super().inspected(upload, base_path)
        return replace(told, headers={**self._rufh.beside_content(upload), **told.headers})
