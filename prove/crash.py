"""The end of the process, and of the machine, under load: nothing that was acknowledged may be lost."""

import concurrent.futures
import contextlib
import fcntl
import http.client
import json
import os
import pathlib
import random
import sqlite3
import statistics
import struct
import subprocess
import tempfile
import threading
import time

import harness
from control import allowed, must_break
from ledger import Programs
from progress import shown

WRITERS = 6
GROUPS = 10_000
READY_WITHIN_S = 0.3
IMAGE_BYTES = 128 << 20
# FS_IOC_SHUTDOWN of Linux's ext4 and XFS; 2: without writing the log, as if the power went.
SHUTDOWN = 0x8004587D
WITHOUT_LOG_FLUSH = struct.pack("I", 2)


class Load:
    """Writers that register services of their own, each with a target that names its number of write.

    Loads of one state have a `turn` each: no two writes to a service have the same number.
    """

    def __init__(self, port, turn=0):
        self.port = port
        self.turn = turn
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.acknowledged = {}  # Path to the newest number that was answered with 200.
        self.sent = {}  # Path to the newest number that was sent.
        self.writes = 0
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(WRITERS)]
        for thread in self.threads:
            thread.start()

    def run(self, writer):
        application = f"/service-{self.turn % 20}-{writer}"
        choice = random.Random(f"{self.turn} {writer}")
        number = self.turn * 1_000_000
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            while not self.stopping.is_set():
                number += 1
                path = f"{application}/{choice.randrange(20)}"
                body = json.dumps({"targets": [f"write-{number}:1"]})
                with self.lock:
                    self.sent[path] = number
                connection.request("PUT", path, body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                response.read()
                if response.status == 200:
                    with self.lock:
                        self.acknowledged[path] = number
                        self.writes += 1

    def snapshot(self):
        with self.lock:
            return dict(self.acknowledged)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def number_of(group):
    [target] = group["targets"]
    return int(target.removeprefix("write-").removesuffix(":1"))


def lost(server, directory, acknowledged, sent):
    """What is not as it was acknowledged, in the API and in the published file."""
    published = harness.published(directory)
    missing = []
    for path, number in acknowledged.items():
        application, environment = path[1:].split("/")
        for where, group in (("API", server.group(path)), ("file", published.get((application, environment)))):
            # A later write that was sent and not answered may be there, too.
            if group is None or not number <= number_of(group) <= sent[path]:
                missing.append(f"{path} in the {where}: write {number} was acknowledged, and there is {group}")
    return missing


def fill(server):
    """As many groups as the promise about the start is about; nobody writes to them."""
    def some(writer):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        for i in range(writer, GROUPS, WRITERS):
            connection.request("PUT", f"/filler-{i % 100}/{i}", json.dumps({"targets": [f"host-{i}:9100"]}),
                               {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            assert response.status == 200, response.status
    with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(some, range(WRITERS)))


def kill(binary, rounds):
    """kill -9 under load: every acknowledged write is in the API and in the file, and it is ready again in 300 ms.

    The control loses the database's log at the kill, as a program would that acknowledges before it writes.
    """
    random_time = random.Random(1)
    writes, starts = 0, []
    with tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name, Programs(binary, name) as programs:
        directory = pathlib.Path(name)
        server = programs.start().wait_until_ready()
        fill(server)
        server.stop()
        server = programs.start().wait_until_ready()
        before = harness.published(directory)
        assert len(before) == GROUPS
        for index in shown(range(rounds), rounds, "kills"):
            load = Load(server.port, index)
            time.sleep(random_time.uniform(0.02, 0.3))
            server.kill()
            load.stop()
            writes += load.writes
            began = time.monotonic()
            server = programs.start().wait_until_ready()
            starts.append(time.monotonic() - began)
            check_nothing_lost(server, directory, load)
            before = check_nothing_else_changed(directory, before, load)
        server.stop()
        faults = store_faults(directory)
        assert not faults, "; ".join(faults[:3])
        must_break("a lost log", lambda: kill_without_log(programs, directory, rounds))
    # A busy machine only adds to it.
    assert min(starts) <= READY_WITHIN_S, f"ready after {min(starts):.3f} s at best, at {GROUPS:,} groups"
    median = statistics.median(starts)
    return (f"{rounds:,} kills, {writes:,} acknowledged writes, 0 lost; at {GROUPS:,} groups ready again after "
            f"{median * 1000:.0f} ms (median; the slowest {max(starts) * 1000:.0f} ms); control caught")


def check_nothing_else_changed(directory, before, load):
    """What earlier rounds left is as it was; gives what is published now."""
    now = harness.published(directory)
    written = {tuple(path[1:].split("/")) for path in load.sent}
    changed = [key for key in now.keys() | before.keys() if now.get(key) != before.get(key) and key not in written]
    assert not changed, f"nobody wrote to {changed[:3]}, and it was {before.get(changed[0])}, now {now.get(changed[0])}"
    return now


def kill_without_log(programs, directory, turn):
    server = programs.start().wait_until_ready()
    load = Load(server.port, turn)
    harness.wait_for("some writes", lambda: load.writes > 20)
    server.kill()
    load.stop()
    (directory / ".target-eye/state.db-wal").unlink()
    check_nothing_lost(programs.start().wait_until_ready(), directory, load)


def store_faults(directory):
    """What is wrong with the store of a program that has ended: in itself, or beside what is published."""
    with contextlib.closing(sqlite3.connect(directory / ".target-eye/state.db")) as database:
        faults = [f"integrity_check: {verdict}" for (verdict,) in database.execute("PRAGMA integrity_check")
                  if verdict != "ok"]
        rows = database.execute("SELECT application, environment, json FROM target_group").fetchall()
    stored = {(application, environment): json.loads(text) for application, environment, text in rows}
    published = harness.published(directory)
    return faults + [f"{key}: stored is {stored.get(key)}, and published {published.get(key)}"
                     for key in stored.keys() | published.keys() if stored.get(key) != published.get(key)]


def check_nothing_lost(server, directory, load):
    missing = lost(server, directory, load.acknowledged, load.sent)
    assert not missing, "; ".join(missing[:3])


def start(binary, directory, command=()):
    return harness.TargetEye(binary, (), {"FILE_SD_DIRECTORY": str(directory)}, command).wait_until_ready()


class Disk:
    """An ext4 file system in a file, whose power can be cut."""

    def __init__(self, folder):
        self.image = folder / "disk.img"
        self.mount_point = folder / "disk"
        self.mount_point.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(IMAGE_BYTES)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(self.image)], check=True)
        self.mount()

    def mount(self):
        allowed(["mount", "-o", "loop,errors=remount-ro", self.image, self.mount_point])

    def cut_power(self):
        directory = os.open(self.mount_point, os.O_RDONLY)
        try:
            fcntl.ioctl(directory, SHUTDOWN, WITHOUT_LOG_FLUSH)
        finally:
            os.close(directory)

    def become_read_only(self):
        source = subprocess.run(["findmnt", "-no", "SOURCE", str(self.mount_point)], check=True, capture_output=True,
                                text=True).stdout
        pathlib.Path(f"/sys/fs/ext4/{pathlib.Path(source.strip()).name}/trigger_fs_error").write_text("injected")

    def repair(self):
        """As at the next start of the machine; 1: it repaired something."""
        done = subprocess.run(["e2fsck", "-fp", str(self.image)], capture_output=True, check=False, text=True)
        assert done.returncode in (0, 1), done.stdout

    def unmount(self):
        subprocess.run(["umount", str(self.mount_point)], check=True)


