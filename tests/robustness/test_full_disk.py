"""A store whose disk is full or read-only: an error that says so, nothing lost, and the same command works later."""

import os
import shutil
import subprocess

import pytest

from tests.robustness.kills import told_of_state, trouble_after
from tests.robustness.workshop import BEFORE, STEPS, kept_in

MIB = 1024
ROOMS = {
    "check": (64, 2 * MIB, 5 * MIB, 7 * MIB),
    "first train": (64, 700),
    "train": (8, 128),
    "recalibrate": (8, 128),
    "score": (0, 12),
    "publish": (0, 64, 256),
}
"""KiB left on the disk when the step begins."""
CASES = [(step, room) for step, rooms in ROOMS.items() for room in rooms]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def mount(*arguments):
    return subprocess.run(["mount", *map(str, arguments)], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def disk(workshop):
    """The folder of the store as a disk of its own, whose size can be changed."""
    place = workshop.store.folder
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    if os.geteuid() != 0 or not mount("-t", "tmpfs", "-o", "size=400m", "tmpfs", place):
        pytest.skip("a disk can only be mounted by root, and not in every container")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def roomy(disk):
    """The disk, with plenty of room before and after the test."""
    yield disk
    assert mount("-o", "remount,rw,size=400m", disk)


def used_kib(disk):
    stat = os.statvfs(disk)
    return (stat.f_blocks - stat.f_bfree) * stat.f_frsize // 1024


@pytest.mark.parametrize(("step", "room"), CASES, ids=[f"{step} with {room} KiB" for step, room in CASES])
def test_a_full_disk_loses_nothing_and_the_step_succeeds_once_there_is_room(workshop, roomy, step, room):
    expected = workshop.undisturbed(step)[0]
    workshop.put(BEFORE[step])
    before = kept_in(workshop.store)
    assert mount("-o", f"remount,size={used_kib(roomy) + room}k", roomy)
    ran = workshop.run(STEPS[step])
    trouble = ran.trouble + told_of_state(before, kept_in(workshop.store), expected)[1]
    assert mount("-o", "remount,size=400m", roomy)
    if ran.code:
        trouble += trouble_after(workshop, step, workshop.run(STEPS[step]))
    assert not trouble, "\n".join(trouble)


@pytest.mark.parametrize("step", ["check", "train", "score", "publish"])
def test_a_read_only_store_is_an_error_that_says_so_and_stays_as_it_is(workshop, roomy, step):
    workshop.put(BEFORE[step])
    before = kept_in(workshop.store)
    assert mount("-o", "remount,ro", roomy)
    ran = workshop.run(STEPS[step])
    assert ran.code != 0
    assert ran.trouble == []
    assert kept_in(workshop.store) == before
