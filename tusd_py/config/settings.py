"""Every setting, once: its name, default, meaning and what it accepts. Flags, environment and TOML follow from here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import PydanticBaseSettingsSource as Source

from tusd_py.config import kinds
from tusd_py.config.addresses import Address, TcpAddress, UnixAddress
from tusd_py.config.places import LocalDirectory, MemoryState, S3Bucket, SqliteState
from tusd_py.config.units import GIB, MIB
from tusd_py.storage.naming import is_path

SMALLEST_PART, LARGEST_PART = 5 * MIB, 5 * GIB
"""What S3 takes as a part that isn't the last (S3 User Guide, "Multipart upload limits")."""
SMALLEST_BUDGET = 32 * MIB

STRANGER = "https://c4f1b0e5.example"
"""An origin that no rule names."""
_STRANGERS = ("null", STRANGER, "http://c4f1b0e5.invalid:8080")
T = TypeVar("T")


class Settings(BaseSettings):
    """What the server is told to do. Sizes in bytes, times in seconds; None is no limit.

    Reads nothing by itself: `load_settings` gathers flags, environment and files.
    """

    model_config = SettingsConfigDict(
        env_prefix="TUSD_PY_", enable_decoding=False, frozen=True, hide_input_in_errors=True, validate_default=False
    )

    host: kinds.ListenedTo = Field(
        default=("127.0.0.1",), description="Addresses to listen on: A,B,C; :: for both address families."
    )
    port: kinds.Port = Field(default=8080, description="Port to listen on; 0 takes a free one.")
    unix_socket: kinds.OptionalSocket = Field(
        default=None, description="Path of a UNIX socket to listen on, instead of host and port."
    )
    metrics_address: kinds.OptionalAddress = Field(
        default=None,
        description="Where /metrics, /healthz and /readyz are, and nothing else: HOST:PORT or unix:PATH; "
        "with all else if none.",
    )
    base_path: kinds.BasePath = Field(default="/files/", description="Path of the creation endpoint.")
    ui: kinds.Switch = Field(default=False, description="A page at / to upload files with.")

    storage: kinds.Storage = Field(
        default=LocalDirectory(Path("data")), description="Where bytes go: file:PATH or s3://bucket/prefix."
    )
    s3_endpoint_url: kinds.OptionalUrl = Field(default=None, description="S3 of another provider.")
    s3_public_url: kinds.OptionalUrl = Field(
        default=None, description="The S3 endpoint as clients see it, in signed URLs; s3-endpoint-url if none."
    )
    s3_profile: kinds.Profile = Field(default="aws", description="The provider's quirks, by name.")
    s3_addressing_style: kinds.Addressing = Field(default="auto", description="Bucket in the host name or in the path.")
    s3_checksum: kinds.Checksum = Field(default="auto", description="Checksum that S3 verifies on each part.")
    s3_concurrency: kinds.Count = Field(default=6, description="Parts in flight per upload.")
    s3_storage_class: kinds.OptionalWord = Field(default=None, description="Storage class of finished objects.")
    s3_acl: kinds.OptionalWord = Field(default=None, description="Canned ACL of finished objects.")
    s3_tags: kinds.Tags = Field(default_factory=dict, description="Tags of finished objects: k=v,k2=v2; at most 10.")
    s3_sse: kinds.Encryption = Field(default="none", description="Encryption at rest.")
    s3_sse_kms_key_id: kinds.OptionalWord = Field(default=None, description="KMS key for --s3-sse aws:kms.")
    s3_info_objects: kinds.Switch = Field(
        default=False, description="Keep each unfinished upload's record in S3 too, for tusd-py repair."
    )
    object_key: kinds.ObjectKey = Field(
        default="{id}",
        description="Template of the names of finished objects: {id}, and {year} {month} {day} {hour} {filename}.",
    )

    state: kinds.State = Field(
        default=SqliteState(Path("data/state.db")),
        description="Where uploads are remembered: memory:, sqlite:PATH, redis://…, rediss://… or unix://…",
    )
    redis_prefix: kinds.RedisPrefix = Field(
        default="tusd-py:", description="What all keys and channels in Redis begin with: another for each installation."
    )
    file_mode: kinds.FileMode = Field(
        default=kinds.Mode(0o600), description="Who may read files in a directory, in octal: 0600, or 0640 for a group."
    )
    part_size: kinds.OptionalSize = Field(
        default=None, description="Size of S3 parts (5MiB to 5GiB); chosen from the upload's length if not given."
    )
    memory_budget: kinds.Size = Field(
        default=256 * MIB, description="Bytes of memory that all part buffers share (per worker)."
    )
    max_size: kinds.OptionalSize = Field(default=None, description="Longest upload taken; none for no limit.")
    allowed_types: kinds.MediaTypes = Field(
        default=(), description="Types that uploads may declare: image/*,application/pdf; any if none is given."
    )
    allowed_extensions: kinds.Extensions = Field(
        default=(), description="What their file names may end with: jpg,png,tar.gz; anything if none is given."
    )
    expire_after: kinds.OptionalDuration = Field(
        default=86_400.0, description="How long an unfinished upload is kept after it last moved; 0 for ever."
    )
    retention: kinds.OptionalDuration = Field(
        default=None, description="How long a finished upload is kept; forever if none."
    )
    gone_status: kinds.GoneStatus = Field(
        default=404, description="Answer for an expired or terminated upload: 404 or 410."
    )

    network_timeout: kinds.PositiveDuration = Field(
        default=60.0, description="How long a request's body may be silent, or a download unread."
    )
    idle_timeout: kinds.PositiveDuration = Field(
        default=75.0, description="How long a connection may take for a request's head, or wait for the next one."
    )
    min_data_rate: kinds.OptionalSize = Field(
        default=None, description="Bytes a second that a body must bring after its first 10 s; none for any pace."
    )
    max_connections: kinds.OptionalCount = Field(
        default=4096, description="Connections at a time (per worker); 503 beyond."
    )
    max_client_connections: kinds.OptionalCount = Field(
        default=None, description="The same from one address (not behind a proxy); 429 beyond."
    )
    max_uploads: kinds.OptionalCount = Field(
        default=None, description="Requests with upload bytes at a time (per worker); 503 beyond."
    )
    max_client_uploads: kinds.OptionalCount = Field(
        default=None, description="The same from one client address; 429 beyond."
    )
    max_client_requests: kinds.OptionalCount = Field(
        default=None, description="Requests at a time from one client address, HEAD aside; 429 beyond."
    )
    max_client_creations: kinds.OptionalRate = Field(
        default=None, description="Uploads created from one client address: N/s, N/m or N/h (per worker); 429 beyond."
    )
    max_open_uploads: kinds.OptionalCount = Field(
        default=100_000, description="Unfinished uploads in all, or none for any number; 503 beyond."
    )
    max_open_bytes: kinds.OptionalSize = Field(
        default=None, description="Bytes that unfinished uploads may declare in all, and each of them; 503 beyond."
    )
    max_metadata_size: kinds.Size = Field(default=16 * 1024, description="Longest Upload-Metadata header.")
    max_partials: kinds.Partials = Field(default=1000, description="Most partial uploads in a final one.")
    max_partial_uses: kinds.Partials = Field(
        default=16, description="How often a final upload may name one partial upload."
    )
    rufh_interim: kinds.Interim = Field(
        default="auto",
        description="Send 104 responses to IETF clients: off, auto (for the rest of an upload, past no proxy), or on.",
    )
    direct_uploads: kinds.Switch = Field(
        default=False, description="Let clients send bytes straight to S3 (Uppy's aws-s3); needs storage s3://…"
    )
    upload_url_lifetime: kinds.SignedFor = Field(
        default=900.0, description="How long what is signed for direct uploads holds (1s to 7d)."
    )
    download_mode: kinds.DownloadMode = Field(
        default="proxy", description="GET sends the bytes (proxy), or sends clients to S3 for them (redirect)."
    )
    download_url_lifetime: kinds.SignedFor = Field(
        default=300.0, description="How long the URL of a redirected download holds (1s to 7d)."
    )
    lock_ttl: kinds.PositiveDuration = Field(
        default=15.0, description="After which a dead holder of an upload is replaced."
    )
    shutdown_timeout: kinds.Duration = Field(default=25.0, description="How long to drain after SIGTERM.")

    behind_proxy: kinds.Switch = Field(
        default=False, description="Believe what trusted-proxies say of a request's client and URL."
    )
    trusted_proxies: kinds.Networks = Field(
        default=kinds.LOOPBACK, description="Addresses or networks of proxies: A,B/24,C; any for all."
    )
    proxy_headers: kinds.ProxyHeaders = Field(
        default="auto",
        description="What they say it in: x-forwarded, forwarded, or auto (the first where it is sent).",
    )
    public_url: kinds.OptionalUrl = Field(
        default=None,
        description="URL of the creation endpoint as clients see it; base-path is added if it has no path.",
    )
    allowed_hosts: kinds.HostNames = Field(
        default=(), description="Host names that requests may be for: A,B,*.C; any if none is given."
    )
    cors_allow_origin: kinds.Origins = Field(
        default=re.compile(".*"), description="Regular expression that must match the whole Origin."
    )
    cors_allow_credentials: kinds.Switch = Field(
        default=False, description="Let browsers send cookies (to the exact Origin)."
    )
    cors_allow_headers: kinds.Tokens = Field(default=(), description="More request headers browsers may send: A,B,C.")
    disable_cors: kinds.Switch = Field(default=False, description="Answer nothing about CORS.")
    disable_download: kinds.Switch = Field(default=False, description="No GET.")
    disable_termination: kinds.Switch = Field(default=False, description="No DELETE.")
    terminate_finished: kinds.Switch = Field(default=True, description="DELETE of finished uploads too.")
    disable_concatenation: kinds.Switch = Field(default=False, description="No partial and final uploads.")

    workers: kinds.Count = Field(default=1, description="Processes that share the port.")
    log_format: kinds.LogFormat = Field(default="text", description="text or json, on stderr.")
    log_level: kinds.LogLevel = Field(default="info", description="debug, info, warning or error.")
    log_access: kinds.Switch = Field(default=False, description="Log each request.")
    log_audit: kinds.Switch = Field(default=False, description="Log each download and each refusal, too.")

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: Source, *_: Source, **__: Source
    ) -> tuple[Source, ...]:
        del settings_cls  # and with the other sources the environment, which the library would read
        return (init_settings,)

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where it listens for uploads."""
        ports = tuple(TcpAddress(host, self.port) for host in self.host)
        return ports if self.unix_socket is None else (UnixAddress(self.unix_socket),)

    @property
    def public_endpoint(self) -> str | None:
        """The creation endpoint's URL as clients see it, with its slash at the end; None if it wasn't told."""
        if self.public_url is None:
            return None
        return f"{self.public_url}/" if urlsplit(self.public_url).path else f"{self.public_url}{self.base_path}"

    @field_validator("metrics_address")
    @classmethod
    def _metrics_are_apart(cls, address: Address | None, info: ValidationInfo) -> Address | None:
        taken = () if info.data.get("unix_socket") else info.data.get("host", ())
        clash = isinstance(address, TcpAddress) and address.port == info.data.get("port") and address.overlaps(taken)
        return _given(not clash, address, "an address that host and port don't take")

    @field_validator("ui")
    @classmethod
    def _page_has_its_own_paths(cls, ui: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  pydantic's signature
        base_path = info.data.get("base_path", "")
        fits = not ui or (base_path != "/" and not base_path.startswith("/ui/"))
        return _given(fits, ui, "a base-path other than / and /ui/ with it")

    @field_validator("object_key")
    @classmethod
    def _key_is_a_path_on_disk(cls, key: str, info: ValidationInfo) -> str:
        return _given(
            _on_s3(info) or is_path(key),
            key,
            "names between slashes that don't begin with a dot or get longer than 255 bytes, and {filename} only in "
            "the last, with storage file:…",
        )

    @field_validator("part_size")
    @classmethod
    def _part_size_fits_s3(cls, size: int | None) -> int | None:
        return _given(size is None or SMALLEST_PART <= size <= LARGEST_PART, size, "5MiB to 5GiB")

    @field_validator("memory_budget")
    @classmethod
    def _budget_holds_two_parts(cls, budget: int, info: ValidationInfo) -> int:
        needed = max(SMALLEST_BUDGET, 2 * (info.data.get("part_size") or 0))
        return _given(budget >= needed, budget, f"at least {needed} bytes: 32MiB, and room for two parts")

    @field_validator("s3_sse_kms_key_id")
    @classmethod
    def _key_needs_kms(cls, key: str | None, info: ValidationInfo) -> str | None:
        return _given(key is None or info.data.get("s3_sse") in {None, "aws:kms"}, key, "s3-sse to be aws:kms with it")

    @field_validator("direct_uploads")
    @classmethod
    def _direct_uploads_need_s3(cls, on: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  pydantic's signature
        return _given(not on or _on_s3(info), on, "off, or storage s3://…: clients can't reach a directory")

    @field_validator("download_mode")
    @classmethod
    def _redirects_need_s3(cls, mode: str, info: ValidationInfo) -> str:
        fits = mode == "proxy" or _on_s3(info)
        return _given(fits, mode, "proxy, or storage s3://…: clients can't be sent to a directory")

    @field_validator("cors_allow_credentials")
    @classmethod
    def _credentials_are_for_some(cls, on: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  pydantic's signature
        allowed = info.data.get("cors_allow_origin")
        anybody = allowed is not None and any(allowed.fullmatch(origin) for origin in _STRANGERS)
        return _given(not on or not anybody, on, "a cors-allow-origin that names the origins which may act for users")

    @field_validator("workers")
    @classmethod
    def _workers_share_state(cls, workers: int, info: ValidationInfo) -> int:
        alone = isinstance(info.data.get("state"), MemoryState)
        return _given(workers == 1 or not alone, workers, "1 with state memory:, which processes can't share")


def _on_s3(info: ValidationInfo) -> bool:
    """True also where the storage itself is wrong: that is said by then."""
    return isinstance(info.data.get("storage", S3Bucket("unknown")), S3Bucket)


def _given(fits: bool, value: T, phrase: str) -> T:  # noqa: FBT001  the fact comes first
    if not fits:
        raise ValueError(f"expected {phrase}")
    return value
