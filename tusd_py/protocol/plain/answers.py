"""The answers to plain requests: JSON, a page, or a redirect."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import urlsplit

from tusd_py.domain.upload import Upload
from tusd_py.protocol.wire import Reply

_PAGE_HEADERS: Mapping[str, str] = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
_PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Uploaded</title>
  </head>
  <body>
    <h1>Uploaded</h1>
    <ul>
{}
    </ul>
  </body>
</html>
"""
_URL = re.compile(
    r"https?://(?:[A-Z0-9._-]+|\[[0-9A-F:.]+\])(?::[0-9]{1,5})?(?:[/?][A-Z0-9._~:/?\[\]@!$&'()*+,;=%|-]*)?"
    r"(?:#[A-Z0-9._~:/?\[\]@!$&'()*+,;=%|-]*)?",
    re.IGNORECASE | re.ASCII,
)
"""An absolute http or https URL without a user, and without characters (such as a backslash) that clients read in
different ways."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


def created(uploads: Sequence[Upload], endpoint: str, *, page: bool) -> Reply:
    """Return the 201 that lists the created uploads, at least one, in JSON, or with `page` in HTML. `endpoint` is the
    creation endpoint's URL."""
    members = [_members(upload, endpoint) for upload in uploads]
    kind = _PAGE_HEADERS if page else {"Content-Type": "application/json"}
    headers = {"Location": members[0]["url"], "Cache-Control": "no-store", "Vary": "Accept", **kind}
    return Reply(status=201, headers=headers, text=_document(members) if page else json.dumps({"uploads": members}))


def redirected(uploads: Sequence[Upload], url: str) -> Reply:
    """Return the redirect (303) to a URL that `may_redirect` allows; its query gets each upload's id as `upload`."""
    before, hash_sign, fragment = url.partition("#")
    joint = "&" if "?" in before else "?"
    query = "&".join(f"upload={upload.id}" for upload in uploads)
    location = f"{before}{joint}{query}{hash_sign}{fragment}"
    return Reply(status=303, headers={"Location": location, "Cache-Control": "no-store"})


def may_redirect(url: str, endpoint: str, allowed: re.Pattern[str] | None) -> bool:
    """Return True if clients may be redirected to the URL: if `_URL` matches it (http or https, without a user), and it
    has the origin of `endpoint`, the creation endpoint's URL, or one that `allowed` matches as a whole."""
    origin = _origin(url)
    if origin is None:
        return False
    return origin == _origin(endpoint) or (allowed is not None and allowed.fullmatch(origin) is not None)


def _origin(url: str) -> str | None:
    """Return the origin of an http or https URL: its scheme and host in lower case, and its port unless that is the
    default one. None for other text, for a URL with a user or with characters that clients read in different ways
    (`_URL` doesn't match it), and for an impossible port or IPv6 address."""
    if _URL.fullmatch(url) is None:
        return None
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        return None
    name = split.hostname or ""
    host = f"[{name}]" if ":" in name else name
    default = port in (None, _DEFAULT_PORTS[split.scheme])
    return f"{split.scheme}://{host}" if default else f"{split.scheme}://{host}:{port}"


def _members(upload: Upload, endpoint: str) -> dict[str, Any]:
    name = upload.metadata.get("filename")
    return {
        "id": upload.id,
        "url": f"{endpoint}{upload.url_name}",
        "filename": None if name is None else name.decode("utf-8", "replace"),
        "length": upload.length,
        "etag": f'"{upload.validator}"' if upload.done else None,
    }


def _document(members: Sequence[Mapping[str, Any]]) -> str:
    return _PAGE.format("\n".join(map(_item, members)))


def _item(member: Mapping[str, Any]) -> str:
    url, name = escape(member["url"]), escape(member["filename"] or member["id"])
    return f'      <li><a href="{url}">{name}</a>, {member["length"]} bytes</li>'
