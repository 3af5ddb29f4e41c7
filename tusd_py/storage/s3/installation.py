"""The object that says which installation a bucket, or what lies below its prefix, belongs to."""

from __future__ import annotations

from tusd_py.domain.errors import StorageUnavailable, UploadLost
from tusd_py.storage.s3.api.errors import S3Missing
from tusd_py.storage.s3.keys import installation_key
from tusd_py.storage.s3.pieces import Piece
from tusd_py.storage.s3.room import Room


async def read(room: Room) -> str | None:
    """Its text. Only S3's own word makes it absent: a proxy has a 404, too."""
    key = installation_key(room.options.prefix)
    try:
        text = b"".join([bytes(chunk) async for chunk in room.client.get(key)])
    except UploadLost as lost:
        missing = lost.__cause__
        if isinstance(missing, S3Missing) and missing.code == "NoSuchKey":
            return None
        raise StorageUnavailable(f"S3 doesn't say whether {key} is there: {missing}") from lost
    return text.decode(errors="replace")


async def write(room: Room, installation_id: str) -> None:
    text = Piece()
    text.add(installation_id.encode())
    await room.put_segment(installation_key(room.options.prefix), text)
