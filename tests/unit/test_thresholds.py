"""Numbers past which something is done in another way stand in one place, where a simulation can lower them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import tusd_py

ROOT = Path(tusd_py.__file__).parent
WHOLE = {"config": "what an operator may set", "thresholds.py": "where they belong"}
"""Not searched, and why."""

ELSEWHERE: Mapping[str, Sequence[str]] = {
    "what peers may send and be told: tests/unit/http/test_endpoint.py, tests/unit/http/test_door.py, "
    "tests/unit/http/test_connections.py, tests/unit/test_listening.py, tests/unit/protocol/test_companion.py, "
    "tests/unit/protocol/test_direct.py, "
    "tests/unit/protocol/test_structured.py, tests/unit/test_log.py, tests/unit/test_descriptors.py": [
        "descriptors.py _MOST",
        "descriptors.py say_seldom",
        "http/connections.py Connections.opened",
        "http/connections.py _LONGEST",
        "http/connections.py _PREFIX",
        "http/connections.py _REMEMBERED",
        "http/endpoint.py _HIGHEST_PORT",
        "http/endpoint.py _authority",
        "http/forwarded.py Trust.client",
        "http/forwarded.py Trust.seldom",
        "http/forwarded.py _LONGEST",
        "http/forwarded.py _split",
        "protocol/direct.py _REPEATED",
        "protocol/s3parts.py _LONGEST",
        "protocol/s3parts.py _MOST_PARTS",
        "protocol/structured.py LONGEST",
        "listening.py _TRIES",
        "socket_file.py BACKLOG",
        "telemetry/redaction.py LONGEST",
    ],
    "the patience of a command: tests/unit/test_health.py": ["health.py _PATIENCE"],
    "modes, not amounts: tests/unit/test_files.py, tests/unit/test_socket_file.py": [
        "files.py PRIVATE",
        "files.py directory_mode",
        "socket_file.py MODE",
    ],
    "time passes by itself in simulation, however long it is": [
        "engine/installation.py _HOLD",
        "engine/pairing.py _PATIENCE",
        "engine/records.py _LATE_PAUSES",
        "engine/records.py _TROUBLE_PAUSES",
        "engine/sweep.py _RECENT",
        "engine/ports.py Ports.lock_wait",
        "engine/tidy.py _PAUSE",
        "engine/tidy.py _STRANGE",
        "locking/shared.py SharedLocker._keep",
        "locking/shared.py SharedLocker._tend",
        "locking/shared.py _MARGIN",
        "locking/shared.py _TICK",
        "model.py RETRY_SECONDS",
        "protocol/direct.py TOUCH",
        "model.py Upload._look_at",
        "protocol/limits.py Limits.download_url_lifetime",
        "protocol/limits.py Limits.upload_url_lifetime",
        "protocol/rules.py _REMEMBER_GONE",
        "storage/direct.py CorsRule.max_age",
        "storage/s3/attempts.py pause",
        "tasks.py _AGAIN",
    ],
    "seconds of a real server: tests/spec/limits/test_patience.py, tests/faults/test_silence.py": [
        "app.py _PATIENCE",
        "app.py _READY_SECONDS",
        "app.py _RENEW_SECONDS",
        "app.py _SWEEP_SECONDS",
        "app.py _TIDY_SECONDS",
        "app.py _for_ever",
        "http/body.py _GRACE",
        "http/delivery.py _PATIENCE",
        "http/delivery.py _STALLED",
        "http/direct.py _PATIENCE",
        "http/farewell.py _PATIENCE",
        "http/farewell.py _PAUSE",
        "http/intake.py _GATHER",
        "http/probes.py _PATIENCE",
        "protocol/refusals.py ServiceUnavailable.retry_after",
        "protocol/refusals.py StoreFull.retry_after",
        "protocol/refusals.py TooManyRequests.__init__.retry_after",
        "protocol/refusals.py TooManyUploads.retry_after",
        "locking/redis.py RedisLocker.retry_seconds",
        "locking/redis.py _RECONNECT_SECONDS",
        "locking/redis.py _SILENCE_SECONDS",
        "locking/sqlite.py SqliteLocker.retry_seconds",
        "redis_client.py ANSWER_SECONDS",
        "redis_client.py _TURN_SECONDS",
        "sqlite_thread.py BUSY_SECONDS",
        "sqlite_thread.py _use_wal",
        "storage/s3/connect.py _config",
        "storage/s3/transport.py _CONNECT",
        "storage/s3/wire.py RawS3.send",
        "storage/s3/wire.py _LEAST_RATE",
        "storage/s3/wire.py _PATIENCE",
    ],
    "a provider's or an operator's, chosen by each world and watched by tests/simulation/test_crossings.py": [
        "makers.py _PART_SIZE",
        "protocol/limits.py PartLimits.greatest_length",
        "protocol/limits.py PartLimits.least_length",
        "protocol/limits.py PartLimits.most",
        "storage/s3/options.py PROFILES",
        "storage/s3/options.py Profile.max_object",
        "storage/s3/options.py Profile.max_part",
        "storage/s3/options.py Profile.max_parts",
        "storage/s3/options.py Profile.min_part",
        "storage/s3/options.py S3Options.concurrency",
        "storage/s3/options.py S3Options.part_size",
    ],
    "what a request is refused for, before anything is done: tests/unit/protocol/test_tus_requests.py": [
        "protocol/companion.py _text",
        "protocol/limits.py Limits.max_metadata_bytes",
        "protocol/limits.py Limits.max_metadata_keys",
        "protocol/limits.py Limits.max_partial_uses",
        "protocol/limits.py Limits.max_partials",
    ],
    "of clients and what they declare: tests/unit/http/test_pace.py, tests/contracts/test_state.py, "
    "tests/unit/state/test_redis.py": [
        "http/pace.py _MOST_CLIENTS",
        "http/pace.py _SECOND",
        "model.py LARGEST_CLAIM",
        "state/redis_unfinished.py _PAGE",
    ],
    "the grid's shape, which follows the profile's number of parts": [
        "pipeline/grid.py Grid._steps",
        "pipeline/grid.py Grid.largest",
        "pipeline/grid.py Grid.max_parts",
        "pipeline/grid.py _GROWTH",
        "pipeline/grid.py grid_for",
        "pipeline/grid.py grid_for.largest",
        "storage/s3/concat_plan.py _size",
    ],
    "a proportion: each world chooses of what": [
        "pipeline/ahead.py _HUNGRY",
        "pipeline/ahead.py _SHARE",
        "pipeline/ahead.py _Window._adjust",
        "pipeline/budget.py Budget._is_short",
        "pipeline/budget.py _CLEAR",
        "storage/s3/pieces.py _settled",
        "storage/s3/tails.py _WORTH",
    ],
    "the room in a store, which isn't simulated: tests/contracts/engine/test_room.py, tests/unit/test_space.py": [
        "engine/room.py _EARLY",
        "engine/room.py _MARGIN",
        "space.py Ballast.restore",
        "space.py Ballast.size",
        "space.py _BALLAST",
        "space.py _MOST",
        "space.py _SHARE",
    ],
    "of real SQLite and Redis: tests/unit/test_sqlite_thread_full.py, tests/unit/state/test_redis.py": [
        "redis_client.py _CONNECTIONS",
        "redis_client.py connect",
        "sqlite_thread.py _RETRIES",
    ],
    "of the disk, which isn't simulated: tests/unit/storage/test_local.py": ["storage/disk.py _BLOCK"],
    "of a storage for tests alone": [
        "storage/memory.py MemoryStorage.__init__.checkpoint_size",
        "storage/memory.py _READ_SIZE",
    ],
    "of sockets, which aren't simulated: tests/contracts/test_s3_wire.py, tests/load/test_crowd.py": [
        "pipeline/outlet.py _MOST_VIEWS",
        "storage/s3/connect.py _POOL",
        "storage/s3/wire.py _AHEAD",
        "storage/s3/wire.py _BATCH",
        "storage/s3/wire.py _LARGE",
    ],
    "of bodies on real connections: tests/unit/http/test_intake.py, tests/unit/http/test_body.py": [
        "http/intake.py Intake.__init__",
        "http/intake.py Intake._hand_on",
        "http/intake.py Intake._take_slab",
        "http/intake.py _LEAST",
        "http/intake.py _MANY",
        "http/reading.py Stream.__init__",
        "http/reading.py _STEP",
    ],
    "of refused bodies on real connections: tests/spec/tus/test_patch.py, tests/promises/test_05_decide_first.py": [
        "http/farewell.py _MOST",
        "http/farewell.py _SMALL",
    ],
    "of heads on real connections: tests/spec/limits/test_heads.py, tests/load/test_heads.py": [
        "http/heads.py _FREE",
        "http/heads.py _STEP",
        "http/heads.py _TIMES",
        "server.py _CROWD",
        "server.py _FIELD",
        "server.py _FIELDS",
        "server.py _READ",
        "server.py _URL",
        "server.py make_runner",
    ],
    "of long lists on real connections: tests/spec/direct/test_attacks.py, tests/load/test_lists.py": [
        "app.py _TEXTS",
        "http/direct.py _FREE",
        "http/direct.py _MOST",
        "protocol/companion.py TIMES",
        "protocol/companion.py _KEY",
        "protocol/companion.py _LIGHT",
        "protocol/companion.py _OBJECT",
        "protocol/companion.py _VALUE",
    ],
    "of downloads on real connections: tests/load/test_downloads.py": [
        "app.py _DOWNLOADS",
        "http/delivery.py _WINDOW",
        "http/outflow.py _SLICE",
    ],
    "of the budget, passed by a crowd: tests/unit/pipeline/test_overhead.py": [
        "pipeline/overhead.py _EACH",
        "pipeline/overhead.py _FRACTION",
    ],
    "of real memory: tests/unit/pipeline/test_slabs.py, tests/unit/pipeline/test_heap.py": [
        "pipeline/heap.py _FALLEN",
        "pipeline/heap.py _M_ARENA_MAX",
        "pipeline/heap.py _REST",
        "pipeline/slabs.py LEAST_SLAB",
        "pipeline/slabs.py SLAB",
        "pipeline/slabs.py Slabs.__init__",
        "pipeline/slabs.py _ARENA",
        "pipeline/slabs.py _CLEAR",
        "pipeline/slabs.py _LESSER",
        "pipeline/slabs.py _FULL",
        "pipeline/slabs.py _PAGE",
        "pipeline/slabs.py _READERS",
        "pipeline/slabs.py _UNUSED",
        "server.py _ALLOCATIONS",
        "server.py _collect_less",
    ],
    "names on a disk: tests/unit/storage/test_naming.py": [
        "storage/naming.py _DEVICES",
        "storage/naming.py _LONGEST",
        "storage/naming.py _MOST",
        "storage/naming.py is_path",
    ],
    "names, cut to a length: tests/unit/serving/test_disposition.py, tests/unit/storage/s3/test_words.py": [
        "serving/disposition.py _HEAD",
        "serving/disposition.py _TAIL",
        "storage/s3/attributes.py _MAX_METADATA",
        "storage/s3/keys.py tame",
    ],
    "a standard's: a status, a format, a size that never changes": [
        "cli.py _show",
        "http/companion.py _json",
        "http/companion.py _part",
        "http/farewell.py SILENCE",
        "http/heads.py _TOO_LARGE",
        "http/interim.py _REASONS",
        "http/probes.py readyz",
        "http/routes.py _preflight",
        "http/s3xml.py _abort_xml",
        "http/s3xml.py _xml",
        "http/readers.py _read",
        "http/translation.py _REASONS",
        "makers.py limits",
        "model.py Upload.fixed_etag",
        "model.py label",
        "pipeline/digests.py _Crc32c.digest",
        "protocol/headers.py CHECKSUM_ALGORITHMS",
        "protocol/headers.py _parse_base64",
        "protocol/links.py _HALF",
        "protocol/rufh/representation.py _SIZES",
        "protocol/rufh/versions.py Version.appended",
        "protocol/rufh/versions.py Version.busy",
        "protocol/rufh/versions.py _3",
        "protocol/rufh/versions.py _4",
        "protocol/rufh/versions.py _5",
        "protocol/rufh/versions.py _6",
        "protocol/rufh/versions.py _7",
        "protocol/rufh/versions.py _8",
        "protocol/rufh/wire.py _UPLOAD_RESUMPTION_SUPPORTED",
        "protocol/statuses.py STATUS",
        "protocol/structured.py LARGEST",
        "protocol/tus.py Tus.appended",
        "protocol/tus.py Tus.created",
        "protocol/tus.py Tus.discover",
        "protocol/tus.py Tus.inspected",
        "protocol/tus.py Tus.terminated",
        "protocol/tus.py _STATUS",
        "serving/dates.py _CENTURY_TURN",
        "serving/dates.py _year",
        "space.py Ballast._write",
        "sqlite_thread.py _PAGE",
        "sqlite_thread.py _code",
        "storage/s3/checksums.py crc_text",
        "storage/s3/client.py S3Client._delete_many",
    ],
    "a unit, an index, an exit code, a number of random bytes or of places: nothing is done in another way past it": [
        "cli.py _run",
        "engine/tidy.py _TURN",
        "http/page.py _Representation.__init__",
        "http/uploads.py _upload_id",
        "listing.py rules_as_json",
        "locking/host.py _started",
        "locking/lease.py TimedLease.__init__",
        "locking/redis.py RedisLocker.__init__",
        "locking/redis.py _NEVER_GIVEN_BACK",
        "makers.py open_unpaired",
        "pipeline/grid.py GIB",
        "pipeline/grid.py MIB",
        "protocol/rufh/representation.py _file_name",
        "serving/media_types.py media_type",
        "serving/media_types.py served_type",
        "space.py MIB",
        "sqlite_thread.py SqliteThread._open",
        "state/redis.py RedisState._put",
        "storage/s3/connect.py _target_of",
        "storage/s3/keys.py probe_key",
        "storage/s3/keys.py segment_key",
        "storage/s3/pieces.py Assembly.fold",
        "storage/s3/signing.py signed",
        "telemetry/access.py AccessLog.log",
        "telemetry/log.py LogMeter.s3_request",
        "telemetry/metrics.py _LOCK_SECONDS",
        "telemetry/metrics.py _S3_SECONDS",
        "workers.py _work",
    ],
}
"""What may stand elsewhere: by the reason, file and name."""


def test_no_number_stands_outside_of_the_thresholds_without_a_reason() -> None:
    searched = [file for file in sorted(ROOT.rglob("*.py")) if file.relative_to(ROOT).parts[0] not in WHOLE]
    found = {f"{file.relative_to(ROOT)} {name}" for file in searched for name in _named(ast.parse(file.read_text()))}
    explained = {name for names in ELSEWHERE.values() for name in names}
    assert found - explained == set(), "move it to tusd_py/thresholds.py, or say here why not"
    assert explained - found == set(), "these are no more"


def test_the_test_of_an_exception_is_there() -> None:
    named = [word for reason in ELSEWHERE for word in reason.replace(",", " ").split() if word.startswith("tests/")]
    assert [name for name in named if not (ROOT.parent / name).exists()] == []


def test_a_number_is_found_wherever_it_stands() -> None:
    code = """
