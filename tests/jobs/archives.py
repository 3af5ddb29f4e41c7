"""Archives as programs make them, and as they should not be."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping


def zipped(members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def with_link() -> bytes:
    """An archive with a symbolic link."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    return file.getvalue()


def encrypted() -> bytes:
    """An archive with one member that is marked as encrypted."""
    data = bytearray(zipped({"a.txt": b"12345" * 10}))
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    return bytes(data)


def spoiled() -> bytes:
    """An archive in which a byte of a stored member was changed after its checksum was made."""
    data = bytearray(zipped({"a.txt": b"12345", "b.txt": b"67890"}, zipfile.ZIP_STORED))
    data[data.index(b"67890")] ^= 1
    return bytes(data)
