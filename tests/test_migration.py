"""The directory that the Python Target-eye left is taken over, and Prometheus sees no gap."""

import hashlib
import json
import pathlib
import random
import re
import shutil
import subprocess
import textwrap
import time

import pytest

import harness


def name_of(application, environment):
    return hashlib.md5((application + environment).encode()).hexdigest() + ".json"


def leave(directory, application, environment, targets, labels=None):
    """Writes the group's file as the Python program does."""
    path = directory / name_of(application, environment)
    with open(path, "w") as file:
        json.dump([{"targets": targets, "labels": {"job": application, "env": environment, **(labels or {})}}], file)
    return path


def groups_in(directory):
    """Every group in every file, read as Prometheus does. A file that goes meanwhile: once more."""
    while True:
        try:
            return [group for path in directory.glob("*.json") for group in json.loads(path.read_text())]
        except FileNotFoundError:
            continue


def pairs(groups):
    return {(target, json.dumps(group["labels"], sort_keys=True)) for group in groups for target in group["targets"]}


def test_first_start_takes_everything_over(start, directory):
    files = [leave(directory, f"app{n}", f"env{n % 7}", [f"host{n}:1", f"other{n}"], {"n": str(n)}) for n in range(50)]
    files.append(leave(directory, "été", "prod hou", ["accent:1"]))
    before = {path.name: path.read_bytes() for path in files}
    was = pairs(groups_in(directory))
    server = start()
    assert [path.name for path in directory.glob("*.json")] == ["targets.json"]
    assert pairs(groups_in(directory)) == was
    for n in range(50):
        assert server.group(f"/app{n}/env{n % 7}") == {
            "targets": [f"host{n}:1", f"other{n}"], "labels": {"job": f"app{n}", "env": f"env{n % 7}", "n": str(n)}}
    assert server.group("/%C3%A9t%C3%A9/prod%20hou")["targets"] == ["accent:1"]
    imported = directory / ".target-eye/imported"
    assert {path.name: path.read_bytes() for path in imported.iterdir()} == before
    assert not (directory / ".target-eye/importing").exists()
    [line] = server.find_log("imported")
    assert (line["files"], line["groups"]) == ("51", "51")
    assert not server.complaints()

    published = (directory / "targets.json").read_bytes()
    server.stop()
    server = start()
    assert not server.find_log("imported")
    assert not server.complaints()
    assert (directory / "targets.json").read_bytes() == published
    assert {path.name: path.read_bytes() for path in imported.iterdir()} == before


def test_the_environment_of_the_python_program_works_as_it_is(start, directory):
    leave(directory, "app", "prod", ["one:1"])
    server = start(FILE_SD_DIRECTORY=None, FILE_SD_DIR_HOST=directory, BIND=f"127.0.0.1:{harness.free_port()}",
                   ACCESSLOG="-", LOGLEVEL="info", CERTFILE="", KEYFILE="")
    assert server.group("/app/prod") == {"targets": ["one:1"], "labels": {"job": "app", "env": "prod"}}
    assert server.json("POST", "/app/prod", {"targets": ["two"]}).status == 200
    assert harness.published(directory)[("app", "prod")]["targets"] == ["one:1", "two"]
    harness.wait_for("the access log", lambda: "POST /app/prod" in server.stdout_text() + server.log_text())
    assert not server.complaints()


def test_a_later_start_imports_nothing(start, directory):
    server = start()
    server.json("PUT", "/a/b", {"targets": ["one"]})
    server.request("DELETE", "/a/b")
    server.stop()
    late = leave(directory, "late", "prod", ["late:1"])
    server = start()
    assert server.group("/late/prod") is None
    assert late.exists()
    harness.wait_for("the warning", lambda: [line for line in server.find_log("") if line["level"] == "warning" and
                                             late.name in str(line)])


