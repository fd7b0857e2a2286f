"""Each system call that keeps or publishes the state fails, the Nth of each, once or for ever."""

import concurrent.futures
import contextlib
import dataclasses
import http.client
import pathlib
import random
import re
import shutil
import signal
import subprocess
import tempfile

import harness
from control import allowed, compiled, must_break
from ledger import HANGS_AFTER_S, PATHS, Programs, attached, injecting, signal_traced
from progress import shown

# Which errors a call may give is what the manual pages and the kernel's file systems say.
DISK = ("EIO", "ENOSPC", "EDQUOT", "EROFS")
ERRORS = {
    "fdatasync": DISK,
    "fsync": DISK,
    "ftruncate": DISK,
    "pwrite64": DISK,
    "write": ("EIO", "ENOSPC", "EDQUOT"),
    "writev": ("EIO", "ENOSPC", "EDQUOT"),
    "pread64": ("EIO",),
    "read": ("EIO",),
    "openat": (*DISK, "EMFILE", "ENOMEM"),
    "newfstatat": ("EIO", "ENOMEM"),
    "statx": ("EIO", "ENOMEM"),
    "getdents64": ("EIO", "ENOMEM"),
    "mkdirat": DISK,
    "unlink": ("EIO", "EROFS"),
    "unlinkat": ("EIO", "EROFS"),
    "rename": DISK,
    "renameat": DISK,
    "renameat2": DISK,
    "flock": ("ENOLCK",),
    "fcntl": ("EIO", "ENOLCK"),
    "mmap": ("ENOMEM",),
}
PHASES = ("start", "import", "service")
LAYOUTS = ("file", "group")
AT_ONCE = 4


@dataclasses.dataclass(frozen=True)
class Case:
    """One injection, as strace takes it, into a phase of the program's life.

    `start`: with a state from before. `import`: the state is lost, and made anew from what was published.
    `service`: the program is ready already.
    """

    phase: str
    layout: str
    call: str
    error: str
    number: int
    for_ever: bool

    def injection(self):
        return f"{self.call}:error={self.error}:when={self.number}{'+' if self.for_ever else ''}"

    def __str__(self):
        return f"FILE_SD_LAYOUT={self.layout}, during {self.phase}: strace -f -e inject={self.injection()}"


def check_end(server):
    """It ended; not by a signal, and not without a word."""
    code = server.process.wait(harness.PATIENCE_S)
    server.checked = True
    said = server.log_text()
    assert code > 0, f"it ended with {code}:\n{said}"
    assert re.search("level=(error|critical)|^target-eye: ", said, re.M), (
        f"it ended with {code} and did not say why:\n{said}")


def outlives(server, work):
    """Whether it is still there after `work`; connections may break only because it ends."""
    try:
        work()
    except (ConnectionError, http.client.HTTPException) as error:
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.process.wait(HANGS_AFTER_S)
        assert server.process.poll() is not None, f"a connection broke, and it did not end: {error!r}"
        check_end(server)
        return False
    return True


def try_case(binary, case, bug=None):
    """Raises where something that must hold does not. Whether the program outlived the injection."""
    with (tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name,
          Programs(binary, name, FILE_SD_LAYOUT=case.layout, LD_PRELOAD=bug) as programs):
        directory = pathlib.Path(name)
        server, ledger = programs.begin()
        if case.phase == "service":
            outlived = fail_in_service(server, ledger, case, directory)
        else:
            server.stop()
            if case.phase == "import":
                shutil.rmtree(directory / ".target-eye")
            outlived = fail_at_start(programs, ledger, case, directory)
        ledger.server = programs.start().wait_until_ready()
        for path in PATHS:
            ledger.check_read(path)
        harness.wait_for("the publication of what is registered", lambda: ledger.is_published(directory))
        ledger.server.stop()
        return outlived


def fail_in_service(server, ledger, case, directory):
    with attached(server.pid, *injecting(case.injection())):
        outlived = outlives(server, lambda: ledger.write_some(directory))
        ledger.check_published(directory)
    if outlived and outlives(server, lambda: recover(ledger, directory)):
        # What an orderly end would still mend is not to be seen after the other.
        server.stop() if case.for_ever else server.kill()
        return True
    return False


def recover(ledger, directory):
    harness.wait_for("a write to be accepted again", lambda: ledger.write(PATHS[0]) == 200)
    harness.wait_for("its publication", lambda: ledger.is_published(directory))


def fail_at_start(programs, ledger, case, directory):
    server = programs.start(*injecting(case.injection()))
    harness.wait_for("the start, or its end",
                     lambda: server.process.poll() is not None or server.find_log("configuration"))
    ledger.check_published(directory)
    if server.process.poll() is not None:
        check_end(server)
        return False
    ledger.server = server.wait_until_listening()
    if not outlives(server, lambda: ledger.write_some(directory)):
        return False
    if not case.for_ever:
        recover(ledger, directory)
        server.wait_until_ready()
    signal_traced(server, signal.SIGTERM)
    assert server.wait() == 0, f"SIGTERM: exit code {server.process.returncode}:\n{server.log_text()}"
    return True