A: int = 2 * 1024
B = (0.5, 7)
C = 1
D, E = 4, 1
class F:
    g: float = 5.0
    def h(self, *, i: int = 3): ...
    def j(self):
        return self.k(1) + 0 if True else self.l(9)
"""
    assert sorted(set(_named(ast.parse(code)))) == ["A", "B", "D", "F.g", "F.h.i", "F.j"]


def _named(tree: ast.AST, within: str = "") -> Iterator[str]:
    """Constants, fields and defaults by their own names, whatever else stands in a function by the function's."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            yield from _constants(node, within)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _defaults(node, within)
            if any(_is_large(statement) for statement in node.body):
                yield f"{within}{node.name}"
        elif isinstance(node, ast.ClassDef):
            yield from _named(node, f"{within}{node.name}.")


def _constants(node: ast.Assign | ast.AnnAssign, within: str) -> Iterator[str]:
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    value = node.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = list(zip(target.elts, value.elts, strict=True))
    else:
        pairs = [] if value is None else [(target, value)]
    for each, its in pairs:
        if isinstance(each, ast.Name) and _is_large(its):
            yield f"{within}{each.id}"


def _defaults(node: ast.FunctionDef | ast.AsyncFunctionDef, within: str) -> Iterator[str]:
    given = node.args.args[len(node.args.args) - len(node.args.defaults) :]
    named = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    for argument, default in [*zip(given, node.args.defaults, strict=True), *named]:
        if default is not None and _is_large(default):
            yield f"{within}{node.name}.{argument.arg}"


def _is_large(code: ast.AST) -> bool:
    """It holds a number above 1, or a fraction."""
    numbers = [each.value for each in ast.walk(code) if isinstance(each, ast.Constant)]
    return any(isinstance(each, int | float) and each not in (0, 1) for each in numbers)
