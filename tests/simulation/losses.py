"""Losses of the bucket that no node knows of: by hand, or by a lifecycle rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from tests.simulation.world import World
from tusd_py.domain.direct import DirectMode
from tusd_py.domain.upload import Kind, Upload
from tusd_py.domain.upload_id import UploadId
from tusd_py.storage.s3.keys import internal_prefix

Loot = Literal["segments", "part", "multipart", "object"]


def rob(world: World, upload_id: UploadId, loot: Loot) -> None:
    """Remove stored bytes of the upload from the bucket: its segments, its last part, its multipart upload or its
    object, as `loot` says. Record the upload as robbed if it had any; do nothing if there is no record of it."""
    upload = world.record(upload_id)
    if upload is None:
        return
    removed = {"segments": _segments, "part": _part, "multipart": _multipart, "object": _object}[loot](world, upload)
    if removed:
        world.robbed.add(upload_id)


def _segments(world: World, upload: Upload) -> bool:
    prefix = f"{internal_prefix('', upload.id)}tail-"
    keys = [key for key in world.bucket.objects if key.startswith(prefix)]
    world.bucket.delete(keys)
    return bool(keys)


def _part(world: World, upload: Upload) -> bool:
    """Remove one part, the last that was added, from each of the upload's multipart uploads. Return True if there was
    one."""
    parts = [
        multipart.parts
        for multipart in world.bucket.multiparts.values()
        if multipart.key == upload.cursor["key"] and multipart.parts
    ]
    for multipart in parts:
        multipart.popitem()
    return bool(parts)


def _multipart(world: World, upload: Upload) -> bool:
    names = [name for name, multipart in world.bucket.multiparts.items() if multipart.key == upload.cursor["key"]]
    for name in names:
        world.bucket.abort(upload.cursor["key"], name)
    if names and upload.direct is not None and upload.direct.mode is DirectMode.PARTS:
        _bereave(world, upload)
    return bool(names)


def _object(world: World, upload: Upload) -> bool:
    is_stored = upload.cursor["key"] in world.bucket.objects
    world.bucket.delete([upload.cursor["key"]])
    if is_stored:
        _bereave(world, upload)
    return is_stored


def _bereave(world: World, upload: Upload) -> None:
    """Record that the upload lost its bytes, and so did each unfinished final upload made of it."""
    uploads: Mapping[UploadId, Upload] = world.uploads()
    world.bereft.add(upload.id)
    if upload.kind is Kind.PARTIAL:
        world.bereft.update(final.id for final in uploads.values() if upload.id in final.partials and not final.done)
