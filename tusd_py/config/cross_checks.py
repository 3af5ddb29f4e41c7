"""Checks of settings that depend on each other."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from tusd_py.config.addresses import Address, TcpAddress
from tusd_py.config.places import MemoryState, S3Bucket
from tusd_py.config.units import GIB, MIB
from tusd_py.storage.naming import is_path

SMALLEST_PART, LARGEST_PART = 5 * MIB, 5 * GIB
"""The limits in bytes of a part that isn't the last (S3 User Guide, "Multipart upload limits")."""
SMALLEST_BUDGET = 32 * MIB

STRANGER = "https://c4f1b0e5.example"
"""An origin that no operator has in mind: a pattern of origins that matches it is taken to match any."""
_STRANGERS = ("null", STRANGER, "http://c4f1b0e5.invalid:8080")
T = TypeVar("T")


class CrossChecks(BaseSettings):
    """The base class of the settings, with checks of one setting against others: a check sees the values of the
    settings that are defined before its own.
    """

    @field_validator("metrics_address", check_fields=False)
    @classmethod
    def _metrics_are_apart(cls, address: Address | None, info: ValidationInfo) -> Address | None:
        hosts = () if info.data.get("unix_socket") else info.data.get("host", ())
        clash = isinstance(address, TcpAddress) and address.port == info.data.get("port") and address.overlaps(hosts)
        return _require(not clash, address, "an address other than host and port")

    @field_validator("ui", check_fields=False)
    @classmethod
    def _page_has_its_own_paths(cls, ui: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  pydantic's signature
        base_path = info.data.get("base_path", "")
        fits = not ui or (base_path != "/" and not base_path.startswith("/ui/"))
        return _require(fits, ui, "a base-path other than / and /ui/ with it")

    @field_validator("jobs", "dashboard", check_fields=False)
    @classmethod
    def _routes_have_their_own_paths(cls, on: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  pydantic's signature
        path = f"/{info.field_name}/"
        return _require(
            not on or not info.data.get("base_path", "").startswith(path), on, f"another base-path than {path}"
        )

    @field_validator("object_key", check_fields=False)
    @classmethod
    def _key_is_a_path_on_disk(cls, key: str, info: ValidationInfo) -> str:
        return _require(
            _on_s3(info) or is_path(key),
            key,
            "with storage file:… names that don't begin with a dot, of at most 255 bytes, between slashes, and "
            "{filename} only in the last",
        )

    @field_validator("part_size", check_fields=False)
    @classmethod
    def _part_size_fits_s3(cls, size: int | None) -> int | None:
        return _require(size is None or SMALLEST_PART <= size <= LARGEST_PART, size, "5MiB to 5GiB")

    @field_validator("memory_budget", check_fields=False)
    @classmethod
    def _budget_holds_two_parts(cls, budget: int, info: ValidationInfo) -> int:
        needed = max(SMALLEST_BUDGET, 2 * (info.data.get("part_size") or 0))
        return _require(budget >= needed, budget, f"at least {needed} bytes: 32MiB, and enough for two parts")

    @field_validator("sniff", check_fields=False)
    @classmethod
    def _sniffing_needs_types(cls, on: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  pydantic's signature
        return _require(not on or bool(info.data.get("allowed_types")), on, "allowed-types with it")

    @field_validator("s3_sse_kms_key_id", check_fields=False)
    @classmethod
    def _key_needs_kms(cls, key: str | None, info: ValidationInfo) -> str | None:
        return _require(
            key is None or info.data.get("s3_sse") in {None, "aws:kms"}, key, "s3-sse to be aws:kms with it"
        )

    @field_validator("direct_uploads", check_fields=False)
    @classmethod
    def _direct_uploads_need_s3(cls, on: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  pydantic's signature
        return _require(not on or _on_s3(info), on, "off, or storage s3://…: clients can't reach a directory")

    @field_validator("download_mode", check_fields=False)
    @classmethod
    def _redirects_need_s3(cls, mode: str, info: ValidationInfo) -> str:
        fits = mode == "proxy" or _on_s3(info)
        return _require(fits, mode, "proxy, or storage s3://…: clients can't be redirected to a directory")

    @field_validator("hooks_buckets", check_fields=False)
    @classmethod
    def _buckets_need_s3(cls, buckets: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return _require(not buckets or _on_s3(info), buckets, "none, or storage s3://…: a directory has no buckets")

    @field_validator("cors_allow_credentials", check_fields=False)
    @classmethod
    def _credentials_need_origins(cls, on: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  pydantic's signature
        allowed = info.data.get("cors_allow_origin")
        any_origin = allowed is not None and any(allowed.fullmatch(origin) for origin in _STRANGERS)
        return _require(
            not on or not any_origin, on, "a cors-allow-origin that names the origins which may send cookies"
        )

    @field_validator("workers", check_fields=False)
    @classmethod
    def _workers_share_state(cls, workers: int, info: ValidationInfo) -> int:
        unshared = isinstance(info.data.get("state"), MemoryState)
        return _require(workers == 1 or not unshared, workers, "1 with state memory:, which processes can't share")


def _on_s3(info: ValidationInfo) -> bool:
    """Return True if the setting `storage` names a bucket, or if its value is wrong: then only the error of that
    value is to be reported.
    """
    return isinstance(info.data.get("storage", S3Bucket("unknown")), S3Bucket)


def _require(fits: bool, value: T, phrase: str) -> T:  # noqa: FBT001  the condition comes first
    if not fits:
        raise ValueError(f"expected {phrase}")
    return value
