"""Clients that stay within every limit, and hold on to as much as they can."""

import contextlib
import hashlib
import http.client
import itertools
import json
import math
import multiprocessing
import os
import pathlib
import re
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes

import control
import harness
import tls_fixtures
from program import allow_open_files
from slow import OTHERS, connections_of, held_up, medians, memory_of, p99_of_others

MiB = 1 << 20
KiB = 1 << 10

# Small, so that what is not bounded shows.
BUFFER_LIMIT = 24 * MiB
WITHOUT_END = 1 << 40
TOKEN = "of-the-hoarders"
LOGIN = {"Authorization": f"Bearer {TOKEN}"}

# What the clients hold. Without the budgets it would be some ten times BUFFER_LIMIT.
BODIES = 700  # Connections in the midst of a body, each of those who may send one and of those who may not.
HEADERS = 400
READERS = 40  # That do not read.
H2_CONNECTIONS = 8
H2_STREAMS = 100
HELD_ANSWER_S = 6  # The program's are 2, and this machine is busy.
# They hold; they do not flood, which is another matter: what costs the program a core's time is rare.
PAUSE_S = 0.1
RARELY_S = 1

ROUND_S = 10
LEAST_ROUNDS = 1
MEASUREMENTS = 3

LARGE_BODY = json.dumps({"targets": [f"host-{i:05}.example.net:9100" for i in range(30_000)]})
HOT_BODY = json.dumps({"targets": [f"host-{i:05}.example.net:9100" for i in range(8_000)]})

# Of docs/operations.md, "Sizing".
BASE = 64 * MiB
EACH_CONNECTION = 28 * KiB  # With TLS.
EACH_H2_CONNECTION = 64 * KiB
EACH_STREAM = 3 * KiB
EACH_TARGET = 200
EACH_LIST = 100  # Bytes a target in the lists that are kept and rendered.
THREADS = 2
EACH_THREAD = 64 * MiB  # While it takes a YAML body apart.
QUEUE = 128 * MiB  # What changes that wait hold.


def ceiling(connections, streams, targets, buffer_limit=BUFFER_LIMIT):
    """The most bytes of memory that the program may have."""
    return (BASE + targets * (EACH_TARGET + 2 * EACH_LIST) + connections * EACH_CONNECTION
            + H2_CONNECTIONS * EACH_H2_CONNECTION + streams * EACH_STREAM
            + 2 * buffer_limit + THREADS * EACH_THREAD + QUEUE)


class Crowd:
    """Clients of one kind each, until the block ends."""

    def __init__(self, server):
        self.server, self.stack, self.threads = server, contextlib.ExitStack(), []
        self.over = threading.Event()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        self.stack.close()

    def again_and_again(self, what, pause=PAUSE_S):
        """Calls `what` until the end; what a server that is full, or has let go, does to it is no matter."""
        def run():
            for number in itertools.count():
                if self.over.wait(pause):
                    return
                with contextlib.suppress(OSError, http.client.HTTPException):
                    what(number)
        self.threads.append(threading.Thread(target=run, daemon=True))
        self.threads[-1].start()

    def held(self, data, count):
        """Connections on which `data` was sent, as far as the server takes it, and from which nothing is read."""
        for _ in range(count):
            connection = self.stack.enter_context(self.server.connect())
            connection.socket.setblocking(False)
            with contextlib.suppress(OSError):
                connection.socket.send(data.encode())

    # Each kind.

    def one_hot_group(self):
        """Writers that do not read their answers, of a large group that is another one each time."""
        def write(number):
            body = HOT_BODY.replace("host-", f"h{number}-", 1)
            with self.server.connect() as connection:
                connection.send(put("/big/hot", len(body)) + body)
                self.over.wait(RARELY_S)
        self.again_and_again(write)

    def readers(self):
        def read(number):
            if number < READERS:
                connection = self.stack.enter_context(self.server.connect())
                connection.send(get(("/big/hot", "/-/sd?application=big", "/-/sd")[number % 3]))
        self.again_and_again(read)

    def unfinished_bodies(self):
        """Of those who may send them, and of those who may not."""
        self.held(put("/big/1", len(LARGE_BODY)) + LARGE_BODY[:-1], BODIES)
        self.held(put("/big/1", len(LARGE_BODY), login=False) + LARGE_BODY[:-1], BODIES)

    def wide_headers(self):
        self.held("GET /others/1 HTTP/1.1\r\nHost: localhost\r\nX-A: " + "a" * (15 * KiB), HEADERS)

    def expanding_bodies(self):
        bodies = ["targets=" + "a," * (400 * KiB), json.dumps({"targets": [""] * (200 * KiB)}),
                  "targets: [" + "a," * 60_000 + "a]", json.dumps({"labels": {f"a{i}": "b" for i in range(60_000)}})]
        kinds = ["application/x-www-form-urlencoded", "application/json", "application/yaml", "application/json"]

        def expand(number):
            self.server.request("PUT", "/big/2", bodies[number % 4], kinds[number % 4], LOGIN)
        self.again_and_again(expand, RARELY_S)

    def hostile_globs(self):
        globs = ["*" + "[a-z]" * 40 + "Z", "*a" * 60, "*[" + "".join(chr(c) for c in range(0x100, 0x150)) + "]*b"]

        def ask(number):
            self.server.request("GET", f"/-/sd?application={urllib.parse.quote(globs[number % 3])}{number}",
                                headers=LOGIN)
        self.again_and_again(ask, RARELY_S)

    def shut_windows(self):
        """HTTP/2: on each connection a hundred requests for the large group, and no room for an answer; and headers
        whose bodies never come."""
        for index in range(H2_CONNECTIONS):
            connection = self.stack.enter_context(Http2(self.server))
            if index % 2:
                for stream in range(H2_STREAMS):
                    connection.ask("PUT", f"/big/{stream}", end=False, wide="a" * (12 * KiB))
            else:
                self.again_and_again(lambda number, connection=connection: number < H2_STREAMS and
                                     connection.ask("GET", "/big/hot"))


