"""Starts and stops, settings by every way, logs, and the service's own pages."""

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import threading

import pytest

from harness import TargetEye, parse_logfmt, published, published_list, run_and_fail, wait_for


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well(server, number):
    server.json("PUT", "/a/e", {"targets": ["h:1"]})
    server.signal(number)
    assert server.wait() == 0
    assert server.find_log("stopped")


def test_a_request_under_way_is_finished(start, directory):
    server = start(GRACEFUL_TIMEOUT="30")
    body = '{"targets": ["h:1"]}'
    with server.connect() as connection, server.connect() as idle:
        connection.send(f"PUT /a/e HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                        f"Content-Length: {len(body)}\r\n\r\n{body[:5]}")
        # The server has taken the connection and the first bytes once it answers another request.
        assert server.get("/a/e").status == 200
        server.signal(signal.SIGTERM)
        assert idle.is_closed()
        wait_for("the address to be closed", lambda: is_refused(server.port))
        server.signal(signal.SIGHUP)  # As a rotation of the log sends it.
        connection.send(body[5:])
        answer = connection.read_answer()
        assert answer.status == 200, answer
        assert answer.headers["connection"] == "close"
    assert server.wait() == 0
    assert published(directory)[("a", "e")]["targets"] == ["h:1"]


def is_refused(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        return False
    except ConnectionRefusedError:
        return True


def test_a_request_that_never_ends_is_cut_off(start):
    server = start(GRACEFUL_TIMEOUT="0.5")
    with server.connect() as connection:
        connection.send("PUT /a/e HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n")
        assert server.get("/a/e").status == 200
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    assert server.find_log("connections were cut")


def one_line(text):
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    return lines[0]


def test_a_port_in_use_is_named(server, binary, tmp_path):
    line = one_line(run_and_fail(binary, BIND=server.address, FILE_SD_DIRECTORY=tmp_path / "other"))
    assert server.address in line and "in use" in line.lower()
    assert not (tmp_path / "other").exists()


def test_no_directory_at_all_says_what_to_set(binary):
    assert "FILE_SD_DIRECTORY" in one_line(run_and_fail(binary))


def test_an_impossible_directory_is_named(binary, tmp_path):
    (tmp_path / "file").write_text("")
    line = one_line(run_and_fail(binary, FILE_SD_DIRECTORY=tmp_path / "file" / "sd"))
    assert str(tmp_path / "file" / "sd") in line


def test_a_directory_that_cannot_be_written_is_named(binary, tmp_path):
    # Root may write everywhere: the program gives it up.
    path = tmp_path / "sd"
    path.mkdir(mode=0o755)
    for parent in [tmp_path, *tmp_path.parents]:
        if parent.owner() == "root" and parent != parent.parent:
            parent.chmod(parent.stat().st_mode | 0o055)
    assert os.geteuid() == 0, "this test is to run as root"
    line = one_line(run_and_fail(binary, FILE_SD_DIRECTORY=path, USER="nobody"))
    assert str(path) in line


@pytest.mark.parametrize("setting", [
    {"READ_TIMEOUT": "soon"}, {"BIND": "localhost"}, {"BIND": "127.0.0.1:99999"}, {"WORKERS": "-1"},
    {"LOGLEVEL": "loud"}, {"FILE_SD_LAYOUT": "heap"}, {"QUIC_BIND": "127.0.0.1:1"}, {"VERIFY_MODE": "MAYBE"},
    {"CERTFILE": "/c.pem"}, {"CONFIG_FILE": "/no/such/file"}, {"USER": "no-such-user"},
], ids=lambda setting: next(iter(setting)))
def test_a_bad_setting_is_named(binary, directory, setting):
    line = one_line(run_and_fail(binary, FILE_SD_DIRECTORY=directory, **setting))
    name, value = next(iter(setting.items()))
    assert name in line or value in line, line


def test_an_unknown_flag_is_refused(binary, directory):
    assert "--no-such-flag" in one_line(run_and_fail(binary, ["--no-such-flag"], FILE_SD_DIRECTORY=directory))


def test_help_and_version_answer(binary):
    out = subprocess.run([binary, "--help"], capture_output=True, text=True, check=True).stdout
    for name in ("FILE_SD_DIRECTORY", "--web.listen-address", "GRACEFUL_TIMEOUT", "CONFIG_FILE"):
        assert name in out
    assert max(map(len, out.splitlines())) <= 100
    out = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"target-eye \d+\.\d+\.\d+\n", out)


INI = """
# a comment
[hypercorn]
bind = 127.0.0.1:0
loglevel: debug

[target-eye]
file_sd_directory = {directory}
"""
TOML = """
[hypercorn]
bind = ["127.0.0.1:0"]
loglevel = "debug"
[target-eye]
file_sd_directory = "{directory}"
"""


@pytest.mark.parametrize("text", [INI, TOML], ids=["INI", "TOML"])
@pytest.mark.parametrize("by", ["argument", "variable"])
def test_a_config_file_is_enough(start, directory, tmp_path, text, by):
    path = tmp_path / "config"
    path.write_text(text.format(directory=directory))
    settings = {"BIND": None, "FILE_SD_DIRECTORY": None}
    server = start(path, **settings) if by == "argument" else start(CONFIG_FILE=path, **settings)
    assert server.json("PUT", "/a/e", {"targets": ["h:1"]}).status == 200
    assert ("a", "e") in published(directory)


def test_the_environment_wins_over_the_file_and_flags_over_both(start, directory, tmp_path):
    config = tmp_path / "config.ini"
    config.write_text("[target-eye]\nfile_sd_directory = /no/such/place\n[hypercorn]\nkeep_alive_timeout = wrong?\n"
                      .replace("wrong?", "7"))
    server = start(config, FILE_SD_DIRECTORY=directory)
    assert server.json("PUT", "/a/e", {"targets": ["h:1"]}).status == 200
    server.stop()
    other = tmp_path / "other"
    server = start(config, "--file-sd-directory", other, FILE_SD_DIRECTORY=directory)
    assert server.json("PUT", "/b/e", {"targets": ["h:1"]}).status == 200
    assert ("b", "e") in published(other) and ("b", "e") not in published(directory)


def test_the_older_name_of_the_directory_is_taken(start, directory):
    server = start(FILE_SD_DIRECTORY=None, FILE_SD_DIR_HOST=directory)
    assert server.json("PUT", "/a/e", {"targets": ["h:1"]}).status == 200
    assert ("a", "e") in published(directory)


def test_settings_without_meaning_are_named_once(start):
    server = start(WORKER_CLASS="uvloop", STATSD_HOST="localhost:8125", CERTFILE="", KEYFILE="")
    for name in ("WORKER_CLASS", "STATSD_HOST"):
        assert len([line for line in server.log_lines() if name in line["msg"]]) == 1
    assert "CERTFILE" not in server.log_text()


def test_every_log_line_is_logfmt(start):
    server = start(LOGLEVEL="debug", WORKER_CLASS="x")
    server.json("PUT", "/a/e", {"targets": ["h:1"]})
    server.stop()
    lines = server.log_text().splitlines()
    for line in lines:
        fields = parse_logfmt(line)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields["ts"]), line
        assert fields["level"] in ("debug", "info", "warning", "error", "critical") and fields["msg"], line
    assert len(lines) >= 4


