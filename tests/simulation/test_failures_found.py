"""Failures that the simulation found: each test runs again what once broke a promise."""

from __future__ import annotations

from typing import cast

from tests.simulation.loop import SimulatedLoop
from tests.simulation.network import Plan
from tests.simulation.program import Journey, Program, Straight
from tests.simulation.run import play, run, simulated, step
from tests.simulation.setup import Setup
from tests.simulation.steps import Damage, Hop, Repair, Restart, Rob, Send, Sweep, Wait
from tests.simulation.world import World
from tusd_py.storage.s3.storage import S3Storage


def test_a_woken_writer_keeps_the_finished_upload() -> None:
    """A writer that wakes from a pause and finds its multipart upload gone doesn't end the upload that another request
    has finished."""
    run("one-patch", {step("one-patch", "s3.UploadPart", -1): "pause-before"})


def test_a_part_landing_twice_keeps_its_identity() -> None:
    """A part that S3 stores a second time, late and with another ETag, still counts as the same part."""
    scenario = "slow-patches-opaque-etags"
    run(scenario, {step(scenario, "s3.UploadPart"): "lands-soon"})


def test_a_writer_that_wakes_can_not_record_what_was_tidied_away() -> None:
    run("away", {step("away", "state.save", 2): "pause-before"})


def test_a_failing_writer_takes_no_waiter_with_it() -> None:
    """A writer that fails in an outage of S3 doesn't make another writer fail that waits for memory which the first one
    holds."""
    run("tight-memory", {step("tight-memory", "s3.CreateMultipartUpload"): "outage"})


def test_a_woken_writer_leaves_no_terminated_object() -> None:
    """A writer that wakes after the upload was terminated leaves no object."""
    run("terminate-one-object", {step("terminate-one-object", "s3.PutObject"): "pause-before"})


def test_an_object_after_a_withdrawn_creation_goes() -> None:
    """An object that S3 stores late, after its upload's creation failed and was undone, is removed in the end."""
    put = step("empty", "s3.PutObject")
    run("empty", {put: "lands-late", put + 2: "refused"})
    run("empty", {put: "lands-late", put + 1: "refused", put + 2: "broken"})


def test_an_object_after_another_finisher_goes() -> None:
    """An object that S3 stores late, after another writer has finished the upload and the upload has ended, is removed
    in the end."""
    scenario = "terminate-one-object"
    late: Plan = {step(scenario, "state.save"): "lands-late"}
    run(scenario, {**late, step(scenario, "s3.PutObject", 1, late): "slow-before"})


def test_an_object_after_its_deletion_goes() -> None:
    """An object that S3 stores late, after its deletion, is removed in the end."""
    run("terminate-one-object", {step("terminate-one-object", "s3.PutObject"): "lands-late"})


def test_an_object_after_a_refused_digest_goes() -> None:
    """An object that S3 stores again, after its upload ended because of a wrong digest, is removed in the end."""
    creation = step("ietf-spoiled-small", "s3.PutObject", -1)
    for fault in ("lands-late", "lands-soon"):
        run("ietf-spoiled-small", {creation: fault})


def test_a_waiting_part_keeps_its_memory() -> None:
    """A part that waits for its multipart upload to be created isn't asked without end to give up its memory."""
    creation = step("tight-memory", "s3.CreateMultipartUpload")
    run("tight-memory", {creation: "broken", creation + 2: "answer-lost"}, seed=2453097673)


def test_damaged_bytes_never_land_after_the_right_ones() -> None:
    run("damaged", {step("damaged", "s3.UploadPart"): "lands-late"})


def test_a_relanded_object_can_be_downloaded() -> None:
    """An object that S3 stores a second time, late and with another ETag, can still be downloaded."""
    run("one-object-opaque-etags", {step("one-object-opaque-etags", "s3.PutObject"): "lands-soon"})


