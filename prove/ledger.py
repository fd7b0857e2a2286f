"""A program on one directory, and a client that writes to it and knows what must be there."""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import subprocess
import tempfile

import harness

PATHS = [f"/service/{i}" for i in range(5)]
WRITES = 12
HANGS_AFTER_S = 20


class Ledger:
    """One client that writes one request after the other, and knows what each group may be."""

    def __init__(self, server):
        self.server = server
        self.possible = {path: {None} for path in PATHS}
        self.states = [dict(self.possible)]  # `possible` as it was after each write.
        self.number = 0

    def write(self, path, delete=False):
        """The status. After 200 the group is as written; after any other answer, or none, it may be."""
        self.number += 1
        value = None if delete else self.number
        before = self.possible[path]
        self.possible[path] = before | {value}
        self.states.append(dict(self.possible))
        if delete:
            answer = self.ask("DELETE", path)
        else:
            answer = self.ask("PUT", path, {"targets": [f"write-{value}:1"]})
        if answer.status == 200 or (answer.status == 400 and delete and None in before):
            self.possible[path] = {value}
            self.states[-1] = dict(self.possible)
        else:
            assert answer.status >= 500, f"{path}: {answer}"
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

    def write_some(self, directory):
        for index in range(WRITES):
            path = PATHS[index % len(PATHS)]
            self.write(path, delete=index % 4 == 3)
            self.check_read(path)
            self.check_published(directory)

    def check_read(self, path):
        answer = self.ask("GET", path)
        assert answer.status == 200, f"GET {path}: {answer}"
        found = number_of(next(iter(answer.json()), None))
        assert found in self.possible[path], f"{path}: the API has write {found}, where {self.possible[path]} may be"

    def check_published(self, directory):
        """What is published is whole, and a state that was committed: one of all groups, where they share a file."""
        found = published(directory)
        unknown = {path: number for path, number in found.items()
                   if not any(number in state[path] for state in self.states)}
        assert not unknown, f"published, and never written: {unknown}"
        if (directory / "targets.json").exists():
            assert any(fits(found, state) for state in self.states), f"published, and never so at once: {found}"

    def is_published(self, directory):
        return fits(published(directory), self.possible)


def fits(found, state):
    return all(number in state[path] for path, number in found.items())


def published(directory):
    """The number of each group's write, or None."""
    while True:
        try:
            groups = harness.published(directory)
            break
        except FileNotFoundError:
            continue  # One of many files was removed between the look at the directory and at it.
        except ValueError as error:
            raise AssertionError(f"a published file is not whole: {error}") from None
    found = {path: number_of(groups.pop(tuple(path[1:].split("/")), None)) for path in PATHS}
    assert not groups, f"published, and never written: {groups}"
    return found


def number_of(group):
    if group is None:
        return None
    [target] = group["targets"]
    return int(target.removeprefix("write-").removesuffix(":1"))


@contextlib.contextmanager
def attached(pid, *arguments):
    """strace looks at the running program while the block runs, or until the program ends."""
    with tempfile.NamedTemporaryFile() as said:
        strace = subprocess.Popen(["strace", "-f", "-p", str(pid), *arguments], stderr=said)
        harness.wait_for("strace", lambda: b"attached" in pathlib.Path(said.name).read_bytes())
        try:
            yield
        finally:
            strace.send_signal(signal.SIGINT)
            strace.wait(harness.PATIENCE_S)


def injecting(injection):
    """strace's arguments."""
    return "-o", "/dev/null", "-e", f"trace={injection.split(':')[0]}", "-e", f"inject={injection}"


class Programs:
    """Starts the program on one directory, again and again; what still runs at the end of the block is killed."""

    def __init__(self, binary, directory, **settings):
        self.binary = binary
        self.settings = {"FILE_SD_DIRECTORY": directory, **settings}
        self.all = []

    def start(self, *strace):
        command = ("strace", "-f", *strace) if strace else ()
        self.all.append(harness.TargetEye(self.binary, (), self.settings, command))
        return self.all[-1]

    def begin(self):
        """A program that has some groups, and their ledger."""
        server = self.start().wait_until_ready()
        ledger = Ledger(server)
        for path in PATHS[:3]:
            assert ledger.write(path) == 200
        return server, ledger

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self.all:
            if server.process.poll() is None:
                signal_traced(server, signal.SIGKILL)
                server.kill()


def signal_traced(server, number):
    """To the program that strace started, not to strace."""
    for child in pathlib.Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(child), number)
