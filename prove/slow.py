"""Clients that are slow, and many: slowhttptest, and thousands of connections that are only held open."""

import contextlib
import http.server
import itertools
import json
import os
import pathlib
import re
import socketserver
import statistics
import subprocess
import time

import harness
import sock_diag
import tls_fixtures
from program import allow_open_files, stand_in, started

HELD = 5_000
HELD_OVER_TLS = 1_000
HELD_BY_CONTROLS = 500
SLOWHTTPTEST = 300  # Connections of each kind.
ADDRESSES = 50
MOST_BYTES = 16 << 10  # Of the server's memory, for each connection.
MOST_BYTES_OVER_TLS = 24 << 10  # 14 KiB of it are OpenSSL's.

DEADLINE_S = 1
ROUND_S = 10
LEAST_ROUNDS = 3
MEASUREMENTS = 3  # What is there is seen each time; what is only chance, on a busy machine, is not.
FLOOR_S = 0.002
LINGER_S = 2  # How long the server waits for one that only drips to read its last answer.
SLACK_S = 4  # On a busy machine, where slowhttptest looks once a second, too.

# Of /proc/net/tcp.
STATE, INODE = 3, 9
LISTENS = "0A"

HALF_HEADER = b"GET /others/1 HTTP/1.1\r\nHost: localhost\r\nUser-Agent: slow\r\nX-"
REST_OF_HEADER = b"A: b\r\n\r\n"
LONG_HALF_HEADER = HALF_HEADER + b"a" * (15 << 10)
LARGER_GET = b"GET /larger/1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
LARGER_PUT = (b"PUT /larger/2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
              b"Content-Length: 15000\r\n\r\n" + b"[" * 15_000)
GET = b"GET /others/1 HTTP/1.1\r\nHost: localhost\r\n\r\n"

DRIPPING = (("-H",), ("-B", "-t", "PUT", "-f", "application/json", "-s", "8192"))
# It reads 32 bytes a second of an answer that is larger than what the system keeps for it.
SLOW = (*DRIPPING, ("-X", "-w", "512", "-y", "1024", "-n", "1", "-z", "32"))


def connections_of(pid):
    """How many TCP connections a process has."""
    with open("/proc/net/tcp", encoding="ascii") as lines:
        fields = [line.split() for line in itertools.islice(lines, 1, None)]
    connected = {f"socket:[{field[INODE]}]" for field in fields if field[STATE] != LISTENS}
    count = 0
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            count += os.readlink(f"/proc/{pid}/fd/{descriptor}") in connected
    return count


def memory_of(pid):
    """The bytes of memory that are a process's own."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) << 10


@contextlib.contextmanager
def held(count, connect):
    """Connections from several addresses, which are open until the block ends."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(connect(f"127.0.1.{1 + index % ADDRESSES}")) for index in range(count)]


# Memory.

def memory_in_each_state(server, connect, count, half_header=HALF_HEADER):
    """The server's bytes for each connection, by what the connection does."""
    server.json("PUT", "/larger/1", {"targets": [f"host-{i}.example.net:9100" for i in range(500)]})
    before, found = memory_of(server.pid), {}

    def note(state):
        harness.wait_for(f"{count} connections", lambda: connections_of(server.pid) >= count)
        found[state] = (memory_of(server.pid) - before) // count

    with held(count, connect) as connections:
        note("idle")
        for connection in connections:
            connection.send(half_header)
        for connection in connections:
            sock_diag.wait_until_read(connection.socket, harness.PATIENCE_S)
        note("half a header")
        for connection in connections:
            connection.send(REST_OF_HEADER)
        for connection in connections:
            assert connection.read_answer().status == 200
        note("kept alive")
        # What was needed for a larger request and answer is not kept.
        for connection in connections:
            connection.send(LARGER_PUT)
            assert connection.read_answer().status == 400
            connection.send(LARGER_GET)
            assert connection.read_answer().status == 200
        note("after larger ones")
    return found


def plain(server):
    return lambda source: server.connect(source=source)


