"""Threads that meet, and readers who meet a publication."""

import contextlib
import http.client
import json
import os
import pathlib
import subprocess
import tempfile
import threading

import harness
from control import SHIMS, compiled, must_break

ROOT = pathlib.Path(__file__).resolve().parent.parent
TSAN = ROOT / "build" / "tsan"
# The rooms that have threads.
ROOMS = ("util", "registry", "publish", "access", "http", "app")
OPTIONS = "halt_on_error=1:second_deadlock_stack=1"

RING = 16  # Groups that one client writes in turn, each with the number of its write.
PAIRS = 4  # Clients that write a number to one group and then to another.


class Writers:
    """Clients whose writes have an order that every revision must show."""

    def __init__(self, port, writes):
        self.port, self.left = port, max(RING, writes // (1 + 2 * PAIRS))
        self.failure = None
        self.threads = [threading.Thread(target=self.run, args=(self.ring,))]
        self.threads += [threading.Thread(target=self.run, args=(self.pair, i)) for i in range(PAIRS)]
        for thread in self.threads:
            thread.start()

    def run(self, writer, *arguments):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=harness.PATIENCE_S)
            for number in range(1, self.left + 1):
                writer(connection, number, *arguments)
        except BaseException as failure:  # noqa: BLE001: raised again in the main thread
            self.failure = failure

    def ring(self, connection, number):
        put(connection, f"/ring/{number % RING}", number)

    def pair(self, connection, number, index):
        put(connection, f"/first/{index}", number)
        put(connection, f"/second/{index}", number)

    def last(self):
        """Each group's last write."""
        ring = {("ring", str(number % RING)): number for number in range(self.left - RING + 1, self.left + 1)}
        return ring | {(job, str(index)): self.left for job in ("first", "second") for index in range(PAIRS)}

    def running(self):
        return any(thread.is_alive() for thread in self.threads)

    def join(self):
        for thread in self.threads:
            thread.join()
        if self.failure:
            raise self.failure


def put(connection, path, number):
    connection.request("PUT", path, json.dumps({"targets": [f"write-{number}:1"]}),
                       {"Content-Type": "application/json"})
    response = connection.getresponse()
    response.read()
    assert response.status == 200, f"PUT {path}: {response.status}"


class Reader:
    """Reads what is published, as Prometheus would, and knows what a revision can be."""

    def __init__(self, directory):
        self.directory = directory
        self.newest = {}
        self.revisions = 0

    def read(self):
        files = sorted(self.directory.glob("*.json"))
        numbers = {}
        for path in files:
            with contextlib.suppress(FileNotFoundError):
                numbers.update(self.numbers_in(path))
        if numbers == self.newest:
            return
        for key, number in self.newest.items():
            assert numbers.get(key, 0) >= number, f"{key} went back from write {number} to {numbers.get(key)}"
        if len(files) == 1:
            self.check_revision(numbers)
        self.newest = numbers
        self.revisions += 1

    def numbers_in(self, path):
        text = path.read_text()
        try:
            groups = json.loads(text)
        except ValueError:
            raise AssertionError(f"{path.name} is no JSON: {len(text)} bytes") from None
        return {(group["labels"]["job"], group["labels"]["env"]): number_of(group) for group in groups}

    @staticmethod
    def check_revision(numbers):
        """One file is all groups at one revision: of each order of writes it holds a beginning, whole."""
        ring = sorted(number for (job, _), number in numbers.items() if job == "ring")
        assert ring == list(range(max(ring) - len(ring) + 1, max(ring) + 1)) if ring else True, f"no revision: {ring}"
        for index in range(PAIRS):
            first, second = (numbers.get((job, str(index)), 0) for job in ("first", "second"))
            assert first in (second, second + 1), f"pair {index} is {first} and {second}: no revision"


def number_of(group):
    [target] = group["targets"]
    return int(target.removeprefix("write-").removesuffix(":1"))


def read_while_written(binary, layout, writes, **environment):
    """Gives how many different states were read."""
    with tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name:
        directory = pathlib.Path(name)
        settings = {"FILE_SD_DIRECTORY": str(directory), "FILE_SD_LAYOUT": layout, "ENABLE_RELOAD": "true", **environment}
        server = harness.TargetEye(binary, (), settings).wait_until_ready()
        try:
            writers, reader = Writers(server.port, writes), Reader(directory)
            while writers.running():
                reader.read()
                for path in ("/ring/0", "/-/sd", "/metrics"):
                    assert server.get(path).status == 200, path
                assert server.request("POST", "/-/reload").status == 200
            writers.join()

            def all_is_published():
                reader.read()
                return reader.newest == writers.last()
            harness.wait_for("the publication of all writes", all_is_published)
        finally:
            server.kill()
            assert "ThreadSanitizer" not in server.log_text(), server.log_text()
        return reader.revisions


def sanitized_tests():
    """The unit tests of all rooms with threads, under ThreadSanitizer. Gives how many there are."""
    tests = 0
    for room in ROOMS:
        done = subprocess.run([TSAN / "src" / room / f"room_{room}_test", "--gtest_brief=1"], capture_output=True, text=True,
                              check=False, env={**os.environ, "TSAN_OPTIONS": OPTIONS})
        assert done.returncode == 0, f"{room}: {done.stdout[-4000:]}\n{done.stderr[-8000:]}"
        tests += int(done.stdout.split("[==========] ")[1].split()[0])
    return tests


def planted_race(folder):
    program = folder / "data_race"
    subprocess.run(["c++", "-g1", "-O1", "-fsanitize=thread", "-o", program, SHIMS / "data_race.cc"], check=True)
    done = subprocess.run([program], capture_output=True, text=True, check=False,
                          env={**os.environ, "TSAN_OPTIONS": OPTIONS})
    assert done.returncode == 0, done.stderr


def races(binary, writes):
    """No data race, and every file that is read is exactly one committed revision.

    The controls: a program with a data race, and a publisher that writes over its file in place.
    """
    targets = ["target-eye", *(f"room_{room}_test" for room in ROOMS)]
    subprocess.run(["cmake", "--preset", "tsan"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", TSAN, "--target", *targets], check=True, stdout=subprocess.DEVNULL)
    tests = sanitized_tests()
    read_while_written(TSAN / "target-eye", "file", min(writes, 5_000), TSAN_OPTIONS=OPTIONS)
    with tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name:
        folder = pathlib.Path(name)
        fast = compiled(folder, "fast_clock")
        revisions = read_while_written(binary, "file", writes, LD_PRELOAD=fast)
        read_while_written(binary, "group", writes // 10, LD_PRELOAD=fast)
        must_break("a data race", lambda: planted_race(folder))
        in_place = compiled(folder, "fast_clock", "in_place")
        must_break("a file written in place", lambda: read_while_written(binary, "file", writes, LD_PRELOAD=in_place))
    return (f"{tests} tests and a server under load, 0 reports; {writes:,} writes, {revisions} different files read, "
            "each one revision; controls caught")
