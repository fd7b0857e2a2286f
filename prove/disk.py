"""A disk that is full, and a disk that has become read-only."""

import contextlib
import pathlib
import subprocess
import tempfile
import time

import crash
import harness
from control import allowed, must_break
from syscalls import PATHS, Ledger

SMALL = "16m"
BACK_WITHIN_S = 1
GIVE_UP_S = 5


@contextlib.contextmanager
def small_tmpfs(mount_point):
    allowed(["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", mount_point])
    try:
        yield
    finally:
        subprocess.run(["umount", str(mount_point)], check=True)


def fill(path):
    """Takes all the room that there is."""
    with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass


def write_refused(ledger, directory):
    """Writes until they are refused, as an unlucky few may still fit; reads go on all the while."""
    refused = 0
    for index in range(100):
        path = PATHS[index % len(PATHS)]
        status = ledger.write(path)
        assert status in (200, 503), f"PUT {path}: {status}"
        refused += status == 503
        ledger.check_read(path)
        ledger.check_published(directory)
        if refused == 10:
            return
    raise AssertionError(f"only {refused} of 100 writes were refused")


def seconds_until_written(ledger):
    began = time.monotonic()
    harness.wait_for("a write to be accepted", lambda: ledger.write(PATHS[0]) == 200, GIVE_UP_S)
    return time.monotonic() - began


def check_after_restart(binary, directory, ledger):
    ledger.server = crash.start(binary, directory)
    for path in PATHS:
        ledger.check_read(path)
    harness.wait_for("the publication of what is registered", lambda: ledger.is_published(directory))
    ledger.server.stop()


def full_disk(binary, folder, make_room=pathlib.Path.unlink):
    """Gives how long the first write after the return of room took to be accepted."""
    with small_tmpfs(folder):
        directory, filler = folder / "file_sd", folder / "filler"
        directory.mkdir()
        server = crash.start(binary, directory)
        ledger = Ledger(server)
        ledger.write_some()
        fill(filler)
        write_refused(ledger, directory)
        make_room(filler)
        try:
            seconds = seconds_until_written(ledger)
            harness.wait_for("the publication of what is registered", lambda: ledger.is_published(directory))
        finally:
            server.stop()
        check_after_restart(binary, directory, ledger)
        return seconds


def read_only_disk(binary, folder):
    """As the kernel does it by itself when it meets an error in a file system; it needs a new mount to go away."""
    disk = crash.Disk(folder)
    try:
        directory = disk.mount_point / "file_sd"
        directory.mkdir()
        server = crash.start(binary, directory)
        ledger = Ledger(server)
        ledger.write_some()
        disk.become_read_only()
        write_refused(ledger, directory)
        server.stop()
        disk.unmount()
        disk.repair()
        disk.mount()
        check_after_restart(binary, directory, ledger)
    finally:
        disk.unmount()


def disk(binary, rounds):
    """A full disk, and one that became read-only: reads go on, writes get 503 and are back within 1 s of room.

    The control makes no room: the harness must see that writes are not back.
    """
    slowest = 0.0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name:
            slowest = max(slowest, full_disk(binary, pathlib.Path(name)))
        assert slowest <= BACK_WITHIN_S, f"there was room, and the first write was accepted after {slowest:.1f} s"
        with tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name:
            read_only_disk(binary, pathlib.Path(name))
    with tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name:
        must_break("a disk that stays full", lambda: full_disk(binary, pathlib.Path(name), lambda filler: None))
    return (f"{rounds} full and {rounds} read-only disks; writes back within {slowest * 1000:.0f} ms of room; "
            "control caught")
