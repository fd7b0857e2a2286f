"""What hangs holds up nobody else: a log that nobody reads."""

import contextlib
import http.client
import json
import os
import signal
import subprocess

import harness
from harness import published, wait_for


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
