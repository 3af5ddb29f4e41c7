"""`make run`: a SeaweedFS and the server in front of it, with all data under ./data."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from devtools.part import PartError
from devtools.seaweed import SeaweedFS

DATA = Path("data")
TUSD_PY = (sys.executable, "-m", "tusd_py")

WELCOME = """
Open {origin}/ and drop files there (Ctrl-C stops). Clients send them to {url}; from another terminal:

  curl -i {url} -H 'Tus-Resumable: 1.0.0' -H 'Upload-Length: 5' -H 'Upload-Metadata: filename aGVsbG8udHh0' \\
    -H 'Content-Type: application/offset+octet-stream' --data-binary hello

and fetch what the answer's Location names, with `curl -i`. Uppy's aws-s3 plugin, in any page, can send its bytes
straight to this S3: its companionEndpoint is {origin}.
"""


def main() -> int:
    """Run SeaweedFS and the server until the server ends or SIGINT or SIGTERM comes; return the server's exit code, 1
    if the port is in use or SeaweedFS doesn't start, 0 if a signal comes before the server runs, or a second signal
    before it ends."""
    port = _port()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if _is_used(port):
        return _fail(f"port {port} is in use; choose another with: make run PORT=8081")
    try:
        with SeaweedFS(DATA / "s3") as seaweed:
            return _serve(seaweed, port)
    except PartError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return 0


def _port() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8080)
    return int(parser.parse_args().port)


def _is_used(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _serve(seaweed: SeaweedFS, port: int) -> int:
    environment, settings = {**os.environ, **seaweed.user.environment()}, _settings(seaweed)
    server = subprocess.Popen(
        [*TUSD_PY, "serve", "--ui", "--port", str(port), *settings],
        env=environment,
        start_new_session=True,  # so that Ctrl-C reaches it only through this process
    )
    try:
        _install_cors(settings, environment)
        _welcome(server, f"http://127.0.0.1:{port}")
        return server.wait()
    except KeyboardInterrupt:
        server.terminate()
        return server.wait()
    finally:
        server.kill()  # it has ended, unless Ctrl-C came a second time
        server.wait()


def _settings(seaweed: SeaweedFS) -> list[str]:
    s3 = ["--storage", f"s3://{seaweed.bucket}/", "--s3-endpoint-url", seaweed.endpoint, "--s3-profile", "generic"]
    return [*s3, "--state", f"sqlite:{DATA / 'state.db'}", "--direct-uploads"]


def _install_cors(settings: list[str], environment: dict[str, str]) -> None:
    """Add to the bucket the CORS rules that let pages upload directly to the S3, by running `check --cors --install`.
    The command's report, which is meant for operators, isn't shown; what it writes to stderr is. A failure is
    ignored."""
    command = [*TUSD_PY, "check", "--cors", "--install", *settings]
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)


def _welcome(server: subprocess.Popen[bytes], origin: str) -> None:
    """Print the server's address once it answers; nothing if it ends first."""
    while server.poll() is None:
        try:
            urlopen(f"{origin}/healthz", timeout=1).close()  # noqa: S310 - http, by construction
        except (URLError, OSError):
            time.sleep(0.1)
        else:
            print(WELCOME.format(origin=origin, url=f"{origin}/files/"), flush=True)
            return


def _fail(message: str) -> int:
    print(f"tusd-py: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
