"""The last copy of a registration is never destroyed: files that a start cannot take over, or did not write."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

import harness

GROUPS = {"/web/prod": ["web:1"], "/db/prod": ["db:1"], "/a%2Fb/test": ["ab:1"]}
COMMAND = re.compile(r"by the command: target-eye (accept-loss '.*')$")


def register(server):
    for path, targets in GROUPS.items():
        assert server.json("PUT", path, {"targets": targets}).status == 200


def lose_state(directory):
    for file in (directory / ".target-eye").glob("state.db*"):
        file.unlink()


def aside(directory):
    folder = directory / ".target-eye/aside"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def published_then_lost(start, directory, **settings):
    """Leaves what a start without a state finds; gives the file of /web/prod."""
    server = start(**settings)
    register(server)
    harness.wait_for("the publication", lambda: len(harness.published(directory)) == len(GROUPS))
    server.stop()
    lose_state(directory)
    return directory / ("web@prod.json" if settings.get("FILE_SD_LAYOUT") == "group" else "targets.json")


def start_held(binary, directory, command=(), **settings):
    server = harness.TargetEye(binary, (), {"FILE_SD_DIRECTORY": directory, **settings}, command)
    server.wait_until_listening()
    harness.wait_for("the hold to show", lambda: COMMAND.search(server.get("/-/ready").message()))
    return server


def decide(binary, server):
    """As a person would: the command that `/-/ready` names."""
    message = server.get("/-/ready").message()
    command = f"{binary} {COMMAND.search(message)[1]}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    return done.stdout


def check_held(server, directory):
    for page in ("/-/ready", "/-/sd"):
        answer = server.get(page)
        assert answer.status == 503, (page, answer)
        assert "accept-loss" in answer.message()
    assert server.get("/-/healthy").status == 200
    assert server.metric("target_eye_ready") == 0
    assert not server.find_log("ready")


def bad_group(text, group):
    """A whole file with the group of /web/prod replaced by `group`."""
    groups = [json.dumps(each) for each in json.loads(text) if each["labels"]["job"] != "web"]
    return ("[" + ",\n".join([*groups[:1], group, *groups[1:]]) + "]").encode()


# What becomes of the file, and how many of its other groups can be told in the one file that has all.
DAMAGE = {
    "cut short in the last group": (lambda text: text[:text.index(b'"web"') - 3], 2),
    "a group with an unknown key": (lambda text: bad_group(text, '{"targets": ["web:1"], "source": "cmdb"}'), 2),
    "a port that can be none": (lambda text: bad_group(
        text, '{"targets": ["web:70000"], "labels": {"job": "web", "env": "prod"}}'), 2),
    "a key given twice": (lambda text: bad_group(text, '{"targets": ["web:1"], "targets": ["web:2"]}'), 2),
    "a number among the targets": (lambda text: text.replace(b'"web:1"', b"1"), 2),
    "not UTF-8": (lambda text: text.replace(b"web:1", b"w\xffb:1"), 2),
    "a block of zeroes": (lambda text: text.replace(text[-30:-3], bytes(27)), 2),
    "somebody else's": (lambda text: b'{"version": 3, "targets": []}', 0),
    "null": (lambda text: b"null", 0),
    "empty": (lambda text: b"", 0),
    "too large": (lambda text: text + b" " * (64 << 20), 0),
}
OF_GROUPS = ["cut short in the last group", "a group with an unknown key", "not UTF-8", "null", "empty", "too large"]


@pytest.mark.parametrize(("layout", "damage"), [*(("file", kind) for kind in DAMAGE),
                                                *(("group", kind) for kind in OF_GROUPS)])
def test_a_file_that_cannot_be_taken_over_whole_stays_until_somebody_decides(start, binary, directory, layout, damage):
    settings = {"FILE_SD_LAYOUT": layout}
    file = published_then_lost(start, directory, **settings)
    change, told = DAMAGE[damage]
    file.write_bytes(change(file.read_bytes()))
    text = file.read_bytes()
    before = {path.name: path.read_bytes() for path in directory.glob("*.json")}

    server = start_held(binary, directory, **settings)
    check_held(server, directory)
    assert server.metric("target_eye_groups") == (told if layout == "file" else 2)
    assert server.group("/web/prod") is None
    assert [path.read_bytes() for path in aside(directory)] == [text]
    [line] = server.find_log("could not be taken over whole; it stays")
    assert line["file"] == str(file)
    assert server.json("PUT", "/new/prod", {"targets": ["new:1"]}).status == 200
    server.kill()

    # Undecided, it is the same again, and what was written is there.
    server = start_held(binary, directory, **settings)
    try:
        check_held(server, directory)
        assert server.group("/new/prod")["targets"] == ["new:1"]
        assert {path.name: path.read_bytes() for path in directory.glob("*.json")} == before
        assert [path.read_bytes() for path in aside(directory)] == [text]

        assert file.name in decide(binary, server)
        server.wait_until_ready()
        groups = {("new", "prod")} | ({("db", "prod"), ("a/b", "test")} if told or layout == "group" else set())
        assert set(harness.published(directory)) == groups
        assert {(each["labels"]["job"], each["labels"]["env"]) for each in server.get("/-/sd").json()} == groups
        assert [path.read_bytes() for path in aside(directory)] == [text]
        assert text == b"" or not file.exists() or file.read_bytes() != text
    finally:
        server.stop()
    server = start(**settings)
    assert not server.complaints()
    assert set(harness.published(directory)) == groups
    assert len(aside(directory)) == 1


@pytest.mark.parametrize("kind", ["link", "directory"])
def test_what_is_no_file_is_moved_only_when_somebody_decides(start, binary, directory, tmp_path, kind):
    file = published_then_lost(start, directory)
    elsewhere = tmp_path / "elsewhere"
    file.rename(elsewhere)
    if kind == "link":
        file.symlink_to(elsewhere)
    else:
        file.mkdir()
        (file / "inside").write_text("kept")
    server = start_held(binary, directory)
    try:
        check_held(server, directory)
        assert file.is_symlink() if kind == "link" else file.is_dir()
        decide(binary, server)
        server.wait_until_ready()
        assert json.loads(file.read_text()) == []
        [kept] = aside(directory)
        assert kept.is_symlink() if kind == "link" else (kept / "inside").read_text() == "kept"
        assert len(json.loads(elsewhere.read_text())) == len(GROUPS)
    finally:
        server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be another user")
def test_a_file_that_may_not_be_read_is_kept(binary):
    with tempfile.TemporaryDirectory() as name:
        top = pathlib.Path(name)
        top.chmod(0o755)
        program = top / "target-eye"
        shutil.copy(binary, program)
        directory = top / "file_sd"
        directory.mkdir()
        file = directory / "targets.json"
        file.write_text("[]")
        for path in (directory, file):
            os.chown(path, 65534, 65534)
        file.chmod(0)
        server = start_held(program, directory,
                            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        try:
            check_held(server, directory)
            assert aside(directory) == []  # It cannot be copied.
            decide(program, server)
            server.wait_until_ready()
            [kept] = aside(directory)
            assert kept.read_text() == "[]"
        finally:
            server.stop()


def test_a_file_that_was_repaired_is_taken_over_at_the_next_start(start, binary, directory):
    file = published_then_lost(start, directory)
    whole = file.read_bytes()
    file.write_bytes(DAMAGE["cut short in the last group"][0](whole))
    server = start_held(binary, directory)
    # What happened to the groups that were taken over stays so, whatever the file says.
    assert server.request("DELETE", "/db/prod").status == 200
    assert server.json("PUT", "/a%2Fb/test", {"targets": ["changed:1"]}).status == 200
    server.stop()
    file.write_bytes(whole)
    server = start()
    assert server.group("/web/prod")["targets"] == GROUPS["/web/prod"]
    assert server.group("/db/prod") is None
    assert server.group("/a%2Fb/test")["targets"] == ["changed:1"]
    assert set(harness.published(directory)) == {("web", "prod"), ("a/b", "test")}
    assert server.get("/-/sd").status == 200


def test_one_bad_group_among_many_costs_no_other(start, binary, directory):
    groups = [{"targets": [f"host{n}:1"], "labels": {"job": f"app{n}", "env": "prod"}} for n in range(20_000)]
    groups[12_345]["targets"] = ["bad:70000"]
    (directory / "targets.json").write_text("[\n" + ",\n".join(map(json.dumps, groups)) + "\n]\n")
    server = start_held(binary, directory)
    try:
        message = server.get("/-/ready").message()
        assert "line 12347: " in message and "bad:70000" in message, message
        assert server.metric("target_eye_groups") == len(groups) - 1
        assert len(harness.published(directory)) == len(groups)
    finally:
        server.stop()


def test_a_loss_can_be_accepted_while_it_is_stopped(start, binary, directory):
    file = published_then_lost(start, directory)
    file.write_text("null")
    server = start_held(binary, directory)
    message = server.get("/-/ready").message()
    server.kill()
    command = f"{binary} {COMMAND.search(message)[1]}"
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 0
    server = start()
    assert harness.published_list(directory) == []
    assert [path.read_text() for path in aside(directory)] == ["null"]
    done = subprocess.run(["sh", "-c", command], check=False, capture_output=True, text=True)
    assert done.returncode == 0 and "nothing is held" in done.stdout
    server.stop()


def test_accept_loss_names_what_is_wrong(binary, tmp_path):
    done = subprocess.run([binary, "accept-loss", tmp_path], check=False, capture_output=True, text=True)
    assert done.returncode == 1 and str(tmp_path) in done.stderr
    done = subprocess.run([binary, "accept-loss"], check=False, capture_output=True, text=True, env={})
    assert done.returncode == 1 and "FILE_SD_DIRECTORY" in done.stderr


def test_a_held_file_that_was_moved_away_holds_nothing(start, binary, directory, tmp_path):
    file = published_then_lost(start, directory)
    file.write_bytes(DAMAGE["cut short in the last group"][0](file.read_bytes()))
    server = start_held(binary, directory)
    try:
        file.rename(tmp_path / "away")
        server.wait_until_ready()
        assert set(harness.published(directory)) == {("db", "prod"), ("a/b", "test")}
    finally:
        server.stop()


@pytest.mark.parametrize("text", [None, "[]", "[]\n", " [ ] "])
def test_a_directory_that_holds_nothing_is_ready_at_once(start, directory, text):
    if text is not None:
        (directory / "targets.json").write_text(text)
    server = start()
    assert not server.complaints()
    assert server.get("/-/sd").json() == []


@pytest.mark.parametrize("layout", ["file", "group"])
def test_meta_labels_tell_the_key_and_are_no_labels(start, directory, layout):
    settings = {"FILE_SD_LAYOUT": layout, "META_LABELS": "true"}
    server = start(**settings)
    groups = {"/web/prod": {"targets": ["one:1"], "labels": {"job": "other", "env": "else"}},
              "/a%2Fb/c": {"targets": ["two:1"]},
              f"/{'x' * 300}/y": {"targets": ["three:1"], "labels": {"job": "short"}}}
    for path, group in groups.items():
        assert server.json("PUT", path, group).status == 200
    before = {path: server.group(path) for path in groups}
    harness.wait_for("the publication", lambda: len(harness.published_list(directory)) == len(groups))
    published = harness.published_list(directory)
    server.stop()
    shutil.rmtree(directory / ".target-eye")
    server = start(**settings)
    assert {path: server.group(path) for path in groups} == before
    assert not server.complaints()
    assert harness.published_list(directory) == published


CHANGED = "somebody has changed what is published"


@pytest.mark.parametrize("layout", ["file", "group"])
def test_an_edit_of_a_published_file_is_kept_before_it_is_replaced(start, directory, layout):
    settings = {"FILE_SD_LAYOUT": layout}
    server = start(**settings)
    register(server)
    server.stop()
    file = directory / ("web@prod.json" if layout == "group" else "targets.json")
    ours = file.read_bytes()
    edits = [ours.replace(b"web:1", b"edited:1"), ours[:20], b"not JSON", ours.replace(b"web:1", b"edited:1")]
    for edit in edits:
        file.write_bytes(edit)
        server = start(**settings)
        assert file.read_bytes() == ours
        [line] = server.find_log(CHANGED)
        assert line["level"] == "warning" and pathlib.Path(line["kept"]).read_bytes() == edit
        server.stop()
    assert sorted(path.read_bytes() for path in aside(directory)) == sorted({*edits})
    assert all(path.name.startswith(file.name) for path in aside(directory))
    # A group that is removed takes no edit of others with it.
    file.write_bytes(edits[1] + b"again")
    server = start(**settings)
    assert server.request("DELETE", "/web/prod").status == 200
    assert (edits[1] + b"again") in [path.read_bytes() for path in aside(directory)]


def test_what_this_program_wrote_is_never_taken_for_an_edit(start, directory):
    """Whatever it is that a kill leaves: published, not yet, or on the way."""
    for number in range(6):
        server = start()
        for i in range(8):
            assert server.json("PUT", f"/app/{i}", {"targets": [f"n{number}-{i}:1"]}).status == 200
        server.kill() if number % 2 else server.stop()
        assert not server.find_log(CHANGED), number
    server = start(FILE_SD_LAYOUT="group")
    assert not server.find_log(CHANGED)
    assert aside(directory) == []


def test_old_files_that_cannot_be_moved_away_keep_it_from_being_ready(binary, directory):
    name = hashlib.md5(b"appprod").hexdigest() + ".json"
    (directory / name).write_text('[{"targets": ["one:1"], "labels": {"job": "app", "env": "prod"}}]')
    (directory / ".target-eye").mkdir()
    in_the_way = directory / ".target-eye/imported"
    in_the_way.write_text("")
    server = harness.TargetEye(binary, (), {"FILE_SD_DIRECTORY": directory}).wait_until_listening()
    try:
        harness.wait_for("the failure to show", lambda: "put away" in server.get("/-/ready").message())
        assert server.get("/-/ready").status == 503
        harness.wait_for("the error", lambda: server.find_log("cannot put the imported files away"))
        assert (directory / name).exists() and (directory / "targets.json").exists()
        assert server.json("PUT", "/new/prod", {"targets": ["new:1"]}).status == 200
        in_the_way.unlink()
        server.wait_until_ready()
        assert not (directory / name).exists() and (in_the_way / name).exists()
        assert server.get("/-/ready").status == 200
        assert len(server.find_log("cannot put the imported files away")) == 1
    finally:
        server.stop()


def test_a_folder_that_cannot_be_entered_is_an_error_and_no_endless_loop(start, binary, directory):
    assert os.geteuid() == 0, "this test is to run as root"
    for parent in directory.parents:
        if parent != parent.parent and parent.owner() == "root":
            parent.chmod(parent.stat().st_mode | 0o055)
    shutil.chown(directory, "nobody")
    server = start(USER="nobody")
    register(server)
    server.stop()
    # All that it knew, so that the file is to be kept before it is replaced.
    shutil.rmtree(directory / ".target-eye")
    imported = directory / ".target-eye/imported"
    imported.mkdir(parents=True)
    for folder in (imported, imported.parent):
        shutil.chown(folder, "nobody")
    imported.chmod(0o600)
    was = (directory / "targets.json").read_bytes()
    # So that it is not what would be published.
    (directory / "targets.json").write_bytes(was.replace(b",\n", b", \n"))
    server = harness.TargetEye(binary, (), {"FILE_SD_DIRECTORY": directory, "USER": "nobody"}).wait_until_listening()
    try:
        harness.wait_for("the failure", lambda: "the folder imported" in server.get("/-/ready").message())
        assert server.json("PUT", "/new/prod", {"targets": ["new:1"]}).status == 200
        imported.chmod(0o755)
        server.wait_until_ready()
        assert [path.name for path in imported.iterdir()] == ["targets.json"]
    finally:
        server.stop()
