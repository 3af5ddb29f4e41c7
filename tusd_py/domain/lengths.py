"""What is said of an upload's length, once or several times, and what follows from it. Pure, like the rules."""

from __future__ import annotations

from dataclasses import replace

from tusd_py.domain.intents import Append, Body, Completion, Create
from tusd_py.domain.limits import Limits
from tusd_py.domain.refusals import InconsistentLength, Malformed, TooLarge
from tusd_py.domain.upload import Metadata, Upload


def said_length(intent: Create | Append, offset: int) -> int | None:
    """The upload's length as the request tells it, in one way or in two that must agree (IETF, 4.1.3)."""
    if intent.completion is not Completion.WITH_THIS or intent.body is None or intent.body.length is None:
        return intent.length
    length = offset + intent.body.length
    if intent.length not in (None, length):
        raise InconsistentLength(
            f"this request ends the upload at {length} bytes, but says that it has {intent.length}"
        )
    return length


def declare(upload: Upload, intent: Append, limits: Limits) -> Upload:
    """A length can be declared once, and repeated as often as one likes (tus 1.0, creation-defer-length)."""
    length = said_length(intent, upload.offset)
    contradiction = Malformed if intent.completion is Completion.WHEN_FULL else InconsistentLength
    if length is None or length == upload.length:
        return upload
    if upload.length is not None:
        raise contradiction("the upload has another length already")
    if length < upload.offset:
        raise contradiction("Upload-Length is less than what the upload has already")
    check_length(length, _most_deferred(limits))
    return replace(upload, length=length)


def close(upload: Upload, intent: Create | Append) -> Upload:
    """The upload once the whole body of a request is recorded: the end of one that brings the rest tells the length.

    Raises InconsistentLength if the length was known and isn't reached.
    """
    if intent.completion is not Completion.WITH_THIS:
        return upload
    if upload.length is None:
        return replace(upload, length=upload.offset)
    if not upload.full:
        raise InconsistentLength(
            f"the upload has {upload.offset} bytes, and not the {upload.length} it was said to have"
        )
    return upload


def most(upload: Upload, limits: Limits) -> int | None:
    """The longest that the upload may become or may have been said to be; None for no limit."""
    return _most_deferred(limits) if upload.length is None else limits.max_length


def room_left(upload: Upload, limits: Limits) -> int | None:
    """How many bytes the upload may still take; None for no limit."""
    end = _most_deferred(limits) if upload.length is None else upload.length
    return None if end is None else max(end - upload.offset, 0)


def growth(upload: Upload, planned: Upload, body: Body) -> int:
    """Bytes more that an upload claims by what a request declares or brings; 1 where it doesn't say how many.

    Only where the length is deferred: all others claim theirs when they are created.
    """
    if upload.length is not None or upload.done:
        return 0
    return (1 if body.length is None else body.length) if planned.length is None else planned.length - upload.offset


def check_length(length: int | None, most: int | None) -> None:
    if length is not None and most is not None and length > most:
        raise TooLarge(f"the upload can have {most} bytes at most")


def check_fits(body: Body | None, room: int | None) -> None:
    if body is not None and body.length is not None and room is not None and body.length > room:
        raise TooLarge(f"the upload takes {room} more bytes at most")


def _most_deferred(limits: Limits) -> int | None:
    return limits.max_length if limits.max_deferred_length is None else limits.max_deferred_length


def check_metadata(metadata: Metadata, limits: Limits) -> None:
    """Raises Malformed where a record would hold more than it may."""
    if sum(len(key) + len(value) for key, value in metadata.items()) > limits.max_metadata_bytes:
        raise Malformed(f"the metadata is longer than {limits.max_metadata_bytes} bytes")
    if len(metadata) > limits.max_metadata_keys:
        raise Malformed(f"the metadata has more than {limits.max_metadata_keys} keys")
