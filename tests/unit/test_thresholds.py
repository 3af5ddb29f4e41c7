"""Numbers past which something is done in another way stand in one place, where a simulation can lower them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import tusd_py

ROOT = Path(tusd_py.__file__).parent
WHOLE = {"config/": "what an operator may set", "domain/thresholds.py": "where they belong"}
"""Not searched, and why."""

ELSEWHERE: Mapping[str, Sequence[str]] = {
    "of jobs, and of those that ask for them: tests/jobs/test_routes.py, tests/jobs/test_command.py, "
    "tests/jobs/test_export.py, tests/jobs/test_unzip.py, tests/jobs/test_copy.py, tests/jobs/test_nodes.py, "
    "tests/properties/test_jobs.py": [
        "domain/job_life.py retry",
        "http/handlers/job_list.py _JSON_ROWS",
        "http/handlers/job_list.py _PAGE",
        "http/handlers/job_stream.py _LOOK_SECONDS",
        "http/handlers/jobs.py _LONGEST",
        "http/handlers/jobs.py _LONGEST_LIST",
        "jobs/archive.py _ENTRY",
        "jobs/archive.py _TAIL",
        "jobs/feed.py _AGAIN_SECONDS",
        "jobs/hold.py _AGAIN_SECONDS",
        "jobs/hold.py _RENEWALS",
        "jobs/kinds/command.py _KEPT",
        "jobs/kinds/copy.py _LONGEST_KEY",
        "jobs/kinds/export.py _CHUNK",
        "jobs/runner.py _DRAIN_SECONDS",
        "jobs/runner.py _PRUNE_SECONDS",
        "jobs/targets/bucket.py _MOST_PARTS",
        "jobs/targets/bucket.py _PART",
        "jobs/work.py Work.ids",
        "jobs/work.py _FIRST_IDS",
        "protocol/export_request.py _LONGEST_NAME",
        "protocol/export_request.py _MOST_IDS",
    ],
    "what peers may send and be told: tests/unit/http/test_endpoint.py, tests/unit/http/test_request_filter.py, "
    "tests/unit/http/test_connection_limits.py, tests/unit/test_listening.py, tests/unit/protocol/test_companion.py, "
    "tests/unit/protocol/test_direct.py, tests/unit/domain/test_names.py, "
    "tests/unit/domain/test_trace.py, tests/unit/test_tracing.py, "
    "tests/unit/domain/test_content_types.py, tests/contracts/engine/test_sniffing.py, "
    "tests/unit/protocol/test_structured.py, tests/unit/test_log.py, tests/unit/test_descriptors.py": [
        "server/descriptors.py _MAX_DESCRIPTORS",
        "server/descriptors.py throttle_accept_warnings",
        "http/connection/connection_limits.py Connections.opened",
        "http/connection/connection_limits.py _MAX_NAME_LENGTH",
        "http/connection/connection_limits.py _PREFIX",
        "http/connection/connection_limits.py _CACHE_SIZE",
        "http/endpoint.py _HIGHEST_PORT",
        "http/endpoint.py _authority",
        "http/forwarded.py Trust.client",
        "http/forwarded.py Trust.throttle",
        "http/forwarded.py _MAX_FIELD_LENGTH",
        "http/forwarded.py _split",
        "domain/trace.py _LONGEST_STATE",
        "telemetry/tracing.py HASH_LENGTH",
        "telemetry/traced.py _SLOW_SECONDS",
        "domain/trace.py Trace.id",
        "domain/trace.py Trace.span_id",
        "domain/names.py _LONGEST",
        "domain/names.py _LONGEST_PLACE",
        "domain/names.py _LONGEST_SEGMENT",
        "domain/content_types.py HEAD_BYTES",
        "domain/content_types.py _LONG",
        "engine/sniffing.py _PARTIALS",
        "domain/direct_rules.py _REPEATED",
        "protocol/s3parts.py _MAX_VALUE_LENGTH",
        "protocol/s3parts.py _MAX_PARTS",
        "protocol/structured.py LONGEST",
        "server/listening.py _TRIES",
        "server/socket_file.py BACKLOG",
        "telemetry/redaction.py LONGEST",
    ],
    "of credentials, and of those who know them: tests/unit/auth/test_chain.py, tests/unit/auth/test_tokens.py, "
    "tests/unit/auth/test_jwks.py, tests/unit/auth/test_forward.py, tests/unit/http/test_tokens.py": [
        "auth/credentials.py LONGEST",
        "auth/credentials.py _LONGEST_IDENTIFIER",
        "auth/credentials.py _MAX_PARAMETERS",
        "auth/forward.py _LONGEST_CHALLENGE",
        "auth/forward.py _MAX_ANSWERS",
        "auth/jwks.py _LARGEST",
        "auth/terms.py LONGEST_TTL",
        "auth/terms.py TTL",
        "auth/terms.py WATCH_TTL",
        "auth/terms.py _LARGEST",
        "auth/tokens.py _LAST",
        "http/handlers/tokens.py _LONGEST",
        "server/auth_wiring.py _CONNECTIONS",
    ],
    "what listeners are told, and how soon: tests/unit/live/test_hub.py, tests/unit/protocol/test_live_events.py, "
    "tests/contracts/test_bus.py, tests/contracts/engine/test_pause.py, tests/live/test_socket.py, "
    "tests/live/test_status.py, tests/live/test_nodes.py": [
        "domain/lifecycle.py PAUSE",
        "domain/refusals.py Paused.retry_after",
        "domain/refusals.py TooManyListeners.retry_after",
        "http/handlers/feed.py _HEAL",
        "http/handlers/live.py _LONGEST_WAIT",
        "http/handlers/live.py _tell_events",
        "http/handlers/live_socket.py _CLOSE_SECONDS",
        "http/handlers/live_socket.py _LONGEST",
        "live/bus/redis.py _PATIENCE",
        "live/bus/redis.py _RECONNECT_SECONDS",
        "live/bus/redis.py _SILENCE_SECONDS",
        "live/bus/sqlite.py _PAUSE",
        "live/hub.py _HEAL",
        "live/hub.py _READERS",
        "live/hub.py _REST",
        "live/reader.py _MOST_JOBS",
        "protocol/live_words.py _percentage",
    ],
    "what forms and their clients may send: tests/plain/test_refused.py, tests/properties/test_forms.py, "
    "tests/unit/protocol/test_plain.py": [
        "protocol/plain/accept.py _MOST",
        "protocol/plain/form_parser.py _EPILOGUE",
        "protocol/plain/form_parser.py _MATCHES",
        "protocol/plain/form_parser.py _MAX_HEAD",
        "protocol/plain/form_parser.py _MAX_HEADERS",
        "protocol/plain/form_parser.py _PIECE",
        "protocol/plain/form_parser.py _SPARE",
        "protocol/plain/reading.py _ENVELOPE",
    ],
    "the patience of a command: tests/unit/test_health.py": ["cli/health.py _PATIENCE"],
    "modes, not amounts: tests/unit/test_files.py, tests/unit/test_socket_file.py": [
        "disk/files.py PRIVATE",
        "disk/files.py directory_mode",
        "server/socket_file.py MODE",
    ],
    "time passes by itself in simulation, however long it is": [
        "engine/installation.py _GRACE_PERIOD",
        "engine/pairing.py _PATIENCE",
        "engine/records.py _LATE_PAUSES",
        "engine/records.py _TROUBLE_PAUSES",
        "engine/expiry_sweep.py _RECENT",
        "engine/engine.py Engine.lock_wait",
        "engine/garbage_collection.py _PAUSE",
        "engine/garbage_collection.py _MIN_AGE",
        "backends/leased_locks.py SharedLocker._maintain",
        "backends/leased_locks.py SharedLocker._tick",
        "backends/leased_locks.py _MARGIN",
        "backends/leased_locks.py _TICK",
        "domain/upload.py RETRY_SECONDS",
        "domain/upload.py ASK_SECONDS",
        "domain/direct_rules.py TOUCH",
        "domain/upload.py Upload._look_at",
        "domain/limits.py Limits.download_url_lifetime",
        "domain/limits.py Limits.upload_url_lifetime",
        "domain/rules.py _REMEMBER_GONE",
        "ports/direct.py CorsRule.max_age",
        "storage/s3/retries.py pause",
        "tasks.py _AGAIN",
    ],
    "seconds of a real server: tests/spec/limits/test_patience.py, tests/faults/test_silence.py": [
        "server/app.py _PING_SECONDS",
        "server/app.py _READY_SECONDS",
        "server/background.py _RENEW_SECONDS",
        "server/background.py _SWEEP_SECONDS",
        "server/background.py _GARBAGE_SECONDS",
        "server/background.py _repeat",
        "http/connection/body.py _GRACE",
        "http/handlers/delivery.py _MEMORY_TIMEOUT",
        "http/handlers/delivery.py _STALLED",
        "http/handlers/direct.py _MEMORY_TIMEOUT",
        "http/connection/early_close.py _DRAIN_TIMEOUT",
        "http/connection/early_close.py _DRAIN_DELAY",
        "http/connection/socket_reader.py _GATHER",
        "http/handlers/probes.py _PING_TIMEOUT",
        "domain/refusals.py ServiceUnavailable.retry_after",
        "domain/refusals.py StoreFull.retry_after",
        "domain/refusals.py TooManyRequests.__init__.retry_after",
        "domain/refusals.py TooManyUploads.retry_after",
        "backends/redis/locks.py RedisLocker.retry_seconds",
        "backends/redis/locks.py _RECONNECT_SECONDS",
        "backends/redis/locks.py _SILENCE_SECONDS",
        "backends/sqlite/locks.py SqliteLocker.retry_seconds",
        "backends/redis/connection.py ANSWER_SECONDS",
        "backends/redis/connection.py _POOL_SECONDS",
        "backends/sqlite/connection.py BUSY_SECONDS",
        "backends/sqlite/connection.py _use_wal",
        "storage/s3/api/connect.py _config",
        "storage/s3/transport.py _CONNECT_SECONDS",
        "storage/s3/api/requests.py RawS3.send",
        "storage/s3/api/requests.py _MIN_RATE",
        "storage/s3/api/requests.py _TIMEOUT_SECONDS",
    ],
    "a provider's or an operator's, chosen by each world and watched by tests/simulation/test_crossings.py": [
        "server/wiring.py _PART_SIZE",
        "domain/limits.py PartLimits.max_length",
        "domain/limits.py PartLimits.min_length",
        "domain/limits.py PartLimits.max_parts",
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
        "domain/limits.py Limits.max_metadata_bytes",
        "domain/limits.py Limits.max_metadata_keys",
        "domain/limits.py Limits.max_partial_uses",
        "domain/limits.py Limits.max_partials",
    ],
    "of clients and what they declare: tests/unit/engine/test_rate_limiter.py, tests/contracts/test_state.py, "
    "tests/unit/backends/test_redis.py, tests/unit/backends/test_upgrade_numbers.py": [
        "engine/rate_limiter.py _MAX_CLIENTS",
        "engine/rate_limiter.py _SECOND",
        "domain/upload.py LARGEST_CLAIM",
        "backends/redis/numbers.py _PAGE",
        "backends/redis/unfinished.py _PAGE",
        "backends/sqlite/charging.py _PAGE",
    ],
    "the grid's shape, which follows the profile's number of parts": [
        "storage/s3/grid.py Grid._steps",
        "storage/s3/grid.py Grid.largest",
        "storage/s3/grid.py Grid.max_parts",
        "storage/s3/grid.py _GROWTH",
        "storage/s3/grid.py grid_for",
        "storage/s3/grid.py grid_for.largest",
        "storage/s3/concat_plan.py _size",
    ],
    "a proportion: each world chooses of what": [
        "transfer/read_ahead.py _S3_BOUND",
        "transfer/read_ahead.py _SHARE",
        "transfer/read_ahead.py _Window._adjust",
        "transfer/budget.py Budget._is_short",
        "transfer/budget.py _HEADROOM",
        "storage/s3/pieces.py _compacted",
        "storage/s3/tails.py _MAX_RATIO",
    ],
    "the room in a store, which isn't simulated: tests/contracts/engine/test_free_space.py, tests/unit/test_space.py": [
        "engine/free_space.py _EARLY",
        "engine/free_space.py _MARGIN",
        "disk/space.py Ballast.restore",
        "disk/space.py Ballast.size",
        "disk/space.py _BALLAST",
        "domain/space.py _MAX_RESERVE",
        "domain/space.py _SHARE",
    ],
    "of real SQLite and Redis: tests/unit/backends/test_sqlite_full.py, tests/unit/backends/test_redis.py": [
        "backends/redis/connection.py _CONNECTIONS",
        "backends/redis/connection.py connect",
        "backends/sqlite/connection.py _RETRIES",
    ],
    "of the disk, which isn't simulated: tests/unit/storage/test_local.py": ["storage/local/disk.py _COPY_SIZE"],
    "of a storage for tests alone": [
        "storage/memory.py MemoryStorage.__init__.checkpoint_size",
        "storage/memory.py _READ_SIZE",
    ],
    "of sockets, which aren't simulated: tests/contracts/test_s3_wire.py, tests/load/test_crowd.py": [
        "storage/s3/api/socket_writer.py _MAX_VIEWS",
        "storage/s3/api/connect.py _POOL",
        "storage/s3/api/requests.py _AHEAD",
        "storage/s3/api/requests.py _BATCH",
        "storage/s3/api/requests.py _LARGE",
    ],
    "of bodies on real connections: tests/unit/http/test_socket_reader.py, tests/unit/http/test_body.py": [
        "http/connection/slab_queue.py SlabQueue.__init__",
        "http/connection/slab_queue.py SlabQueue.shrink",
        "http/connection/slab_queue.py SlabQueue._begin",
        "http/connection/socket_reader.py _LEAST",
        "http/connection/slab_queue.py _MANY",
        "http/connection/sources.py Stream.__init__",
        "http/connection/sources.py _STEP",
    ],
    "of refused bodies on real connections: tests/spec/tus/test_patch.py, tests/promises/test_05_decide_first.py": [
        "http/connection/early_close.py _MAX_DRAIN",
        "http/connection/early_close.py _SMALL_BODY",
    ],
    "of heads on real connections: tests/spec/limits/test_heads.py, tests/load/test_heads.py": [
        "http/connection/heads.py _FREE",
        "http/connection/heads.py _STEP",
        "http/connection/heads.py _TIMES",
        "server/process.py _TRIM_AFTER",
        "server/process.py _FIELD",
        "server/process.py _FIELDS",
        "server/process.py _READ",
        "server/process.py _URL",
        "server/process.py make_runner",
    ],
    "of long lists on real connections: tests/spec/direct/test_attacks.py, tests/load/test_lists.py": [
        "server/app.py _TEXTS",
        "http/handlers/direct.py _UNRESERVED",
        "http/handlers/direct.py _MAX_BODY",
        "protocol/companion.py MEMORY_FACTOR",
        "protocol/companion.py _KEY",
        "protocol/companion.py _LIGHT",
        "protocol/companion.py _OBJECT",
        "protocol/companion.py _VALUE",
    ],
    "of downloads on real connections: tests/load/test_downloads.py": [
        "server/app.py _DOWNLOADS",
        "http/handlers/delivery.py _WINDOW",
        "http/connection/outflow.py _SLICE",
    ],
    "of listings on real connections: tests/live/test_listing.py, tests/live/test_listing_cut.py": [
        "http/connection/body_stream.py _STALLED",
        "http/handlers/upload_list.py _JSON_ROWS",
        "http/handlers/upload_list.py _PIECE",
        "server/app.py _LOOK_SECONDS",
    ],
    "of the dashboard: tests/live/test_dashboard.py, tests/browser/test_dashboard.py, "
    "tests/unit/http/test_dashboard.py": [
        "http/dashboard/board.py _FINISHED",
        "http/dashboard/board.py _PAGE_SECONDS",
        "http/dashboard/board.py _RESTART_SECONDS",
        "http/dashboard/board.py _ROWS",
        "http/dashboard/board.py _UPDATES",
        "http/dashboard/board.py _UPLOADS",
        "http/dashboard/form_tokens.py FormTokens.check",
        "http/dashboard/form_tokens.py _LIFETIME",
        "http/dashboard/items.py _WHOLE",
        "http/dashboard/items.py node_item",
        "http/handlers/dashboard.py _LONGEST_FORM",
        "http/handlers/dashboard.py _MAX_FIELDS",
        "http/handlers/dashboard.py _NONCE_BYTES",
        "http/handlers/dashboard.py _page_path",
    ],
    "of the budget, passed by a crowd: tests/unit/transfer/test_overhead.py": [
        "transfer/overhead.py _BODY_OVERHEAD",
        "transfer/overhead.py _FRACTION",
    ],
    "of real memory: tests/unit/transfer/test_slabs.py, tests/unit/transfer/test_heap.py": [
        "transfer/heap.py _FALL",
        "transfer/heap.py _M_ARENA_MAX",
        "transfer/heap.py _TRIM_INTERVAL",
        "transfer/slabs.py MIN_SLAB",
        "transfer/slabs.py SLAB",
        "transfer/slabs.py Slabs.__init__",
        "transfer/slabs.py _ARENA",
        "transfer/slabs.py _SMALL_SHARE",
        "transfer/slabs.py _SMALL_SLAB",
        "transfer/slabs.py _FULL",
        "transfer/slabs.py _PAGE",
        "transfer/slabs.py _READERS",
        "transfer/slabs.py _UNUSED",
        "server/process.py _ALLOCATIONS",
        "server/process.py _collect_less",
    ],
    "names on a disk: tests/unit/storage/test_naming.py": [
        "storage/naming.py _DEVICES",
        "storage/naming.py _MAX_CLIENT_NAME",
        "storage/naming.py _MAX_NAME",
        "storage/naming.py is_path",
    ],
    "names, cut to a length: tests/unit/serving/test_disposition.py, tests/unit/storage/s3/test_words.py": [
        "serving/disposition.py _HEAD",
        "serving/disposition.py _TAIL",
        "storage/s3/attributes.py _MAX_METADATA",
        "storage/s3/keys.py sanitize",
    ],
    "of receivers of events: tests/unit/events_out/test_http_caller.py, tests/unit/events_out/test_command_caller.py, "
    "tests/unit/events_out/test_delivery_times.py, tests/unit/events_out/test_delivery_ends.py, "
    "tests/events/test_questions.py": [
        "events_out/questions.py _FIRST_PAUSE",
        "events_out/questions.py _LOGGED",
        "events_out/questions.py HookQuestions._repeat",
        "events_out/progress.py _UPLOADS",
    ],
    "tests/contracts/test_sinks.py": [
        "events_out/deliverer.py _LAST_LOOK_SECONDS",
        "processes.py _CHUNK",
        "events_out/hooks/http.py BODY_LIMIT",
        "events_out/hooks/http.py _IDLE_SECONDS",
        "events_out/hooks/http.py _LONGEST_PAUSE",
        "events_out/lane.py _RELEASE_SECONDS",
        "events_out/schedule.py _SPREAD",
        "events_out/sinks/amqp_exchange.py _SECONDS",
        "events_out/sinks/nats_stream.py _SECONDS",
        "events_out/sinks/redis_stream.py _SECONDS",
        "events_out/upkeep.py _RARE_SECONDS",
    ],
    "a standard's: a status, a format, a size that never changes": [
        "auth/forward.py ForwardAuth._judge",
        "auth/jwks.py Jwks._read",
        "auth/jws.py read_header",
        "http/handlers/tokens.py _issue",
        "cli/commands.py _show",
        "events_out/formats/gojson.py _ESCAPES",
        "events_out/hooks/call.py Result.status",
        "events_out/hooks/call.py _OK",
        "events_out/sinks/aws.py SnsTopic.open",
        "events_out/sinks/aws.py _NO_TEXT",
        "events_out/sinks/hook.py _GONE",
        "events_out/sinks/hook.py _WAIT",
        "http/handlers/companion.py _json",
        "http/handlers/companion.py _part",
        "http/connection/early_close.py CLIENT_CLOSED",
        "http/connection/heads.py _TOO_LARGE",
        "http/connection/interim.py _REASONS",
        "http/handlers/probes.py readyz",
        "http/routes.py _preflight",
        "http/handlers/s3xml.py _abort_xml",
        "http/handlers/s3xml.py _xml",
        "http/handlers/readers.py _read",
        "http/translation.py _REASONS",
        "server/wiring.py limits",
        "domain/content_types.py _CONTROLS",
        "domain/content_types.py _name",
        "domain/content_types.py _names",
        "domain/upload.py Upload.fixed_etag",
        "domain/installation.py label",
        "transfer/digests.py _Crc32c.digest",
        "protocol/headers.py CHECKSUM_ALGORITHMS",
        "protocol/headers.py _parse_base64",
        "protocol/links.py _HALF",
        "protocol/rufh/representation.py _SIZES",
        "protocol/rufh/versions.py Version.append_status",
        "protocol/rufh/versions.py Version.busy_status",
        "protocol/rufh/versions.py _3",
        "protocol/rufh/versions.py _4",
        "protocol/rufh/versions.py _5",
        "protocol/rufh/versions.py _6",
        "protocol/rufh/versions.py _7",
        "protocol/rufh/versions.py _8",
        "protocol/rufh/wire.py _UPLOAD_RESUMPTION_SUPPORTED",
        "protocol/parameters.py decode_extended",
        "protocol/parameters.py parse_parameters",
        "protocol/plain/answers.py _DEFAULT_PORTS",
        "protocol/plain/answers.py created",
        "protocol/plain/answers.py redirected",
        "http/handlers/job_list.py list_jobs",
        "http/handlers/job_stream.py stream_job",
        "http/handlers/jobs.py _cancel",
        "http/handlers/jobs.py _show",
        "http/handlers/jobs.py accept",
        "jobs/archive.py _UTF8",
        "jobs/archive.py _member",
        "jobs/clamd.py _LENGTH_BYTES",
        "jobs/clamd.py _verdict",
        "jobs/kinds/export.py _DEFLATED",
        "jobs/kinds/export.py _MODE",
        "jobs/kinds/unzip.py _Unpacking._unpack",
        "jobs/on_finish.py JobOnFinish.id_for",
        "jobs/targets/folder.py FolderTarget.write",
        "protocol/statuses.py STATUS",
        "protocol/answers.py _OK",
        "protocol/answers.py _NO_CONTENT",
        "protocol/answers.py _FIRST_ERROR",
        "protocol/answers.py _FIRST_REDIRECT",
        "protocol/answers.py _END",
        "events_out/questions.py _SERVER_ERROR",
        "telemetry/tracing.py _SERVER_ERROR",
        "telemetry/tracing.py _NANOSECONDS",
        "events_out/hooks/response.py _FIRST_VISIBLE",
        "events_out/hooks/response.py _DELETE",
        "protocol/structured.py LARGEST",
        "protocol/tus.py Tus.appended",
        "protocol/tus.py Tus.created",
        "protocol/tus.py Tus.discover",
        "protocol/tus.py Tus.inspected",
        "protocol/tus.py Tus.terminated",
        "protocol/tus.py _STATUS",
        "serving/dates.py _CENTURY_TURN",
        "serving/dates.py _year",
        "disk/space.py Ballast._write",
        "backends/sqlite/connection.py _PAGE",
        "backends/sqlite/connection.py _code",
        "storage/s3/checksums.py crc_text",
        "storage/s3/api/client.py S3Client._delete_many",
    ],
    "a unit, an index, an exit code, a number of random bytes or of places: nothing is done in another way past it": [
        "domain/rules.py named_partial",
        "events_out/questions.py _random_id",
        "auth/tokens.py TokenIssuer.issue",
        "cli/commands.py _run",
        "engine/garbage_collection.py _LOCK_ID",
        "http/handlers/page.py _Representation.__init__",
        "http/handlers/page.py DIRECTORY",
        "cli/output.py rules_as_json",
        "cli/events.py show",
        "backends/sqlite/host.py _started",
        "backends/lease.py TimedLease.__init__",
        "backends/redis/locks.py RedisLocker.__init__",
        "backends/redis/locks.py _NEVER_RELEASED",
        "backends/redis/outbox_scripts.py ARGUMENTS_PER_EVENT",
        "server/wiring.py open_unpaired",
        "storage/s3/grid.py GIB",
        "storage/s3/grid.py MIB",
        "serving/media_types.py media_type",
        "serving/media_types.py served_type",
        "domain/space.py MIB",
        "backends/sqlite/connection.py SqliteThread._open",
        "backends/redis/jobs.py RedisJobs._put",
        "backends/redis/state.py RedisState._put",
        "storage/s3/api/connect.py _target_from",
        "storage/s3/keys.py probe_key",
        "storage/s3/keys.py segment_key",
        "storage/s3/pieces.py Assembly.merge",
        "storage/s3/api/signing.py signed",
        "telemetry/access.py AccessLog.log",
        "telemetry/log.py LogMeter.s3_request",
        "telemetry/metrics.py _HOOK_SECONDS",
        "telemetry/metrics.py _LOCK_SECONDS",
        "telemetry/metrics.py _S3_SECONDS",
        "server/workers.py _work",
    ],
}
"""What may stand elsewhere: by the reason, file and name."""


def test_no_number_stands_outside_of_the_thresholds_without_a_reason() -> None:
    files = {file.relative_to(ROOT).as_posix(): file for file in sorted(ROOT.rglob("*.py"))}
    searched = {name: file for name, file in files.items() if not name.startswith(tuple(WHOLE))}
    found = {f"{path} {name}" for path, file in searched.items() for name in _named(ast.parse(file.read_text()))}
    explained = {name for names in ELSEWHERE.values() for name in names}
    assert found - explained == set(), "move it to tusd_py/domain/thresholds.py, or say here why not"
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