def trace_of(binary, phase, layout):
    """The calls of a program to which nothing happens, as strace tells them."""
    with (tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name,
          Programs(binary, f"{name}/file_sd", FILE_SD_LAYOUT=layout) as programs):
        directory, trace = pathlib.Path(name) / "file_sd", pathlib.Path(name) / "trace"
        tracing = ("-o", str(trace), "-e", f"trace=munmap,{','.join(ERRORS)}")
        server, ledger = programs.begin()
        if phase == "service":
            with attached(server.pid, *tracing):
                ledger.write_some(directory)
        else:
            server.stop()
            if phase == "import":
                shutil.rmtree(directory / ".target-eye")
            ledger.server = programs.start(*tracing).wait_until_ready()
            ledger.write_some(directory)
            signal_traced(ledger.server, signal.SIGTERM)
            ledger.server.wait()
        return trace.read_text()


def numbers_of(trace, from_start):
    """{call: the numbers it can be injected at}; strace counts the calls of each thread by themselves."""
    counts = {}
    loaders = {}
    for thread, call in re.findall(r"^(\d+) +(\w+)\(", trace, re.M):
        if call == "munmap":
            # The dynamic loader is done with its list of libraries: what was before is its affair, not ours.
            loaders = loaders or {call: max(threads.values()) for call, threads in counts.items()}
        else:
            threads = counts.setdefault(call, {})
            threads[thread] = threads.get(thread, 0) + 1
    skipped = loaders if from_start else {}
    return {call: range(skipped.get(call, 0) + 1, max(threads.values()) + 1) for call, threads in counts.items()}


def all_cases(binary):
    for phase in PHASES:
        for layout in LAYOUTS:
            for call, numbers in numbers_of(trace_of(binary, phase, layout), phase != "service").items():
                if phase != "service" and call == "write":
                    continue  # That is the log, by which this harness sees that the program is ready.
                for error in ERRORS[call]:
                    for number in numbers:
                        yield Case(phase, layout, call, error, number, False)
                        yield Case(phase, layout, call, error, number, True)


def outcome(binary, case):
    """Whether the program outlived it; None where something broke, which is told at once: a long run may be cut."""
    try:
        return try_case(binary, case)
    except Exception as error:  # noqa: BLE001: whatever it is, it is told with its injection
        print(f"  {case}: {error if isinstance(error, AssertionError) else repr(error)}", flush=True)
        return None


def sample(cases, amount):
    """Some of each call before more of any."""
    choice = random.Random(1)
    by_call = {}
    for case in cases:
        by_call.setdefault((case.phase, case.call), []).append(case)
    for some in by_call.values():
        choice.shuffle(some)
    queues = list(by_call.values())
    choice.shuffle(queues)
    taken = []
    while len(taken) < amount and queues:
        for queue in queues:
            taken.append(queue.pop())
        queues = [queue for queue in queues if queue]
    return taken[:amount]


# What a careless program would do: take a call that failed for one that succeeded.
IGNORED = ("pwrite64:retval=4096", "renameat:retval=0")


def ignore_failures(binary, injection):
    """Raises where the harness sees that what was acknowledged is not published, or lost."""
    with (tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name,
          Programs(binary, name) as programs):
        directory = pathlib.Path(name)
        server, ledger = programs.begin()
        with attached(server.pid, *injecting(injection)):
            ledger.write_some(directory)
            harness.wait_for("the publication of what is registered", lambda: ledger.is_published(directory), 5)
        server.kill()
        ledger.server = programs.start().wait_until_ready()
        for path in PATHS:
            ledger.check_read(path)


def write_in_place(binary):
    """The disk is full, for a program that does not rename a new published file into its place."""
    with tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name:
        bug = compiled(pathlib.Path(name), "in_place")
        full = Case("service", "file", "write", "ENOSPC", 1, True)
        must_break("a file written in place", lambda: try_case(binary, full, bug))


def check_new_directory(binary):
    """The state directory that a first start makes is there after a power cut: what it was made in is synced."""
    with tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name:
        parent, trace = pathlib.Path(name).resolve() / "parent", pathlib.Path(name) / "trace"
        parent.mkdir()
        with Programs(binary, f"{name}/file_sd", STATE_DIRECTORY=f"{parent}/state") as programs:
            programs.start("-y", "-o", str(trace), "-e", "trace=mkdir,mkdirat,fsync").wait_until_ready()
        assert re.search(rf'mkdir(?:at)?\([^"]*"{parent}/state", 0755\) += 0\n'
                         rf'\d+ +fsync\(\d+<{parent}>\) += 0\n', trace.read_text()), trace.read_text()


def syscalls(binary, amount):
    """A system call fails: no false acknowledgement, the old file stays whole, it recovers or ends and says why.

    The controls: calls that report success and did nothing, a write of the log and the rename of a published file;
    and a full disk for a program that writes published files in place. Before them, what a first start makes is synced.
    """
    allowed(["strace", "-o", "/dev/null", "true"])
    check_new_directory(binary)
    every = list(all_cases(binary))
    cases = every if amount is None else sample(every, amount)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        done = pool.map(lambda case: outcome(binary, case), cases)
        outcomes = list(shown(done, len(cases), "injections"))
    broken = outcomes.count(None)
    assert broken == 0, f"{broken:,} of {len(cases):,} injections: those above"
    for injection in IGNORED:
        must_break(injection, lambda: ignore_failures(binary, injection))
    write_in_place(binary)
    return (f"{len(cases):,} of {len(every):,} injections into {len({case.call for case in cases})} calls, all held: "
            f"{outcomes.count(True):,} it outlived, the others ended it with a reason; 3 controls caught")
