"""The wall clock jumps, forwards and backwards, while the program serves and while it is stopped."""

import base64
import contextlib
import dataclasses
import datetime
import email.utils
import http.client
import json
import os
import pathlib
import signal
import sqlite3
import tempfile
import time

import crash
import harness
from control import must_break
from tls_fixtures import Files, TlsConnection

LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
HOUR_S = 3600
YEAR_S = 366 * 24 * HOUR_S
END_OF_32_BITS = 1 << 31
KEEP_ALIVE_S = 1
REQUESTS_A_SECOND = 20
USER = "alice:alice's password"
USERS = "basic_auth_users: {alice: $2b$04$8QPlA.NqI90pP/QP47Pqu.B3tbuMohP3OxFbEd4A1mjU8/Rj9FhVe}\n"


@dataclasses.dataclass(frozen=True)
class Jump:
    """To `seconds` from the real time, or to the time `to`."""

    name: str
    seconds: int = 0
    to: int | None = None

    def offset(self):
        return self.seconds if self.to is None else self.to - int(time.time())


# The first ones are what a brief run takes.
JUMPS = (
    Jump("ten years ahead", 10 * YEAR_S),
    Jump("to 1970", to=1),
    Jump("an hour ahead", HOUR_S),
    Jump("an hour back", -HOUR_S),
    # A second before it: the time passes over it while the program runs.
    Jump("to the end of 32 bits, 2038-01-19", to=END_OF_32_BITS - 1),
    Jump("back to now"),
)


class Clock:
    """The wall clock of the programs that run with its settings; their monotonic clock is the machine's."""

    def __init__(self, folder, fakes_monotonic=False):
        self.file = folder / "clock"
        self.settings = {
            "LD_PRELOAD": LIBRARY, "FAKETIME_TIMESTAMP_FILE": self.file, "FAKETIME_NO_CACHE": 1, "NO_FAKE_STAT": 1,
            "FAKETIME_DONT_FAKE_MONOTONIC": int(not fakes_monotonic)}
        self.set(0)

    def set(self, offset):
        self.offset = offset
        new = self.file.with_suffix(".new")
        new.write_text(f"{offset:+d}")
        os.replace(new, self.file)

    def shows(self, timestamp):
        """Whether the program's time is this one, to as much as a busy machine may take to tell it."""
        return abs(timestamp - self.offset - time.time()) < harness.PATIENCE_S


class Service:
    """The program with TLS and plain HTTP, and a second one with logins and a limit of requests, under one clock."""

    def __init__(self, binary, folder, clock):
        self.binary, self.folder, self.clock = binary, folder, clock
        self.directory, self.guarded_directory = folder / "file_sd", folder / "guarded"
        self.access_log = folder / "access.log"
        self.files = Files(folder)
        self.files.sign("tls")
        (folder / "web.yml").write_text(USERS)
        self.server = self.guarded = None
        self.loads, self.revision, self.etag = [], 0, None

    def start(self):
        self.server = harness.TargetEye(self.binary, (), {
            "FILE_SD_DIRECTORY": self.directory, "CERTFILE": self.files / "tls.crt", "KEYFILE": self.files / "tls.key",
            "INSECURE_BIND": "127.0.0.1:0", "KEEP_ALIVE_TIMEOUT": KEEP_ALIVE_S, "ACCESSLOG": self.access_log,
            "ACCESS_LOG_FORMAT": "json", **self.clock.settings}).wait_until_ready()
        self.server.tls_port, self.server.port = (int(a.rsplit(":", 1)[1]) for a in self.server.addresses)
        self.server.files = self.files
        self.guarded = harness.TargetEye(self.binary, (), {
            "FILE_SD_DIRECTORY": self.guarded_directory, "WEB_CONFIG_FILE": self.folder / "web.yml",
            "CLIENT_RATE_LIMIT": REQUESTS_A_SECOND, **self.clock.settings}).wait_until_ready()

    def stop(self):
        self.server.stop()
        self.guarded.stop()

    def end(self):
        """However far it came."""
        for server in (self.server, self.guarded):
            if server and not server.checked:
                server.kill()

    def check_revision(self):
        revision = self.server.metric("target_eye_revision")
        assert revision >= self.revision, f"revision {revision} came after {self.revision}"
        self.revision = revision

    def check_nothing_changed(self):
        """Where nobody writes."""
        self.check_revision()
        etag = self.server.get("/-/sd").headers["etag"]
        assert self.etag in (None, etag), "/-/sd has another ETag, and nobody wrote"
        self.etag = etag

    def check_all_there(self):
        for load in self.loads:
            missing = crash.lost(self.server, self.directory, load.acknowledged, load.sent)
            assert not missing, "; ".join(missing[:3])


