"""What was acknowledged stays: kill -9, a second instance, damaged state, a full disk."""

import contextlib
import http.client
import itertools
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import threading

import pytest

import harness

ROUNDS = 12
WRITERS = 6
GROUPS_PER_WRITER = 25


class Writer(threading.Thread):
    """Changes its own groups one after the other until the server is gone.

    `known[path]` holds what the group may be: one value where the last change was acknowledged, two where
    the server went while it was under way. A value is the list of targets, or None for no group.
    """

    def __init__(self, server, number, known, rng, tag):
        super().__init__(daemon=True)
        self.server, self.number, self.known, self.rng, self.tag = server, number, known, rng, tag
        self.acknowledged = 0
        self.failure = None

    def run(self):
        try:
            while True:
                self.change()
        except (OSError, http.client.HTTPException):
            pass
        except AssertionError as failure:
            self.failure = failure

    def change(self):
        path = f"/writer{self.number}/{self.rng.randrange(GROUPS_PER_WRITER)}"
        before = self.known.get(path, [None])[0]
        fresh = f"{self.tag}-{self.acknowledged}:80"
        method = self.rng.choice(["PUT", "PUT", "POST", "DELETE", "DELETE one"] if before else ["PUT", "POST"])
        named = [before[0]] if method == "DELETE one" and len(before) > 1 else [fresh, f"w{self.number}-{fresh}"]
        if method == "POST":
            value = [*(before or []), *named]
        elif method == "PUT":
            value = named
        else:
            value = before[1:] if named[0] == before[0] else None
        self.known[path] = [before, value]
        method = method.split()[0]
        answer = (self.server.request("DELETE", path) if value is None else
                  self.server.json(method, path, {"targets": named}))
        assert answer.status == 200, (method, path, named, answer)
        self.known[path] = [value]
        self.acknowledged += 1


def groups_in(directory):
    """Every published group, read while files may come and go."""
    while True:
        try:
            return harness.published_list(directory)
        except FileNotFoundError:
            continue


def read_whole(directory):
    """The published groups; raises if the file is torn. None where there is no file yet."""
    try:
        return json.loads((directory / "targets.json").read_text())
    except FileNotFoundError:
        return None


def test_kill_9_under_load_loses_nothing_that_was_acknowledged(start, directory):
    seed = random.randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)
    known = [{} for _ in range(WRITERS)]
    with harness.Background(lambda: read_whole(directory)) as reader:
        for number in range(ROUNDS):
            server = start()
            writers = [Writer(server, n, known[n], random.Random(rng.random()), f"r{number}") for n in range(WRITERS)]
            for writer in writers:
                writer.start()
            enough = rng.randrange(1, 120)
            harness.wait_for("some acknowledged changes",
                             lambda: sum(writer.acknowledged for writer in writers) >= enough or
                             any(writer.failure for writer in writers), pause=0.001)
            server.kill()
            for writer in writers:
                writer.join(harness.PATIENCE_S)
                assert writer.failure is None, writer.failure
            assert read_whole(directory) is not None
            server = start()
            published = {(group["labels"]["job"], group["labels"]["env"]): group["targets"]
                         for group in read_whole(directory)}
            for values in known:
                for path, possible in values.items():
                    group = server.group(path)
                    found = group and group["targets"]
                    assert found in possible, (path, found, possible)
                    assert published.get(tuple(path[1:].split("/"))) == found, path
                    values[path] = [found]
            assert len(published) == sum(value != [None] for values in known for value in values.values())
            server.kill()
    assert reader.rounds > ROUNDS


def test_a_first_start_that_ends_before_the_state_is_there_is_no_first_start(start, binary, directory):
    """The system kills a process that writes more of a file than it may: at these bytes of the state's first ones."""
    database = directory / ".target-eye/state.db"
    for limit in (0, 500, 4096, 8192):
        instance = harness.TargetEye(binary, (), {"FILE_SD_DIRECTORY": directory},
                                     command=("prlimit", f"--fsize={limit}", "--core=0"))
        assert instance.process.wait(harness.PATIENCE_S) == -signal.SIGXFSZ, (limit, instance.log_text())
        assert not database.exists(), limit
        assert not list(directory.glob("*.json")), limit
    assert database.with_name("state.db.new").exists()
    server = start()
    assert server.json("PUT", "/a/b", {"targets": ["one"]}).status == 200
    server.kill()
    assert start().group("/a/b")["targets"] == ["one"]


