"""The fixed text at the beginning and at the end of docs/benchmarks.md."""

from __future__ import annotations

HEAD = """# Benchmarks

`make bench` measured all of this on one machine, in one run unless `ONLY` chose some of it: tusd-py and its peers in
turn, every other round backwards. Figures are medians, with the least and the most in brackets. `CPU-s/GiB` is what a
server costs: user and system seconds of all its processes for each GiB of bodies, client and S3 not counted.

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

The S3 end is a **sink** in a separate process: it speaks enough S3 for every server here, keeps what is small, and
has the kernel throw away the rest. The **client** sends zeros with sendfile. Together they cost about 0.3 CPU-s/GiB, so
that most of the machine is the server's. Everything goes through loopback addresses.
"""

CAVEATS = """## What misses its goal, and why

Profiles by py-spy, on the machine above.

- **A byte, 16 uploads at a time**: 0.57 of what tusd without its hashes costs where half was wanted, and 0.16 of
  @tus/server's cost where a seventh was. Of what large uploads cost, 60 % is the kernel's, copying from one socket and
  to another; the rest is spread over asyncio, aiohttp's client and our own steps, about 1 ms a part and 60 µs a read,
  none of them above 7 %. Reads of more than 1 MiB and parts of more than 8 MiB would save some 5 % each, and cost
  memory.
- **1 KiB uploads**: 1.7 to 2.8 CPU-ms each, so that one process makes 400 to 600 a second. A fifth is the log (two
  lines each), a sixth aiohttp's client, a sixth the writer for parts of any size (which a part of 1 KiB takes as well),
  a tenth the engine, a fifth SQLite and the way to its threads and back, a tenth aiohttp's server. aiohttp's server and
  client alone would make some 2,500 a second, which is about what the goal asks for: it isn't met in CPython with a
  state that is durable before the answer. tusd spends 1.5 CPU-ms on four requests to S3, on all cores.
- **A fast upload among 1,000 slow ones**: the crowd takes about half of the loop's one core: 4,000 reads and 350
  segments a second, since 128 MiB are 96 KiB for each, and then they must be put away. What is left is what the fast
  one gets; it is not the memory that holds it up. Each has its own speed again with more workers or a larger budget.

## How far to trust this

- A machine with two cores carries server, client and S3 at once, and often other work. CPU a GiB stands that
  fairly well, speeds don't: see who had the cores. Differences below about 25 % are not resolved unless the brackets
  say so.
- A busy machine's caches are cold, which makes CPU-seconds dearer for all alike: compare ratios, not runs.
- Part of what a loopback transfer costs is charged to the sender, the same for all.
- tusd-py, tusd and @tus/server store into S3; tuspyserver and rustus have only a local disk here (rustus 0.5 is the
  newest that its registry offers), so they move each byte once less. nginx and the splice relay only pass bytes on:
  they sign nothing, keep nothing, and know no uploads.
- tusd's parts are 50 MiB and others' 8 MiB: each as it comes. All servers run with their defaults unless a row says
  otherwise, and their logs go to a file.
- Peak RSS is summed over a server's processes; what they share counts for each.
- The slow way to S3 is made by the sink itself, which waits before each answer and reads no faster than the rate.
"""