def test_the_log_goes_to_a_file_and_is_opened_anew(binary, directory, tmp_path):
    log, access = tmp_path / "error.log", tmp_path / "access.log"
    server = TargetEye(binary, (), {"FILE_SD_DIRECTORY": directory, "ERRORLOG": log, "ACCESSLOG": access})
    address = wait_for("the log", lambda: re.search(r"address=(\S+)", log.read_text()))[1]
    server.address, server.port = address, int(address.rsplit(":", 1)[1])
    assert server.get("/a/e").status == 200
    wait_for("the access log", lambda: access.exists() and "GET /a/e" in access.read_text())
    access.rename(tmp_path / "access.log.1")
    log.rename(tmp_path / "error.log.1")
    server.signal(signal.SIGHUP)
    wait_for("a new access log", lambda: server.get("/b/e").status == 200 and access.exists()
             and "GET /b/e" in access.read_text())
    server.stop()
    assert "stopped" in log.read_text()


ATOMS = {
    "h": r"127\.0\.0\.1:\d+", "l": "-", "u": "-", "t": r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]",
    "r": r"GET /a/e 1\.1", "R": r"GET /a/e\?x=y 1\.1", "s": "200", "st": "OK", "S": "http", "m": "GET",
    "U": "/a/e", "Uq": r"/a/e\?x=y", "q": "x=y", "H": r"1\.1", "b": r"\d+", "B": r"\d+",
    "f": "http://ref/", "a": "agent", "T": r"\d+", "D": r"\d+", "L": r"\d+\.\d{6}", "p": r"\d+",
    "{X-Thing}i": "thing", "{Absent}i": "-", "{Content-Type}o": "application/json", "{HOME_NAME}e": "home",
    "{NO_SUCH}e": "-",
}


