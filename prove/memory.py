"""An allocation fails, the Nth of those that a few requests and their publications make."""

import concurrent.futures
import mmap
import pathlib
import random
import struct
import tempfile

import harness
from control import compiled, must_break
from ledger import PATHS, Programs
from progress import shown
from syscalls import outlives, recover

LIBFIU_HOOKS = "/usr/lib/fiu/fiu_posix_preload.so"
AT_ONCE = 4
NEVER = 1 << 40


class FailingAllocation:
    """Counts a program's allocations and has one of them fail; see shims/failing_allocation.c."""

    def __init__(self, folder, shim):
        file = folder / "plan"
        file.write_bytes(bytes(16))
        with open(file, "r+b") as opened:
            self.plan = mmap.mmap(opened.fileno(), 16)
        self.settings = {"LD_PRELOAD": f"{shim}:{LIBFIU_HOOKS}", "FAILING_ALLOCATION": file}

    def arm(self, number):
        self.plan[:] = struct.pack("qq", number, 0)

    def disarm(self):
        """Gives how many allocations there were."""
        self.plan[:8] = bytes(8)
        return struct.unpack("qq", self.plan)[1]


def make_requests(ledger, directory):
    """A new group, one that is replaced, one that goes, and the list of all."""
    ledger.write(PATHS[3])
    ledger.write(PATHS[0])
    ledger.write(PATHS[1], delete=True)
    assert ledger.ask("GET", "/-/sd").status in (200, 500, 503)
    ledger.check_published(directory)


def try_allocation(binary, shim, number, lose_log=False):
    """Whether the program outlived it, and how many allocations there were."""
    with tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name:
        directory = pathlib.Path(name) / "file_sd"
        allocation = FailingAllocation(pathlib.Path(name), shim)
        with Programs(binary, directory, **allocation.settings) as programs:
            server, ledger = programs.begin()
            allocation.arm(number)
            outlived = outlives(server, lambda: make_requests(ledger, directory))
            count = allocation.disarm()
            outlived = outlived and outlives(server, lambda: recover(ledger, directory))
            if outlived:
                # Either end must be good: one loses what only looks stored, the other waits for every thread.
                server.kill() if lose_log or number % 2 else server.stop()
            if lose_log:
                (directory / ".target-eye" / "state.db-wal").unlink()
                (directory / "targets.json").unlink()  # A first start would import it.
            ledger.server = programs.start().wait_until_ready()
            for path in PATHS:
                ledger.check_read(path)
            harness.wait_for("the publication of what is registered", lambda: ledger.is_published(directory))
            ledger.server.stop()
    return outlived, count


def outcome(binary, shim, number):
    """What broke, or None; and whether the program outlived it."""
    try:
        return None, try_allocation(binary, shim, number)[0]
    except Exception as error:  # noqa: BLE001: whatever it is, it is told with its number
        return f"allocation {number}: {error if isinstance(error, AssertionError) else repr(error)}", False


def memory(binary, amount):
    """An allocation fails: no false acknowledgement, the file stays whole, it recovers or ends and says why.

    The control loses the database's log and what is published before the next start, as if it
    had acknowledged what it did not store.
    """
    with tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name:
        shim = compiled(pathlib.Path(name), "failing_allocation")
        outlived, count = try_allocation(binary, shim, NEVER)
        assert outlived, "it ended although no allocation failed"
        numbers = range(1, count + 1)
        if amount is not None:
            numbers = random.Random(1).sample(numbers, min(amount, count))
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            done = pool.map(lambda number: outcome(binary, shim, number), numbers)
            outcomes = list(shown(done, len(numbers), "allocations"))
        must_break("a log that is lost", lambda: try_allocation(binary, shim, NEVER, lose_log=True))
    broken = [what for what, _ in outcomes if what]
    assert not broken, f"{len(broken)} of {len(numbers)}:\n" + "\n".join(broken)
    ended = sum(not outlived for _, outlived in outcomes)
    assert ended > 0, "no allocation failed"
    return (f"{len(numbers)} of {count} allocations, all held: {ended} ended the program with a reason, the others it "
            "outlived; control caught")
