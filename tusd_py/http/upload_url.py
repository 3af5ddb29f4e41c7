"""The id of the upload that a request's path names."""

from __future__ import annotations

from aiohttp import web

from tusd_py.domain.names import is_name
from tusd_py.domain.refusals import UploadNotFound
from tusd_py.domain.upload_id import UploadId, parse_upload_id
from tusd_py.http.context import ENGINE


async def upload_id_of(request: web.Request, tail: str = "") -> UploadId:
    """Return the id of the upload that the path names, by its id or its name; `tail` is the text of the path after
    that.

    Raises UploadNotFound for a malformed id or an unknown name, StateUnavailable. An id isn't looked up, so the upload
    may not exist.
    """
    name = sent_name(request, tail)
    upload_id = parse_upload_id(name)
    if upload_id is None and is_name(name):
        upload_id = await request[ENGINE].state.resolve(name)
    if upload_id is None:
        raise UploadNotFound
    return upload_id


def sent_name(request: web.Request, tail: str = "") -> str:
    """Return the id or name at the end of the request's path, before `tail`; empty if the path has none, or if the
    client sent it percent-encoded: no id or name needs that, though aiohttp (`match_info`) would decode it.
    """
    name = request.match_info.get("id", "").rstrip("/")
    return name if request.rel_url.raw_path.rstrip("/").endswith(f"/{name}{tail}") else ""