def test_every_access_log_atom(start):
    server = start(ACCESSLOG="-", ACCESS_LOG_FORMAT="|".join(f"%({atom})s" for atom in ATOMS), HOME_NAME="home")
    server.request("GET", "/a/e?x=y", headers={"Referer": "http://ref/", "User-Agent": "agent", "X-Thing": "thing"})
    wait_for("the access line", server.stdout_text)
    values = server.stdout_text().splitlines()[0].split("|")
    assert len(values) == len(ATOMS)
    for (atom, pattern), value in zip(ATOMS.items(), values):
        assert re.fullmatch(pattern, value), f"{atom}: {value!r}"


def test_the_default_access_log_has_one_line_a_request(start):
    server = start(ACCESSLOG="-")
    for _ in range(3):
        server.get("/a/e")
    server.get("/nowhere")
    wait_for("the lines", lambda: server.stdout_text().count("\n") == 4)
    assert '"GET /a/e' in server.stdout_text() and " 404 " in server.stdout_text()


def test_no_access_log_by_default(server):
    server.get("/a/e")
    server.stop()
    assert server.stdout_text() == ""


def test_the_pid_file_holds_the_pid_while_it_runs(start, tmp_path):
    path = tmp_path / "target-eye.pid"
    server = start(PID_PATH=path)
    assert path.read_text() == f"{server.pid}\n"
    server.stop()
    assert not path.exists()


def test_it_listens_on_a_unix_socket(start, tmp_path):
    path = tmp_path / "s.sock"
    server = start(BIND=f"unix:{path},127.0.0.1:0", UMASK="007")
    assert stat.S_ISSOCK(path.stat().st_mode) and stat.S_IMODE(path.stat().st_mode) == 0o770
    answer = server.curl(["--unix-socket", str(path), "-X", "PUT", "-d", "targets=h:1", "http://localhost/a/e"])
    assert answer.status == 200
    assert server.group("/a/e")["targets"] == ["h:1"], "the same service on the other address"
    server.stop()
    assert not path.exists()


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_unix_socket_is_for_its_group_whatever_the_umask(start, tmp_path):
    path = tmp_path / "s.sock"
    for mask in ("0000", "0022", "0077", "0777"):
        server = start(BIND=f"unix:{path}", command=["sh", "-c", f'umask {mask}; exec "$@"', "sh"])
        assert mode_of(path) == 0o660, mask
        server.stop()


def test_the_mode_and_the_group_of_a_unix_socket_can_be_set(start, tmp_path):
    # A directory whose group is inherited has no say in it.
    shutil.chown(tmp_path, group="daemon")
    tmp_path.chmod(0o2755)
    path = tmp_path / "s.sock"
    for settings, mode, group in [({"UNIX_SOCKET_MODE": "0606"}, 0o606, "daemon"),
                                  ({"UNIX_SOCKET_MODE": "600", "UMASK": "007"}, 0o600, "daemon"),
                                  ({"GROUP": "nogroup"}, 0o660, "nogroup"), ({"GROUP": "root"}, 0o660, "root")]:
        server = start(BIND=f"unix:{path}", **settings)
        assert (mode_of(path), path.group()) == (mode, group)
        server.stop()