@pytest.mark.parametrize("layout", ["file", "group"])
def test_no_target_is_gone_at_any_moment(start, directory, layout):
    for n in range(1500):
        leave(directory, f"app{n}", "prod", [f"host{n}:1", f"host{n}:2"])
    was = pairs(groups_in(directory))
    assert len(was) == 3000

    def complete():
        now = pairs(groups_in(directory))
        assert now == was, (len(now - was), len(was - now))
    with harness.Background(complete) as watching:
        harness.wait_for("the first look", lambda: watching.rounds or watching.failure)
        server = start(FILE_SD_LAYOUT=layout)
        rounds = watching.rounds
        harness.wait_for("a last look", lambda: watching.rounds > rounds + 2 or watching.failure)
    assert len(list(directory.glob("*.json"))) == (1 if layout == "file" else 1500)
    assert server.metric("target_eye_groups") == 1500


def test_a_real_prometheus_sees_no_gap(start, directory, prometheus):
    for n in range(60):
        leave(directory, f"app{n}", "prod", [f"host{n}:1"])
    leave(directory, "renamed", "prod", ["renamed:1"], {"job": "other"})
    peer = prometheus()
    harness.wait_for("the old targets", lambda: len(peer.targets()) == 61)
    was = peer.targets()

    def complete():
        assert peer.targets() == was

    def files_read():
        active = json.loads(peer.get("/api/v1/targets?state=active"))["data"]["activeTargets"]
        return {target["discoveredLabels"]["__meta_filepath"] for target in active}
    with harness.Background(complete) as watching:
        start()
        harness.wait_for("the new file to be read, and the old ones gone",
                         lambda: watching.failure or files_read() == {str(directory / "targets.json")})
        rounds = watching.rounds
        harness.wait_for("more looks", lambda: watching.rounds > rounds + 20 or watching.failure)


def guesses(server):
    return {line["file"]: line for line in server.log_lines() if "command" in line}


def run_rename(line, application, environment):
    """As a person would: the command as it is printed, with the two names put in."""
    command = line["command"]
    assert "<application>/<environment>" in command
    command = command.replace("<application>/<environment>", f"{application}/{environment}")
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False,
                          timeout=harness.PATIENCE_S)


@pytest.mark.parametrize("labels, path", [
    ({"job": "overridden"}, "/overridden/prod"),
    ({"env": "other"}, "/app/other"),
    ({"job": "a/b", "env": "c d"}, "/a%2Fb/c%20d"),
    ({"job": "it's $(touch pwned) `touch pwned` \"x\" \\", "env": "&;|<>*?!#%41"},
     "/it%27s%20%24%28touch%20pwned%29%20%60touch%20pwned%60%20%22x%22%20%5C/%26%3B%7C%3C%3E%2A%3F%21%23%2541"),
])
def test_an_overridden_group_is_named_with_a_command_that_renames_it(start, directory, tmp_path, monkeypatch, labels,
                                                                     path):
    monkeypatch.chdir(tmp_path)
    file = leave(directory, "app", "prod", ["one:1", "two:2"], {**labels, "l": "it's [\"x\"]"})
    leave(directory, "certain", "prod", ["three:3"])
    server = start()
    found = guesses(server)
    assert list(found) == [file.name]
    line = found[file.name]
    assert line["level"] == "warning"
    assert (line["application"], line["environment"]) == (labels.get("job", "app"), labels.get("env", "prod"))
    before = server.group(path)
    was = pairs(groups_in(directory))
    assert before["targets"] == ["one:1", "two:2"]
    done = run_rename(line, "app", "prod")
    assert done.returncode == 0, done
    assert server.group(path) is None
    assert server.group("/app/prod") == before
    assert list(tmp_path.rglob("pwned")) == []
    harness.wait_for("the publication", lambda: pairs(groups_in(directory)) == was)


