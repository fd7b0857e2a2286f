"""What becomes of published files that somebody else removes, changes, hides or makes unreadable."""

import contextlib
import os
import pathlib
import subprocess
import threading
import time

import pytest

import harness
from harness import run_and_fail, wait_for

FILES = {"file": "targets.json", "group": "web@prod.json"}

# Within this time somebody else's change must be noticed, and what may be put back is back.
NOTICED_S = 5
# What a loaded machine takes on top.
PATIENCE_S = 20

AS_NOBODY = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
AS_PROMETHEUS = ["setpriv", "--reuid", "daemon", "--regid", "daemon", "--clear-groups"]


@pytest.fixture
def directory(tmp_path):
    """A directory of nobody's, which all can enter."""
    assert os.geteuid() == 0, "these tests are to run as root"
    path = tmp_path / "file_sd"
    path.mkdir(mode=0o755)
    os.chown(path, 65534, 65534)
    for parent in path.parents:
        if parent != parent.parent and parent.owner() == "root":
            parent.chmod(parent.stat().st_mode | 0o055)
    return path


@pytest.fixture(params=["file", "group"])
def layout(request):
    return request.param


@pytest.fixture
def server(start, directory, layout):
    """As it is used: not as root, who may read what others may not."""
    server = start(FILE_SD_LAYOUT=layout, USER="nobody")
    assert server.json("PUT", "/web/prod", {"targets": ["web1:9100"]}).status == 200
    server.file = directory / FILES[layout]
    server.text = server.file.read_text()
    assert "web1:9100" in server.text
    return server


def restored(server):
    return server.metric('target_eye_published_files_restored_total{publisher="file_sd"}')


def is_ready(server):
    return server.get("/-/ready").status == 200


def seen_by_prometheus(path):
    """What another user reads there, or None."""
    read = subprocess.run([*AS_PROMETHEUS, "cat", str(path)], capture_output=True, text=True, check=False)
    return read.stdout if read.returncode == 0 else None


def is_well(server):
    return seen_by_prometheus(server.file) == server.text and is_ready(server)


def wait_until_not_ready(server, *words):
    def says():
        answer = server.get("/-/ready")
        return answer.status == 503 and all(word in answer.message() for word in words) and answer.message()
    return wait_for(f"a 503 that says {words}", says, PATIENCE_S)


def write_in_place(path, text):
    with open(path, "r+") as file:
        file.write(text)


def replace(path, text="[]"):
    other = path.with_suffix(".new")
    other.write_text(text)
    other.rename(path)


DAMAGES = {
    "removed": lambda path: path.unlink(),
    "moved away": lambda path: path.rename(path.with_suffix(".old")),
    "truncated": lambda path: os.truncate(path, 0),
    "overwritten": lambda path: path.write_text("[]"),
    "same size": lambda path: write_in_place(path, "{"),
    "replaced": replace,
    "mode 000": lambda path: path.chmod(0),
    "mode 600": lambda path: path.chmod(0o600),
    "owner and mode": lambda path: (os.chown(path, 0, 0), path.chmod(0o640)),
}


def test_whatever_is_done_to_a_file_is_undone_and_counted(server):
    for count, (name, damage) in enumerate(DAMAGES.items(), 1):
        damage(server.file)
        wait_for(f"what was {name} to be put back", lambda: restored(server) == count and
                 seen_by_prometheus(server.file) == server.text, PATIENCE_S)
    wait_for("it to be ready", lambda: is_ready(server), PATIENCE_S)
    found = [line["found"] for line in server.find_log("somebody has changed what is published; it is put back")]
    again = server.find_log("somebody changes what is published again and again")
    # They come fast, so most of them are told of by the second line.
    assert found and f"{server.file.name} was removed" in found[0] and len(found) + len(again) <= len(DAMAGES) + 1
    # What they wrote is kept, each text once.
    kept = {str(path): path.read_text() for path in (server.file.parent / ".target-eye/aside").iterdir()}
    unreadable = [path for path in kept if path.endswith(".unreadable")]
    assert [kept[path] for path in unreadable] == [server.text]  # That it was ours could not be seen.
    assert sorted(kept.values()) == sorted(["[]", "{" + server.text[1:], server.text])
    assert {line["kept"] for line in server.find_log("what was there is kept")} == set(kept)
    text = server.get("/metrics").body
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert checked.returncode == 0 and not checked.stdout and not checked.stderr, checked


