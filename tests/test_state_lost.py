"""The state is the one that is on the disk: removed, replaced or covered by a mount under a running server, and left
behind by a setting."""

import contextlib
import os
import re
import shutil
import subprocess

import pytest

import harness


def targets(*names):
    return {"targets": [f"{name}:1" for name in names]}


@pytest.fixture
def running(start, tmp_path):
    """A server with a state directory of its own, `.state`, and two groups that were acknowledged."""
    server = start(STATE_DIRECTORY=tmp_path / "state", SERVER_NAMES=None)
    server.state = tmp_path / "state"
    assert server.json("PUT", "/app/one", targets("one")).status == 200
    assert server.json("PUT", "/app/two", targets("two")).status == 200
    return server


def not_ready(server, said):
    """Waits until it says so, without any write."""
    def says():
        answer = server.get("/-/ready")
        return answer.status == 503 and said in answer.message() and answer.message()
    return harness.wait_for(said, says)


def ready(server):
    harness.wait_for("readiness", lambda: server.get("/-/ready").status == 200)


def whole_again(server):
    return server.find_log("was gone or damaged, and was written again from memory")


def nothing_is_lost(server, start, paths):
    """After kill -9, what was acknowledged is there."""
    server.kill()
    again = start(STATE_DIRECTORY=server.state)
    for path in paths:
        assert again.group(path) is not None, path
    return again


def remove_log(state):
    (state / "state.db-wal").unlink()


def remove_database(state):
    (state / "state.db").unlink()


def remove_both(state):
    remove_database(state)
    remove_log(state)


def empty_log(state):
    os.truncate(state / "state.db-wal", 0)


def move_away(state):
    state.rename(state.with_name("moved away"))


def make_anew(state):
    shutil.rmtree(state)
    state.mkdir()


@pytest.mark.parametrize("lose", [remove_log, remove_database, remove_both, empty_log, shutil.rmtree, move_away,
                                  make_anew])
def test_a_state_that_is_lost_under_a_running_server_is_made_whole(running, start, lose):
    before = running.metric("target_eye_revision")
    lose(running.state)
    # At once, before any look: never acknowledged and then lost.
    answer = running.json("PUT", "/app/three", targets("three"))
    assert answer.status in (200, 503), answer
    if answer.status == 503:
        assert "/-/ready says why" in answer.message()
    harness.wait_for("the state", lambda: whole_again(running))
    assert whole_again(running)[0]["level"] == "warning"
    ready(running)
    assert running.json("PUT", "/app/four", targets("four")).status == 200
    assert running.metric("target_eye_revision") > before
    written = ["/app/one", "/app/two", "/app/four"] + (["/app/three"] if answer.status == 200 else [])
    again = nothing_is_lost(running, start, written)
    assert again.metric("target_eye_revision") > before


def test_a_loss_is_noticed_and_mended_without_a_write(running):
    shutil.rmtree(running.state)
    harness.wait_for("the database", (running.state / "state.db").exists)
    ready(running)
    assert running.metric("target_eye_commit_failures_total") == 0


def test_writers_meet_a_loss_without_losing_what_was_acknowledged(running, start):
    acknowledged = []

    def write():
        path = f"/app/n{len(acknowledged)}"
        if running.json("PUT", path, targets("n")).status == 200:
            acknowledged.append(path)
    with harness.Background(write):
        for number, lose in enumerate([remove_log, remove_database, shutil.rmtree, make_anew], 1):
            count = len(acknowledged)
            harness.wait_for("some writes", lambda: len(acknowledged) > count + 5)
            lose(running.state)
            harness.wait_for("the state", lambda: len(whole_again(running)) == number)
        count = len(acknowledged)
        harness.wait_for("some writes", lambda: len(acknowledged) > count + 5)
    nothing_is_lost(running, start, acknowledged)


@pytest.fixture
def other_state(start, tmp_path):
    """The database of another one, stopped."""
    server = start(FILE_SD_DIRECTORY=tmp_path / "elsewhere")
    assert server.json("PUT", "/other/app", targets("other")).status == 200
    server.stop()
    return tmp_path / "elsewhere/.target-eye/state.db"