@contextlib.contextmanager
def idle_connection(server):
    """A connection that is idle over what the block does: it is closed when its time is over, and not before."""
    with server.connect() as connection:
        began = time.monotonic()
        connection.send("GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.read_answer().status == 200
        yield
        try:
            closed = connection.is_closed()
        except TimeoutError:
            closed = False
        took = time.monotonic() - began
        assert closed, f"a connection that may be idle for {KEEP_ALIVE_S} s is open after {took:.0f} s"
        assert took >= KEEP_ALIVE_S, f"a connection that may be idle for {KEEP_ALIVE_S} s was closed after {took:.3f} s"


def check_dates(service):
    def date():
        return email.utils.parsedate_to_datetime(service.server.get("/-/healthy").headers["date"]).timestamp()

    def logged():
        line = service.access_log.read_bytes().splitlines()[-2]  # The last one may be half written.
        return datetime.datetime.fromisoformat(json.loads(line)["ts"]).timestamp()
    harness.wait_for("the new time in Date", lambda: service.clock.shows(date()))
    harness.wait_for("the new time in the access log", lambda: service.clock.shows(logged()))
    last = service.server.metric("target_eye_publication_last_success_timestamp_seconds")
    assert last >= 0, f"the last publication was at {last}"


def check_changed_at(service):
    """Where the program does not run; the group of check_writes is seconds old."""
    with contextlib.closing(sqlite3.connect(service.directory / ".target-eye" / "state.db")) as database:
        found = database.execute("SELECT changed_at_ms FROM target_group WHERE application = 'clock'").fetchall()
    [(milliseconds,)] = found
    assert service.clock.shows(milliseconds / 1000), f"a change under the new time is noted at {milliseconds} ms"


def check_writes(service, load):
    """They are taken, under the new time, and published."""
    before = load.writes
    harness.wait_for("writes to go on", lambda: load.writes > before + crash.WRITERS)
    target = f"jump-{len(service.loads)}:1"
    answer = service.server.json("PUT", "/clock/test", {"targets": [target]})
    assert answer.status == 200, answer
    harness.wait_for("a write to be published", lambda: target in harness.published(service.directory).get(
        ("clock", "test"), {"targets": []})["targets"])
    service.check_revision()


def check_tls(service):
    """Handshakes go on, the certificate ends when it ended, and it can be loaded again."""
    metric = "target_eye_tls_certificate_not_after_timestamp_seconds"
    server, said = service.server, "were loaded again"
    before = server.metric(metric), len(server.find_log(said))
    server.signal(signal.SIGHUP)
    harness.wait_for("a reload", lambda: len(server.find_log(said)) > before[1])
    with TlsConnection(server) as connection:
        assert connection.get("/-/healthy").status == 200
    assert server.metric(metric) == before[0], "the certificate ends at another time"


def block_publication(service):
    """Where nobody writes, so that it is not published at the same moment."""
    published = service.directory / "targets.json"
    published.unlink()
    published.mkdir()


def check_retries(service):
    """What failed before the jump is tried again after it."""
    (service.directory / "targets.json").rmdir()
    harness.wait_for("a retry", lambda: service.server.get("/-/ready").status == 200)


def login(server, user=USER):
    encoded = base64.b64encode(user.encode()).decode()
    return server.request("GET", "/clock/test", headers={"Authorization": f"Basic {encoded}"}).status


def use_up_limits(server):
    """Of requests a second, and of wrong logins; each is to be free again in seconds, whatever the clock shows."""
    tries = [login(server, f"nobody{number}:guess") for number in range(3 * REQUESTS_A_SECOND)]
    assert 429 in tries, "no limit of requests or logins is reached"


def check_limits(server):
    """That clients are let in again."""
    harness.wait_for("a login", lambda: login(server) == 200, pause=0.2)


def one_jump(service, jump):
    service.check_nothing_changed()
    use_up_limits(service.guarded)
    block_publication(service)
    load = crash.Load(service.server.port, crash.WRITERS * len(service.loads))
    service.loads.append(load)
    try:
        harness.wait_for("a publication to fail", lambda: service.server.get("/-/ready").status == 503)
        with idle_connection(service.server):
            service.clock.set(jump.offset())
        check_retries(service)
        check_dates(service)
        check_writes(service, load)
        check_tls(service)
        check_limits(service.guarded)
    finally:
        load.stop()
    service.etag = None
    service.check_nothing_changed()
    service.stop()
    check_changed_at(service)
    service.start()
    service.check_nothing_changed()
    service.check_all_there()


def check_idle(binary, jump, **options):
    """The least that shows a wait by the wrong clock."""
    with tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name:
        folder = pathlib.Path(name)
        clock = Clock(folder, **options)
        server = harness.TargetEye(binary, (), {
            "FILE_SD_DIRECTORY": folder / "file_sd", "KEEP_ALIVE_TIMEOUT": KEEP_ALIVE_S, **clock.settings})
        try:
            with idle_connection(server.wait_until_ready()):
                clock.set(jump.offset())
        finally:
            server.kill()


def run_jumps(binary, jumps):
    """Gives how many writes were acknowledged."""
    with tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name:
        folder = pathlib.Path(name)
        service = Service(binary, folder, Clock(folder))
        try:
            service.start()
            for jump in jumps:
                try:
                    one_jump(service, jump)
                except (AssertionError, OSError, http.client.HTTPException) as error:
                    raise AssertionError(f"{jump.name}: {error}") from error
            service.stop()
            return sum(load.writes for load in service.loads)
        finally:
            service.end()


def clock(binary, amount):
    """The wall clock jumps: nothing vanishes or goes back, writes are published, every wait ends when it should.

    The control has the monotonic clock jump, too, as if the program measured its waits by a clock that jumps.
    """
    jumps = JUMPS[:amount]
    writes = run_jumps(binary, jumps)
    check_idle(binary, Jump("nowhere"), fakes_monotonic=True)
    must_break("waits by a clock that jumps", lambda: check_idle(binary, JUMPS[0], fakes_monotonic=True))
    return (f"{len(jumps)} jumps ({', '.join(jump.name for jump in jumps)}), under load and over a restart each, "
            f"{writes:,} acknowledged writes, all held; control caught")
