"""Links that allow their holder to read a finished upload, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
from binascii import Error

from tusd_py.domain.upload import Kind, Upload
from tusd_py.domain.upload_id import UploadId

_HALF = 16
"""The bytes of an upload's id, and those of the tag that is made from it (`ReadLinks`): a name in a reading link
encodes the tag and then the encrypted id."""


class ReadLinks:
    """The maker of the names that stand for uploads in reading links. Only an installation with the same id can turn a
    name back into the upload's id. The name of an upload is the same as long as the installation's id is, and is stored
    nowhere.

    A name is a deterministic encryption of the id, after Rogaway and Shrimpton's SIV (RFC 5297 has the same form): a
    tag of the id, then the id under a pad made from that tag. A forged name is detected.
    """

    def __init__(self, installation_id: str) -> None:
        self._keys = tuple(_digest(installation_id.encode(), b"read link " + use) for use in (b"tag", b"pad"))

    def name(self, upload_id: UploadId) -> str:
        """Return the name that stands for the upload in its reading link: 43 characters of the URL-safe base64 alphabet
        (RFC 4648, 5)."""
        plain = bytes.fromhex(upload_id)
        tag = self._tag(plain)
        return base64.urlsafe_b64encode(tag + self._mask(tag, plain)).decode().rstrip("=")

    def path(self, upload: Upload) -> str | None:
        """Return the path of the upload's reading link, below the creation endpoint; None unless the upload is finished
        and not partial (`is_readable`)."""
        return f"read/{self.name(upload.id)}" if is_readable(upload) else None

    def upload_id(self, name: str) -> UploadId | None:
        """Return the id that the name was made from; None if this installation didn't make it."""
        sealed = _decoded(name)
        tag, plain = sealed[:_HALF], self._mask(sealed[:_HALF], sealed[_HALF:])
        upload_id = UploadId(plain.hex())
        return upload_id if hmac.compare_digest(tag, self._tag(plain)) and self.name(upload_id) == name else None

    def _tag(self, plain: bytes) -> bytes:
        return _digest(self._keys[0], plain)[:_HALF]

    def _mask(self, tag: bytes, text: bytes) -> bytes:
        """Return the text combined (XOR) with a pad made from the tag: this encrypts, and decrypts."""
        pad = _digest(self._keys[1], tag)[: len(text)]
        return (int.from_bytes(text) ^ int.from_bytes(pad)).to_bytes(len(text))


def is_readable(upload: Upload) -> bool:
    """Return True for a finished upload, unless it is a partial one, which only serves to make a final one."""
    return upload.done and upload.kind is not Kind.PARTIAL


def _digest(key: bytes, text: bytes) -> bytes:
    """Return a keyed hash of 64 bytes (BLAKE2b, RFC 7693), which is cheaper than HMAC with OpenSSL: a link is made with
    each upload."""
    return hashlib.blake2b(text, key=key).digest()


def _decoded(name: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(f"{name}=")
    except (Error, ValueError):
        return b""