def test_a_proxy_in_the_group_can_use_the_unix_socket(start, tmp_path, directory):
    open_parents(directory, directory)
    directory.chmod(0o777)
    sockets = tmp_path / "sockets"
    sockets.mkdir()
    sockets.chmod(0o777)
    path = sockets / "s.sock"
    start(BIND=f"unix:{path}", USER="nobody", GROUP="daemon")
    ask = ["curl", "-sS", "--unix-socket", str(path), "http://localhost/-/healthy"]
    for group, exit_code in [("daemon", 0), ("games", 7)]:
        asked = subprocess.run(["setpriv", "--reuid", "www-data", "--regid", group, "--clear-groups", *ask],
                               capture_output=True, check=False)
        assert asked.returncode == exit_code, asked


def open_parents(*paths):
    """What root made on the way to `paths`, everybody may enter."""
    assert os.geteuid() == 0, "this test is to run as root"
    for path in paths:
        for parent in [path, *path.parents]:
            if parent != parent.parent and parent.owner() == "root":
                parent.chmod(parent.stat().st_mode | 0o055)


@pytest.mark.parametrize("mask", ["0077", "0777"])
@pytest.mark.parametrize("way", ["inherited", "setting"])
def test_what_it_makes_for_prometheus_is_open_to_all_and_the_rest_is_not(start, tmp_path, mask, way):
    open_parents(tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o777)
    directory = home / "made/file_sd"
    command = ["sh", "-c", f'umask {mask}; exec "$@"', "sh"] if way == "inherited" else []
    settings = {"UMASK": mask} if way == "setting" else {}
    for layout, name in [("group", "b@e.json"), ("file", "targets.json")]:
        server = start(FILE_SD_DIRECTORY=directory, FILE_SD_LAYOUT=layout, command=command, USER="nobody", **settings)
        assert server.json("PUT", "/b/e", {"targets": ["h:1"]}).status == 200
        for path in (directory.parent, directory, directory / ".target-eye"):
            assert mode_of(path) == 0o755, path
        assert mode_of(directory / name) == 0o644
        assert mode_of(directory / ".target-eye/staging") == 0o700
        assert mode_of(directory / ".target-eye/state.db") == 0o600
        seen = subprocess.run(["setpriv", "--reuid", "daemon", "--regid", "daemon", "--clear-groups",
                               "cat", directory / name], capture_output=True, check=False)
        assert seen.returncode == 0 and b"h:1" in seen.stdout, seen
        server.stop()


def test_a_directory_that_is_there_keeps_its_mode(start, directory):
    directory.chmod(0o710)
    start().json("PUT", "/b/e", {"targets": ["h:1"]})
    assert mode_of(directory) == 0o710


def test_a_stale_unix_socket_is_replaced_and_a_file_is_not(start, binary, directory, tmp_path):
    path = tmp_path / "s.sock"
    server = start(BIND=f"unix:{path}")
    server.kill()
    assert path.exists()
    server = start(BIND=f"unix:{path}")
    assert one_line(run_and_fail(binary, BIND=f"unix:{path}", FILE_SD_DIRECTORY=tmp_path / "other"))
    server.stop()
    path.write_text("precious")
    assert one_line(run_and_fail(binary, BIND=f"unix:{path}", FILE_SD_DIRECTORY=directory))
    assert path.read_text() == "precious"


def test_it_takes_a_socket_that_is_handed_over(start):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        server = start(BIND=f"fd://{listening.fileno()}")
        server.port = port
        assert server.get("/a/e").status == 200


def test_it_listens_on_several_addresses(start):
    server = start(BIND="127.0.0.1:0,127.0.0.1:0,[::1]:0")
    assert len(server.addresses) == 3
    for address in server.addresses:
        assert server.curl(["-g", f"http://{address}/-/healthy"]).status == 200, address