def over_tls(server):
    return lambda _: tls_fixtures.TlsConnection(server)


def bounded_memory(binary, most, count, connect, **arguments):
    with started(binary, **arguments) as server:
        found = memory_in_each_state(server, connect(server), count)
    for state, size in found.items():
        assert size <= most, f"{state}: {size:,} bytes for each of {count:,} connections, more than {most:,}"
    return found


def check_memory(binary):
    """What it was, in words."""
    found = bounded_memory(binary, MOST_BYTES, HELD, plain)
    secure = bounded_memory(binary, MOST_BYTES_OVER_TLS, HELD_OVER_TLS, over_tls, tls=True)
    with started(binary) as server:
        control = memory_in_each_state(server, plain(server), HELD_BY_CONTROLS, LONG_HALF_HEADER)
    assert control["half a header"] > MOST_BYTES, f"15 KiB of a header take {control}: this harness sees no memory"
    states = ", ".join(f"{state} {size:,}" for state, size in found.items())
    return f"bytes for each of {HELD:,} connections: {states}; over TLS at most {max(secure.values()):,}"


# Deadlines.

@contextlib.contextmanager
def slowhttptest(server, kinds):
    """The processes, which run until their connections are closed, or the block ends."""
    with contextlib.ExitStack() as stack:
        processes = []
        for kind in kinds:
            command = ["slowhttptest", *kind, "-c", str(SLOWHTTPTEST), "-r", "1000", "-i", "1", "-l", "3600", "-p",
                       "60", "-v", "0", "-u", f"http://127.0.0.1:{server.port}/big/1"]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            processes.append(process)
        yield processes


@contextlib.contextmanager
def crowd(server, count, kinds):
    """Half of them idle, half in the midst of a header, and slowhttptest's beside them."""
    with slowhttptest(server, kinds) as processes, held(count, plain(server)) as connections:
        for connection in connections[::2]:
            connection.send(HALF_HEADER)
        yield processes


def seconds_until_closed(server, processes, most):
    """How long it took until nobody held a connection any more; at most so long."""
    began = time.monotonic()

    def all_closed():
        return connections_of(server.pid) == 0 and all(process.poll() is not None for process in processes)
    harness.wait_for("all connections to be closed", all_closed, most)
    return time.monotonic() - began


def check_deadlines(binary):
    """How long after the last of them came all were closed."""
    deadlines = {"READ_TIMEOUT": DEADLINE_S, "KEEP_ALIVE_TIMEOUT": DEADLINE_S}
    control = started(binary, **dict.fromkeys(deadlines, 3600))
    with control as without_end, crowd(without_end, HELD_BY_CONTROLS, ()), started(binary, **deadlines) as server:
        # A slow reader is not among them: whoever goes on taking an answer may take his time.
        with crowd(server, HELD, DRIPPING) as processes:
            took = seconds_until_closed(server, processes, DEADLINE_S + LINGER_S + SLACK_S)
        left = connections_of(without_end.pid)
        assert left == HELD_BY_CONTROLS, f"the control, with deadlines of an hour, has closed {HELD_BY_CONTROLS - left}"
    return took


# Latency of the others.

