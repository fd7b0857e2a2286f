"""What hangs holds up nobody else: a file system that stands still, and a log that nobody reads."""

import contextlib
import http.client
import json
import os
import signal
import subprocess

import harness
from harness import published, wait_for


class Ext4:
    """A file system of its own in a file, which can be frozen: whoever writes to it then hangs in the kernel."""

    def __init__(self, image, directory):
        self.directory = directory
        with open(image, "wb") as file:
            file.truncate(32 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
        mount = subprocess.run(["mount", "-o", "loop", image, directory], capture_output=True, text=True, check=False)
        assert mount.returncode == 0, (
            f"a file system cannot be frozen without mounting one from a file, which this user (id {os.geteuid()}) may "
            f"not do here: {mount.stderr.strip()}; run the tests as root, where there are loop devices")
        (directory / "lost+found").rmdir()

    def freeze(self):
        subprocess.run(["fsfreeze", "--freeze", self.directory], check=True)

    def thaw(self):
        subprocess.run(["fsfreeze", "--unfreeze", self.directory], stderr=subprocess.DEVNULL, check=False)

    def close(self):
        self.thaw()
        subprocess.run(["umount", "--lazy", self.directory], check=True)


@contextlib.contextmanager
def ext4(image, directory):
    disk = Ext4(image, directory)
    try:
        yield disk
    finally:
        disk.close()


def test_a_publication_that_hangs_holds_up_no_answer_and_no_stop(start, directory, tmp_path):
    """The state is elsewhere, where writing works."""
    with ext4(tmp_path / "disk", directory) as disk:
        server = start(STATE_DIRECTORY=tmp_path / "state")
        assert server.json("PUT", "/a/b", {"targets": ["one"]}).status == 200
        assert published(directory)[("a", "b")]["targets"] == ["one"]
        disk.freeze()
        for target in ("two", "three", "four"):
            assert server.json("PUT", "/a/b", {"targets": [target]}).status == 200
        assert server.group("/a/b")["targets"] == ["four"]
        wait_for("the hang to show", lambda: "has taken" in server.get("/-/ready").message())
        assert f"is the file system of {directory} stalled?" in server.get("/-/ready").message()
        assert server.metric("target_eye_ready") == 0
        assert server.metric('target_eye_publication_running_seconds{publisher="file_sd"}') >= 10
        assert server.find_log("changes are answered before they are published")
        assert server.json("PUT", "/c/d", {"targets": ["five"]}).status == 200
        disk.thaw()
        wait_for("readiness", lambda: server.get("/-/ready").status == 200)
        wait_for("the publication", lambda: ("c", "d") in published(directory))
        assert published(directory)[("a", "b")]["targets"] == ["four"]

        disk.freeze()
        assert server.json("PUT", "/a/b", {"targets": ["six"]}).status == 200
        server.signal(signal.SIGTERM)
        wait_for("the stop to give up", lambda: server.find_log("the stop does not wait for it"))
        wait_for("the last words", lambda: server.find_log("ended before all was published"))
        # No process can be gone while one of its threads is in the kernel.
        disk.thaw()
        assert server.wait() == 1
        server = start(STATE_DIRECTORY=tmp_path / "state")
        assert published(directory)[("a", "b")]["targets"] == ["six"]
        server.stop()


class Unread:
    """The program with a pipe as standard error that is full and that nobody reads."""

    def __init__(self, binary, directory):
        self.port = harness.free_port()
        self.from_it, to_it = os.pipe()
        os.set_blocking(to_it, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(to_it, b"\n" * 4096)
        os.set_blocking(to_it, True)
        environment = {"PATH": os.environ["PATH"], "BIND": f"127.0.0.1:{self.port}",
                       "FILE_SD_DIRECTORY": str(directory)}
        self.process = subprocess.Popen([str(binary)], stdin=subprocess.DEVNULL, stderr=to_it, env=environment)
        os.close(to_it)

    def ask(self, method, path, document=None):
        """The status, or nothing if nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=harness.PATIENCE_S)
        try:
            body = json.dumps(document) if document else None
            connection.request(method, path, body, {"Content-Type": "application/json"} if document else {})
            return connection.getresponse().status
        except ConnectionRefusedError:
            return None
        finally:
            connection.close()

    def read_up_to(self, mark):
        text = b""
        while mark not in text:
            piece = os.read(self.from_it, 65536)
            assert piece, text
            text += piece
        return text.decode()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(harness.PATIENCE_S)
        os.close(self.from_it)


@contextlib.contextmanager
def unread(binary, directory):
    server = Unread(binary, directory)
    try:
        yield server
    finally:
        server.close()


def test_a_log_that_nobody_reads_holds_up_neither_requests_nor_the_stop(binary, directory):
    with unread(binary, directory) as server:
        wait_for("readiness", lambda: server.ask("GET", "/-/ready") == 200)
        assert server.ask("PUT", "/a/b", {"targets": ["one"]}) == 200
        server.process.send_signal(signal.SIGHUP)
        assert server.ask("GET", "/a/b") == 200
        assert server.ask("GET", "/metrics") == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(harness.PATIENCE_S) == 0
    assert published(directory)[("a", "b")]["targets"] == ["one"]


def test_a_log_that_is_read_late_says_what_was_said_before(binary, directory):
    with unread(binary, directory) as server:
        wait_for("readiness", lambda: server.ask("GET", "/-/ready") == 200)
        said = server.read_up_to(b'msg="ready"')
        assert 'msg="listening"' in said and 'msg="configuration"' in said
        server.process.send_signal(signal.SIGTERM)
        assert 'msg="stopping"' in server.read_up_to(b'msg="stopped"')
        assert server.process.wait(harness.PATIENCE_S) == 0