def test_it_becomes_the_user_it_is_told(start, directory, tmp_path):
    assert os.geteuid() == 0, "this test is to run as root"
    for parent in [directory, *directory.parents]:
        if parent != parent.parent and parent.owner() == "root":
            parent.chmod(parent.stat().st_mode | 0o055)
    directory.chmod(0o777)
    path = tmp_path / "s.sock"
    server = start(BIND=f"127.0.0.1:0,unix:{path}", USER="nobody")
    assert server.json("PUT", "/a/e", {"targets": ["h:1"]}).status == 200
    assert (directory / "targets.json").owner() == "nobody"
    assert path.owner() == "nobody"
    status = open(f"/proc/{server.pid}/status").read()
    assert set(re.search(r"^Uid:\s+(.*)$", status, re.MULTILINE)[1].split()) == {"65534"}


def test_published_files_can_be_read_by_anybody_whatever_the_umask(start, directory):
    server = start(UMASK="077")
    assert server.json("PUT", "/a/e", {"targets": ["h:1"]}).status == 200
    assert stat.S_IMODE((directory / "targets.json").stat().st_mode) == 0o644


def test_the_service_is_mounted_under_a_prefix(start):
    server = start(ROOT_PATH="/eye")
    assert server.json("PUT", "/eye/a/e", {"targets": ["h:1"]}).status == 200
    assert server.get("/eye/a/e").json()[0]["targets"] == ["h:1"]
    assert server.get("/eye/-/ready").status == 200
    for path in ("/a/e", "/eyea/e", "/eye", "/-/ready"):
        answer = server.get(path)
        assert answer.status == 404 and answer.message(), path
    assert "expected one that begins with /eye" in server.get("/a/e").message()


def test_the_server_header_can_be_left_out(start):
    assert start().get("/a/e").headers["server"].startswith("target-eye")


def test_without_the_server_header(start):
    assert "server" not in start(INCLUDE_SERVER_HEADER="false").get("/a/e").headers


def test_health_pages(server):
    assert server.get("/-/healthy").status == 200
    assert server.get("/-/ready").status == 200
    assert server.request("HEAD", "/-/ready").status == 200
    assert server.request("PUT", "/-/healthy").status in (400, 405)


FAMILIES = """
target_eye_http_requests_total target_eye_http_request_duration_seconds_count target_eye_http_connections
target_eye_http_connections_total target_eye_http_rejected_connections_total target_eye_commit_batch_size_count
target_eye_commit_duration_seconds_count target_eye_commit_failures_total target_eye_publications_total
target_eye_publication_failures_total target_eye_publication_duration_seconds_count
target_eye_publication_last_success_timestamp_seconds target_eye_published_revision target_eye_groups
target_eye_targets target_eye_revision target_eye_build_info process_cpu_seconds_total
process_resident_memory_bytes process_virtual_memory_bytes process_start_time_seconds process_open_fds
process_max_fds
""".split()


def test_metrics_pass_promtool_and_move(server):
    server.json("PUT", "/a/e", {"targets": ["h:1", "h:2"]})
    server.json("PUT", "/b/e", {"targets": ["h:1"]})
    server.json("PUT", "/b/e", {"targets": ["?"]})
    server.get("/a/e")
    text = server.get("/metrics").body
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert checked.returncode == 0 and not checked.stdout and not checked.stderr, checked
    for family in FAMILIES:
        if family != "target_eye_publication_failures_total":
            server.metric(family)
    requests = "target_eye_http_requests_total"
    assert server.metric(f'{requests}{{code="200",method="PUT",handler="group"}}') == 2
    assert server.metric(f'{requests}{{code="400",method="PUT",handler="group"}}') == 1
    assert server.metric(f'{requests}{{code="200",method="GET",handler="group"}}') == 1
    assert server.metric("target_eye_groups") == 2
    assert server.metric("target_eye_targets") == 3
    assert server.metric("target_eye_commit_batch_size_sum") == 2
    assert server.metric("target_eye_revision") == 2
    assert server.metric('target_eye_published_revision{publisher="file_sd"}') == 2


def test_many_threads_at_once_get_their_own_answers(server):
    failures = []

    def work(index):
        for i in range(20):
            answer = server.json("PUT", f"/a-{index}/e", {"targets": [f"h-{index}:{i + 1}"]})
            if answer.status != 200 or answer.json()[0]["targets"] != [f"h-{index}:{i + 1}"]:
                failures.append(answer)
    threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert server.metric("target_eye_groups") == 16


