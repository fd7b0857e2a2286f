"""A disk that is full, and one that has become read-only, for a while or for good."""

import concurrent.futures
import contextlib
import pathlib
import subprocess
import tempfile
import time

import crash
import harness
from control import allowed, must_break
from ledger import PATHS, Programs, attached, injecting
from progress import shown

SMALL = "16m"
# So long that the program's waits between its attempts have grown as far as they do.
LASTS_S = 4
BACK_WITHIN_S = 1
GIVE_UP_S = 3
CHANGES = "openat,mkdirat,pwrite64,writev,ftruncate,fsync,fdatasync,renameat,unlink,unlinkat"


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


def write_all_the_while(ledger, directory):
    """Reads go on, and what is published stays whole. Gives how many writes were refused."""
    refused, until = 0, time.monotonic() + LASTS_S
    while time.monotonic() < until:
        for path in PATHS:
            status = ledger.write(path)
            assert status in (200, 503), f"PUT {path}: {status}"
            refused += status == 503
            ledger.check_read(path)
            ledger.check_published(directory)
        time.sleep(0.02)
    return refused


def write_refused(ledger, directory):
    refused = write_all_the_while(ledger, directory)
    assert refused > 10, f"only {refused} writes were refused"  # A few may still fit.


def seconds_until_back(ledger, directory):
    """From here until a write is accepted, and until what is registered is published."""
    began = time.monotonic()
    harness.wait_for("a write to be accepted", lambda: ledger.write(PATHS[0]) == 200, GIVE_UP_S)
    written = time.monotonic() - began
    harness.wait_for("the publication of what is registered", lambda: ledger.is_published(directory), GIVE_UP_S)
    return written, time.monotonic() - began


def check_after_restart(programs, ledger, directory):
    ledger.server = programs.start().wait_until_ready()
    for path in PATHS:
        ledger.check_read(path)
    harness.wait_for("the publication of what is registered", lambda: ledger.is_published(directory))
    ledger.server.stop()


def full(binary, folder, make_room=pathlib.Path.unlink, at_the_end=lambda directory: None):
    """Gives how long after there is room the first write was accepted, and published."""
    directory, filler = folder / "file_sd", folder / "filler"
    with small_tmpfs(folder), Programs(binary, directory) as programs:
        directory.mkdir()
        server, ledger = programs.begin()
        fill(filler)
        write_refused(ledger, directory)
        make_room(filler)
        seconds = seconds_until_back(ledger, directory)
        server.kill()
        at_the_end(directory)
        check_after_restart(programs, ledger, directory)
        return seconds


def full_for_files(binary, folder):
    """The state is on another disk: writes go on, and only the publication has to wait."""
    directory, filler = folder / "disk", folder / "disk/filler"
    directory.mkdir()
    with small_tmpfs(directory), Programs(binary, directory, STATE_DIRECTORY=folder / "state") as programs:
        server, ledger = programs.begin()
        fill(filler)
        refused = write_all_the_while(ledger, directory)
        assert refused == 0, f"{refused} writes were refused"
        assert not ledger.is_published(directory), "there was room"
        filler.unlink()
        seconds = seconds_until_back(ledger, directory)
        server.kill()
        check_after_restart(programs, ledger, directory)
        return seconds


def read_only_for_a_while(binary, folder):
    """As a disk that was mounted anew without the program being asked, which Linux only does for some file systems."""
    with Programs(binary, folder) as programs:
        server, ledger = programs.begin()
        with attached(server.pid, *injecting(f"{CHANGES}:error=EROFS")):
            write_refused(ledger, folder)
        seconds = seconds_until_back(ledger, folder)
        server.kill()
        check_after_restart(programs, ledger, folder)
        return seconds


def read_only_for_good(binary, folder):
    """As the kernel does it by itself when it meets an error in a file system; it needs a new mount to go away."""
    disk = crash.Disk(folder)
    directory = disk.mount_point / "file_sd"
    try:
        directory.mkdir()
        with Programs(binary, directory) as programs:
            server, ledger = programs.begin()
            disk.become_read_only()
            write_refused(ledger, directory)
            server.stop()
            disk.unmount()
            disk.repair()
            disk.mount()
            check_after_restart(programs, ledger, directory)
    finally:
        disk.unmount()


def in_a_folder(fault, *arguments):
    with tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name:
        return fault(arguments[0], pathlib.Path(name), *arguments[1:])


def lose_the_log(directory):
    (directory / ".target-eye/state.db-wal").unlink()
    (directory / "targets.json").unlink()  # Of which a state that has nothing in it would be made anew.


def back_in_time(fault, binary):
    written, published = in_a_folder(fault, binary)
    assert max(written, published) <= BACK_WITHIN_S, (
        f"{fault.__name__}: at its end, a write was accepted after {written:.1f} s, published after {published:.1f} s")
    return written, published


def controls(pool, binary):
    """What keeps a program from coming back must be seen, and what has it forget."""
    def stays_full():
        in_a_folder(full, binary, lambda filler: None)

    def forgets():
        in_a_folder(full, binary, pathlib.Path.unlink, lose_the_log)
    return [pool.submit(must_break, "a disk that stays full", stays_full),
            pool.submit(must_break, "a lost log", forgets)]


def disk(binary, rounds):
    """A full disk, and a read-only one: reads go on, writes get 503, and all is back within 1 s of the disk.

    The controls: a disk that stays full must be seen not to be back, and a log that is lost to be lost.
    """
    allowed(["strace", "-o", "/dev/null", "true"])
    times = []
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for _ in shown(range(rounds), rounds, "disks of each kind"):
            for_good = pool.submit(in_a_folder, read_only_for_good, binary)
            times += pool.map(lambda fault: back_in_time(fault, binary), (full, full_for_files, read_only_for_a_while))
            for_good.result()
        for control in controls(pool, binary):
            control.result()
    written, published = (max(seconds) * 1000 for seconds in zip(*times, strict=True))
    return (f"{rounds} disks full, {rounds} for the files only, {rounds} read-only for a while, {rounds} for good; "
            f"after the end of it a write was accepted within {written:.0f} ms, and all published within "
            f"{published:.0f} ms; 2 controls caught")