class Http2:
    """A connection over TLS that reads nothing but what it must, and opens no window."""

    def __init__(self, server):
        context = ssl.create_default_context(cafile=str(server.files / "ca.crt"))
        context.set_alpn_protocols(["h2"])
        self.socket = context.wrap_socket(socket.create_connection(("127.0.0.1", server.tls_port)),
                                          server_hostname="localhost")
        self.h2 = H2Connection(H2Configuration(client_side=True))
        self.h2.local_settings[SettingCodes.INITIAL_WINDOW_SIZE] = 0

    def __enter__(self):
        self.h2.initiate_connection()
        self.socket.sendall(self.h2.data_to_send())
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, method, path, end=True, wide=None):
        headers = [(":method", method), (":scheme", "https"), (":authority", "localhost"), (":path", path),
                   ("authorization", LOGIN["Authorization"])]
        if wide:
            headers += [("x-a", wide), ("x-b", wide)]
        self.h2.send_headers(self.h2.get_next_available_stream_id(), headers, end_stream=end)
        self.socket.sendall(self.h2.data_to_send())


def put(path, length, login=True):
    header = f"Authorization: Bearer {TOKEN}\r\n" if login else ""
    return (f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{header}"
            f"Content-Length: {length}\r\n\r\n")


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"


# The program, and what it may have.

@contextlib.contextmanager
def frozen(mount_point):
    """Whoever writes to the disk waits, for as long as the block runs."""
    control.allowed(["fsfreeze", "-f", mount_point])
    try:
        yield
    finally:
        subprocess.run(["fsfreeze", "-u", str(mount_point)], check=True)


@contextlib.contextmanager
def published_on_a_disk(folder):
    """A small disk of its own for what is published, so that it can hang without the state's."""
    image, mount_point = folder / "image", folder / "published"
    mount_point.mkdir()
    with open(image, "wb") as file:
        file.truncate(256 * MiB)
    control.allowed(["mkfs.ext4", "-q", image])
    control.allowed(["mount", "-o", "loop", image, mount_point])
    try:
        yield mount_point
    finally:
        subprocess.run(["umount", str(mount_point)], check=True)


