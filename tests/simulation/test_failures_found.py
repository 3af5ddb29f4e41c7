"""Failures that the simulation found, each by its name."""

from __future__ import annotations

from typing import cast

from tests.simulation.loop import SimulatedLoop
from tests.simulation.program import Journey, Program, Straight
from tests.simulation.run import play, run, simulated, step
from tests.simulation.setup import Setup
from tests.simulation.steps import Damage, Hop, Repair, Restart, Rob, Send, Sweep, Wait
from tests.simulation.world import World
from tusd_py.storage.s3.storage import S3Storage


def test_a_woken_writer_that_misses_its_parts_does_not_bury_the_finished_upload() -> None:
    run("one-patch", {step("one-patch", "s3.UploadPart", -1): "pause-before"})


def test_a_part_that_lands_a_second_time_with_another_etag_is_still_the_same_part() -> None:
    scenario = "slow-patches-opaque-etags"
    run(scenario, {step(scenario, "s3.UploadPart"): "lands-soon"})


def test_a_writer_that_wakes_can_not_record_what_was_tidied_away() -> None:
    run("away", {step("away", "state.save", 2): "pause-before"})


def test_a_writer_that_is_failing_takes_none_with_it_that_waits_for_its_memory() -> None:
    run("tight-memory", {step("tight-memory", "s3.CreateMultipartUpload"): "outage"})


def test_a_writer_that_wakes_after_the_upload_was_terminated_leaves_no_object() -> None:
    run("terminate-one-object", {step("terminate-one-object", "s3.PutObject"): "pause-before"})


def test_an_object_that_lands_after_its_creation_was_taken_back_goes_in_the_end() -> None:
    put = step("empty", "s3.PutObject")
    run("empty", {put: "lands-late", put + 2: "refused"})
    run("empty", {put: "lands-late", put + 1: "refused", put + 2: "broken"})


def test_an_object_that_lands_after_another_had_finished_it_and_ended_it_goes_in_the_end() -> None:
    run("terminate-one-object", {step("terminate-one-object", "state.save"): "lands-late", 12: "slow-before"})


def test_an_object_that_lands_after_it_was_deleted_goes_in_the_end() -> None:
    run("terminate-one-object", {step("terminate-one-object", "s3.PutObject"): "lands-late"})


def test_a_part_that_waits_for_its_multipart_upload_is_not_asked_for_its_memory_for_ever() -> None:
    creation = step("tight-memory", "s3.CreateMultipartUpload")
    run("tight-memory", {creation: "broken", creation + 2: "answer-lost"}, seed=2453097673)


def test_damaged_bytes_never_land_after_the_right_ones() -> None:
    run("damaged", {step("damaged", "s3.UploadPart"): "lands-late"})


def test_an_object_that_lands_a_second_time_with_another_etag_can_still_be_downloaded() -> None:
    run("one-object-opaque-etags", {step("one-object-opaque-etags", "s3.PutObject"): "lands-soon"})


def test_an_object_whose_last_bytes_were_a_tail_is_found_after_a_crash() -> None:
    run("ietf-pieces", {step("ietf-pieces", "s3.CompleteMultipartUpload"): "crash-after"})


def test_an_upload_that_turns_out_to_be_empty_is_finished_though_damaged_bytes_had_begun_its_parts() -> None:
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
    """A repair that looked just before an object came about ended there."""
    with SimulatedLoop() as loop, simulated(loop, 0):
        world = World(loop, Setup(), {0: "rumour"}, calm=False)
        world.bucket.put("key", b"content", {}, world.now())
        found = world.begin(world.node(0), lambda engine: cast(S3Storage, engine.storage)._bucket.client.head("key"))
        assert loop.run_until_complete(found)["ContentLength"] == 7
        world.network.over = True


def test_a_partial_whose_object_landed_anew_with_another_etag_is_copied_all_the_same() -> None:
    scenario = "small-partials-opaque-etags"
    run(scenario, {step(scenario, "s3.PutObject"): "lands-soon"})


def test_an_object_that_vanished_before_its_digest_was_known_is_made_anew() -> None:
    journey = Journey(length=6, first=6, ietf=True, steps=(Hop(), Repair(), Rob("object"), Send(6)))
    scenario = Program(tracks=(journey,)).scenario()
    for number in range(len(play(scenario, "object vanished", {}))):
        play(scenario, "object vanished", {number: "crash-after"})


def test_an_object_sent_whole_that_vanished_before_it_was_recorded_is_lost_for_certain() -> None:
    track = Straight(length=1, whole=True, told=False, before=(Wait(90.0),), after=(Sweep(), Rob("object")))
    scenario = Program(tracks=(track,)).scenario()
    for number in range(len(play(scenario, "whole object vanished", {}))):
        play(scenario, "whole object vanished", {number: "refused"})
