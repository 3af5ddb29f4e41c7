"""The kind `checksum`: digests of an upload's bytes, all in one reading."""

from __future__ import annotations

from tusd_py.domain.job_faults import BadJob
from tusd_py.jobs.work import Args, PlainKind, Result, Work
from tusd_py.transfer.digests import digests_of

ALGORITHMS = ("sha256", "sha512", "md5", "crc32c")


class Checksum(PlainKind):
    """The kind `checksum`. Arguments: `{"algorithms":["sha256"]}`, one or more of sha256, sha512, md5 and crc32c, by
    default sha256. Result: `{"bytes":n,"digests":{"sha256":"hex"}}`."""

    def check(self, args: Args) -> Args:
        algorithms = args.get("algorithms", ["sha256"])
        is_valid = isinstance(algorithms, list) and algorithms and all(name in ALGORITHMS for name in algorithms)
        if args.keys() - {"algorithms"} or not is_valid:
            raise BadJob(f"checksum takes algorithms, a list of some of {', '.join(ALGORITHMS)}")
        return {"algorithms": list(dict.fromkeys(algorithms))}

    async def run(self, work: Work) -> Result:
        upload = await work.upload()
        digests = await digests_of(work.job.args["algorithms"], work.read(upload))
        return {"bytes": upload.offset, "digests": digests}
