"""The upload that a request's path names."""

from __future__ import annotations

from aiohttp import web

from tusd_py.domain.names import is_name
from tusd_py.domain.refusals import UploadNotFound
from tusd_py.domain.upload_id import UploadId, parse_upload_id
from tusd_py.http.context import ENGINE


async def upload_id_of(request: web.Request, tail: str = "") -> UploadId:
    """Return the id in the path, or that of the upload with the name. `tail` is what the path has after it.

    Raises UploadNotFound, StateUnavailable.
    """
    name = sent_name(request, tail)
    upload_id = parse_upload_id(name)
    if upload_id is None and is_name(name):
        upload_id = await request[ENGINE].state.resolve(name)
    if upload_id is None:
        raise UploadNotFound
    return upload_id


def sent_name(request: web.Request, tail: str = "") -> str:
    """Return the id or name in the path as it was sent; empty if it was sent with escapes (`match_info` has none)."""
    name = request.match_info.get("id", "").rstrip("/")
    return name if request.rel_url.raw_path.rstrip("/").endswith(f"/{name}{tail}") else ""