def p99_of_others(server, seconds, kinds):
    """By what they do; they take turns, one at a time."""
    samples = {kind: [] for kind in kinds}
    end = time.monotonic() + seconds
    with contextlib.ExitStack() as stack:
        others = {kind: stack.enter_context(contextlib.closing(kinds[kind](server))) for kind in kinds}
        while time.monotonic() < end:
            for kind, other in others.items():
                began = time.perf_counter()
                next(other)
                samples[kind].append(time.perf_counter() - began)
    return {kind: sorted(times)[len(times) * 99 // 100] for kind, times in samples.items()}


def getting(server):
    """A client that sends its next GET whenever it is asked to."""
    with server.connect() as connection:
        while True:
            connection.send(GET)
            assert connection.read_answer().status == 200
            yield


def getting_anew(server):
    """The same with a connection for each."""
    while True:
        with server.connect() as connection:
            connection.send(GET)
            assert connection.read_answer().status == 200
        yield


def putting(server):
    with server.connect() as connection:
        for number in itertools.count(1):
            body = json.dumps({"targets": [f"h:{number % 65535 + 1}"]})
            connection.send("PUT /others/2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                            f"Content-Length: {len(body)}\r\n\r\n{body}")
            assert connection.read_answer().status == 200
            yield


OTHERS = {"GET": getting, "PUT": putting, "GET on a new connection": getting_anew}


def medians(rounds):
    return {kind: statistics.median(found[kind] for found in rounds) for kind in rounds[0]}


def compare(server, seconds, rounds, kinds, crowding):
    """The p99 of others without and with a crowd, in turns; the medians over all rounds."""
    without, beside = [], []
    for _ in range(rounds):
        without.append(p99_of_others(server, seconds, kinds))
        with crowding():
            beside.append(p99_of_others(server, seconds, kinds))
    return medians(without), medians(beside)


def held_up(without, beside):
    """What took more than twice as long beside the crowd, and by more than is worth counting."""
    return [f"p99 of {kind}: {beside[kind] * 1000:.2f} ms beside the crowd, {without[kind] * 1000:.2f} ms without"
            for kind in without if beside[kind] > max(2 * without[kind], without[kind] + FLOOR_S)]


def check_others(binary, seconds):
    """What it was, in words."""
    rounds = max(LEAST_ROUNDS, seconds // ROUND_S)
    with started(binary) as server:
        answer = server.json("PUT", "/big/1", {"targets": [f"host-{i}.example.net:9100" for i in range(20_000)]})
        assert answer.status == 200, answer

        @contextlib.contextmanager
        def crowding():
            everybody = HELD + len(SLOW) * SLOWHTTPTEST
            with crowd(server, HELD, SLOW):
                harness.wait_for(f"{everybody} connections", lambda: connections_of(server.pid) >= everybody)
                yield
                assert connections_of(server.pid) >= everybody, "the crowd was gone before the others were measured"
            harness.wait_for("the crowd to leave", lambda: connections_of(server.pid) == 0)

        for _ in range(MEASUREMENTS):
            without, beside = compare(server, seconds / rounds / 2, rounds, OTHERS, crowding)
            if not (wrong := held_up(without, beside)):
                break
    assert not wrong, "; ".join(wrong)
    return "p99 of others in ms, without and beside them: " + ", ".join(
        f"{kind} {without[kind] * 1000:.2f} and {beside[kind] * 1000:.2f}" for kind in without)


class OneAtATime(http.server.BaseHTTPRequestHandler):
    """Python's server, which waits for each client in turn, for so long at most."""

    protocol_version = "HTTP/1.1"
    timeout = 0.2

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def control_of_others():
    """How much slower others are where it is known that a few slow clients hold them up."""
    with stand_in(OneAtATime, socketserver.TCPServer) as server:
        @contextlib.contextmanager
        def crowding():
            with held(3, plain(server)) as connections:
                for connection in connections:
                    connection.send(HALF_HEADER)
                yield
        kind = "GET on a new connection"
        without, beside = compare(server, OneAtATime.timeout, 1, {kind: OTHERS[kind]}, crowding)
    assert held_up(without, beside), f"the control held up nobody ({without}, {beside}): this harness sees nothing"
    return beside[kind] / without[kind]


def slow(binary, seconds):
    """Thousands of slow clients: others wait at most twice as long, 16 KiB of memory each, and all are closed in time.

    The controls are a server that waits for one client after the other, headers of 15 KiB, which take more memory, and
    deadlines of an hour, after which nothing is closed in time.
    """
    allow_open_files()
    memory = check_memory(binary)
    took = check_deadlines(binary)
    others = check_others(binary, seconds)
    slower = control_of_others()
    return (f"{HELD:,} connections held and {len(SLOW) * SLOWHTTPTEST} of slowhttptest's: {others}; {memory}; all "
            f"closed {took:.1f} s after they came, with deadlines of {DEADLINE_S} s; controls caught, one of them "
            f"{slower:,.0f} times slower")
