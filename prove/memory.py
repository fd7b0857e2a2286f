"""An allocation fails, the Nth of those that a few requests and their publications make."""

import collections
import concurrent.futures
import contextlib
import http.client
import mmap
import pathlib
import random
import struct
import subprocess
import tempfile

import harness
from control import must_break
from syscalls import PATHS, Ledger, ended_well, settings

SOURCE = pathlib.Path(__file__).resolve().parent / "failing_allocation.c"
LIBFIU_HOOKS = "/usr/lib/fiu/fiu_posix_preload.so"
AT_ONCE = 4
NEVER = 1 << 40


class FailingAllocation:
    """Counts a program's allocations and has one of them fail; see failing_allocation.c."""

    def __init__(self, folder, library):
        self.file = folder / "plan"
        self.file.write_bytes(bytes(16))
        with open(self.file, "r+b") as file:
            self.plan = mmap.mmap(file.fileno(), 16)
        self.settings = {"LD_PRELOAD": f"{library} {LIBFIU_HOOKS}", "FAILING_ALLOCATION": self.file}

    def arm(self, number):
        self.plan[:] = struct.pack("qq", number, 0)

    def disarm(self):
        """How many allocations there were."""
        self.plan[:8] = bytes(8)
        return struct.unpack("qq", self.plan)[1]


def compile_library(folder):
    library = folder / "failing_allocation.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-o", library, SOURCE, "-lfiu"], check=True)
    return library


def requests(ledger):
    """A new group, a larger one, one that goes, and the list of all; a connection may end at any of them."""
    for work in (lambda: ledger.write(PATHS[3]), lambda: ledger.write(PATHS[0]), lambda: ledger.write(PATHS[1], delete=True),
                 lambda: ledger.ask("GET", "/-/sd")):
        with contextlib.suppress(ConnectionError, http.client.HTTPException):
            work()


def outlived(server, ledger, directory):
    """Whether the program goes on; if it does, it must take and publish writes again, and end well."""
    def ended():
        return server.process.poll() is not None
    harness.wait_for("a write to be taken, or the end", lambda: ended() or ledger.write(PATHS[0]) == 200)
    harness.wait_for("its publication", lambda: ended() or ledger.is_published(directory))
    if ended_well(server):
        return False
    server.stop()
    return True


def try_allocation(binary, library, number, lose_log=False):
    """What came of it: "ended", "outlived", or "none" where there were fewer allocations; and how many there were."""
    with tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name:
        folder, directory = pathlib.Path(name), pathlib.Path(name) / "file_sd"
        allocation = FailingAllocation(folder, library)
        server = harness.TargetEye(binary, (), settings(directory, "file") | allocation.settings).wait_until_ready()
        ledger = Ledger(server)
        for path in PATHS[:3]:
            assert ledger.write(path) == 200
        allocation.arm(number)
        requests(ledger)
        ledger.check_published(directory)
        count = allocation.disarm()
        if lose_log:
            server.kill()
            (directory / ".target-eye" / "state.db-wal").unlink()
        result = "ended" if lose_log or not outlived(server, ledger, directory) else "outlived"
        after = ledger.server = harness.TargetEye(binary, (), settings(directory, "file")).wait_until_ready()
        for path in PATHS:
            ledger.check_read(path)
        harness.wait_for("the publication of what is registered", lambda: ledger.is_published(directory))
        after.stop()
        return result if count >= number else "none", count


def outcome(binary, library, number):
    """What broke, or None; and what came of it."""
    try:
        return None, try_allocation(binary, library, number)[0]
    except AssertionError as error:
        return f"allocation {number}: {error}", "broken"


def memory(binary, amount):
    """An allocation fails: no false acknowledgement, the file stays whole, it goes on or ends and says why.

    The control loses the database's log before the program starts again, as if it had acknowledged what it did not store.
    """
    with tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name:
        library = compile_library(pathlib.Path(name))
        _, count = try_allocation(binary, library, NEVER)
        numbers = range(1, count + 1)
        if amount is not None:
            numbers = random.Random(1).sample(numbers, min(amount, count))
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            outcomes = list(pool.map(lambda number: outcome(binary, library, number), numbers))
        must_break("a log that is lost", lambda: try_allocation(binary, library, NEVER, lose_log=True))
    broken = [what for what, _ in outcomes if what]
    assert not broken, f"{len(broken)} of {len(numbers)}:\n" + "\n".join(broken)
    results = collections.Counter(result for _, result in outcomes)
    assert results["ended"] and results["outlived"], f"no allocation failed: {results}"
    return (f"{len(numbers)} of {count} allocations, all held: {results['ended']} ended the program with a reason, "
            f"{results['outlived']} it outlived; control caught")