def rename_over(other, state):
    shutil.copy(other, state / "copy")
    os.replace(state / "copy", state / "state.db")


def write_over_beside_our_log(other, state):
    shutil.copyfile(other, state / "state.db")


def write_over(other, state):
    write_over_beside_our_log(other, state)
    remove_log(state)


def damage(_, state):
    with open(state / "state.db", "r+b") as database:
        database.write(b"this is no database at all")


@pytest.mark.parametrize("replace, said", [
    (rename_over, "the log of the one before hides what is in it"),
    (write_over_beside_our_log, "holds another state than the one that was open"),
    (write_over, "holds another state than the one that was open"),
    (damage, "is damaged"),
])
def test_what_somebody_put_in_its_place_is_neither_used_nor_overwritten(running, start, other_state, replace, said):
    replace(other_state, running.state)
    theirs = (running.state / "state.db").read_bytes()
    not_ready(running, "the store cannot be written")
    harness.wait_for("the reason", lambda: said in not_ready(running, ""))
    message = not_ready(running, "")
    assert re.search("[Mm]ove state.db and state.db-wal away", message), message
    answer = running.json("PUT", "/app/three", targets("three"))
    assert (answer.status, "/-/ready says why" in answer.message()) == (503, True)
    assert running.group("/app/one") == {**targets("one"), "labels": {"env": "one", "job": "app"}}
    assert running.group("/other/app") is None
    assert (running.state / "state.db").read_bytes() == theirs
    # What the message says works.
    for name in ("state.db", "state.db-wal"):
        with contextlib.suppress(FileNotFoundError):
            (running.state / name).rename(running.state / f"theirs-{name}")
    ready(running)
    assert (running.state / "theirs-state.db").read_bytes() == theirs
    assert running.json("PUT", "/app/three", targets("three")).status == 200
    nothing_is_lost(running, start, ["/app/one", "/app/two", "/app/three"])


def test_it_goes_on_where_the_database_was_only_touched(running, start):
    os.utime(running.state / "state.db")
    harness.wait_for("the store", lambda: running.find_log("the store is open again"))
    ready(running)
    assert not whole_again(running)
    assert running.json("PUT", "/app/three", targets("three")).status == 200
    nothing_is_lost(running, start, ["/app/one", "/app/two", "/app/three"])


def test_a_stop_leaves_what_somebody_put_in_its_place_as_it_is(running, other_state):
    write_over(other_state, running.state)
    theirs = (running.state / "state.db").read_bytes()
    running.stop()
    assert (running.state / "state.db").read_bytes() == theirs


@contextlib.contextmanager
def mounted(path):
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0755", "target-eye-test", path],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"mounting needs root, in a container CAP_SYS_ADMIN: {done.stderr}"
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


@pytest.mark.parametrize("where", ["state", "above"])
def test_a_mount_that_covers_the_state_is_not_written_to_and_its_end_is_noticed(start, tmp_path, where):
    state = tmp_path / "volume/state"
    state.parent.mkdir()
    server = start(STATE_DIRECTORY=state)
    server.state = state
    assert server.json("PUT", "/app/one", targets("one")).status == 200
    covered = state if where == "state" else state.parent
    with mounted(covered):
        message = not_ready(server, "is on another file system than before")
        assert "Mount what was there" in message
        assert server.json("PUT", "/app/two", targets("two")).status == 503
        assert server.group("/app/one") is not None
        assert not list(covered.iterdir())
    ready(server)
    assert not whole_again(server)
    assert server.json("PUT", "/app/two", targets("two")).status == 200
    nothing_is_lost(server, start, ["/app/one", "/app/two"])


# A second instance.

@pytest.mark.parametrize("lose", [shutil.rmtree, remove_both, lambda state: (state / "lock").unlink()],
                         ids=["directory", "database", "lock"])
