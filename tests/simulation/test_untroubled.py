"""An upload without any fault: its record, its objects in the bucket, and its requests."""

from __future__ import annotations

import pytest

from tests.simulation.client import Client
from tests.simulation.contents import content
from tests.simulation.loop import SimulatedLoop
from tests.simulation.run import run, simulated
from tests.simulation.setup import Setup
from tests.simulation.world import World


@pytest.mark.parametrize("info_objects", [False, True])
@pytest.mark.parametrize("piece", [3, 7, 19, 29])
def test_a_faultless_run_records_no_trouble(
    piece: int,
    info_objects: bool,  # noqa: FBT001 (a parameter of the test)
) -> None:
    """After its client broke off a request, an upload has an info object if the setup wants one, else none. It is
    finished by further requests, with the sent bytes, and its record has no trouble (`troubled_at`)."""
    with SimulatedLoop() as loop, simulated(loop, 0):
        world = World(loop, Setup(info_objects=info_objects), {}, calm=True)

        async def upload() -> None:
            client = Client(world, content(29))
            await client.create()
            await client.cut(14)
            assert any(key.endswith("/info") for key in world.bucket.objects) is info_objects
            await client.upload(piece=piece)

        loop.run_until_complete(upload())
        (record,) = world.uploads().values()
        assert record.done
        assert record.troubled_at is None
        world.network.over = True


def test_a_small_upload_is_one_request_to_s3_and_one_save() -> None:
    steps = [step.partition(" ")[2] for step in run("one-object", {})]
    upload = steps[: steps.index("s3.GetObject")]
    assert [step for step in upload if step.startswith("s3.")] == ["s3.PutObject"]
    assert upload.count("state.save") == 1