def one_power_cut(binary, folder, seconds, command=()):
    """Gives how many writes were acknowledged before the cut, and which of them are missing after it."""
    disk = Disk(folder)
    try:
        directory = disk.mount_point / "file_sd"
        directory.mkdir()
        server = start(binary, directory, command)
        os.sync()  # An empty state, whole on the disk: what counts is what follows.
        load = Load(server.port)
        time.sleep(seconds)
        acknowledged = load.snapshot()
        disk.cut_power()
        server.kill()
        load.stop()
        disk.unmount()
        disk.mount()
        try:
            server = start(binary, directory)
        except AssertionError as error:
            return load.writes, [f"it does not start again: {error}"]
        missing = lost(server, directory, acknowledged, load.sent)
        server.stop()
        return load.writes, missing + store_faults(directory)
    finally:
        disk.unmount()


def power(binary, rounds):
    """A power cut under load (ext4, shut down without its log): every acknowledged write is there afterwards.

    The control runs under eatmydata, which has every fsync do nothing, and must lose in at least half of its rounds.
    """
    random_time = random.Random(2)
    writes = 0
    for _ in shown(range(rounds), rounds, "cuts"):
        with tempfile.TemporaryDirectory() as name:
            acknowledged, missing = one_power_cut(binary, pathlib.Path(name), random_time.uniform(0.1, 0.6))
        assert not missing, "; ".join(missing[:3])
        writes += acknowledged
    losses, controls = 0, max(4, rounds // 10)
    for _ in range(controls):
        with tempfile.TemporaryDirectory() as name:
            _, missing = one_power_cut(binary, pathlib.Path(name), random_time.uniform(0.1, 0.6), ("eatmydata",))
        losses += bool(missing)
    assert losses * 2 >= controls, f"the control lost in {losses} of {controls} rounds only: this harness sees nothing"
    return (f"{rounds} power cuts, {writes:,} acknowledged writes, 0 lost; "
            f"control without fsync: lost in {losses} of {controls}")