def test_it_is_noticed_in_time_where_nothing_changes(server):
    server.file.unlink()
    began = time.monotonic()
    wait_for("the file", lambda: server.file.exists(), PATIENCE_S)
    # No time is asserted of a loaded machine; but it was no refresh of minutes.
    assert time.monotonic() - began < PATIENCE_S


def test_what_cannot_be_put_back_is_said_until_it_can(server, tmp_path):
    (tmp_path / "precious").write_text("precious")
    for what, damage in [("symbolic link", lambda path: path.symlink_to(tmp_path / "precious")),
                         ("directory", lambda path: path.mkdir())]:
        server.file.unlink()
        damage(server.file)
        wait_until_not_ready(server, server.file.name, what)
        assert server.metric("target_eye_ready") == 0
        server.file.rmdir() if server.file.is_dir() and not server.file.is_symlink() else server.file.unlink()
        wait_for("the file", lambda: is_well(server), PATIENCE_S)
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_directory_that_is_removed_or_replaced(server, directory):
    directory.rename(directory.with_name("away"))
    wait_until_not_ready(server, str(directory))
    directory.mkdir(mode=0o755)
    os.chown(directory, 65534, 65534)
    # The state was in it, too.
    wait_for("both to be there again", lambda: is_well(server), PATIENCE_S)
    assert (directory / ".target-eye" / "state.db").exists()


@pytest.mark.parametrize("mode", [0o700, 0o000, 0o744])
def test_a_directory_that_prometheus_cannot_enter_is_said(server, directory, mode):
    directory.chmod(mode)
    message = wait_until_not_ready(server, str(directory))
    assert mode == 0 or "chmod o+rx" in message, message
    directory.chmod(0o755)
    wait_for("it to be ready", lambda: is_well(server), PATIENCE_S)


def test_a_directory_that_others_cannot_enter_at_the_start_is_warned_of(start, directory):
    directory.chmod(0o750)
    server = start(USER="nobody")
    (line,) = server.find_log("not everybody can read what is published")
    assert f"chmod o+rx {directory}" in line["obstacle"]
    assert is_ready(server), "its group may be Prometheus's"
    assert directory.stat().st_mode & 0o777 == 0o750


def test_who_changes_it_in_a_loop_is_held_off_and_readiness_tells(server):
    done = threading.Event()

    def overwrite():
        while not done.is_set():
            with contextlib.suppress(OSError):
                server.file.write_text("[]")
            time.sleep(0.001)
    other = threading.Thread(target=overwrite)
    other.start()
    try:
        wait_until_not_ready(server, "again and again")
        before = restored(server)
        answers = set()
        wait_for("two more", lambda: answers.add(server.get("/-/ready").status) or restored(server) >= before + 2)
        assert answers == {503}
    finally:
        done.set()
        other.join()
    wait_for("peace", lambda: is_well(server), PATIENCE_S)
    assert len(server.find_log("somebody")) <= 8


class Namespace:
    """A process in a mount namespace of its own, in which commands can be run: no mount outlives it."""

    def __init__(self, server):
        self.pid = server.pid

    def run(self, *words, check=True):
        # With its root, which is not that of the mounts where the tests run in a chroot.
        return subprocess.run(["nsenter", f"--target={self.pid}", "--mount", "--root", *map(str, words)], check=check,
                              capture_output=True, text=True)

    def reads(self, path):
        return self.run(*AS_PROMETHEUS, "cat", path, check=False).stdout


@pytest.fixture
def mounted(start, directory, layout, tmp_path):
    """The program in a mount namespace of its own; its state is out of the way of the mounts."""
    state = tmp_path / "state"
    state.mkdir()
    os.chown(state, 65534, 65534)
    server = start(FILE_SD_LAYOUT=layout, USER="nobody", STATE_DIRECTORY=state,
                   command=["unshare", "--mount", "--propagation", "private"])
    assert server.json("PUT", "/web/prod", {"targets": ["web1:9100"]}).status == 200
    server.file = directory / FILES[layout]
    server.text = server.file.read_text()
    server.namespace = Namespace(server)
    return server