def test_the_rename_command_works_over_a_unix_socket(start, binary, directory, tmp_path):
    file = leave(directory, "app", "prod", ["one:1"], {"job": "other"})
    socket = tmp_path / "it's a socket"
    server = harness.TargetEye(binary, (), {"FILE_SD_DIRECTORY": directory, "BIND": f"unix:{socket}"})
    server.wait_until_ready()
    try:
        done = run_rename(guesses(server)[file.name], "app", "prod")
        assert done.returncode == 0, done
        answer = server.curl(["--unix-socket", str(socket), "http://localhost/app/prod"])
        assert answer.json() == [{"targets": ["one:1"], "labels": {"job": "other", "env": "prod"}}]
    finally:
        server.stop()


def test_the_rename_command_works_below_a_root_path(start, directory):
    file = leave(directory, "app", "prod", ["one:1"], {"job": "other"})
    server = start(ROOT_PATH="/target-eye")
    done = run_rename(guesses(server)[file.name], "app", "prod")
    assert done.returncode == 0, done
    assert server.group("/target-eye/app/prod") == {"targets": ["one:1"], "labels": {"job": "other", "env": "prod"}}


def test_two_files_with_one_key_are_both_kept(start, directory):
    leave(directory, "app", "prod", ["certain:1"])
    guess = leave(directory, "other", "prod", ["guess:1"], {"job": "app"})
    was = pairs(groups_in(directory))
    server = start()
    assert server.group("/app/prod")["targets"] == ["certain:1"]
    harness.wait_for("the publication", lambda: pairs(groups_in(directory)) == was)
    beside = f"prod-{guess.name[:8]}"
    assert server.group(f"/app/{beside}") == {"targets": ["guess:1"], "labels": {"job": "app", "env": "prod"}}
    assert list(guesses(server)) == [guess.name]
    assert run_rename(guesses(server)[guess.name], "other", "prod").returncode == 0
    assert server.group("/other/prod")["targets"] == ["guess:1"]
    assert server.group(f"/app/{beside}") is None


def test_two_files_overridden_to_one_key_are_both_kept_and_both_named(start, directory):
    files = {leave(directory, application, "prod", [f"{application}:1"], {"job": "db", "env": "all"}).name: application
             for application in ("first", "second", "third")}
    was = pairs(groups_in(directory))
    server = start()
    assert pairs(groups_in(directory)) == was
    assert len(groups_in(directory)) == 3
    assert {*guesses(server)} == {*files}
    by_name = sorted(files)
    for name, path in zip(by_name, ["/db/all", *(f"/db/all-{name[:8]}" for name in by_name[1:])]):
        assert server.group(path)["targets"] == [f"{files[name]}:1"], path
        assert run_rename(guesses(server)[name], files[name], "prod").returncode == 0
        assert server.group(path) is None
        assert server.group(f"/{files[name]}/prod") == {
            "targets": [f"{files[name]}:1"], "labels": {"job": "db", "env": "all"}}
    harness.wait_for("the publication", lambda: len(groups_in(directory)) == 3)
    assert pairs(groups_in(directory)) == was


# What is in the way of taking each: a part of the reason that the warning gives.
LEFT = {
    "mine.json": ('[{"targets": ["mine:1"], "labels": {"job": "mine", "env": "prod"}}]', "name"),
    "0123456789abcdef.json": ("[]", "name"),
    "not-json.json": ("{", "name"),
    ".hidden.json": ("[]", "name"),
    # The names of the Python program, but nothing that could be registered.
    name_of("bad", "port"): ('[{"targets": ["bad:70000"], "labels": {"job": "bad", "env": "port"}}]',
                             '"bad:70000": port must be 1-65535'),
    name_of("no", "labels"): ('[{"targets": ["a:1"]}]', "label job"),
    name_of("no", "job"): ('[{"targets": ["a:1"], "labels": {"env": "job"}}]', "label job"),
    name_of("no", "env"): ('[{"targets": ["a:1"], "labels": {"job": "no"}}]', "label env"),
    name_of("two", "groups"): ('[{"targets": ["a:1"], "labels": {"job": "two", "env": "groups"}}, '
                               '{"targets": ["b:1"], "labels": {"job": "two", "env": "groups"}}]', "2 groups"),
    name_of("zero", "groups"): ("[]", "0 groups"),
    name_of("no", "list"): ('{"targets": ["a:1"], "labels": {"job": "no", "env": "list"}}', "list"),
    name_of("torn", "file"): ('[{"targets": ["a:1"], "labels": {"job": "to', "JSON"),
    name_of("empty", "file"): ("", "JSON"),
    name_of("no", "targets"): ('[{"targets": [], "labels": {"job": "no", "env": "targets"}}]', "without targets"),
    name_of("empty", "label"): ('[{"targets": ["a:1"], "labels": {"job": "empty", "env": "label", "x": ""}}]', '"x"'),
    name_of("the", "page"): ('[{"targets": ["a:1"], "labels": {"job": "-", "env": "page"}}]', "reserved"),
}
UNNAMED = {"notes.txt": "notes", "targets.yml": "- targets: [yml:1]"}


