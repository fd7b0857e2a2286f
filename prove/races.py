"""Threads that meet, and readers who meet a publication."""

import concurrent.futures
import contextlib
import http.client
import itertools
import os
import pathlib
import re
import signal
import subprocess
import tempfile

import harness
from control import SHIMS, compiled, must_break
from revisions import Clients, FileReader, FolderReader, Lists, MixedReader, NoRevision, parsed, visible

ROOT = pathlib.Path(__file__).resolve().parent.parent
TSAN = ROOT / "build" / "tsan"
# The rooms that have threads, in the code or in its tests.
ROOMS = ("util", "telemetry", "registry", "publish", "access", "http", "app")
# Many tests wait for most of their time: parts of a room's run side by side.
SHARDS = 6
OPTIONS = "halt_on_error=1:second_deadlock_stack=1"
# Under ThreadSanitizer, which is some ten times slower.
MOST_CHANGES_SANITIZED = 5_000
CONTROL_CHANGES = 1_000

# Everybody may do everything; read anew at each SIGHUP, while requests are judged by it.
ACCESS = """\
rules:
- {who: anyone, applications: "*", may: write}
- {who: anyone, pages: [metrics, sd]}
"""


@contextlib.contextmanager
def serving(binary, folder, **environment):
    """A server in `folder`; a sanitizer's report is what went wrong, whatever else did."""
    access = folder / "access.yml"
    access.write_text(ACCESS)
    server = harness.TargetEye(binary, (), {
        "FILE_SD_DIRECTORY": str(folder / "file_sd"),
        "ACCESS_FILE": str(access), "ACCESSLOG": str(folder / "access.log"),
        # The preloaded clock makes seconds of minutes.
        "READ_TIMEOUT": "3600", "KEEP_ALIVE_TIMEOUT": "3600", **environment})
    try:
        yield server.wait_until_ready()
        server.stop()
    except (OSError, http.client.HTTPException) as failure:
        raise AssertionError(f"a client met {failure!r}; the server said:\n{server.log_text()[-8000:]}") from failure
    finally:
        if server.process.poll() is None:
            server.kill()
        assert "ThreadSanitizer" not in server.log_text(), server.log_text()


READERS = {"file": FileReader, "group": FolderReader}


def read_while_written(binary, layout, changes, reader_of=None, **environment):
    """Gives how many different revisions were read."""
    with (tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name,
          serving(binary, pathlib.Path(name), FILE_SD_LAYOUT=layout, **environment) as server):
        directory = pathlib.Path(name) / "file_sd"
        clients = Clients(server.port, changes)
        lists = Lists(clients)
        reader = (reader_of or READERS[layout])(directory, lists)
        harness.wait_for("the first groups", lambda: visible(directory) == clients.last())

        def ask_for_list():
            # No list is older than the question.
            least = clients.acknowledged()
            lists.check(parsed(server.get("/-/sd").body), least)

        def reload():
            server.signal(signal.SIGHUP)
            for path in ("/metrics", "/client-0/1", "/-/ready"):
                assert server.get(path).status == 200, path

        with harness.Background(ask_for_list), harness.Background(reload):
            clients.begin()
            while clients.running():
                reader.read()
        clients.join()
        harness.wait_for("the publication of all changes", lambda: visible(directory) == clients.last())
        reader.read()
        assert server.metric("target_eye_config_reload_failures_total") == 0
        return lists.check_order()


def sanitized_tests():
    """The unit tests of all rooms with threads, under ThreadSanitizer. Gives how many there are."""
    with concurrent.futures.ThreadPoolExecutor(SHARDS) as pool:
        return sum(pool.map(lambda part: sanitized_shard(*part), itertools.product(ROOMS, range(SHARDS))))


def sanitized_shard(room, shard):
    done = subprocess.run([TSAN / "src" / room / f"room_{room}_test"], capture_output=True, text=True, check=False,
                          env={**os.environ, "TSAN_OPTIONS": OPTIONS,
                               "GTEST_TOTAL_SHARDS": str(SHARDS), "GTEST_SHARD_INDEX": str(shard)})
    assert done.returncode == 0, f"{room} ended with {done.returncode}: {done.stdout[-4000:]}\n{done.stderr[-8000:]}"
    return int(re.search(r"\[  PASSED  \] (\d+) test", done.stdout)[1])


def planted_race(folder):
    program = folder / "data_race"
    subprocess.run(["c++", "-g1", "-O1", "-fsanitize=thread", "-o", program, SHIMS / "data_race.cc"], check=True)
    done = subprocess.run([program], capture_output=True, text=True, check=False,
                          env={**os.environ, "TSAN_OPTIONS": OPTIONS})
    assert "WARNING: ThreadSanitizer: data race" not in done.stderr, done.stderr


def build():
    targets = ["target-eye", *(f"room_{room}_test" for room in ROOMS)]
    for command in (["cmake", "--preset", "tsan"], ["cmake", "--build", TSAN, "--target", *targets]):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"the build for ThreadSanitizer failed:\n{done.stdout}{done.stderr}"


def races(binary, changes):
    """No data race, and every list that is read is exactly one committed revision.

    The controls: a program with a data race, a publisher that writes over its files in place, and a file
    of which one half is a revision behind.
    """
    build()
    tests = sanitized_tests()
    with tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name:
        folder = pathlib.Path(name)
        must_break("a data race", lambda: planted_race(folder))
        # Publications a hundred times as often as a second lets them.
        fast = compiled(folder, "fast_clock")
        in_place = compiled(folder, "fast_clock", "in_place")
        sanitized = min(changes, MOST_CHANGES_SANITIZED)
        for layout in ("file", "group"):
            read_while_written(TSAN / "target-eye", layout, sanitized // 2, TSAN_OPTIONS=OPTIONS, LD_PRELOAD=fast)
        revisions = read_while_written(binary, "file", changes, LD_PRELOAD=fast)
        read_while_written(binary, "group", changes // 10, LD_PRELOAD=fast)
        for layout in ("file", "group"):
            must_break("a file written in place", lambda layout=layout: read_while_written(
                binary, layout, CONTROL_CHANGES, LD_PRELOAD=in_place), NoRevision)
        must_break("a file of two revisions", lambda: read_while_written(
            binary, "file", CONTROL_CHANGES, MixedReader, LD_PRELOAD=fast), NoRevision)
    return (f"{tests} tests and a server under {sanitized:,} changes, 0 reports; {changes:,} changes, {revisions:,} "
            "different revisions read, each one whole and in order; controls caught")
