"""All that clients do, good and bad, for a long time: what the program holds stays the same."""

import contextlib
import dataclasses
import http.client
import itertools
import json
import os
import pathlib
import random
import signal
import socket
import statistics
import struct
import subprocess
import tempfile
import time

import harness
from control import compiled, must_break
from program import started
from tls_fixtures import TlsConnection, served

ROOT = pathlib.Path(__file__).resolve().parent.parent
GROUPS = 200
SAMPLE_PAUSE_S = 0.1
# Until caches are full and each thread has its share of the heap.
WARM_UP = 1 / 3
MOST_GROWTH_KIB = 2048
SANITIZED_S = 3
CONTROL_S = 3
RESET = struct.pack("ii", 1, 0)
BAD_REQUESTS = (
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"PUT /bad/json HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[{",
    b"POST /bad/chunk HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PUT /half/request HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\ntargets=",
)


class Clients:
    """What clients do again and again, each in a thread of its own."""

    def __init__(self, server):
        self.server = server
        self.choice = random.Random(1)
        self.certificates = itertools.cycle(("two", "one"))
        self.requests = 0

    @contextlib.contextmanager
    def connection(self):
        """Gives what sends a request and gives the response, whose status must be a good one."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=harness.PATIENCE_S,
                                                source_address=self.address())

        def ask(*request):
            connection.request(*request)
            response = connection.getresponse()
            said = response.read()
            # 400: a target or a group is not there to be removed.
            assert response.status in (200, 304, 400), said
            self.requests += 1
            return response
        with contextlib.closing(connection):
            yield ask

    def address(self):
        """One of many: an address has no ports left where so many connections of it ended a moment ago."""
        return f"127.0.0.{self.choice.randrange(2, 250)}", 0

    def read_and_write(self):
        with self.connection() as ask:
            for _ in range(self.choice.randrange(1, 50)):
                method = self.choice.choice(("PUT", "POST", "DELETE", "GET"))
                body = json.dumps({"targets": [f"host-{self.choice.randrange(20)}:1"]}) if method[0] == "P" else None
                path = f"/service-{self.choice.randrange(GROUPS)}/prod"
                ask(method, path, body, {"Content-Type": "application/json"})

    def list(self):
        path = f"/-/sd?application=service-{self.choice.randrange(9)}*"
        with self.connection() as ask:
            etag = ask("GET", path).headers["etag"]
            ask("GET", path, None, {"If-None-Match": etag})
            ask("GET", path, None, {"Accept-Encoding": "gzip"})
            ask("GET", "/metrics")

    def connect(self, port):
        return socket.create_connection(("127.0.0.1", port), harness.PATIENCE_S, self.address())

    def use_tls(self):
        with TlsConnection(self.server) as connection:
            assert connection.get("/-/healthy").status == 200
        self.requests += 1

    def use_http2(self):
        urls = [f"https://localhost:{self.server.tls_port}/service-{i}/prod" for i in range(20)]
        done = subprocess.run(["curl", "-sS", "--http2", "--parallel", "--cacert", self.server.files / "ca.crt", *urls],
                              capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        self.requests += len(urls)

    def misbehave(self):
        """Nothing of it is answered well; some of it is read by nobody, some ends in the middle of what is sent."""
        port = self.choice.choice((self.server.port, self.server.tls_port))
        request = self.choice.choice(BAD_REQUESTS)
        self.connect(port).close()
        with contextlib.suppress(ConnectionError), self.connect(port) as connection:
            for byte in request[:20]:
                connection.sendall(bytes([byte]))
            connection.sendall(request[20:])
            if self.choice.random() < 0.5:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            else:
                connection.shutdown(socket.SHUT_WR)
                connection.recv(1000)

    def reload(self):
        certificate = next(self.certificates)
        self.server.files.put(certificate)
        self.server.signal(signal.SIGHUP)
        harness.wait_for("the new certificate", lambda: served(self.server) == self.server.files.der(certificate))

    def all(self):
        return (self.read_and_write, self.read_and_write, self.list, self.use_tls, self.use_http2, self.misbehave,
                self.reload)


@dataclasses.dataclass
class Soaked:
    """What the program held, and how much it was asked."""

    requests: int
    resident_kib: list
    descriptors_before: int
    descriptors_after: int

    def growth_kib(self):
        """From the first to the last quarter of what came after the warm-up, by their medians."""
        samples = self.resident_kib[int(len(self.resident_kib) * WARM_UP):]
        quarter = max(1, len(samples) // 4)
        return statistics.median(samples[-quarter:]) - statistics.median(samples[:quarter])

    def check_memory(self):
        growth = self.growth_kib()
        assert growth <= MOST_GROWTH_KIB, (
            f"resident memory grew by {growth} KiB: {self.resident_kib[::len(self.resident_kib) // 20 + 1]}")

    def check_descriptors(self):
        assert self.descriptors_after == self.descriptors_before, (
            f"{self.descriptors_before} descriptors were open before, and {self.descriptors_after} are after")


def resident_kib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def soak(binary, seconds, patience=harness.PATIENCE_S, **settings):
    """Has clients at it for so long; gives what it held meanwhile, and after they had left."""
    with started(binary, tls=True, WORKERS=2, **settings) as server:
        for name in ("one", "two"):
            server.files.sign(name)
        clients, samples = Clients(server), []
        before = descriptors(server.pid)  # Nobody has connected yet.
        ends = time.monotonic() + seconds
        try:
            with contextlib.ExitStack() as stack:
                for work in clients.all():
                    stack.enter_context(harness.Background(work))
                while time.monotonic() < ends:
                    samples.append(resident_kib(server.pid))
                    time.sleep(SAMPLE_PAUSE_S)
        except (OSError, http.client.HTTPException) as error:
            raise AssertionError(f"a client met {error!r}") from error
        with contextlib.suppress(AssertionError):
            harness.wait_for("the connections to end", lambda: descriptors(server.pid) == before, patience)
        return Soaked(clients.requests, samples, before, descriptors(server.pid))


def sanitized():
    """The program, built with AddressSanitizer, which looks for leaks when it ends."""
    for command in (["cmake", "--preset", "asan"], ["cmake", "--build", "build/asan", "--target", "target-eye"]):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "build" / "asan" / "target-eye"


def check_controls(binary, with_sanitizer):
    with tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name:
        folder = pathlib.Path(name)
        leaky = soak(binary, CONTROL_S, patience=1, LD_PRELOAD=compiled(folder, "leaky_libc"))
        must_break("a free that forgets one in 4", leaky.check_memory)
        must_break("a close that forgets one in 20", leaky.check_descriptors)
        server = harness.TargetEye(with_sanitizer, (), {
            "FILE_SD_DIRECTORY": folder / "file_sd", "LD_PRELOAD": compiled(folder, "lost_memory"),
            "ASAN_OPTIONS": "detect_leaks=1:verify_asan_link_order=0"})
        server.wait_until_ready().signal(signal.SIGTERM)
        must_break("memory that nobody can reach", server.wait)
        assert "detected memory leaks" in server.log_text(), server.log_text()


def leaks(binary, seconds):
    """All that clients do, good and bad: memory and descriptors stay flat, and LeakSanitizer finds nothing at the end.

    The controls are a free and a close of which some calls do nothing, and memory that nobody can reach.
    """
    with_sanitizer = sanitized()
    soak(with_sanitizer, max(SANITIZED_S, seconds // 10))
    soaked = soak(binary, seconds)
    soaked.check_memory()
    soaked.check_descriptors()
    check_controls(binary, with_sanitizer)
    return (f"{seconds} s, {soaked.requests:,} requests among bad clients and reloads: resident memory "
            f"{soaked.growth_kib():+,.0f} KiB of {statistics.median(soaked.resident_kib):,.0f}, descriptors "
            f"{soaked.descriptors_before} as before; LeakSanitizer found nothing; controls caught")
