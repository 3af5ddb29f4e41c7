"""The upload page at `/`, built from `ui/`: it is read once at the start, filled in with `PageFacts`, and served
unchanged.

The page may connect to its own origin and the endpoint's alone, and runs nothing but its own script (CSP Level 3).
Files with a hash of their content in their names are cached; browsers revalidate `index.html` and the rest each time.
"""

from __future__ import annotations

import gzip
import hashlib
import html
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from tusd_py.domain.errors import ConfigurationError
from tusd_py.http.translation import combine_lines
from tusd_py.serving.conditions import failed_precondition
from tusd_py.serving.negotiation import takes_coding

DIRECTORY = Path(__file__).parents[2] / "ui"
_INDEX = "index.html"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_UNDATED = sys.maxsize
"""A modification time later than any date in a request's conditions, so that only ETags match."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src {}; "
    "base-uri 'none'; form-action {}; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_NO_FORM = "This page needs JavaScript. Other ways to upload, with curl among them, are in the documentation."
_FORM = (
    '<form method="post" enctype="multipart/form-data" action="{}"><p><input type="file" name="file" multiple required '
    'accept="{}" aria-label="Files"></p><p><button>Upload</button></p></form>'
)
_NAMED_BY_CONTENT = re.compile(r"-[0-9A-Z]{8}\.")
_FRESH = "no-cache"
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFacts:
    """The facts about the server that the upload page at `/` needs."""

    endpoint: str
    """The URL of the creation endpoint: absolute, or relative to the page."""
    max_size: int | None
    """Maximum bytes of an upload; None for no limit."""
    downloads: bool
    live: bool = False
    """True if the server lists uploads, and tells of them while they change."""
    forms: bool = False
    """True if the server takes forms, with which browsers upload without a script."""
    accept: tuple[str, ...] = ()
    """Media types, or extensions with their dots, that a file chooser offers; all files if empty."""


def add_page(app: web.Application, facts: PageFacts, directory: Path = DIRECTORY) -> None:
    """Add the upload page at `/`, and its other files below `/ui/`, from `directory`, to which the build writes them.
    Raises ConfigurationError if the page was never built."""
    check_built(directory)
    index = directory / _INDEX
    page = _fill_in(index.read_text("utf-8"), facts)
    app.router.add_get("/", _File(page.encode(), _headers(index, _FRESH) | _policy(facts)).serve)
    for path in sorted(set(directory.iterdir()) - {index}):
        caching = _FOREVER if _NAMED_BY_CONTENT.search(path.name) else _FRESH
        app.router.add_get(f"/ui/{path.name}", _File(path.read_bytes(), _headers(path, caching)).serve)


def check_built(directory: Path = DIRECTORY) -> None:
    """Raise ConfigurationError if `directory` has no built upload page (`index.html`)."""
    if not (directory / _INDEX).is_file():
        raise ConfigurationError(f"ui on: there is no page in {directory}: run make setup, or install a wheel")


class _File:
    """A file of the page: as it is, and compressed for clients that accept gzip. Each of the two has its own ETag."""

    def __init__(self, body: bytes, headers: Mapping[str, str]) -> None:
        varying = {**headers, hdrs.VARY: hdrs.ACCEPT_ENCODING}
        self._plain = _Representation(body, varying)
        self._compressed = _Representation(gzip.compress(body, mtime=0), varying | {hdrs.CONTENT_ENCODING: "gzip"})

    async def serve(self, request: web.Request) -> web.Response:
        headers = combine_lines(request.headers)
        takes_gzip = takes_coding(headers.get(hdrs.ACCEPT_ENCODING, ""), "gzip")
        return (self._compressed if takes_gzip else self._plain).answer(headers)


class _Representation:
    def __init__(self, body: bytes, headers: Mapping[str, str]) -> None:
        self._body = body
        self._etag = hashlib.sha256(body).hexdigest()[:32]
        self._headers = {**headers, hdrs.ETAG: f'"{self._etag}"'}

    def answer(self, request_headers: Mapping[str, str]) -> web.Response:
        if status := failed_precondition(request_headers, self._etag, _UNDATED):
            return web.Response(status=status, headers=self._headers)
        return web.Response(body=self._body, headers=self._headers)


def _fill_in(page: str, facts: PageFacts) -> str:
    values = {
        "endpoint": facts.endpoint,
        "max-size": "" if facts.max_size is None else str(facts.max_size),
        "downloads": "on" if facts.downloads else "off",
        "live": "on" if facts.live else "off",
        "accept": ",".join(facts.accept),
    }
    for name, value in values.items():
        page = page.replace(f"%{name}%", html.escape(value))
    return page.replace("%without-script%", _without_script(facts))


def _without_script(facts: PageFacts) -> str:
    endpoint, accept = html.escape(facts.endpoint), html.escape(",".join(facts.accept))
    return _FORM.format(endpoint, accept) if facts.forms else _NO_FORM


def _headers(path: Path, caching: str) -> dict[str, str]:
    return {
        hdrs.CONTENT_TYPE: _TYPES[path.suffix],
        hdrs.CACHE_CONTROL: caching,
        "Referrer-Policy": "no-referrer",
    }


def _policy(facts: PageFacts) -> dict[str, str]:
    url = urlsplit(facts.endpoint)
    reachable = f"'self' {url.scheme}://{url.netloc}" if url.netloc else "'self'"
    policy = _POLICY.format(reachable, reachable if facts.forms else "'none'")
    referrer = {"Referrer-Policy": "same-origin"} if facts.forms else {}  # with no-referrer, forms have no origin
    return {"Content-Security-Policy": policy, "Cross-Origin-Opener-Policy": "same-origin", **referrer}
