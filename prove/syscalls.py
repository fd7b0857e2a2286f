"""Each system call that keeps or publishes the state fails, the Nth of each, once or for ever."""

import concurrent.futures
import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import tempfile
import time

import harness
from control import allowed

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
LAYOUTS = ("file", "group")
PATHS = [f"/service/{i}" for i in range(5)]
WRITES = 12
AT_ONCE = 4
HANGS_AFTER_S = 20


@dataclasses.dataclass(frozen=True)
class Case:
    """One injection, as strace takes it: into the start, or into the service of a program that is ready."""

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


class Ledger:
    """One client that writes one request after the other, and knows what each group may be."""

    def __init__(self, server):
        self.server = server
        self.possible = {path: {None} for path in PATHS}
        self.number = 0
        self.acknowledged = 0

    def write(self, path, delete=False):
        """The status. After 200 the group is as written; after any other answer it may be."""
        self.number += 1
        value = None if delete else self.number
        if delete:
            answer = self.ask("DELETE", path)
        else:
            answer = self.ask("PUT", path, {"targets": [f"write-{value}:1"]})
        if answer.status == 200:
            self.possible[path] = {value}
            self.acknowledged += 1
        elif answer.status == 400:
            assert delete and None in self.possible[path], f"DELETE {path}: {answer}"
            self.possible[path] = {None}
        else:
            assert answer.status >= 500, f"{path}: {answer}"
            self.possible[path].add(value)
        return answer.status

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=HANGS_AFTER_S)
        try:
            connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return harness.Answer(response.status, {}, response.read())
        except TimeoutError:
            raise AssertionError(f"{method} {path}: no answer within {HANGS_AFTER_S} s") from None
        finally:
            connection.close()

    def write_some(self):
        for index in range(WRITES):
            path = PATHS[index % len(PATHS)]
            self.write(path, delete=index % 4 == 3)
            self.check_read(path)

    def check_read(self, path):
        answer = self.ask("GET", path)
        assert answer.status == 200, f"GET {path}: {answer}"
        self.check("the API", path, answer.json())

    def check(self, where, path, groups):
        found = number_of(groups[0]) if groups else None
        assert found in self.possible[path], f"{path} in {where}: write {found}, where {self.possible[path]} may be"

    def check_published(self, directory):
        """The file is whole, and what it says was written once."""
        for (application, environment), group in harness.published(directory).items():
            path = f"/{application}/{environment}"
            assert path in PATHS and number_of(group) <= self.number, f"{path} is published as {group}"

    def is_published(self, directory):
        published = harness.published(directory)
        found = {path: published.get(tuple(path[1:].split("/"))) for path in PATHS}
        return all((number_of(group) if group else None) in self.possible[path] for path, group in found.items())


def number_of(group):
    [target] = group["targets"]
    return int(target.removeprefix("write-").removesuffix(":1"))


def settings(directory, layout):
    return {"FILE_SD_DIRECTORY": str(directory), "FILE_SD_LAYOUT": layout}


@contextlib.contextmanager
def injected(pid, injection):
    """While the block runs, the running program's calls fail."""
    with tempfile.NamedTemporaryFile() as said:
        strace = subprocess.Popen(["strace", "-f", "-o", "/dev/null", "-p", str(pid), "-e", f"trace={injection.split(':')[0]}",
                                   "-e", f"inject={injection}"], stderr=said)
        harness.wait_for("strace", lambda: b"attached" in pathlib.Path(said.name).read_bytes())
        try:
            yield
        finally:
            strace.send_signal(signal.SIGINT)
            strace.wait(harness.PATIENCE_S)


def ended_well(server):
    """Whether the program has ended; if so, it must say why."""
    code = server.process.poll()
    if code is None:
        return False
    server.checked = True
    assert code > 0, f"it ended with {code}:\n{server.log_text()}"
    said = server.log_text()
    assert re.search("level=(error|critical)|^target-eye: |error while loading shared libraries", said, re.M), (
        f"it ended with {code} and did not say why:\n{said}")
    return True


def try_case(binary, case):
    """Raises where something that must hold does not. True if the program ended itself."""
    with tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name:
        directory = pathlib.Path(name)
        before = harness.TargetEye(binary, (), settings(directory, case.layout)).wait_until_ready()
        ledger = Ledger(before)
        for path in PATHS[:3]:
            assert ledger.write(path) == 200
        if case.phase == "service":
            ended = fail_in_service(before, ledger, case, directory)
        else:
            before.stop()
            ended = fail_at_start(binary, ledger, case, directory)
        after = harness.TargetEye(binary, (), settings(directory, case.layout)).wait_until_ready()
        ledger.server = after
        for path in PATHS:
            ledger.check_read(path)
        harness.wait_for("the publication of what is registered", lambda: ledger.is_published(directory))
        after.stop()
        return ended