def test_kill_9_at_any_moment_of_a_first_start_leaves_what_the_next_one_can_use(start, binary, tmp_path):
    rng = random.Random(20)
    for number in range(12):
        directory = tmp_path / f"first{number}"
        hidden = directory / ".target-eye"
        moment = rng.choice(["lock", "state.db.new", "state.db", "state.db-wal", "staging", "published",
                             "../targets.json"])
        instance = harness.TargetEye(binary, (), {"FILE_SD_DIRECTORY": directory})
        # What is there for a moment only may be missed; then it is the ready line.
        harness.wait_for(moment, lambda: (hidden / moment).exists() or instance.find_log("ready"), pause=0)
        instance.kill()
        server = start(FILE_SD_DIRECTORY=directory)
        assert server.json("PUT", "/a/b", {"targets": ["one"]}).status == 200, moment
        assert len(harness.published_list(directory)) == 1, moment
        server.stop()


# --- Two instances ---

def bytes_below(directory):
    """Every file that has any bytes, but for the lock, which holds a process id.

    To look at a database, SQLite makes the empty file of its log.
    """
    return {path.relative_to(directory): path.read_bytes() for path in directory.rglob("*")
            if path.is_file() and path.stat().st_size > 0 and path.name != "lock"}


@pytest.mark.parametrize("shared", ["both directories", "the state", "the file_sd directory"])
def test_a_second_instance_is_refused_and_the_first_unharmed(start, binary, directory, tmp_path, shared):
    state = tmp_path / "state"
    other = tmp_path / "other"
    other.mkdir()
    first = start(STATE_DIRECTORY=state)
    first.json("PUT", "/a/b", {"targets": ["one"]})
    before = [bytes_below(directory), bytes_below(state)]
    said = harness.run_and_fail(
        binary, FILE_SD_DIRECTORY=other if shared == "the state" else directory,
        STATE_DIRECTORY=other / "state" if shared == "the file_sd directory" else state)
    assert len(said.splitlines()) == 1, said
    assert "another target-eye" in said
    assert str(directory if shared == "the file_sd directory" else state) in said
    assert [bytes_below(directory), bytes_below(state)] == before
    assert first.json("PUT", "/a/c", {"targets": ["two"]}).status == 200
    assert [group["targets"] for group in harness.published_list(directory)] == [["one"], ["two"]]
    first.kill()
    again = start(STATE_DIRECTORY=state)
    assert again.group("/a/b") and again.group("/a/c")


def test_the_lock_does_not_outlive_its_process(start, directory):
    start().kill()
    assert start().json("PUT", "/a/b", {"targets": ["one"]}).status == 200


# --- Damage ---