def test_serve_is_the_long_form_of_a_start(start, tmp_path):
    config = tmp_path / "get"
    config.write_text(f"[target-eye]\nfile_sd_directory = {tmp_path / 'file_sd'}\n")
    server = start("serve", config, FILE_SD_DIRECTORY="")
    assert server.json("PUT", "/a/e", {"targets": ["h:1"]}).status == 200
    assert len(published_list(tmp_path / "file_sd")) == 1


@pytest.mark.parametrize("word", ["get", "register", "completion"])
def test_a_word_that_is_kept_for_a_command_is_no_config_file(binary, tmp_path, word):
    config = tmp_path / word
    config.write_text("[target-eye]\nfile_sd_directory = /srv/file_sd\n")

    def run(*arguments):
        return subprocess.run([str(binary), *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
    kept = run(word, "--read-timeout", "5")
    assert kept.returncode == 2 and kept.stdout == ""
    assert f"{word} is kept for a command that this version does not have" in kept.stderr
    assert f"a config file of the name {word} is given as ./{word}" in kept.stderr
    checked = run("check", "config", f"./{word}", "--bind", "127.0.0.1:0", "--read-timeout", "x")
    assert checked.returncode == 1 and "--read-timeout" in checked.stderr
    assert run("version").stdout == run("--version").stdout != ""
    assert run("help").stdout == run("--help").stdout != ""


def check_config(binary, *arguments, **environment):
    return subprocess.run([str(binary), "check", "config", *arguments], capture_output=True, text=True, check=False,
                          env={"BIND": "127.0.0.1:0", **environment})


def test_check_config_shows_what_is_set_and_where_without_secrets(binary, tmp_path):
    config = tmp_path / "target-eye.toml"
    config.write_text('[hypercorn]\nread_timeout = 2.5\nworker_class = "uvloop"\n')
    checked = check_config(binary, "--bind", "127.0.0.1:0", str(config), FILE_SD_DIRECTORY="/srv/file_sd",
                           KEYFILE_PASSWORD="hidden")
    assert checked.returncode == 0, checked
    assert "bind = 127.0.0.1:0    (--bind)\n" in checked.stdout
    assert f"read_timeout = 2.5    ({config}:2: read_timeout)\n" in checked.stdout
    assert "file_sd_directory = /srv/file_sd    (FILE_SD_DIRECTORY (environment))\n" in checked.stdout
    assert "keyfile_password = <secret>" in checked.stdout and "hidden" not in checked.stdout + checked.stderr
    assert "worker_class is set and has no effect" in checked.stdout


def everything_in(path):
    return {str(found.relative_to(path)): found.read_bytes() if found.is_file() else None
            for found in sorted(path.rglob("*"))}


# Each makes what stands in the way below a directory, and gives settings; the names are claims.
def a_port_in_use(path):
    held = socket.create_server(("127.0.0.1", 0))
    return {"BIND": f"127.0.0.1:{held.getsockname()[1]}"}, held


def a_file_where_a_socket_is_to_be(path):
    (path / "socket").write_text("kept")
    return {"BIND": f"unix:{path}/socket"}


def a_file_in_place_of_a_directory(path):
    (path / "file").write_text("kept")
    return {"FILE_SD_DIRECTORY": f"{path}/file/sd"}


def a_directory_of_root_for_another_user(path):
    (path / "sd").mkdir(mode=0o755)
    return {"USER": "nobody"}


def a_state_that_is_damaged(path):
    (path / "sd" / ".target-eye").mkdir(parents=True)
    (path / "sd" / ".target-eye" / "state.db").write_bytes(b"no database" * 100)
    return {}


def a_state_that_is_a_file(path):
    (path / "state").write_text("kept")
    return {"STATE_DIRECTORY": f"{path}/state"}


def a_token_without_a_hash(path):
    (path / "access.yml").write_text("tokens: {ci: hunter2}\n")
    return {"ACCESS_FILE": f"{path}/access.yml"}


FAILING_STARTS = [
    a_port_in_use, a_file_where_a_socket_is_to_be, a_file_in_place_of_a_directory, a_directory_of_root_for_another_user,
    a_state_that_is_damaged, a_state_that_is_a_file, a_token_without_a_hash,
    {"BIND": "localhost"}, {"BIND": "127.0.0.1:99999"}, {"BIND": "192.0.2.1:0"}, {"BIND": "unix:/no/such/folder/s"},
    {"INSECURE_BIND": "fd://77"}, {"PID_PATH": "/no/such/folder/pid"}, {"ERRORLOG": "/no/such/folder/log"},
    {"ACCESSLOG": "/no/such/folder/log"}, {"ACCESSLOG": "-", "ACCESS_LOG_FORMAT": "%(nothing)s"},
    {"STATE_DIRECTORY": "/no/such/folder/state"}, {"FILE_SD_DIRECTORY": "/proc/file_sd"}, {"USER": "no-such-user"},
    {"GROUP": "no-such-group"}, {"PUBLISH_SELECTOR": "aplication=web"}, {"PUBLISH_SELECTOR": "application=~web"},
    {"CERTFILE": "/no/such.crt", "KEYFILE": "/no/such.key"}, {"WEB_CONFIG_FILE": "/no/such.yml"},
    {"ACCESS_FILE": "/no/such.yml"}, {"READ_TIMEOUT": "soon"}, {"LOGLEVEL": "loud"}, {"QUIC_BIND": "127.0.0.1:1"},
    {"CERTFILE": "/c.pem"}, {"CONFIG_FILE": "/no/such/file"}, {"ROOT_PATH": "eye"},
]


@pytest.mark.parametrize("failing", FAILING_STARTS, ids=lambda way: getattr(
    way, "__name__", str(way).strip("{}").replace("'", "").replace("/", "")))
def test_check_config_fails_where_the_start_does_with_its_words_and_leaves_nothing(binary, tmp_path, failing):
    for parent in [tmp_path, *tmp_path.parents]:
        if parent.owner() == "root" and parent != parent.parent:
            parent.chmod(parent.stat().st_mode | 0o055)
    made = failing(tmp_path) if callable(failing) else failing
    settings, _held = made if isinstance(made, tuple) else (made, None)
    settings = {"BIND": "127.0.0.1:0", "FILE_SD_DIRECTORY": str(tmp_path / "sd"), **settings}
    before = everything_in(tmp_path)
    checked = check_config(binary, **settings)
    assert checked.returncode == 1, checked
    assert "would start" not in checked.stdout
    left = everything_in(tmp_path)
    left.pop("sd/.target-eye/lock", None)
    assert left == before
    said = one_line(checked.stderr).removeprefix("target-eye: ")
    words = run_and_fail(binary, **settings).splitlines()[-1]
    assert said == parse_logfmt(words).get("msg", words.removeprefix("target-eye: "))


@pytest.mark.parametrize("user", [None, "nobody"])
def test_check_config_tries_it_all_and_leaves_nothing(binary, tmp_path, user):
    for parent in [tmp_path, *tmp_path.parents]:
        if parent.owner() == "root" and parent != parent.parent:
            parent.chmod(parent.stat().st_mode | 0o055)
    place = tmp_path / "place"
    place.mkdir()
    place.chmod(0o777)
    checked = check_config(binary, FILE_SD_DIRECTORY=f"{place}/a/b/sd", BIND=f"127.0.0.1:0,unix:{tmp_path}/socket",
                           PID_PATH=f"{tmp_path}/pid", ERRORLOG=f"{tmp_path}/log", ACCESSLOG=f"{tmp_path}/access",
                           **({"USER": user} if user else {}))
    assert checked.returncode == 0, checked
    assert "warning" not in checked.stdout and not checked.stderr
    assert everything_in(tmp_path) == {"place": None}


def test_check_config_of_what_runs_already_says_so_and_does_no_harm(start, binary, directory, tmp_path):
    server = start(BIND=f"127.0.0.1:0,unix:{tmp_path}/socket", PID_PATH=tmp_path / "pid")
    assert server.json("PUT", "/a/e", {"targets": ["h:1"]}).status == 200
    settings = {"FILE_SD_DIRECTORY": str(directory), "BIND": f"{server.address},unix:{tmp_path}/socket",
                "PID_PATH": f"{tmp_path}/pid"}
    checked = check_config(binary, **settings)
    assert checked.returncode == 0, checked
    assert "runs with this state already" in checked.stdout
    # What somebody else holds is a failure all the same.
    with socket.create_server(("127.0.0.1", 0)) as held:
        taken = f"127.0.0.1:{held.getsockname()[1]}"
        checked = check_config(binary, **{**settings, "BIND": f"{server.address},{taken}"})
    assert checked.returncode == 1 and f"cannot listen on {taken}" in checked.stderr, checked
    other = check_config(binary, **{**settings, "BIND": "127.0.0.1:0", "STATE_DIRECTORY": f"{tmp_path}/other"})
    assert other.returncode == 1 and "another target-eye publishes to" in other.stderr, other
    assert (tmp_path / "pid").read_text() == f"{server.pid}\n"
    assert server.json("PUT", "/b/e", {"targets": ["h:1"]}).status == 200
    assert set(published(directory)) == {("a", "e"), ("b", "e")}


def test_check_config_warns_of_a_selector_that_is_probably_meant_otherwise(binary, directory):
    checked = check_config(binary, FILE_SD_DIRECTORY=str(directory), PUBLISH_SELECTOR="environment==prod")
    assert checked.returncode == 0
    assert 'warning: PUBLISH_SELECTOR: "environment==prod": it has one = too many\n' in checked.stdout


def test_a_misspelt_flag_is_told_what_it_was_meant_to_be(binary, directory):
    line = one_line(run_and_fail(binary, ["--web.listen-adress=:1"], FILE_SD_DIRECTORY=directory))
    assert "did you mean --bind?" in line


@pytest.mark.parametrize("flags", [
    ["--web.external-url=https://example.org/eye/"], ["--web.route-prefix=/eye"],
    ["--web.external-url=http://example.org/elsewhere", "--web.route-prefix=/eye/"]], ids=len)
def test_the_flags_of_prometheus_for_a_prefix_are_taken(start, flags):
    server = start(*flags, LOGLEVEL="INFO")
    assert server.get("/eye/-/ready").status == 200
    assert server.get("/-/ready").status == 404


@pytest.mark.parametrize("level", ["NOTSET", "20"])
def test_levels_are_taken_as_others_call_them(start, level):
    start(LOGLEVEL=level)


def test_the_configuration_is_logged_at_the_start_without_secrets(start):
    server = start(KEYFILE_PASSWORD="hidden", READ_TIMEOUT="7")
    (line,) = server.find_log("configuration")
    assert line["read_timeout"] == "7" and line["keyfile_password"] == "<secret>"
    assert "hidden" not in server.log_text()


def test_the_access_log_follows_into_json_with_a_request_id(start):
    server = start(LOG_FORMAT="json", ACCESSLOG="-")
    server.request("GET", "/a/e?x", headers={"X-Request-Id": "mine-1"})
    failed = server.request("GET", "/a")
    server.stop()
    given, made = [json.loads(line) for line in server.stdout_text().splitlines()]
    assert given["request_id"] == "mine-1" and given["status"] == 200 and given["target"] == "/a/e?x"
    assert made["request_id"] == failed.headers["x-request-id"] and made["status"] == failed.status == 404


def test_the_log_can_be_json(start):
    server = start(LOG_FORMAT="json")
    server.stop()
    lines = [json.loads(line) for line in server.log_text().splitlines()]  # Each is a whole object.
    assert {"configuration", "listening", "ready", "stopping", "stopped"} <= {line["msg"] for line in lines}
    assert all(line["ts"].endswith("Z") and line["level"] for line in lines)
    assert not server.complaints()
    (ready,) = [line for line in lines if line["msg"] == "ready"]
    assert ready["groups"] == 0 and ready["file_sd_directory"]