def fail_in_service(server, ledger, case, directory):
    with injected(server.pid, case.injection()):
        with contextlib.suppress(ConnectionError, http.client.HTTPException):
            ledger.write_some()
        ledger.check_published(directory)
    # Told to nobody yet: whoever ends does so within a moment of its last answer.
    with contextlib.suppress(ConnectionError, http.client.HTTPException):
        harness.wait_for("a write to be accepted again", lambda: ledger.write(PATHS[0]) == 200)
        harness.wait_for("its publication", lambda: ledger.is_published(directory))
        server.stop()
        return False
    server.process.wait(harness.PATIENCE_S)
    return ended_well(server)


def fail_at_start(binary, ledger, case, directory):
    server = harness.TargetEye(binary, (), settings(directory, case.layout),
                               ("strace", "-f", "-o", "/dev/null", "-e", f"trace={case.call}", "-e",
                                f"inject={case.injection()}"))

    def settled():
        return server.process.poll() is not None or server.find_log("ready")
    harness.wait_for("the start, or its end", settled)
    if ended_well(server):
        ledger.check_published(directory)
        return True
    ledger.server = server
    server.wait_until_ready()
    with contextlib.suppress(ConnectionError, http.client.HTTPException):
        ledger.write_some()
    ledger.check_published(directory)
    stop_traced(server)
    return False


def stop_traced(server):
    """SIGTERM to the program that strace started, not to strace."""
    with contextlib.suppress(ProcessLookupError):
        for child in pathlib.Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGTERM)
    assert server.wait() == 0, f"SIGTERM: exit code {server.process.returncode}:\n{server.log_text()}"


def calls_of(binary, phase, layout):
    """How often a thread makes each call at most, where nothing fails: {call: times}."""
    with tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name:
        directory, trace = pathlib.Path(name) / "file_sd", pathlib.Path(name) / "trace"
        directory.mkdir()
        strace = ("strace", "-f", "-o", str(trace), "-e", f"trace={','.join(ERRORS)}")
        server = harness.TargetEye(binary, (), settings(directory, layout)).wait_until_ready()
        if phase == "start":
            server.stop()
            server = harness.TargetEye(binary, (), settings(directory, layout), strace).wait_until_ready()
        else:
            attached = subprocess.Popen([*strace, "-p", str(server.pid)], stderr=subprocess.DEVNULL)
            harness.wait_for("strace", trace.exists)
            time.sleep(0.3)
        Ledger(server).write_some()
        if phase == "start":
            stop_traced(server)
        else:
            server.stop()
            attached.wait(harness.PATIENCE_S)
        times = {}
        for line in trace.read_text().splitlines():
            if made := re.match(r"(\d+) +(\w+)\(", line):
                times.setdefault(made[2], {}).setdefault(made[1], []).append(line)
    return {call: max(map(len, threads.values())) for call, threads in times.items()}


def all_cases(binary):
    for phase in ("start", "service"):
        for layout in LAYOUTS:
            for call, times in calls_of(binary, phase, layout).items():
                if (phase, call) == ("start", "write"):
                    continue  # That is the log, by which this harness sees that the program is ready.
                for error in ERRORS[call]:
                    for number in range(1, times + 1):
                        yield Case(phase, layout, call, error, number, False)
                        yield Case(phase, layout, call, error, number, True)


def outcome(binary, case):
    """What broke, or None; and whether the program ended itself."""
    try:
        return None, try_case(binary, case)
    except AssertionError as error:
        return f"{case}: {error}", False


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
CONTROLS = ("pwrite64:retval=4096", "renameat:retval=0")


def control(binary, injection):
    """Whether the harness sees that what was acknowledged is lost, or not published."""
    with tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name:
        directory = pathlib.Path(name)
        server = harness.TargetEye(binary, (), settings(directory, "file")).wait_until_ready()
        ledger = Ledger(server)
        with injected(server.pid, injection):
            ledger.write_some()
            seen = not ledger.is_published(directory)
        server.kill()
        ledger.server = harness.TargetEye(binary, (), settings(directory, "file")).wait_until_ready()
        try:
            for path in PATHS:
                ledger.check_read(path)
        except AssertionError:
            seen = True
        ledger.server.stop()
        return seen


def syscalls(binary, amount):
    """A system call fails: no false acknowledgement, the old file stays whole, it recovers or ends and says why.

    The control has calls report success that did nothing: a write of the log, and the rename of a published file.
    """
    allowed(["strace", "-o", "/dev/null", "true"])
    every = list(all_cases(binary))
    cases = every if amount is None else sample(every, amount)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(lambda case: outcome(binary, case), cases))
    broken = [what for what, _ in outcomes if what]
    assert not broken, f"{len(broken)} of {len(cases)}:\n" + "\n".join(broken)
    for injection in CONTROLS:
        assert control(binary, injection), f"the control {injection} went unseen: this harness sees nothing"
    ended = sum(ended for _, ended in outcomes)
    return (f"{len(cases)} of {len(every)} injections into {len({case.call for case in cases})} calls, all held: "
            f"{ended} ended the program with a reason, the others it outlived; controls caught")
