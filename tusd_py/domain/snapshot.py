"""An upload as its listeners see it: its record, the reason of its end, and its jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tusd_py.domain.events import EventType, Reason
from tusd_py.domain.job import Job, JobId
from tusd_py.domain.rights import without_content
from tusd_py.domain.upload import Upload

FINISHED = "finished"
_TOLD_REASONS = frozenset({Reason.INFECTED, Reason.UNSCANNED})
"""Reasons of a termination that listeners are told in place of `terminated`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An upload at one moment, as its listeners see it."""

    upload: Upload
    """The upload's record; if the upload has ended, the one in the event of its end or, without that event, the last
    one that was read before."""
    seq: int
    """The number of the upload's last event, in the one sequence in which the state numbers events, also those that it
    stores for no sink or feed; if the upload had no event, the number that its creation took in that sequence."""
    end: str | None = None
    """`finished` once the upload is done; once it has ended, the reason as `end_reason` returns it; None before."""
    jobs: Sequence[Job] = ()
    settled: bool = False
    """True if the upload has ended, or is done with all its jobs ended and none about to begin by `jobs-on-finish`. A
    done upload may still change after that: it may end, or a client may submit a job for it."""

    @property
    def is_gone(self) -> bool:
        return self.end is not None and self.end != FINISHED

    def follows(self, latest: Snapshot) -> bool:
        """Return True if the snapshot is newer than `latest`, of the same upload: if its record has the higher
        revision, or the same one and only this snapshot's upload is gone. If they are equal in both, it is newer if
        none of its jobs has an earlier revision than in `latest`, and its jobs or their revisions differ, or only
        this snapshot is `settled`: all jobs of its upload, which is done, have ended, and none is about to begin."""
        stage, latest_stage = (self.upload.revision, self.is_gone), (latest.upload.revision, latest.is_gone)
        if stage != latest_stage:
            return stage > latest_stage
        jobs, latest_jobs = _revisions(self), _revisions(latest)
        if any(revision < latest_jobs.get(job_id, 0) for job_id, revision in jobs.items()):
            return False
        # ended jobs are pruned: fewer jobs make no older snapshot
        return jobs != latest_jobs or (self.settled and not latest.settled)

    def without_content(self) -> Snapshot:
        """Return the snapshot for a listener that only knows the upload's URL: without metadata, digest, owner and
        jobs.
        """
        return replace(self, upload=replace(without_content(self.upload), owner=None), jobs=())

    def ended(self, reason: str) -> Snapshot:
        """Return a copy of the snapshot for an upload that has ended, with `reason` as its `end`."""
        return replace(self, end=reason, settled=True)


def _revisions(snapshot: Snapshot) -> Mapping[JobId, int]:
    """Return the revision of each job, by its id."""
    return {job.id: job.revision for job in snapshot.jobs}


def end_reason(type_: EventType, reason: Reason | None) -> str:
    """Return the reason of an upload's end as listeners are told it: `reason` if that is `infected` or `unscanned`,
    else `type_`, the type of the event of the end."""
    return str(reason) if reason in _TOLD_REASONS else str(type_)