@contextlib.contextmanager
def serving(binary, buffer_limit):
    """The program with TLS beside plain HTTP, and an access file: everybody may use `others`, the hoarders all."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        files = tls_fixtures.Files(folder)
        files.sign("tls")
        digest = hashlib.sha256(TOKEN.encode()).hexdigest()
        (folder / "access.yml").write_text(
            f"tokens: {{hoarders: 'sha256:{digest}'}}\n"
            "rules:\n- {who: anyone, applications: others, may: write}\n"
            "- {who: 'token:hoarders', may: write, pages: [sd, metrics]}\n")
        (folder / "state").mkdir()
        with published_on_a_disk(folder) as published:
            server = harness.TargetEye(binary, (), {
                "FILE_SD_DIRECTORY": published, "STATE_DIRECTORY": folder / "state", "CERTFILE": files / "tls.crt",
                "KEYFILE": files / "tls.key", "INSECURE_BIND": "127.0.0.1:0", "ACCESS_FILE": folder / "access.yml",
                "BUFFER_LIMIT": buffer_limit, "WORKERS": THREADS}).wait_until_ready()
            server.tls_port, server.port = (int(address.rsplit(":", 1)[1]) for address in server.addresses)
            server.files, server.published = files, published
            try:
                yield server
            finally:
                server.stop()


class Watched:
    """The most memory that a process had, while the block ran."""

    def __init__(self, server):
        self.server, self.most = server, 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self):
        while not self.over.wait(0.05):
            self.most = max(self.most, memory_of(self.server.pid))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def gather(server, gathered, over):
    """All of them, until `over`; they leave the processor to others."""
    os.nice(10)
    with Crowd(server) as everybody:
        for kind in (everybody.one_hot_group, everybody.shut_windows, everybody.readers, everybody.unfinished_bodies,
                     everybody.wide_headers, everybody.expanding_bodies, everybody.hostile_globs):
            kind()
        gathered.set()
        over.wait()


@contextlib.contextmanager
def crowd(server, hanging):
    """All of them, in a process of their own, so that they do not hold up whoever measures."""
    gathered, over = multiprocessing.Event(), multiprocessing.Event()
    process = multiprocessing.Process(target=gather, args=(server, gathered, over))
    process.start()
    try:
        assert gathered.wait(harness.PATIENCE_S), "the crowd did not gather"
        if not hanging:
            yield
            return
        with frozen(server.published):
            # Whoever has begun to wait for the publication, waits for a while; whoever comes then does not.
            began = time.monotonic()
            answer = server.json("PUT", "/others/3", {"targets": ["h:1"]})
            took = time.monotonic() - began
            assert answer.status == 200 and took < HELD_ANSWER_S, f"{answer} after {took:.1f} s"
            yield
    finally:
        over.set()
        process.join()


def targets_of(text):
    return int(re.search(r"^target_eye_targets (\d+)", text, re.M)[1])


def measure(binary, seconds, buffer_limit=BUFFER_LIMIT):
    """The most bytes it had, the most it may have by the settings that are meant, and what others waited."""
    rounds = max(LEAST_ROUNDS, math.ceil(seconds / ROUND_S))
    with serving(binary, buffer_limit) as server, Watched(server) as watched:
        without, beside, most_connections = [], [], 0
        for number in range(rounds):
            without.append(p99_of_others(server, seconds / rounds / 2, OTHERS))
            # With a disk that hangs only once: what the others write waits for nothing else then.
            with crowd(server, hanging=number == rounds - 1):
                beside.append(p99_of_others(server, seconds / rounds / 2, OTHERS))
                most_connections = max(most_connections, connections_of(server.pid))
            harness.wait_for("the crowd to leave", lambda: connections_of(server.pid) < BODIES)
        targets = targets_of(server.request("GET", "/metrics", headers=LOGIN).body.decode())
    allowed = ceiling(most_connections, H2_CONNECTIONS * H2_STREAMS, targets)
    return watched.most, allowed, medians(without), medians(beside)


def bounds(binary, seconds):
    """Clients that hold all they may: memory stays under a ceiling that the settings tell, others wait at most twice.

    The control is the same crowd with the budget of bytes turned off: it must break the ceiling.
    """
    allow_open_files()
    for _ in range(MEASUREMENTS):
        most, allowed, without, beside = measure(binary, seconds)
        assert most <= allowed, f"{most / MiB:,.0f} MiB of memory; the settings allow {allowed / MiB:,.0f}"
        if not (wrong := held_up(without, beside)):
            break
    assert not wrong, "; ".join(wrong)
    unbounded, *_ = measure(binary, 2, WITHOUT_END)
    assert unbounded > allowed, (
        f"the control, without BUFFER_LIMIT, had {unbounded / MiB:,.0f} of {allowed / MiB:,.0f} MiB: this harness "
        "holds nothing")
    waits = ", ".join(f"{kind} {without[kind] * 1000:.2f} and {beside[kind] * 1000:.2f}" for kind in without)
    return (f"{most / MiB:,.0f} of {allowed / MiB:,.0f} MiB; p99 of others in ms, without and beside them: {waits}; "
            f"without BUFFER_LIMIT {unbounded / MiB:,.0f} MiB, caught")