def overwrite(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def flip_page(path):
    page = 4096
    middle = os.path.getsize(path) // page // 2 * page
    flipped = bytes(byte ^ 0xFF for byte in path.read_bytes()[middle:middle + page])
    overwrite(path, middle, flipped)


def raise_version(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version=1000")


def of_another_program(path):
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE theirs (x)")
        database.commit()


DAMAGES = {
    "garbage_header": lambda path: overwrite(path, 0, b"this is no database at all......"),
    "flipped_page": flip_page,
    "truncated_to_half": lambda path: os.truncate(path, os.path.getsize(path) // 2),
    "truncated_inside_a_page": lambda path: os.truncate(path, os.path.getsize(path) // 2 + 1000),
    "truncated_to_a_few_bytes": lambda path: os.truncate(path, 50),
    "empty": lambda path: os.truncate(path, 0),
    "of_another_program": of_another_program,
    "newer_schema": raise_version,
}


@pytest.fixture(scope="module")
def good_state(start_shared, tmp_path_factory):
    """A directory with 300 groups, stopped."""
    server = start_shared()
    with server.connect() as connection:
        for number in range(300):
            body = json.dumps({"targets": [f"host{number}:1"], "labels": {"text": "x" * 200}})
            connection.send(f"PUT /app/{number} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                            f"Content-Length: {len(body)}\r\n\r\n{body}")
        for number in range(300):
            assert connection.read_answer().status == 200
    server.stop()
    return server.directory


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_state_that_cannot_be_used_stops_the_start_and_is_left_as_it_is(binary, good_state, directory, damage):
    shutil.copytree(good_state, directory, dirs_exist_ok=True)
    database = directory / ".target-eye/state.db"
    DAMAGES[damage](database)
    before = bytes_below(directory)
    for _ in range(2):
        said = harness.run_and_fail(binary, FILE_SD_DIRECTORY=directory)
        assert len(said.splitlines()) == 1, said
        assert str(database) in said
        assert "Nothing was changed" in said
        assert ("run the newer" if damage == "newer_schema" else "backup") in said
        assert bytes_below(directory) == before


OLDER_STATE = pathlib.Path(__file__).parent.parent / "src/store/sqlite/testdata/version-1/state.db"


def version_of(database):
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def go_back(database):
    """What docs/operations.md says."""
    page = (pathlib.Path(__file__).parent.parent / "docs/operations.md").read_text()
    [statements] = re.findall(r"sqlite3 /srv/file_sd/.target-eye/state.db \\\n  '(.*)'", page)
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.executescript(statements)


def test_a_state_of_an_older_version_is_only_looked_at_by_check_config_and_taken_up_by_a_start(
        start, binary, directory):
    database = directory / ".target-eye/state.db"
    database.parent.mkdir()
    shutil.copy(OLDER_STATE, database)
    was = database.read_bytes()
    checked = subprocess.run([str(binary), "check", "config"], check=False, capture_output=True, text=True,
                             env={**os.environ, "FILE_SD_DIRECTORY": str(directory), "BIND": "127.0.0.1:0"})
    assert checked.returncode == 0, checked
    assert database.read_bytes() == was
    for _ in range(2):
        server = start()
        assert server.find_log("the state was brought to this version's schema")
        assert server.group("/web/prod")["targets"] == ["w1:80", "w2:80", "[::1]:80", "w3:80"]
        assert len(json.loads((directory / "targets.json").read_text())) == 5
        assert server.json("PUT", "/app/new", {"targets": ["new:1"]}).status == 200
        assert server.request("DELETE", "/app/new").status == 200
        server.stop()
        server = start()
        assert not server.find_log("the state was brought to this version's schema")
        server.stop()
        assert version_of(database) == 2
        go_back(database)
        assert version_of(database) == 1


def test_a_missing_database_beside_its_log_is_damage(start, binary, directory):
    server = start()
    server.json("PUT", "/a/b", {"targets": ["one"]})
    server.kill()
    (directory / ".target-eye/state.db").unlink()
    assert (directory / ".target-eye/state.db-wal").exists()
    before = bytes_below(directory)
    said = harness.run_and_fail(binary, FILE_SD_DIRECTORY=directory)
    assert len(said.splitlines()) == 1 and "state.db" in said, said
    assert bytes_below(directory) == before


@pytest.mark.parametrize("layout", ["file", "group"])
def test_what_the_message_says_to_do_works(start, binary, good_state, directory, layout):
    """Moving the damaged database and its log away takes over what was published last, with no gap."""
    shutil.copytree(good_state, directory, dirs_exist_ok=True)
    server = start(FILE_SD_LAYOUT=layout)
    assert server.json("PUT", "/late/one", {"targets": ["late:1"]}).status == 200
    harness.wait_for("the publication", lambda: ("late", "one") in harness.published(directory))
    server.kill()
    hidden = directory / ".target-eye"
    assert (hidden / "state.db-wal").exists()
    DAMAGES["garbage_header"](hidden / "state.db")
    was = harness.published(directory)
    before = bytes_below(directory)
    said = harness.run_and_fail(binary, FILE_SD_DIRECTORY=directory, FILE_SD_LAYOUT=layout)
    assert "move state.db and state.db-wal away and start again" in said
    assert bytes_below(directory) == before

    (hidden / "state.db").rename(hidden / "broken")
    (hidden / "state.db-wal").rename(hidden / "broken-wal")

    def complete():
        assert {(group["labels"]["job"], group["labels"]["env"]) for group in groups_in(directory)} == {*was}
    with harness.Background(complete) as watching:
        server = start(FILE_SD_LAYOUT=layout)
        rounds = watching.rounds
        harness.wait_for("a last look", lambda: watching.rounds > rounds + 2 or watching.failure)
    assert harness.published(directory) == was
    assert server.metric("target_eye_groups") == len(was) == 301
    assert server.group("/app/7")["targets"] == ["host7:1"]
    assert server.json("PUT", "/app/7", {"targets": ["moved:1"]}).status == 200
    server.kill()
    assert start(FILE_SD_LAYOUT=layout).group("/app/7")["targets"] == ["moved:1"]


# --- A full disk ---

class FullByLimit:
    """No file may grow any more: write() answers EFBIG."""

    # An ignored signal stays ignored over exec; its default would end the program.
    command = ("sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh")

    def __init__(self, directory):
        self.directory = directory

    def fill(self, server):
        self.before = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (0, self.before[1]))

    def free(self, server):
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, self.before)

    def close(self):
        pass


class FullByTmpfs:
    """A small file system of its own that is filled to the last byte: ENOSPC."""

    command = ()

    def __init__(self, directory):
        self.directory = directory
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0755", "target-eye-test", directory],
                               capture_output=True, text=True, check=False)
        assert mount.returncode == 0, (
            f"a file system cannot be filled without mounting a small tmpfs, which this user (id {os.geteuid()}) may "
            f"not do here: {mount.stderr.strip()}; run the tests as root, in a container with CAP_SYS_ADMIN")

    def fill(self, _):
        with open(self.directory / "ballast", "ab", buffering=0) as ballast:
            for size in (65536, 4096, 1):
                with contextlib.suppress(OSError):
                    while True:
                        ballast.write(b"x" * size)

    def free(self, _):
        (self.directory / "ballast").unlink()

    def close(self):
        subprocess.run(["umount", "--lazy", self.directory], check=True)


@pytest.mark.parametrize("way", [FullByLimit, FullByTmpfs])
def test_a_full_disk_is_503_and_changes_nothing_until_there_is_room(start, directory, way):
    disk = way(directory)
    try:
        server = start(command=disk.command)
        assert server.json("PUT", "/a/b", {"targets": ["one"], "labels": {"l": "1"}}).status == 200
        for cycle in range(2):
            disk.fill(server)
            # Blocks that are there already may take a few more.
            accepted = 0

            def refused():
                nonlocal accepted
                answer = server.json("PUT", f"/fill/{cycle}-{accepted}", {"targets": ["x" * 60]})
                if answer.status == 200:
                    accepted += 1
                    return None
                return answer
            answer = harness.wait_for("a refused change", refused)
            assert answer.status == 503, answer
            assert answer.message()
            assert int(answer.headers["retry-after"]) >= 1
            for method, path, body in (("PUT", "/a/b", {"targets": ["two"]}), ("POST", "/a/b", {"labels": {"l": "2"}}),
                                       ("POST", "/new/one", {"targets": ["two"]}), ("DELETE", "/a/b", None)):
                answer = server.request("DELETE", path) if body is None else server.json(method, path, body)
                assert answer.status == 503, (method, answer)
                assert server.group("/a/b") == {"targets": ["one"], "labels": {"job": "a", "env": "b", "l": "1"}}
                assert server.group("/new/one") is None
                published = harness.published(directory)
                assert published[("a", "b")] == server.group("/a/b")
                assert ("new", "one") not in published
            assert server.get("/-/healthy").status == 200
            disk.free(server)
            harness.wait_for("a change that is taken", lambda: server.json(
                "PUT", f"/room/{cycle}", {"targets": ["again"]}).status == 200)
            harness.wait_for("its publication", lambda: ("room", str(cycle)) in harness.published(directory))
            harness.wait_for("readiness", lambda: server.get("/-/ready").status == 200)
        registered = harness.published_list(directory)
        assert server.process.poll() is None
        server.kill()
        server = start()
        assert harness.published_list(directory) == registered
        assert server.group("/a/b")["targets"] == ["one"]
        server.stop()
    finally:
        disk.close()


def test_readiness_tells_of_a_full_state_and_of_its_end_without_a_write(start, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    disk = FullByTmpfs(state)
    try:
        server = start(STATE_DIRECTORY=state)
        disk.fill(server)
        numbers = itertools.count()

        def told():
            # Blocks that are there already may take a few, and the try of each second after one that was refused.
            if server.json("PUT", f"/fill/{next(numbers)}", {"targets": ["x" * 60]}).status == 200:
                return False
            answer = server.get("/-/ready")
            return answer.status == 503 and "the store cannot be written" in answer.message()
        harness.wait_for("readiness that tells it", told)
        disk.free(server)
        harness.wait_for("readiness", lambda: server.get("/-/ready").status == 200)
        server.stop()
    finally:
        disk.close()


def test_a_full_file_sd_directory_delays_the_publication_and_refuses_nothing(start, directory, tmp_path):
    """The state has room, on a file system of its own."""
    state = tmp_path / "state"
    disk = FullByTmpfs(directory)
    try:
        server = start(STATE_DIRECTORY=state)
        assert server.json("PUT", "/a/b", {"targets": ["one"]}).status == 200
        disk.fill(server)
        was = (directory / "targets.json").read_bytes()
        assert server.json("PUT", "/a/b", {"targets": ["two"]}).status == 200
        assert server.json("POST", "/a/c", {"targets": ["three"]}).status == 200
        harness.wait_for("the failure to show", lambda: server.get("/-/ready").status == 503)
        assert "targets.json" in server.get("/-/ready").message()
        assert server.group("/a/b")["targets"] == ["two"]
        assert (directory / "targets.json").read_bytes() == was
        published = server.metric('target_eye_published_revision{publisher="file_sd"}')
        assert published < server.metric("target_eye_revision")
        assert len([line for line in server.log_lines() if line["level"] == "error"]) == 1
        disk.free(server)
        harness.wait_for("the publication", lambda: harness.published_list(directory) == [
            server.group("/a/b"), server.group("/a/c")])
        harness.wait_for("readiness", lambda: server.get("/-/ready").status == 200)
        disk.fill(server)
        assert server.json("PUT", "/a/b", {"targets": ["four"]}).status == 200
        server.kill()
        disk.free(server)
        server = start(STATE_DIRECTORY=state)
        assert harness.published(directory)[("a", "b")]["targets"] == ["four"]
        server.stop()
    finally:
        disk.close()


# --- Publication ---

def test_a_directory_that_goes_and_comes_back_is_published_again(start, directory, tmp_path):
    server = start(STATE_DIRECTORY=tmp_path / "state")
    server.json("PUT", "/a/b", {"targets": ["one"]})
    shutil.rmtree(directory)
    assert server.json("PUT", "/a/c", {"targets": ["two"]}).status == 200
    harness.wait_for("the failure to show", lambda: server.get("/-/ready").status == 503)
    assert str(directory) in server.get("/-/ready").message()
    assert server.metric("target_eye_publication_failures_total") >= 1
    directory.mkdir()
    harness.wait_for("the publication", lambda: len(harness.published_list(directory)) == 2)
    harness.wait_for("readiness", lambda: server.get("/-/ready").status == 200)


def test_a_published_file_is_readable_by_all_whatever_the_umask(start, directory):
    server = start(UMASK="077")
    server.json("PUT", "/a/b", {"targets": ["one"]})
    assert (directory / "targets.json").stat().st_mode & 0o777 == 0o644


def test_a_foreign_file_in_the_place_of_ours_is_never_replaced(start, binary, directory):
    theirs = directory / "targets.json"
    theirs.write_text("not ours")
    server = harness.TargetEye(binary, (), {"FILE_SD_DIRECTORY": directory}).wait_until_listening()
    try:
        assert server.json("PUT", "/a/b", {"targets": ["one"]}).status == 200
        harness.wait_for("the message", lambda: "targets.json" in server.get("/-/ready").json()["message"])
        assert server.get("/-/ready").status == 503
        assert theirs.read_text() == "not ours"
        theirs.unlink()
        harness.wait_for("the publication", lambda: len(harness.published_list(directory)) == 1)
    finally:
        server.stop()


def test_a_link_in_the_place_of_our_file_is_never_followed(start, directory, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    server = start()
    server.json("PUT", "/a/b", {"targets": ["one"]})
    (directory / "targets.json").unlink()
    (directory / "targets.json").symlink_to(elsewhere)
    server.json("PUT", "/a/c", {"targets": ["two"]})
    assert server.group("/a/c")["targets"] == ["two"]
    server.stop()
    assert elsewhere.read_text() == "precious"


def test_a_stop_publishes_what_was_accepted(start, directory):
    server = start()
    # More than the publisher does at once.
    for number in range(30):
        assert server.json("PUT", f"/burst/{number}", {"targets": [f"b{number}"]}).status == 200
    server.stop()
    assert len(harness.published_list(directory)) == 30


def test_a_change_that_changes_nothing_touches_no_file(start, directory):
    server = start()
    server.json("PUT", "/a/b", {"targets": ["one"]})
    before = (directory / "targets.json").stat()
    for _ in range(10):
        assert server.json("PUT", "/a/b", {"targets": ["one"]}).status == 200
    server.stop()
    server = start()
    after = (directory / "targets.json").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