def test_what_is_no_file_of_the_python_program_is_left_where_it_is_and_named(start, directory, tmp_path):
    texts = {**UNNAMED, **{name: text for name, (text, _) in LEFT.items()}}
    for name, text in texts.items():
        (directory / name).write_text(text)
    (directory / (name_of("a", "directory"))).mkdir()
    precious = tmp_path / "precious"
    precious.write_text('[{"targets": ["a:1"], "labels": {"job": "a", "env": "link"}}]')
    link = directory / name_of("a", "link")
    link.symlink_to(precious)
    good = leave(directory, "good", "prod", ["good:1"])
    server = start()
    assert {name: (directory / name).read_text() for name in texts} == texts
    assert (directory / name_of("a", "directory")).is_dir()
    assert link.is_symlink() and precious.exists()
    assert not good.exists()
    assert server.group("/good/prod")["targets"] == ["good:1"]
    assert server.metric("target_eye_groups") == 1
    assert [path.name for path in (directory / ".target-eye/imported").iterdir()] == [good.name]
    warned = {line["file"]: line for line in server.log_lines() if "reason" in line}
    for name, reason in {**{name: reason for name, (_, reason) in LEFT.items()}, link.name: "symbolic link"}.items():
        assert reason in warned[name]["reason"], (name, warned[name])
        assert warned[name]["level"] == "warning"
    assert not {*UNNAMED, good.name} & {*warned}


@pytest.mark.parametrize("layout", ["file", "group"])
def test_an_import_that_kill_9_interrupts_goes_on_at_the_next_start(start, binary, tmp_path, layout):
    """At what each moment leaves, and at another, and at random ones: nothing is lost, nothing is doubled."""
    rng = random.Random(layout)
    things = ["lock", "state.db.new", "state.db", "importing", "published", "imported"]
    at_random = [[rng.choice(things), rng.random() / 4] for _ in range(5)]
    for number, moments in enumerate([things, things[::-1], *at_random]):
        directory = tmp_path / f"directory{number}"
        directory.mkdir()
        for n in range(300):
            leave(directory, f"app{n}", "prod", [f"host{n}:1"])
        was = pairs(groups_in(directory))
        before = {path.name: path.read_bytes() for path in directory.glob("*.json")}
        settings = {"FILE_SD_DIRECTORY": directory, "FILE_SD_LAYOUT": layout}

        def complete():
            assert pairs(groups_in(directory)) == was, moments
        with harness.Background(complete) as watching:
            for moment in moments:
                instance = harness.TargetEye(binary, (), settings)
                if isinstance(moment, float):
                    time.sleep(moment)
                else:
                    # Where it was there before, or for a moment only, the first look is the moment.
                    harness.wait_for(moment, lambda: (directory / ".target-eye" / moment).exists() or
                                     instance.find_log("ready"), pause=0)
                instance.kill()
            server = start(**settings)
            rounds = watching.rounds
            harness.wait_for("a last look", lambda: watching.rounds > rounds + 1 or watching.failure)
        assert len(groups_in(directory)) == 300, moments
        assert len(list(directory.glob("*.json"))) == (1 if layout == "file" else 300), moments
        assert server.metric("target_eye_groups") == 300, moments
        imported = {path.name: path.read_bytes() for path in (directory / ".target-eye/imported").iterdir()}
        assert imported == before, moments
        assert not (directory / ".target-eye/importing").exists(), moments
        server.stop()


