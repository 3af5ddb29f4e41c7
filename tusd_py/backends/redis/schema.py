"""The Redis schema: every key and channel of an installation.

`Keys` names those of uploads, jobs, accounts, locks and sinks. The scripts of the outbox name those of events and
deliveries, from the prefix and numbers that a script alone knows:

- `event-listed`, the number up to which `events`, `ended-events` and `deliveries:SINK:STATE` are complete
- `event-sinks`, a set of every sink that was ever registered, except those of the format `FEED`
- `event-id:ID`, the number of an event by its id; `event:NUMBER`, a hash of its id, upload, type, at and document
- `events`, the sorted set of the numbers of all kept events up to `event-listed`
- `ended-events`, a sorted set of the events without a pending or dead delivery, by their time
- `pending:SINK:UPLOAD`, a list of the numbers that are to be delivered, in order
- `due-events:SINK`, a sorted set of uploads by the time at which the first of these is due; `blocked-events:SINK`, a
  set of uploads that a dead delivery blocks
- `delivery:SINK:NUMBER`, a hash of attempts, error, due, lease, and the state once the delivery isn't pending
- `deliveries:SINK:STATE` and `dead:SINK:UPLOAD`, sorted sets of numbers

The scripts that write records name `grant:ID`, the number of uses of an upload token, kept until
`Grant.forgotten_at`. Those of jobs name `due-jobs`, `ended-jobs` and `upload-jobs:UPLOAD`, sorted sets of jobs by the
time at which they are due, ended or were created.
"""

from __future__ import annotations

from dataclasses import dataclass

PREFIX = "tusd-py:"
"""The default prefix of all keys and channels."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The names of keys and channels that begin with `prefix`. Those with a colon at their end lack an id or a name."""

    prefix: str = PREFIX

    @property
    def upload(self) -> str:
        """The key of an upload's hash, without the upload's id. The fields of the hash are `revision`, `nonce` (of the
        last save), `seq` (the number of the last event, or of a creation without an event; missing after a save by a
        node of an earlier version) and `document` (the record as JSON)."""
        return f"{self.prefix}upload:"

    @property
    def entries(self) -> str:
        """The key, without the upload's id, of the list of its entries, each as JSON."""
        return f"{self.prefix}entries:"

    @property
    def ids(self) -> str:
        """The key of the sorted set of all uploads' ids, each with the score 0."""
        return f"{self.prefix}ids"

    @property
    def seqs(self) -> str:
        """The key of the sorted set of the uploads, by the number of the last event or of a creation without an event.
        Uploads that nodes of earlier versions have created are missing until they are numbered."""
        return f"{self.prefix}seqs"

    @property
    def event_seq(self) -> str:
        """The key of the last number that was taken: by an event, by a creation without an event, or for an upload that
        a node of an earlier version left without a number."""
        return f"{self.prefix}event-seq"

    @property
    def job(self) -> str:
        """The key of a job's hash, without the job's id. The fields of the hash are `revision`, `nonce` (of the last
        save), `document` (the record as JSON), and the fields by which jobs are selected.
        """
        return f"{self.prefix}job:"

    @property
    def jobs(self) -> str:
        """The key of the sorted set of all jobs, by the times of their creation."""
        return f"{self.prefix}jobs"

    @property
    def due(self) -> str:
        """The key of the sorted set of the uploads that a sweep is to look at, by time in seconds since the epoch."""
        return f"{self.prefix}due"

    @property
    def unfinished(self) -> str:
        """The key of the sorted set of unfinished uploads, by their claims in bytes."""
        return f"{self.prefix}unfinished"

    @property
    def claimed(self) -> str:
        """The key of the sum, in bytes, of the claims of all unfinished uploads."""
        return f"{self.prefix}claimed"

    @property
    def names(self) -> str:
        """The key of a hash of uploads' ids: by the name in the upload's URL, if it has one, and by `/` followed by
        `Upload.claimed_key`, the object's key (after its bucket, if a hook chose that), if a hook or credential chose
        the key."""
        return f"{self.prefix}names"

    @property
    def charges(self) -> str:
        """The key of a hash of the charge of each upload by its id, `STORED:RESERVED:ACCOUNT`: RESERVED is empty unless
        the upload is unfinished, ACCOUNT is empty once a final upload has taken over the charge."""
        return f"{self.prefix}charges"

    @property
    def usage(self) -> str:
        """The key, without the account, of a hash of its usage: `stored` and `reserved`, the sums of its charges in
        bytes, and `uploads`, the number of its unfinished uploads."""
        return f"{self.prefix}usage:"

    @property
    def accounts(self) -> str:
        """The key of the sorted set of the accounts with a usage, each with the score 0."""
        return f"{self.prefix}accounts"

    @property
    def installation(self) -> str:
        """The key of the string that holds the installation as JSON."""
        return f"{self.prefix}installation"

    @property
    def ping(self) -> str:
        """A key that never exists: deleting it is a write that a full Redis accepts."""
        return f"{self.prefix}ping"

    @property
    def sinks(self) -> str:
        """The key of a hash of the registered sinks by name, each as JSON."""
        return f"{self.prefix}sinks"

    @property
    def lease(self) -> str:
        """The key, without the upload's id, of the upload's lock holder, `node/token`, until the lease expires."""
        return f"{self.prefix}lease:"

    @property
    def waiters(self) -> str:
        """The key, without the upload's id, of the set of the nodes that wait for its lock."""
        return f"{self.prefix}waiters:"

    @property
    def held_ids(self) -> str:
        """The key of the set of the uploads whose last lock holder hasn't released the lock."""
        return f"{self.prefix}held"

    @property
    def channel(self) -> str:
        """The channel of a node, without the node's id. On it, the node is asked for locks that it holds, and is told
        that locks for which it waits were released."""
        return f"{self.prefix}node:"

    @property
    def live(self) -> str:
        """The channel, without the upload's id, on which nodes with the setting `live` announce its changes."""
        return f"{self.prefix}live:"
