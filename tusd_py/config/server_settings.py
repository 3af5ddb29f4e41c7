"""The settings of the server: name, type, default and description of each."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import PydanticBaseSettingsSource as Source

from tusd_py.config import kinds
from tusd_py.config.addresses import Address, TcpAddress, UnixAddress
from tusd_py.config.cross_checks import CrossChecks
from tusd_py.config.places import LocalDirectory, SqliteState
from tusd_py.config.units import MIB


class ServerSettings(CrossChecks):
    """The settings of uploads, storage, state and HTTP. Sizes are in bytes, times in seconds; a limit that is None
    doesn't apply."""

    model_config = SettingsConfigDict(
        env_prefix="TUSD_PY_",
        enable_decoding=False,
        frozen=True,
        hide_input_in_errors=True,
        validate_default=False,
        defer_build=True,  # else each theme builds the validator of all before it
    )

    host: kinds.ListenHosts = Field(
        default=("127.0.0.1",), description="Addresses to listen on: A,B,C; :: for all of IPv4 and IPv6."
    )
    port: kinds.Port = Field(default=8080, description="Port to listen on; 0 for a free one.")
    unix_socket: kinds.OptionalSocket = Field(
        default=None, description="Path of a UNIX socket to listen on, instead of host and port."
    )
    metrics_address: kinds.OptionalAddress = Field(
        default=None,
        description="Separate address for /metrics, /healthz and /readyz: HOST:PORT or unix:PATH; if none, they are "
        "served on the public one.",
    )
    base_path: kinds.BasePath = Field(default="/files/", description="Path of the creation endpoint.")
    ui: kinds.Switch = Field(default=False, description="Serve an upload page at /.")

    storage: kinds.Storage = Field(
        default=LocalDirectory(Path("data")), description="Storage of the bytes: file:PATH or s3://bucket/prefix."
    )
    s3_endpoint_url: kinds.OptionalUrl = Field(default=None, description="URL of another provider's S3.")
    s3_public_url: kinds.OptionalUrl = Field(
        default=None, description="URL of S3 as clients reach it, for presigned URLs; s3-endpoint-url if none."
    )
    s3_profile: kinds.Profile = Field(default="aws", description="The S3 provider: adapts to its differences from AWS.")
    s3_addressing_style: kinds.Addressing = Field(
        default="auto", description="Where the URL names the bucket: in the host name (virtual), in the path, or auto."
    )
    s3_checksum: kinds.Checksum = Field(
        default="auto", description="Checksum of each part, which S3 verifies: auto, crc32c, md5 or none."
    )
    s3_concurrency: kinds.Count = Field(default=6, description="Parts that one upload sends to S3 at a time.")
    s3_storage_class: kinds.OptionalWord = Field(default=None, description="Storage class of finished objects.")
    s3_acl: kinds.OptionalWord = Field(default=None, description="Canned ACL of finished objects.")
    s3_tags: kinds.Tags = Field(default_factory=dict, description="Tags of finished objects: k=v,k2=v2; at most 10.")
    s3_sse: kinds.Encryption = Field(default="none", description="Encryption at rest: none, AES256 or aws:kms.")
    s3_sse_kms_key_id: kinds.OptionalWord = Field(default=None, description="KMS key for s3-sse aws:kms.")
    s3_info_objects: kinds.Switch = Field(
        default=False, description="Keep a copy of each unfinished upload's record in S3, for tusd-py repair."
    )
    object_key: kinds.ObjectKey = Field(
        default="{id}",
        description="Template of finished objects' keys: {id}, and optionally {year} {month} {day} {hour} {filename}.",
    )

    state: kinds.State = Field(
        default=SqliteState(Path("data/state.db")),
        description="Store of the uploads' records: memory:, sqlite:PATH, redis://…, rediss://… or unix://…",
    )
    redis_prefix: kinds.RedisPrefix = Field(
        default="tusd-py:",
        description="Prefix of all keys and channels in Redis; another for each installation.",
    )
    file_mode: kinds.FileMode = Field(
        default=kinds.Mode(0o600),
        description="Mode of upload files with storage file:…, in octal: 0600, or 0640 to let a group read.",
    )
    part_size: kinds.OptionalSize = Field(
        default=None, description="Size of S3 parts (5MiB to 5GiB); chosen from the upload's length if none."
    )
    memory_budget: kinds.Size = Field(
        default=256 * MIB, description="Memory of all part buffers together (per worker)."
    )
    max_size: kinds.OptionalSize = Field(default=None, description="Size of the largest upload; none for no limit.")
    allowed_types: kinds.MediaTypes = Field(
        default=(), description="Types that uploads may declare, such as image/*,application/pdf; any if empty."
    )
    allowed_extensions: kinds.Extensions = Field(
        default=(), description="Extensions of uploads' file names, such as jpg,png,tar.gz; any if empty."
    )
    sniff: kinds.Switch = Field(
        default=False, description="Judge the first bytes of each upload by allowed-types, too; needs tusd-py[sniff]."
    )
    expire_after: kinds.OptionalDuration = Field(
        default=86_400.0, description="How long an unfinished upload is kept after its last change; 0 for no end."
    )
    retention: kinds.OptionalDuration = Field(
        default=None, description="How long a finished upload is kept; none for no end."
    )
    gone_status: kinds.GoneStatus = Field(
        default=404, description="Status for an expired or terminated upload: 404 or 410."
    )

    network_timeout: kinds.PositiveDuration = Field(
        default=60.0, description="Longest pause of a client that sends a body or receives a download."
    )
    idle_timeout: kinds.PositiveDuration = Field(
        default=75.0,
        description="Longest time to receive a request's head, and to wait for the next request on a connection.",
    )
    min_data_rate: kinds.OptionalSize = Field(
        default=None, description="Bytes per second that a request body must reach after 10 s; none for no minimum."
    )
    max_connections: kinds.OptionalCount = Field(
        default=4096, description="Connections at a time (per worker); 503 beyond."
    )
    max_client_connections: kinds.OptionalCount = Field(
        default=None,
        description="Connections at a time from one address (per worker; not for use behind a proxy); 429 beyond.",
    )
    max_uploads: kinds.OptionalCount = Field(
        default=None, description="Requests with upload bytes at a time (per worker); 503 beyond."
    )
    max_client_uploads: kinds.OptionalCount = Field(
        default=None,
        description="Requests with upload bytes at a time from one client address (per worker); 429 beyond.",
    )
    max_client_requests: kinds.OptionalCount = Field(
        default=None,
        description="Requests at a time from one client address (per worker), without HEAD, OPTIONS; 429 beyond.",
    )
    max_client_creations: kinds.OptionalRate = Field(
        default=None, description="Uploads created from one client address: N/s, N/m or N/h (per worker); 429 beyond."
    )
    max_open_uploads: kinds.OptionalCount = Field(
        default=100_000, description="Unfinished uploads on all nodes; none for no limit; 503 beyond."
    )
    max_open_bytes: kinds.OptionalSize = Field(
        default=None,
        description="Bytes that all unfinished uploads may declare together, and the largest one alone; 503 beyond.",
    )
    max_metadata_size: kinds.Size = Field(
        default=16 * 1024, description="Size of the longest Upload-Metadata header, and of an upload's metadata."
    )
    max_partials: kinds.Partials = Field(default=1000, description="Most partial uploads in one final upload.")
    max_partial_uses: kinds.Partials = Field(
        default=16, description="How often one final upload may name the same partial upload."
    )
    ietf_interim_responses: kinds.Interim = Field(
        default="auto",
        description="Send 104 responses to IETF clients: off, auto (for requests that complete an upload and passed no "
        "proxy), or on.",
    )
    direct_uploads: kinds.Switch = Field(
        default=False, description="Let clients send bytes directly to S3 (Uppy's aws-s3); needs storage s3://…"
    )
    upload_url_lifetime: kinds.SignatureLifetime = Field(
        default=900.0, description="Lifetime of presigned requests for direct uploads (1s to 7d)."
    )
    download_mode: kinds.DownloadMode = Field(
        default="proxy", description="GET sends the bytes (proxy), or redirects to a presigned URL of S3 (redirect)."
    )
    download_url_lifetime: kinds.SignatureLifetime = Field(
        default=300.0, description="Lifetime of presigned URLs for downloads (1s to 7d)."
    )
    lock_ttl: kinds.PositiveDuration = Field(
        default=15.0, description="Lifetime of an upload's lock that its holder doesn't renew, because it died."
    )
    shutdown_timeout: kinds.Duration = Field(
        default=25.0, description="How long running requests may take after SIGTERM."
    )

    behind_proxy: kinds.Switch = Field(
        default=False, description="Take a request's client address and URL from the headers of trusted-proxies."
    )
    trusted_proxies: kinds.Networks = Field(
        default=kinds.LOOPBACK, description="Addresses or networks of proxies: A,B/24,C; or any."
    )
    proxy_headers: kinds.ProxyHeaders = Field(
        default="auto",
        description="The headers to read: x-forwarded, forwarded, or auto (x-forwarded if sent, else forwarded).",
    )
    public_url: kinds.OptionalUrl = Field(
        default=None,
        description="URL of the creation endpoint as clients see it; without a path, base-path is added.",
    )
    allowed_hosts: kinds.HostNames = Field(default=(), description="Host names that are served: A,B,*.C; any if empty.")
    cors_allow_origin: kinds.Origins = Field(
        default=re.compile(".*"),
        description="Regular expression for the whole Origin of pages that may use the server.",
    )
    cors_allow_credentials: kinds.Switch = Field(
        default=False, description="Let browsers send cookies (the answer names the exact Origin)."
    )
    cors_allow_headers: kinds.Tokens = Field(
        default=(), description="Additional request headers that browsers may send: A,B,C."
    )
    disable_cors: kinds.Switch = Field(default=False, description="Send no CORS headers.")
    disable_download: kinds.Switch = Field(default=False, description="Refuse GET of uploads.")
    disable_termination: kinds.Switch = Field(default=False, description="Refuse DELETE of uploads.")
    terminate_finished: kinds.Switch = Field(default=True, description="Allow DELETE of finished uploads.")
    disable_concatenation: kinds.Switch = Field(default=False, description="Refuse partial and final uploads.")

    workers: kinds.Count = Field(default=1, description="Number of processes, which share the port.")
    log_format: kinds.LogFormat = Field(default="text", description="Format of the log on stderr: text or json.")
    log_level: kinds.LogLevel = Field(
        default="info", description="Lowest level that is logged: debug, info, warning or error."
    )
    log_access: kinds.Switch = Field(default=False, description="Log each request.")
    log_audit: kinds.Switch = Field(default=False, description="Log each download and each refused request.")

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: Source, *_: Source, **__: Source
    ) -> tuple[Source, ...]:
        del settings_cls  # the library's other sources are left out: one reads the environment
        return (init_settings,)

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The addresses at which uploads are served: the UNIX socket, or without one each host with the port."""
        ports = tuple(TcpAddress(host, self.port) for host in self.host)
        return ports if self.unix_socket is None else (UnixAddress(self.unix_socket),)

    @property
    def public_endpoint(self) -> str | None:
        """The URL of the creation endpoint as clients see it, with a slash at its end; None without public-url."""
        if self.public_url is None:
            return None
        return f"{self.public_url}/" if urlsplit(self.public_url).path else f"{self.public_url}{self.base_path}"
