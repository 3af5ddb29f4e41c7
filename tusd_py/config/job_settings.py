"""The settings of jobs on finished uploads, and of scans before the finish."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator

from tusd_py.config import event_kinds, job_kinds, kinds
from tusd_py.config.live_settings import LiveSettings
from tusd_py.config.places import LocalDirectory, S3Bucket, SqliteState, StoragePlace, contains, overlap
from tusd_py.config.units import GIB

_HOUR, _DAY = 3_600.0, 86_400.0
_MEGABYTE = 1_000_000


class JobSettings(LiveSettings):
    """The settings of jobs, scans, and exports: jobs that put many uploads, or a list of them, into one file."""

    jobs: kinds.Switch = Field(default=False, description="Serve /jobs and /exports.")
    jobs_concurrency: kinds.Count = Field(default=2, description="Jobs that run at a time (per worker).")
    jobs_timeout: kinds.PositiveDuration = Field(default=_HOUR, description="Longest run of one attempt at a job.")
    jobs_attempts: kinds.Count = Field(
        default=3, description="Attempts in all at a job that fails for a reason that may pass."
    )
    jobs_retention: kinds.PositiveDuration = Field(default=3 * _DAY, description="How long an ended job is told.")
    jobs_dir: event_kinds.HookFolder = Field(
        default=None, description="Folder of executables: the commands that jobs of kind command may run."
    )
    jobs_copy_to: job_kinds.CopyPlaces = Field(
        default=(), description="Places that jobs of kind copy may write to: s3://bucket/prefix, file:PATH."
    )
    clamd: job_kinds.Clamd = Field(
        default=None, description="Address of clamd, the scanner: tcp:HOST:PORT or unix:PATH."
    )
    clamd_timeout: kinds.PositiveDuration = Field(default=60.0, description="Longest silence of clamd.")
    clamd_max_size: kinds.Size = Field(
        default=100 * _MEGABYTE, description="Longest upload that is sent to clamd: set it to clamd's StreamMaxLength."
    )
    scan_before_finish: kinds.Switch = Field(
        default=False, description="Scan each upload before it counts as finished; needs clamd."
    )
    scan_unscanned: job_kinds.Unscanned = Field(
        default="reject", description="With scan-before-finish: reject or accept uploads above clamd-max-size."
    )
    unzip_max_members: kinds.Amount = Field(default=10_000, description="Most members of an archive to unzip.")
    unzip_max_size: kinds.Size = Field(default=10 * GIB, description="Most bytes of all its members, unpacked.")
    unzip_max_ratio: kinds.Amount = Field(default=200, description="Most bytes unpacked for each byte of the archive.")
    jobs_on_finish: job_kinds.JobKinds = Field(
        default=(), description="Jobs for each finished upload: scan, checksum, unzip, command:NAME."
    )

    @property
    def has_jobs(self) -> bool:
        """True if clients may create jobs, or the server creates some for each finished upload."""
        return self.jobs or bool(self.jobs_on_finish)

    @property
    def largest_scanned(self) -> int | None:
        """The length in bytes above which an upload is refused, as clamd can't scan it; None if no upload is refused
        for that.
        """
        return self.clamd_max_size if self.scan_before_finish and self.scan_unscanned == "reject" else None

    @field_validator("jobs_dir")
    @classmethod
    def _folder_is_there(cls, folder: Path | None) -> Path | None:
        if folder is not None and not folder.is_dir():
            raise ValueError("expected a folder that is there")
        return folder

    @field_validator("jobs_copy_to")
    @classmethod
    def _copies_are_apart(cls, places: tuple[StoragePlace, ...], info: ValidationInfo) -> tuple[StoragePlace, ...]:
        storage, state = info.data.get("storage"), info.data.get("state")
        stores = [] if storage is None else [storage]
        if isinstance(storage, S3Bucket):
            stores += [S3Bucket(bucket, storage.prefix) for bucket in info.data.get("hooks_buckets", ())]
        if any(overlap(place, store) for place in places for store in stores):
            raise ValueError("expected other places than storage, neither above nor below it")
        folders = [place for place in places if isinstance(place, LocalDirectory)]
        if isinstance(state, SqliteState) and any(contains(folder, state.path) for folder in folders):
            raise ValueError("expected folders that don't contain the file of state")
        return places

    @field_validator("scan_before_finish")
    @classmethod
    def _scans_need_clamd(cls, on: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  pydantic's signature
        if on and info.data.get("clamd") is None:
            raise ValueError("expected off, or clamd with the address of the scanner")
        return on

    @field_validator("jobs_on_finish")
    @classmethod
    def _jobs_can_be_done(cls, words: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if "scan" in words and info.data.get("clamd") is None:
            raise ValueError("expected clamd with the address of the scanner, as scan is among them")
        for name in (word.removeprefix(job_kinds.COMMAND) for word in words if word.startswith(job_kinds.COMMAND)):
            folder = info.data.get("jobs_dir")
            if folder is None or not os.access(folder / name, os.X_OK) or not (folder / name).is_file():
                raise ValueError(f"expected an executable {name} in jobs-dir")
        return words
