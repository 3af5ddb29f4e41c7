"""Checks of what remains of a world in the end."""

from __future__ import annotations

from tests.simulation.job_truth import check_jobs
from tests.simulation.network import at_once
from tests.simulation.world import Leak, Violation, World
from tusd_py.domain.principal import NO_ACCOUNT
from tusd_py.domain.usage import Usage
from tusd_py.storage.s3.keys import installation_key


def check(world: World) -> None:
    """Check that the uploads that clients were told are complete (`world.complete`) are left, except those in
    `world.bereft`, whose bytes were taken away or replaced; that nothing else is left than finished uploads, whole
    unless in `bereft`, and objects of lost records, unchanged if they were finished; that usage, events and jobs agree
    with them; and that nodes that are up hold memory of the budget only for cached tails. Raises Violation, with Leak
    for what should be gone; Untold for events; Untrue for jobs."""
    uploads = world.uploads().values()
    if lost := world.complete - world.bereft - {upload.id for upload in uploads if upload.done}:
        raise Violation(f"told complete, then lost: {lost}")
    if unfinished := [upload for upload in uploads if not upload.done]:
        raise Leak(f"records that no sweep removes: {unfinished}")
    for upload in uploads:
        if upload.id not in world.bereft:
            world.check_object(upload)
    for key, content in world.orphans.items():
        if key not in world.bucket.objects or world.bucket.objects[key].content != content:
            raise Violation("a finished object is gone or changed whose record was lost")
    _check_usage(world)
    _check_strays(world)
    _check_told(world)
    check_jobs(world)
    for node in world.nodes:
        kept_bytes = sum(assembly.memory_size for assembly in node.tails._assemblies.values())
        if node.machine.up and node.budget.used != kept_bytes:
            raise Leak(f"{node.budget.used - kept_bytes} bytes of the budget are never given back")


def _check_usage(world: World) -> None:
    """Check that the account for uploads without an owner is charged the bytes of each finished upload, except a
    partial one that a final one joins, and nothing else. Raises Leak."""
    uploads = world.uploads()
    sources = {source for upload in uploads.values() for source in upload.partials}
    stored = sum(upload.offset for upload in uploads.values() if upload.id not in sources)
    usage = at_once(world.records.usage(NO_ACCOUNT))
    if usage != Usage(account=NO_ACCOUNT, stored=stored):
        raise Leak(f"{stored} bytes are stored, but charged are {usage}")


def _check_told(world: World) -> None:
    if world.setup.pauses:
        world.receiver.check(world.uploads())
        if world.calm:
            world.receiver.check_calm()


def _check_strays(world: World) -> None:
    keys = {upload.cursor["key"] for upload in world.uploads().values()} | {installation_key("")}
    objects = {
        key for key, stored in world.bucket.objects.items() if stored.metadata.get("tus-id") not in world.forgotten
    }
    strays = objects - keys
    if strays or world.bucket.multiparts:
        raise Leak(f"objects that no record names: {sorted(strays)} {world.bucket.multiparts}")
