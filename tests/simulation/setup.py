"""The parts of a simulated world that a scenario chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tests.simulation.bucket import MIN_PART
from tusd_py.domain.thresholds import Thresholds
from tusd_py.storage.s3.grid import GIB
from tusd_py.storage.s3.options import Checksum, Profile

EXPIRE_AFTER = 3600.0

LOW = Thresholds(
    segments=3,
    segments_at_a_time=1,
    fetches=1,
    cursors=2,
    unproven=16,
    due=2,
    due_at_a_time=2,
    page=2,
    attempts=2,
    completions=2,
    listings=2,
    deletions=2,
    copy=8,
    equal_copy=8,
    equal_part=32,
    step=4,
    wide_step=8,
    wide_window=16,
    read_range=8,
    read_ranges=2,
    read_trial=16,
    reservation=8,
    deliveries=2,
)
"""The thresholds of a simulation, so low that experiments with small uploads are on both sides of each; those of a
local disk, of pages of events or jobs, of the dashboard and of pruning keep their defaults."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The parts of the world that a scenario chooses."""

    opaque_etags: bool = False
    """ETags differ with each write, as with SSE-KMS."""
    total_size: bool = False
    budget: int = 1000
    expire_after: float = EXPIRE_AFTER
    part_size: int = 8
    max_parts: int = 10_000
    max_part: int = 5 * GIB
    equal_parts: bool = False
    checksum: Checksum = "crc32c"
    concurrency: int = 2
    listed: int = 1000
    """The most entries in one page of a listing."""
    info_objects: bool = False
    max_length: int | None = None
    remembers_ended: bool = False
    """True if the server remembers a terminated, expired or lost upload for a week, and answers 410 for it."""
    paired: bool = False
    """True if a node checks that state and storage belong together before it works on uploads."""
    pauses: Sequence[float] = ()
    """The pauses in seconds before the attempts to deliver an event to a sink, one each. If empty, the receiver gets no
    events, and the sinks of the server's own have pauses by default."""
    strict: bool = False
    """True if a dead event holds back the later events of its upload."""
    bus: Literal["messages", "commits"] | None = None
    """The bus that tells a node of changes on others: `messages`, which may get lost, as with Redis, or `commits`,
    which each node sees, as with SQLite. None if no client listens to uploads."""
    jobs: bool = False
    on_finish: Sequence[str] = ()
    """The kinds of jobs that each finished upload gets, except partial ones and exports."""
    attempts: int = 12
    """The most attempts at a job; the pauses between 12 attempts are longer together than any fault."""
    thresholds: Thresholds = LOW

    @property
    def profile(self) -> Profile:
        return Profile(
            min_part=MIN_PART,
            max_parts=self.max_parts,
            max_part=self.max_part,
            equal_parts=self.equal_parts,
            checksum=self.checksum,
            total_size=self.total_size,
        )
