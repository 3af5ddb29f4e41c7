"""The page's fixed words."""

from __future__ import annotations

HEAD = """# Benchmarks

`make bench` measured all of this in one run on one machine: tusd-py and its peers in turn, several rounds, every other
one backwards. Figures are medians, with the least and the most in brackets. `CPU-s/GiB` is what a server costs: user
and system seconds of all its processes for each GiB of bodies, client and S3 not counted.

    make bench                 # everything, about 40 minutes: fetches the peers, measures, writes this page
    make bench REPS=1          # everything once
    make bench QUICK=1         # the figures of the goals, with fewer bytes and rounds: about 8 minutes
    make bench ONLY=cpu,tls    # some figures; the others stay as they were measured before
    make bench RENDER=1        # this page again, from the raw results in bench/.results.json

The first time, fetching takes some minutes more: Go and Rust peers are built from source.

## Goals

✗ marks a number that misses.

{goals}
## The machine

{machine}
Missing, or failed on the way:

{missing}

The S3 end is a **sink** in a process of its own: it speaks enough S3 for every server here, keeps what is small, and
has the kernel throw away the rest. The **client** sends zeros with sendfile. Together they cost about 0.3 CPU-s/GiB, so
that most of the machine is the server's. Everything goes through loopback addresses.
"""

CAVEATS = """## How far to trust this

- A machine with two cores carries server, client and S3 at once, and often somebody else's work. CPU a GiB stands that
  fairly well, speeds don't: see who had the cores. Differences below about 25 % are not resolved unless the brackets
  say so.
- A busy machine's caches are cold, which makes CPU-seconds dearer for all alike: compare ratios, not runs.
- Part of what a loopback transfer costs is charged to whoever sends, the same for all.
- tusd-py, tusd and @tus/server store into S3; tuspyserver and rustus have only a local disk here (rustus 0.5 is the
  newest that its registry offers), so they move each byte once less. nginx and the splice relay only pass bytes on:
  they sign nothing, keep nothing, and know no uploads.
- tusd's parts are 50 MiB and others' 8 MiB: each as it comes. All servers run with their defaults unless a row says
  otherwise, and their logs go to a file.
- Peak RSS is summed over a server's processes; what they share counts for each.
- The slow way to S3 is made by the sink itself, which waits before each answer and reads no faster than the rate.
"""