def test_an_object_with_a_tail_is_found_after_a_crash() -> None:
    """An object whose last bytes were a tail is found after its node crashed as soon as S3 had completed the multipart
    upload."""
    run("ietf-pieces", {step("ietf-pieces", "s3.CompleteMultipartUpload"): "crash-after"})


def test_an_empty_upload_finishes_despite_begun_parts() -> None:
    """An upload of deferred length that turns out to be empty is finished, though bytes with a wrong checksum came
    first."""
    journey = Journey(length=0, deferred=True, steps=(Damage(16),), end="download")
    play(Program(tracks=(journey,)).scenario(), "empty after all", {})


def test_merged_tails_are_read_where_they_are_after_a_restart() -> None:
    journey = Journey(length=24, steps=(Send(1), Restart(0), Send(1, times=5)), end="download")
    play(Program(tracks=(journey,), setup=Setup(part_size=24)).scenario(), "merged tails", {})


def test_a_proxys_404_for_a_part_ends_no_upload() -> None:
    scenario = Program(tracks=(Journey(length=25, first=25, end="download"),)).scenario()
    for number in range(len(play(scenario, "one part after another", {}))):
        play(scenario, "one part after another", {number: "rumour"})


def test_a_head_that_the_next_answer_contradicts_is_asked_again() -> None:
    """A 404 to a HEAD is no failure if the object is there when S3 is asked again."""
    with SimulatedLoop() as loop, simulated(loop, 0):
        world = World(loop, Setup(), {0: "rumour"}, calm=False)
        world.bucket.put("key", b"content", {}, world.now())
        head = world.begin(
            world.node(0), lambda engine: cast(S3Storage, engine.storage)._buckets.own.client.head("key")
        )
        assert loop.run_until_complete(head)["ContentLength"] == 7
        world.network.over = True


def test_a_relanded_partial_is_copied() -> None:
    """A partial upload whose object S3 stored again, with another ETag, is still copied into the final upload."""
    scenario = "small-partials-opaque-etags"
    run(scenario, {step(scenario, "s3.PutObject"): "lands-soon"})


def test_an_object_lost_before_its_digest_is_remade() -> None:
    """An object that vanishes before its digest is known, as its node crashed after it had stored or recorded the
    object, is made again when the client goes on. The crash comes after each request of the run in turn."""
    journey = Journey(length=6, first=6, ietf=True, steps=(Hop(), Repair(), Rob("object"), Send(6)))
    scenario = Program(tracks=(journey,)).scenario()
    for number in range(len(play(scenario, "object vanished", {}))):
        play(scenario, "object vanished", {number: "crash-after"})


def test_a_whole_object_lost_unrecorded_is_lost() -> None:
    """A direct upload sent in one request counts as lost if its object vanishes while its record is in the phase
    finishing, where a refused request has left it. Each request of the run is refused in turn."""
    track = Straight(length=1, whole=True, with_length=False, before=(Wait(90.0),), after=(Sweep(), Rob("object")))
    scenario = Program(tracks=(track,)).scenario()
    for number in range(len(play(scenario, "whole object vanished", {}))):
        play(scenario, "whole object vanished", {number: "refused"})


def test_a_node_without_its_hold_of_a_job_stops() -> None:
    """A node whose save of a job fails just before the node's hold of the job ends doesn't repeat the save once another
    node may have the job."""
    run("jobs", {step("jobs", "state.jobs.save", -2): "slow-before"})


def test_a_job_claimed_at_shutdown_is_given_back() -> None:
    """A job that a node claimed but didn't begin before its shutdown is free at once, and no attempt is used up."""
    run("jobs-shutdown", {})


def test_a_scan_that_ended_is_not_pending_again() -> None:
    """A node that pauses before it begins a scan doesn't mark it pending after another node has done the scan."""
    for number in range(step("jobs", "state.jobs.create"), step("jobs", "s3.GetObject")):
        run("jobs", {number: "pause-after"})
