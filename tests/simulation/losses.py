"""What is taken out of the bucket behind everybody's back: by hand, or by a lifecycle rule."""

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
    """Of what the record names now, if it names such a thing."""
    upload = world.record(upload_id)
    if upload is None:
        return
    taken = {"segments": _segments, "part": _part, "multipart": _multipart, "object": _object}[loot](world, upload)
    if taken:
        world.robbed.add(upload_id)


def _segments(world: World, upload: Upload) -> bool:
    beside = f"{internal_prefix('', upload.id)}tail-"
    keys = [key for key in world.bucket.objects if key.startswith(beside)]
    world.bucket.delete(keys)
    return bool(keys)


def _part(world: World, upload: Upload) -> bool:
    """The last."""
    parts = [each.parts for each in world.bucket.multiparts.values() if each.key == upload.cursor["key"] and each.parts]
    for each in parts:
        each.popitem()
    return bool(parts)


def _multipart(world: World, upload: Upload) -> bool:
    begun = [name for name, each in world.bucket.multiparts.items() if each.key == upload.cursor["key"]]
    for name in begun:
        world.bucket.abort(upload.cursor["key"], name)
    if begun and upload.direct is not None and upload.direct.mode is DirectMode.PARTS:
        _bereave(world, upload)
    return bool(begun)


def _object(world: World, upload: Upload) -> bool:
    there = upload.cursor["key"] in world.bucket.objects
    world.bucket.delete([upload.cursor["key"]])
    if there:
        _bereave(world, upload)
    return there


def _bereave(world: World, upload: Upload) -> None:
    """With it go the uploads that were to be made of it."""
    known: Mapping[UploadId, Upload] = world.uploads()
    world.bereft.add(upload.id)
    if upload.kind is Kind.PARTIAL:
        world.bereft.update(final.id for final in known.values() if upload.id in final.partials and not final.done)
