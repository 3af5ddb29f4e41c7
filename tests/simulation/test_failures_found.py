"""Failures that the simulation found, each by its name."""

from __future__ import annotations

from tests.simulation.run import run, step


def test_a_woken_writer_that_misses_its_parts_does_not_bury_the_finished_upload() -> None:
    run("one-patch", {step("one-patch", "s3.UploadPart", -1): "pause-before"})
