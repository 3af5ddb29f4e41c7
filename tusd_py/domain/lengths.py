"""The declared length of an upload and the limits that follow from it, and the checks of metadata against its limits.
No function does I/O or reads a clock."""

from __future__ import annotations

from tusd_py.domain.copying import copy_with
from tusd_py.domain.intents import Append, Body, Completion, Create
from tusd_py.domain.limits import Limits
from tusd_py.domain.metadata import Metadata
from tusd_py.domain.refusals import InconsistentLength, Malformed, TooLarge
from tusd_py.domain.upload import Upload


def declared_length(intent: Create | Append, offset: int) -> int | None:
    """Return the upload's length as a request at `offset` declares it: by a field, by a body that ends the upload, or
    by both; None if it declares none.

    Raises InconsistentLength if the two differ (IETF, 4.1.3).
    """
    if intent.completion is not Completion.WITH_THIS or intent.body is None or intent.body.length is None:
        return intent.length
    length = offset + intent.body.length
    if intent.length not in (None, length):
        raise InconsistentLength(
            f"this request ends the upload at {length} bytes, but says that it has {intent.length}"
        )
    return length


def declare(upload: Upload, intent: Append, limits: Limits) -> Upload:
    """Return the upload with the length that the request declares; unchanged if it declares none.

    A length can be declared once, and repeated any number of times (tus 1.0, creation-defer-length). If it contradicts
    what is recorded, raises Malformed with the completion WHEN_FULL, as in tus, else InconsistentLength. Also raises
    InconsistentLength if `declared_length` does, TooLarge above the limit for deferred lengths.
    """
    length = declared_length(intent, upload.offset)
    contradiction = Malformed if intent.completion is Completion.WHEN_FULL else InconsistentLength
    if length is None or length == upload.length:
        return upload
    if upload.length is not None:
        raise contradiction("the upload has another length already")
    if length < upload.offset:
        raise contradiction("Upload-Length is less than what the upload has already")
    check_length(length, _most_deferred(upload, limits))
    return copy_with(upload, length=length)


def close(upload: Upload, intent: Create | Append) -> Upload:
    """Return the upload after the whole body of the request is recorded: unchanged, but with its offset as its length
    if the body was the rest of the upload and no length was declared before.

    Raises InconsistentLength if the body was the rest, but a declared length isn't reached.
    """
    if intent.completion is not Completion.WITH_THIS:
        return upload
    if upload.length is None:
        return copy_with(upload, length=upload.offset)
    if not upload.full:
        raise InconsistentLength(
            f"the upload has {upload.offset} bytes, and not the {upload.length} it was said to have"
        )
    return upload


def length_limit(upload: Upload, limits: Limits) -> int | None:
    """Return the greatest length that an upload of deferred length may get, or, for a declared length, the server's
    limit for any upload; None for no limit."""
    return _most_deferred(upload, limits) if upload.length is None else limits.max_length


def remaining_bytes(upload: Upload, limits: Limits) -> int | None:
    """Return the number of bytes that the upload may still take; None for no limit."""
    end = _most_deferred(upload, limits) if upload.length is None else upload.length
    return None if end is None else max(end - upload.offset, 0)


def exceeded_length(upload: Upload, intent: Append, limits: Limits) -> int | None:
    """Return the length that a request with too many bytes exceeds: the recorded one, else the one that the request
    declares. None if it exceeds a limit instead: neither is known, or the declared length is itself too large."""
    if upload.length is not None or intent.length is None:
        return upload.length
    limit = _most_deferred(upload, limits)
    return intent.length if limit is None or intent.length <= limit else None


def growth(upload: Upload, planned: Upload, body: Body) -> int:
    """Return the number of bytes by which a request makes the upload's claim (`Upload.claim`) grow; 1 if neither a
    length nor the body's size is declared. `planned` is the upload with what the request declares.

    Only an upload with a deferred length grows: all others claim their length when they are created.
    """
    if upload.length is not None or upload.done:
        return 0
    return (1 if body.length is None else body.length) if planned.length is None else planned.length - upload.offset


def check_length(length: int | None, limit: int | None) -> None:
    if length is not None and limit is not None and length > limit:
        raise TooLarge(f"the upload can have {limit} bytes at most")


def check_fits(body: Body | None, limit: int | None) -> None:
    if body is not None and body.length is not None and limit is not None and body.length > limit:
        raise TooLarge(f"the upload takes {limit} more bytes at most")


def _most_deferred(upload: Upload, limits: Limits) -> int | None:
    own = limits.within(upload.max_length)
    return own.max_length if own.max_deferred_length is None else own.max_deferred_length


def check_metadata(metadata: Metadata, limits: Limits) -> None:
    """Raise Malformed if the metadata has more bytes or more keys than the limits allow."""
    check_metadata_size(metadata, limits)
    if len(metadata) > limits.max_metadata_keys:
        raise Malformed(f"the metadata has more than {limits.max_metadata_keys} keys")


def check_metadata_size(metadata: Metadata, limits: Limits) -> None:
    """Raise Malformed if the metadata has more bytes than the limits allow."""
    if sum(len(key) + len(value) for key, value in metadata.items()) > limits.max_metadata_bytes:
        raise Malformed(f"the metadata is longer than {limits.max_metadata_bytes} bytes")
