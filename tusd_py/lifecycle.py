"""Changes of an upload, as values: what it is to be once something has come about."""

from __future__ import annotations

from dataclasses import replace

from tusd_py.model import Checkpoint, Finished, Phase, Upload


def record(upload: Upload, checkpoint: Checkpoint) -> Upload:
    """The upload once `checkpoint` counts. Full means finishing; finished means done, if no digest is wanted."""
    moved = replace(upload, offset=checkpoint.offset, cursor=checkpoint.cursor)
    if checkpoint.finished is None:
        return replace(moved, phase=Phase.FINISHING) if moved.full else moved
    done = finish(moved, checkpoint.finished)
    return done if upload.digest_algorithm is None else replace(done, phase=Phase.FINISHING)


def finish(upload: Upload, finished: Finished) -> Upload:
    """The upload once its object exists."""
    return replace(upload, phase=Phase.DONE, cursor=finished.cursor, etag=finished.etag)


def marked(upload: Upload, now: float, *, troubled: bool) -> Upload:
    """The upload once a change of it was stored: with trouble, something may be left that its record doesn't name."""
    return replace(upload, troubled_at=now) if troubled else upload
