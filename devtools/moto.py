"""The S3 server moto, which takes parts of any size. It is more lenient than S3, so no test should rely on it alone."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

from devtools.identity import REGION
from devtools.part import HOST, Part

_SERVE = (
    "from moto.server import ThreadedMotoServer as S; import sys, threading; "
    "S(ip_address='127.0.0.1', port=int(sys.argv[1]), verbose=False).start(); threading.Event().wait()"
)


class Moto(Part):
    """The S3 server `moto`, with the buckets `uploads` and `others`."""

    name = "moto"

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    def command(self) -> Sequence[str]:
        return (sys.executable, "-c", _SERVE, str(self.port))

    def environment(self) -> Mapping[str, str]:
        return {**super().environment(), "S3_UPLOAD_PART_MIN_SIZE": "1"}

    def trouble(self) -> str | None:
        keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
        client = get_session().create_client("s3", region_name=REGION, endpoint_url=self.endpoint, **keys)
        try:
            for bucket in ("uploads", "others"):
                client.create_bucket(Bucket=bucket)
        except (BotoCoreError, ClientError) as error:
            return str(error)
        finally:
            client.close()
        return None