def test_a_mount_over_the_file_is_said_until_it_is_gone(mounted, tmp_path):
    (tmp_path / "other.json").write_text("[]")
    mounted.namespace.run("mount", "--bind", tmp_path / "other.json", mounted.file)
    assert "mount the directory" in wait_until_not_ready(mounted, mounted.file.name, "mount of its own")
    # Changes are kept all the same.
    assert mounted.json("PUT", "/db/prod", {"targets": ["db1:9100"]}).status == 200
    mounted.namespace.run("umount", mounted.file)
    wait_for("it to be ready", lambda: is_ready(mounted), PATIENCE_S)
    assert "db1:9100" in "".join(path.read_text() for path in mounted.file.parent.glob("*.json"))
    assert (tmp_path / "other.json").read_text() == "[]"


def test_a_mount_over_the_directory_is_filled_or_said(mounted, directory):
    inside = mounted.namespace
    inside.run("mount", "-t", "tmpfs", "-o", "mode=0755,uid=65534", "tmpfs", directory)
    wait_for("the file in the mount", lambda: inside.reads(mounted.file) == mounted.text, PATIENCE_S)
    assert restored(mounted) == 1
    # It holds the directory that it writes to.
    inside.run("umount", "--lazy", directory)
    wait_for("the file below", lambda: inside.reads(mounted.file) == mounted.text and is_ready(mounted), PATIENCE_S)
    inside.run("mount", "-t", "tmpfs", "-o", "mode=0755,uid=0", "tmpfs", directory)
    wait_until_not_ready(mounted, str(directory), "Permission denied")
    inside.run("umount", "--lazy", directory)
    wait_for("it to be ready", lambda: is_ready(mounted), PATIENCE_S)


def test_a_single_file_that_is_mounted_is_named_with_what_to_mount(binary, directory, tmp_path):
    """As `docker run -v ./targets.json:/file_sd/targets.json` does."""
    single = tmp_path / "targets.json"
    single.write_text("[]")
    (directory / "targets.json").touch()
    script = 'mount --bind "$0" "$1" && shift && exec "$@"'
    server = harness.TargetEye(
        binary, (), {"FILE_SD_DIRECTORY": directory, "USER": "nobody"},
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, single, directory / "targets.json"])
    try:
        def said():
            return "mount the directory" in server.log_text() and f"{directory}/targets.json" in server.log_text()
        wait_for("what to mount", said)
    finally:
        server.kill()
    assert single.read_text() == "[]"


def test_a_link_where_none_may_be_is_named(binary, directory, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (directory / ".target-eye").symlink_to(tmp_path / "elsewhere")
    said = run_and_fail(binary, FILE_SD_DIRECTORY=directory)
    assert f"{directory}/.target-eye" in said and "link" in said


def test_a_real_prometheus_keeps_its_targets(server, directory, prometheus):
    peer = prometheus()
    expected = {("web1:9100", "web", "prod")}
    wait_for("the target", lambda: set(peer.targets()) == expected)
    # It may be blind for a moment, but not for longer than that.
    for name in ("removed", "overwritten", "mode 000"):
        DAMAGES[name](server.file)
        before = restored(server)
        wait_for("what was put back", lambda: restored(server) >= max(before, 1) and is_well(server), PATIENCE_S)
        wait_for(f"the target, the file having been {name}", lambda: set(peer.targets()) == expected)
    # What was put back is read once more at most, and then there is peace.
    looks = []

    def at_rest():
        looks.append(peer.metric("prometheus_sd_file_scan_duration_seconds_count"))
        return len(looks) > 20 and len(set(looks[-20:])) == 1
    wait_for("no more readings", at_rest, pause=0.1)
    assert set(peer.targets()) == expected
    assert pathlib.Path(server.file).read_text() == server.text
