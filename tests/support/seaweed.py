"""A real S3: SeaweedFS on this machine, for the tests and for `make run`."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

from tests.support.family import mortal
from tests.support.identity import REGION, Identity
from tests.support.ports import free_ports

READY_WITHIN = 60.0
STOP_WITHIN = 1.0
"""Acknowledged bytes outlive SIGKILL, and SeaweedFS waits a fixed 15 s for its own idle streams."""

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


class SeaweedFSError(RuntimeError):
    """SeaweedFS doesn't serve; the message says why."""


class SeaweedFS:
    """`weed server` over `directory`, which keeps its objects and its log from one start to the next.

    The tests and the server under test sign as `user`, which may use `bucket` and nothing else: an
    administrator would never see that a bucket is missing or a permission denied.
    """

    def __init__(self, directory: Path, *, bucket: str = "uploads") -> None:
        self.bucket = bucket
        self.admin = Identity(name="admin", actions=("Admin",))
        scoped = tuple(f"{action}:{bucket}" for action in ("Read", "Write", "List", "Tagging"))
        self.user = Identity(name="user", actions=scoped)
        self.log = directory / "weed.log"
        self._directory = directory
        self._port = 0
        self._ports: tuple[int, ...] = ()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """Of the running process; raises SeaweedFSError if there is none."""
        if self._process is None:
            raise SeaweedFSError("SeaweedFS is not running")
        return self._process.pid

    def client(self, identity: Identity | None = None) -> Any:
        """A blocking botocore S3 client that tries once and signs as `identity` (the user)."""
        who = identity or self.user
        return get_session().create_client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=who.access_key,
            aws_secret_access_key=who.secret_key,
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10),
        )

    def start(self, port: int = 0) -> None:
        """Serves S3 on `port` (0: a free one) and returns once the bucket takes an object. A restart keeps its port."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._forget_old_masters()
        self._write_identities()
        self._spawn(port or self._port)
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def vacuum(self) -> None:
        """Gives back the disk that deleted objects took, as the master does by itself now and then."""
        master = self._ports[0]
        with urlopen(f"http://127.0.0.1:{master}/vol/vacuum?garbageThreshold=0.1", timeout=60) as answer:
            answer.read()

    def stop(self, sig: signal.Signals = signal.SIGTERM) -> None:
        """Ends the process, by force if it lingers. SIGKILL is a crash."""
        if self._process is None:
            return
        self._process.send_signal(sig)
        try:
            self._process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        self._remove_sockets()

    def _spawn(self, port: int) -> None:
        binary = weed()
        if binary is None:
            raise SeaweedFSError("SeaweedFS isn't installed: run `make setup`")
        ports = free_ports(2 * len(SERVERS))
        names = [f"{server}.port{suffix}" for server in SERVERS for suffix in ("", ".grpc")]
        chosen = dict(zip(names, ports, strict=True))
        chosen["s3.port"] = self._port = port or chosen["s3.port"]
        self._ports = tuple(chosen.values())
        command = mortal(binary, "server", *FLAGS, *(f"-{name}={number}" for name, number in chosen.items()))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self._directory,
                env={"HOME": str(self._directory.absolute())},  # no settings from elsewhere
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the one who stops it, when its users are done
            )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while (trouble := self._trouble()) is not None:
            if time.monotonic() > deadline:
                raise SeaweedFSError(f"SeaweedFS isn't ready after {READY_WITHIN:.0f} s ({trouble}); see {self.log}")
            time.sleep(0.1)

    def _trouble(self) -> str | None:
        """What still keeps the bucket from taking objects; None when nothing does."""
        if self._process is not None and self._process.poll() is not None:
            raise SeaweedFSError(f"SeaweedFS ended with code {self._process.returncode}; see {self.log}")
        try:
            self._make_bucket()
            self._try_bucket()
        except (BotoCoreError, ClientError) as error:
            return str(error)
        return None

    def _make_bucket(self) -> None:
        admin = self.client(self.admin)
        buckets = [bucket["Name"] for bucket in admin.list_buckets().get("Buckets", [])]
        if self.bucket not in buckets:
            admin.create_bucket(Bucket=self.bucket)

    def _try_bucket(self) -> None:
        user = self.client()
        user.put_object(Bucket=self.bucket, Key=".ready", Body=b"yes")
        user.delete_object(Bucket=self.bucket, Key=".ready")
        user.list_objects_v2(Bucket=self.bucket, MaxKeys=1)

    def _write_identities(self) -> None:
        identities = {"identities": [who.as_json() for who in (self.admin, self.user)]}
        (self._directory / "identities.json").write_text(json.dumps(identities))

    def _forget_old_masters(self) -> None:
        """A master's election state is named after its port, which changes; volumes and filer hold the data."""
        for state in self._directory.glob("m[0-9]*"):
            shutil.rmtree(state)

    def _remove_sockets(self) -> None:
        for port in self._ports:
            for socket in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                socket.unlink(missing_ok=True)


def weed() -> str | None:
    """The `weed` binary of this environment, or of the PATH."""
    return shutil.which("weed", path=sysconfig.get_path("scripts")) or shutil.which("weed")


@contextmanager
def running(directory: Path, *, bucket: str = "uploads", port: int = 0) -> Iterator[SeaweedFS]:
    """SeaweedFS for as long as the block lasts."""
    seaweed = SeaweedFS(directory, bucket=bucket)
    seaweed.start(port)
    try:
        yield seaweed
    finally:
        seaweed.stop()
