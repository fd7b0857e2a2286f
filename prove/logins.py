"""Guessing who may log in: what the time of an answer tells, and what it costs."""

import asyncio
import collections
import contextlib
import os
import pathlib
import tempfile
import time

import harness
import login_times
from program import allow_open_files, started

# bcrypt's usual cost, as `htpasswd -nBC 10` makes it. With another in its place, it is a hash of no known password.
PASSWORD = "abcdefghijklmnopqrstuvwxyz"
HASH = "$2a$10$fVH8e28OQRj9tqiDXs1e1uxpsjN0c7II7YPKXua2NAKYvM6iQk7dq"
USUAL_COST = 10
# Where times are compared: the less bcrypt takes, the better anything else would be seen.
LEAST_COST, OTHER_COST = 4, 8
CONTROLS, CONTROL_SAMPLES = 2, 200
UNKNOWN = [f"nobody-{index}" for index in range(16)]

FLOOD_S = 5
GUESSES_A_SECOND = 400
MOST_CORES = 0.5
ROUNDING = 0.01
OTHERS_PAUSE_S = 0.05
RIGHT_LOGINS = 15


@contextlib.contextmanager
def guarded(binary, **costs):
    """The program with these users, by the cost of their hashes."""
    with tempfile.TemporaryDirectory() as name:
        web = pathlib.Path(name) / "web.yml"
        lines = [f"  {user}: {HASH.replace('$10$', f'${cost:02}$')}\n" for user, cost in costs.items()]
        web.write_text("basic_auth_users:\n" + "".join(lines))
        with started(binary, WEB_CONFIG_FILE=web) as server:
            yield server


def check_times(binary, samples):
    """Welch's t between known users and unknown ones, and that of the control."""
    same = {"alice": LEAST_COST, "bob": LEAST_COST, "carol": LEAST_COST}
    with guarded(binary, **same) as server:
        found = login_times.least_difference(login_times.Guesses(server), samples, list(same), UNKNOWN)
    assert found < login_times.DIFFERENT, f"known users can be told from others: Welch's t {found:.1f} over {samples:,}"
    # Unknown users are compared with anyone's hash, in most cases with one that costs more.
    dear = {f"dear-{index}": OTHER_COST for index in range(4)}
    with guarded(binary, cheap=LEAST_COST, **dear) as server:
        guesses = login_times.Guesses(server)
        control = max(login_times.difference(guesses, CONTROL_SAMPLES, ["cheap"], UNKNOWN) for _ in range(CONTROLS))
    assert control > login_times.DIFFERENT, f"the control's Welch's t is {control:.1f}: this harness sees nothing"
    return found, control