def test_the_published_files_are_taken_over_where_the_state_was_lost(start, directory):
    server = start(FILE_SD_LAYOUT="group")
    groups = {"/a/b": {"targets": ["one"], "labels": {"job": "J"}}, "/a%2Fb/c": {"targets": ["two"]},
              "/" + "x" * 300 + "/y": {"targets": ["three"]}}
    for path, group in groups.items():
        server.json("PUT", path, group)
    before = {path: server.group(path) for path in groups}
    server.stop()
    for file in (directory / ".target-eye").glob("state.db*"):
        file.unlink()
    server = start(FILE_SD_LAYOUT="group")
    assert {path: server.group(path) for path in groups} == before


def test_going_back_leads_to_the_files_of_the_python_program(start, directory, tmp_path):
    """The commands of docs/migration.md, with this server and this directory put in."""
    leave(directory, "app", "prod", ["one:1"])
    server = start()
    long = "x" * 300
    for path, labels in {"/new/prod": {}, f"/{long}/prod": {}, "/moved/prod": {"job": "else"}, "/ab/c": {},
                         "/a/bc": {}}.items():
        assert server.json("PUT", path, {"targets": ["new:1"], "labels": labels}).status == 200
    harness.wait_for("the publication", lambda: len(harness.published(directory)) == 6)
    before = harness.published(directory)
    text = (pathlib.Path(__file__).parent.parent / "docs/migration.md").read_text()
    save, write = [textwrap.dedent(block) for block in re.findall(
        r"```bash\n(.*?)```", text.partition("## Going back\n")[2].partition("\n## ")[0], re.DOTALL)]

    def run(command):
        for old, new in {"127.0.0.1:12345": server.address, "/tmp/groups.json": tmp_path / "groups.json",
                         "/srv/file_sd": directory}.items():
            command = command.replace(old, str(new))
        return subprocess.run(["sh", "-ec", command], check=True, capture_output=True, text=True).stdout
    assert run(save) == ""
    server.stop()
    said = run(write)
    assert name_of("ab", "c") in said and "several groups" in said
    shutil.rmtree(directory / ".target-eye")
    (directory / "targets.json").unlink()
    assert harness.published(directory) == before
    keys = [("app", "prod"), ("new", "prod"), (long, "prod"), ("moved", "prod"), ("ab", "c")]
    assert {path.name for path in directory.iterdir()} == {name_of(*key) for key in keys}
    (directory / name_of("ab", "c")).unlink()  # Which of its two it is, nobody can tell.
    server = start()
    assert server.group("/new/prod")["targets"] == ["new:1"]
    assert server.group(f"/{long}/prod")["targets"] == ["new:1"]
    assert {*guesses(server)} == {name_of("moved", "prod")}


def test_a_group_larger_than_the_body_limit_is_imported_and_named(start, directory):
    targets = [f"host-{n}.example:9100" for n in range(100)]
    leave(directory, "big", "prod", targets, {"job": "other"})
    server = start(BODY_LIMIT="1KiB")
    [line] = server.find_log("larger than BODY_LIMIT")
    assert line["level"] == "warning" and int(line["bytes"]) > 1024
    assert (line["application"], line["environment"]) == ("other", "prod")
    assert server.json("POST", "/other/prod", {"targets": ["one-more:1"]}).status == 200
    assert server.json("PUT", "/big/prod", {"targets": targets}).status == 413
    server.stop()
    server = start(BODY_LIMIT="16MiB")
    [group] = server.get("/other/prod").json()
    assert server.json("PUT", "/big/prod", group).status == 200