def test_a_second_instance_is_kept_out_though_the_state_was_removed(running, start, binary, tmp_path, lose):
    lose(running.state)
    said = harness.run_and_fail(binary, FILE_SD_DIRECTORY=tmp_path / "other", STATE_DIRECTORY=running.state)
    assert f"is in use by another target-eye (process {running.pid})" in said
    # One that comes before the state is whole again is refused.
    harness.wait_for("a change", lambda: running.json("PUT", "/app/three", targets("three")).status == 200)
    ready(running)
    nothing_is_lost(running, start, ["/app/one", "/app/two", "/app/three"])


def test_a_second_instance_is_kept_out_though_the_hidden_folder_was_removed(server, binary, directory):
    assert server.json("PUT", "/app/one", targets("one")).status == 200
    shutil.rmtree(directory / ".target-eye")
    said = harness.run_and_fail(binary, FILE_SD_DIRECTORY=directory)
    assert f"is in use by another target-eye (process {server.pid})" in said
    harness.wait_for("a change", lambda: server.json("PUT", "/app/two", targets("two")).status == 200)
    ready(server)
    harness.wait_for("the publication", lambda: len(harness.published(directory)) == 2)


# A setting that leaves the state behind.

@pytest.fixture
def left_behind(start, directory):
    """A state in the default place, with one group, stopped."""
    server = start()
    assert server.json("PUT", "/app/one", targets("one")).status == 200
    server.stop()
    return directory


def commands(said):
    """The commands of the message, in its order."""
    return re.findall(r"(?:To move it|last published|put the other one away): (.*?)\. ", said)


def refused(binary, directory, state):
    settings = {"FILE_SD_DIRECTORY": directory, "STATE_DIRECTORY": state}
    before = sorted(directory.rglob("*"))
    [line] = harness.run_and_fail(binary, **settings).splitlines()
    said = harness.parse_logfmt(line)["msg"]
    assert str(directory / ".target-eye") in said and str(state) in said
    environment = {"BIND": "127.0.0.1:0", **{name: str(value) for name, value in settings.items()}}
    checked = subprocess.run([binary, "check", "config"], env=environment, capture_output=True, text=True, check=False)
    assert checked.returncode == 1
    assert commands(checked.stderr) == commands(said)
    assert sorted(directory.rglob("*")) == before
    return commands(said)


@pytest.mark.parametrize("made", [False, True])
def test_a_start_that_leaves_a_state_behind_stops_and_the_first_way_moves_it(start, binary, left_behind, tmp_path,
                                                                             made):
    state = tmp_path / "it's new"
    if made:
        state.mkdir()
    move, _ = refused(binary, left_behind, state)
    subprocess.run(["sh", "-c", move], check=True)
    server = start(STATE_DIRECTORY=state)
    assert server.group("/app/one") is not None
    assert not server.find_log("imported")


def test_the_second_way_begins_with_what_was_published(start, binary, left_behind, tmp_path):
    server = start()
    assert server.json("PUT", "/app/two", targets("two")).status == 200
    server.kill()  # Its log is part of it.
    _, leave = refused(binary, left_behind, tmp_path / "new")
    subprocess.run(["sh", "-c", leave], check=True)
    server = start(STATE_DIRECTORY=tmp_path / "new")
    assert server.find_log("imported")
    assert server.group("/app/one") is not None
    assert (left_behind / ".target-eye/old-state.db").exists()
    assert (left_behind / ".target-eye/old-state.db-wal").exists()


def test_two_states_are_one_too_many(start, binary, left_behind, other_state):
    [away] = refused(binary, left_behind, other_state.parent)
    subprocess.run(["sh", "-c", away], check=True)
    assert start(STATE_DIRECTORY=other_state.parent).group("/other/app") is not None


def test_the_same_place_by_another_name_and_an_unused_state_are_no_reason(start, directory, left_behind, tmp_path):
    (tmp_path / "link").symlink_to(directory / ".target-eye")
    start(STATE_DIRECTORY=tmp_path / "link").stop()
    start(STATE_DIRECTORY=f"{directory}/../{directory.name}/.target-eye/").stop()
    unused = tmp_path / "unused"
    start(FILE_SD_DIRECTORY=unused).stop()
    assert start(FILE_SD_DIRECTORY=unused, STATE_DIRECTORY=tmp_path / "new").get("/-/ready").status == 200