class Meter:
    """How many cores were worked on, from its making on."""

    def __init__(self, server):
        self.process = pathlib.Path(f"/proc/{server.pid}")
        threads = (self.process / "task").iterdir()
        [self.thread] = [thread for thread in threads if (thread / "comm").read_text() == "logins\n"]
        self.began, self.of_all, self.of_logins = time.monotonic(), self._of_all(), self._of_logins()

    def _of_all(self):
        fields = (self.process / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _of_logins(self):
        ran, waited, _ = (self.thread / "schedstat").read_text().split()
        return int(ran) / 1e9, int(waited) / 1e9

    def cores_of_logins(self):
        """The time that it ran, as a part of that in which it could have: others may have had the cores."""
        (ran, waited), (ran_before, waited_before) = self._of_logins(), self.of_logins
        return (ran - ran_before) / (time.monotonic() - self.began - (waited - waited_before))

    def cores_of_all(self):
        return (self._of_all() - self.of_all) / (time.monotonic() - self.began)


async def guess(server, source, password, statuses):
    """Notes the status of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=(source, 0))
    try:
        authorization = login_times.basic("alice", password)["Authorization"]
        writer.write(f"GET /web/prod HTTP/1.1\r\nHost: h\r\nAuthorization: {authorization}\r\n\r\n".encode())
        statuses[int((await reader.readexactly(12))[9:])] += 1
    finally:
        writer.close()


async def flood(server, guesses, source):
    """The statuses of guesses from `source`, or each from an address of its own; those that still wait do not count."""
    statuses, tasks = collections.Counter(), []
    began = time.monotonic()

    def goes_on():
        seconds = time.monotonic() - began
        return seconds < FLOOD_S or (statuses[429] == 0 and seconds < harness.PATIENCE_S)
    while goes_on():
        own, password = guesses.next()
        tasks.append(asyncio.create_task(guess(server, source or own, password, statuses)))
        await asyncio.sleep(1 / GUESSES_A_SECOND)
    for task in tasks:
        task.cancel()
    for failure in await asyncio.gather(*tasks, return_exceptions=True):
        assert failure is None or isinstance(failure, asyncio.CancelledError), f"a guess got no answer: {failure!r}"
    return statuses


class Others:
    """Who has logged in before, and who need not: both are answered all the while."""

    def __init__(self, server):
        self.server, self.slowest = server, 0.0
        self.ask()  # From here on the password is known to be right.
        self.slowest = 0.0

    def ask(self):
        for path, headers in (("/web/prod", login_times.basic("bob", PASSWORD)), ("/-/healthy", None)):
            began = time.monotonic()
            answer = self.server.request("GET", path, headers=headers)
            assert answer.status == 200, f"{path} of others during the flood: {answer}"
            self.slowest = max(self.slowest, time.monotonic() - began)
        time.sleep(OTHERS_PAUSE_S)


def is_too_much(cores, compared):
    """More than half a core, and than what one comparison adds that has no rest behind it."""
    return cores > MOST_CORES + cores / compared / 2 + ROUNDING


def check_floods(binary):
    """What they cost, in words."""
    said = []
    with guarded(binary, alice=USUAL_COST, bob=USUAL_COST) as server:
        guesses, others = login_times.Guesses(server), Others(server)
        # One address comes first, since comparing is held back only once most of it was in vain.
        for name, source in (("one address", "127.0.0.9"), ("many", None)):
            with harness.Background(others.ask):
                meter = Meter(server)
                statuses = asyncio.run(flood(server, guesses, source))
                cores, of_all = meter.cores_of_logins(), meter.cores_of_all()
            assert set(statuses) == {401, 429}, f"guesses from {name} got {dict(statuses)}, not 401 and then 429"
            assert not is_too_much(cores, statuses[401]), f"guesses from {name} took {cores:.2f} cores to compare"
            said.append(f"from {name}, {statuses[401]} were compared and {statuses[429]:,} got 429, on {cores:.2f} "
                        f"cores, the program on {of_all:.2f}")
    return "guesses " + "; ".join(said) + f"; others waited at most {others.slowest * 1000:.0f} ms"


def control_of_floods(binary):
    """How many cores comparing takes where nothing holds it back: every login is right, and the first of its user."""
    costs = {f"user-{index}": USUAL_COST for index in range(RIGHT_LOGINS)}
    with guarded(binary, **costs) as server:
        meter = Meter(server)
        for user in costs:
            answer = server.request("GET", "/web/prod", headers=login_times.basic(user, PASSWORD))
            assert answer.status == 200, answer
        cores = meter.cores_of_logins()
    assert is_too_much(cores, RIGHT_LOGINS), f"the control took {cores:.2f} cores only: this harness sees nothing"
    return cores


def logins(binary, samples):
    """Guessing: time does not tell whether a user exists, and comparing takes half a core at most; others are served.

    The control for times has users whose hashes cost more than the one that is guessed at, and with which unknown users
    are compared; that for cores logs in rightly, which is not held back.
    """
    allow_open_files()
    found, control = check_times(binary, samples)
    floods, unheld = check_floods(binary), control_of_floods(binary)
    return (f"Welch's t {found:.1f} over {samples:,} samples; {floods}; controls: Welch's t {control:.1f}, and "
            f"{unheld:.2f} cores")
