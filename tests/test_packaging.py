"""What is installed: the image, the Compose file, the Debian package and what is in it.

Built in a Debian of its own, from the sources, as the Dockerfile says.
"""

import contextlib
import http.client
import json
import os
import pathlib
import pty
import re
import shlex
import shutil
import signal
import socket
import subprocess

import pytest
import yaml

import chroot
import dockerfile
import harness
from chroot import ROOT

PACKAGING = ROOT / "packaging"
GROUP = {"targets": ["web1:9100"], "labels": {"job": "web", "env": "prod"}}


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """The stages of the Dockerfile: `build`, and the image, `1`."""
    directory = tmp_path_factory.mktemp("build")
    cache = pathlib.Path(chroot.run(["ccache", "--get-config", "cache_dir"]).strip())
    cache.mkdir(parents=True, exist_ok=True)
    try:
        yield dockerfile.Build(ROOT / "Dockerfile", directory, {"/root/.cache/ccache": cache})
    finally:
        shutil.rmtree(directory)


@pytest.fixture(scope="module")
def image(build):
    return build.stages["1"]


@pytest.fixture(scope="module")
def package(build):
    """The Debian package."""
    [path] = build.stages["build"].system.path("/src/build").glob("target-eye_*.deb")
    return path


@pytest.fixture(scope="module")
def content(package, tmp_path_factory):
    """What the package installs, unpacked."""
    directory = tmp_path_factory.mktemp("content")
    chroot.run(["dpkg-deb", "-x", package, directory])
    return directory


@pytest.fixture(scope="module")
def help_text(image):
    """What `--help` says; it is asked in the image, as this machine may be a Debian that the package is not for."""
    return image.system.run("target-eye", "--help")


@pytest.fixture(scope="module")
def settings(help_text):
    """The variables and flags that `--help` names."""
    return {"variables": set(re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*\b", help_text)),
            "flags": set(re.findall(r"^  (--[a-z0-9.-]+)", help_text, re.MULTILINE))}


class Service:
    """The installed program, started in `system` as systemd would: by what `unit` says."""

    def __init__(self, system, unit):
        self.system, self.unit, self.process = system, unit, None
        user, self.environment = unit["User"][0], {}
        for pair in unit["Environment"]:
            self._set(pair)
        for name in unit["EnvironmentFile"]:
            for line in system.path(name.removeprefix("-")).read_text().splitlines():
                if line and not line.startswith("#"):
                    self._set(line)
        owner = system.run("id", "-u", user).strip(), system.run("id", "-g", user).strip()
        for kind, parent in (("State", "/var/lib"), ("Runtime", "/run"), ("Logs", "/var/log")):
            path = f"{parent}/{unit[kind + 'Directory'][0]}"
            system.path(path).mkdir(exist_ok=True)
            os.chown(system.path(path), *map(int, owner))
            system.path(path).chmod(int(unit.get(kind + "DirectoryMode", ["0755"])[0], 8))
            self.environment[f"{kind.upper()}_DIRECTORY"] = path
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.settimeout(harness.PATIENCE_S)
        path = system.path("/run/notify")
        path.unlink(missing_ok=True)
        self.notify.bind(str(path))
        path.chmod(0o666)
        self.environment["NOTIFY_SOCKET"] = "/run/notify"
        self.process = subprocess.Popen(system.command(unit["ExecStart"][0].split(), self.environment, user),
                                        stdin=subprocess.DEVNULL)
        self.expect("READY=1")

    def _set(self, pair):
        name, _, value = pair.partition("=")
        self.environment[name] = value

    @property
    def pid(self):
        return main_pid(self.process)

    def expect(self, state):
        assert self.notify.recv(4096).decode().split("\n")[0] == state

    def reload(self):
        chroot.run(shlex.split(self.unit["ExecReload"][0].replace("$MAINPID", str(self.pid))))
        self.expect("RELOADING=1")
        self.expect("READY=1")

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        self.expect("STOPPING=1")
        assert self.process.wait(harness.PATIENCE_S) == 0
        self.notify.close()


def main_pid(process):
    """The process that Chroot.command became, as this machine numbers it."""
    return int(pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())


def read_unit(path):
    """The keys of a unit's sections, each with a list of its values."""
    keys = {}
    for line in path.read_text().splitlines():
        if match := re.fullmatch(r"(\w+)=(.*)", line):
            keys.setdefault(match[1], []).append(match[2])
    return keys


def ask(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=harness.PATIENCE_S)
    try:
        connection.request(method, path, body=body and json.dumps(body), headers={"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
        assert response.status == 200, answer
        return json.loads(answer)
    finally:
        connection.close()


# The image.

@contextlib.contextmanager
def container(image, directory, environment):
    """The image's program in a container of sorts, with its volume."""
    volume = image.environment["FILE_SD_DIRECTORY"]
    arguments = {"environment": {**image.environment, **environment}, "user": image.user}
    process = subprocess.Popen(image.system.command(image.entry, binds=[(directory, volume)], **arguments),
                               stdin=subprocess.DEVNULL)
    try:
        yield process, lambda: subprocess.run(image.system.command(image.health, **arguments), check=False,
                                              capture_output=True, text=True)
    finally:
        process.kill()
        process.wait()


def test_image_serves_as_nobody_and_its_health_check_tells(image, tmp_path):
    volume = tmp_path / "volume"
    volume.mkdir()
    os.chown(volume, 65534, 65534)
    port = harness.free_port()
    with container(image, volume, {"BIND": f"0.0.0.0:{port}"}) as (process, check_health):
        harness.wait_for("a healthy container", lambda: check_health().returncode == 0)
        ask(port, "PUT", "/web/prod", {"targets": GROUP["targets"]})
        assert harness.published_list(volume) == [GROUP]
        status = pathlib.Path(f"/proc/{main_pid(process)}/status").read_text()
        assert "Uid:\t65534\t65534\t65534\t65534\nGid:\t65534\t65534\t65534\t65534\n" in status
        os.kill(main_pid(process), signal.SIGTERM)
        assert process.wait(harness.PATIENCE_S) == 0
        unhealthy = check_health()
        assert (unhealthy.returncode, unhealthy.stdout) == (1, "")
        assert unhealthy.stderr == f"target-eye: 0.0.0.0:{port} is not healthy: Connection refused\n"


def test_image_has_what_is_needed_and_no_more(image):
    def sizes(system):
        return set(system.run("dpkg-query", "-W", "-f", "${Package}\n").split())
    plain = set(re.findall(r"^Package: (\S+)", image.system.path("/var/lib/dpkg/status").read_text(), re.MULTILINE))
    added = sizes(image.system)
    assert added == plain
    assert not {"g++", "cmake", "curl", "ccache", "python3"} & added
    needs = image.run(["ldd", "/usr/bin/target-eye"])
    assert "not found" not in needs
    assert not list(image.system.path("/var/lib/apt/lists").glob("*Packages*"))


@pytest.fixture
def checkout(tmp_path):
    """What Compose and make are given, with an .env like a user's; and a docker that only notes what it is told."""
    directory = tmp_path / "checkout"
    for name in ("compose.yaml", "Makefile", ".env-sample", "packaging/docker/prometheus.yml"):
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, directory / name)
    text = (directory / ".env-sample").read_text()
    assert "\nFILE_SD_DIR_HOST=\n" in text
    (directory / ".env").write_text(text.replace("FILE_SD_DIR_HOST=\n", "FILE_SD_DIR_HOST=/srv/file_sd\n"))
    (directory / "bin").mkdir()
    docker = directory / "bin/docker"
    docker.write_text('#!/bin/sh\necho "docker $*" "(IMAGE_VERSION=$IMAGE_VERSION)"\n')
    docker.chmod(0o755)
    return directory


def make(checkout, *arguments):
    return chroot.run(["make", "-s", "-C", checkout, *arguments],
                      env={"PATH": f"{checkout}/bin:{os.environ['PATH']}"}).splitlines()


def volume_of(shown):
    """Where it is on the host, where in the container, and how it may be used.

    Version 1 of docker-compose shows a line, later ones a mapping.
    """
    if isinstance(shown, str):
        return tuple(shown.split(":"))
    assert shown["type"] == "bind"
    return shown["source"], shown["target"], "ro" if shown.get("read_only") else "rw"


def test_compose_has_the_volumes_and_variables_of_the_specification(checkout):
    config = yaml.safe_load(chroot.run(["docker-compose", "--project-directory", checkout, "-f",
                                        checkout / "compose.yaml", "--profile", "prometheus", "config"], cwd=checkout))
    service = config["services"]["target_eye"]
    assert [volume_of(shown) for shown in service["volumes"]] == [
        ("/srv/file_sd", "/target_eye_json_files", "rw"), ("/usr/local/flightaware/etc/ssl", "/fa_etc/ssl", "ro")]
    assert [(int(port["published"]), port["target"]) for port in service["ports"]] == [(443, 12345)]
    assert service["user"] == "65534:65534"
    assert service["environment"]["BIND"] == "0.0.0.0:12345"
    assert service["environment"]["FILE_SD_DIRECTORY"] == "/target_eye_json_files/"
    prometheus = config["services"]["prometheus"]
    assert prometheus["profiles"] == ["prometheus"]
    assert set(prometheus["depends_on"]) == {"target_eye"}
    assert prometheus["depends_on"]["target_eye"]["condition"] == "service_healthy"
    assert ("/srv/file_sd", "/target_eye_json_files", "ro") in map(volume_of, prometheus["volumes"])


def test_compose_without_a_directory_says_what_to_set(checkout):
    (checkout / ".env").write_text("")
    done = subprocess.run(["docker-compose", "config"], cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "set it in .env" in done.stderr, done.stderr


def test_prometheus_takes_the_configuration_beside_it():
    assert "SUCCESS" in chroot.run(["promtool", "check", "config", PACKAGING / "docker/prometheus.yml"])


def test_env_sample_is_of_this_version_and_names_what_there_is(settings):
    text = (ROOT / ".env-sample").read_text()
    version = re.search(r"VERSION (\S+) LANGUAGES", (ROOT / "CMakeLists.txt").read_text())[1]
    assert f"\nIMAGE_VERSION={version}\n" in text
    of_compose = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text()))
    names = set(re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE))
    assert names <= settings["variables"] | of_compose | {"BIND_PORT_CONTAINER"}
    expected = {"BIND_PORT_HOST", "CONTAINER_USER", "CONTAINER_UID", "ACCESSLOG", "LOGLEVEL", "CERTFILE", "KEYFILE"}
    assert expected <= names


@pytest.mark.parametrize(("target", "expected"), [
    ("docker-run", ["docker compose up -d (IMAGE_VERSION=0.1.0)"]),
    ("docker-start", ["docker compose up -d (IMAGE_VERSION=0.1.0)"]),
    ("docker-stop", ["docker compose down (IMAGE_VERSION=0.1.0)"]),
    ("docker-pull-fa", ["docker pull target_eye:0.1.0 (IMAGE_VERSION=)"]),
    ("docker-push-fa",
     ["docker push target_eye:0.1.0 (IMAGE_VERSION=)", "docker push target_eye:latest (IMAGE_VERSION=)"]),
])
def test_make_targets_tell_docker_what_to_do(checkout, target, expected):
    (checkout / ".env").write_text("FILE_SD_DIR_HOST=/srv/file_sd\nIMAGE_VERSION=0.1.0\n")
    assert make(checkout, target) == expected


def test_make_builds_the_image_for_the_user_of_the_env_file(checkout):
    (checkout / ".env").write_text("IMAGE_VERSION=0.1.0\nCONTAINER_USER=eye\nCONTAINER_UID=1234\n")
    [line] = make(checkout, "docker-build")
    assert line.startswith("docker build ")
    assert "--build-arg CONTAINER_USER=eye --build-arg CONTAINER_UID=1234 " in line
    assert "-t target_eye:0.1.0 -t target_eye:latest ." in line


def test_make_takes_the_tag_of_the_environment(checkout):
    assert make(checkout, "docker-pull-fa", "IMAGE=registry.example/eye", "IMAGE_TAG=latest") == [
        "docker pull registry.example/eye:latest (IMAGE_VERSION=)"]


def test_make_without_an_env_file_says_what_to_do(checkout):
    (checkout / ".env").unlink()
    done = subprocess.run(["make", "-C", checkout, "docker-run"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "cp .env-sample .env" in done.stderr


# What is in the package.

def test_lintian_finds_no_error(package):
    chroot.run(["lintian", "--allow-root", "--fail-on", "error", package])


def test_binary_is_hardened_as_debian_asks(package):
    tags = "hardening-no-bindnow,hardening-no-relro,hardening-no-pie,hardening-no-fortify-functions"
    assert chroot.run(["lintian", "--allow-root", "--display-info", "--tags", tags, package]) == ""


def test_manual_page_is_clean_and_has_every_flag(content, settings):
    page = content / "usr/share/man/man1/target-eye.1.gz"
    assert chroot.run(["mandoc", "-Tlint", "-Wwarning", page]) == ""
    formatted = subprocess.run(["man", "--warnings", "-l", "-Tutf8", page], check=True, capture_output=True)
    assert formatted.stderr == b""
    text = re.sub("\b.", "", chroot.run(["mandoc", "-Tascii", page]))
    assert len(settings["flags"]) > 40
    assert not {flag for flag in settings["flags"] if flag not in text}


def test_unit_is_right_and_its_exposure_is_below_two(content, tmp_path):
    unit = tmp_path / "target-eye.service"
    text = (content / "usr/lib/systemd/system/target-eye.service").read_text()
    # What it starts is not on this machine.
    unit.write_text(text.replace("/usr/bin/target-eye", "/bin/true"))
    said = chroot.run(["systemd-analyze", "verify", "--man=no", unit])
    assert "target-eye" not in said, said
    score = re.search(r"Overall exposure level for target-eye.service: ([\d.]+)",
                      chroot.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", unit]))[1]
    assert float(score) < 2.0


def test_default_file_names_settings_that_there_are(content, settings):
    text = (content / "etc/default/target-eye").read_text()
    names = set(re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE))
    assert len(names) > 5
    assert names - {"CONFIG_FILE"} <= settings["variables"]


def test_logrotate_and_rsyslog_take_the_samples(content, tmp_path):
    examples = content / "usr/share/doc/target-eye/examples"
    said = chroot.run(["logrotate", "-d", "-v", "-s", tmp_path / "status", examples / "target_eye"])
    assert re.search(r"rotating pattern: /var/log/target_eye\.log +after 1 days .*\(30 rotations\)", said), said
    assert "error" not in said
    service = tmp_path / "target-eye"
    rules = (content / "etc/logrotate.d/target-eye").read_text()
    service.write_text(rules.replace("su target-eye target-eye", "su nobody nogroup"))
    assert "error" not in chroot.run(["logrotate", "-d", "-s", tmp_path / "status", service])
    chroot.run(["rsyslogd", "-N1", "-f", examples / "11-target_eye.conf"])


@pytest.fixture
def typed(content, help_text, tmp_path):
    """Types at a real shell, where `target-eye` shows what it was called with."""
    program = tmp_path / "bin/target-eye"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\n[ "$1" != --help ] || exec cat "$0.help"\necho "called:[$*]"\n')
    program.chmod(0o755)
    program.with_suffix(".help").write_text(help_text)
    (tmp_path / "folder-of-mine").mkdir()
    share = content / "usr/share"
    shells = {
        "bash": (["bash", "--norc", "--noprofile", "-i"], f". {share}/bash-completion/completions/target-eye"),
        "zsh": (["zsh", "-f", "-i"],
                f"fpath=({share}/zsh/vendor-completions $fpath); autoload -U compinit; compinit -u -D"),
    }

    def typing(shell, text):
        command, setup = shells[shell]
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(tmp_path)
            os.execvpe(command[0], command, {"PATH": f"{program.parent}:{os.environ['PATH']}", "TERM": "dumb",
                                             "HOME": str(tmp_path), "LC_ALL": "C"})
        shown = b""

        def show(wanted):
            nonlocal shown
            while not (match := re.search(wanted, shown)):
                with contextlib.suppress(OSError):
                    if more := os.read(terminal, 65536):
                        shown += more
                        continue
                raise AssertionError(shown)
            return match
        try:
            os.write(terminal, f"{setup}; echo set''up\n".encode())
            show(rb"\nsetup")
            os.write(terminal, f"{text}\n".encode())
            return show(rb"called:\[([^]]*)\]")[1].decode()
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(terminal)
    return typing


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize(("text", "arguments"), [
    ("target-eye --file-sd-l\tgr\t", "--file-sd-layout group"),
    ("target-eye --web.conf\tfold\t", "--web.config.file folder-of-mine"),
    ("target-eye ch\th\t", "check health"),
    ("target-eye acc\tfold\t", "accept-loss folder-of-mine"),
    ("target-eye check c\t--read-t\t5", "check config --read-timeout 5"),
])
def test_shell_completes_flags_words_files_and_commands(typed, shell, text, arguments):
    # zsh takes the slash after a folder away again.
    assert typed(shell, text).rstrip(" /") == arguments


# The life of the package.

@pytest.fixture
def debian(tmp_path):
    system = chroot.Chroot(tmp_path / "debian")
    system.run("apt-get", "update")
    try:
        yield system
    finally:
        system.remove()


def next_version(package, directory):
    """The same package under a higher version."""
    chroot.run(["dpkg-deb", "-R", package, directory / "next"])
    control = directory / "next/DEBIAN/control"
    version = re.search(r"^Version: (.*)$", control.read_text(), re.MULTILINE)[1]
    control.write_text(control.read_text().replace(f"Version: {version}", f"Version: {version}+next"))
    chroot.run(["dpkg-deb", "--root-owner-group", "-b", directory / "next", directory / "next.deb"])
    return directory / "next.deb", f"{version}+next"


def test_package_is_installed_upgraded_over_running_state_purged_and_installed_again(debian, package, tmp_path):
    def apt(*words):
        debian.run("apt-get", "-y", "--no-install-recommends", *words)

    def install(deb):
        shutil.copy(deb, debian.path("/tmp/target-eye.deb"))
        apt("install", "/tmp/target-eye.deb")
        return read_unit(debian.path("/usr/lib/systemd/system/target-eye.service"))

    unit = install(package)
    wanted = debian.path("/etc/systemd/system/multi-user.target.wants/target-eye.service")
    assert wanted.is_symlink()
    port = harness.free_port()
    defaults = debian.path("/etc/default/target-eye")
    defaults.write_text(defaults.read_text().replace("#BIND=127.0.0.1:12345", f"BIND=127.0.0.1:{port}"))

    service = Service(debian, unit)
    ask(port, "PUT", "/web/prod", {"targets": GROUP["targets"]})
    service.reload()
    published = "/var/lib/target-eye/file_sd/targets.json"
    # Prometheus's user is another.
    assert json.loads(debian.run("cat", published, user="nobody:nogroup")) == [GROUP]
    state = debian.path("/var/lib/target-eye/state.db")
    assert state.stat().st_mode & 0o007 == 0

    newer, version = next_version(package, tmp_path)
    install(newer)
    assert version in debian.run("dpkg-query", "-W", "-f", "${Version}", "target-eye")
    assert ask(port, "GET", "/web/prod") == [GROUP]
    service.stop()
    service = Service(debian, unit)
    assert ask(port, "GET", "/web/prod") == [GROUP]
    service.stop()

    apt("remove", "target-eye")
    assert not debian.path("/usr/bin/target-eye").exists()
    assert state.exists()
    assert defaults.exists()

    apt("purge", "target-eye")
    for gone in (state.parent, defaults, debian.path("/etc/logrotate.d/target-eye"),
                 debian.path("/var/log/target-eye")):
        assert not gone.exists(), gone
    assert not wanted.is_symlink()
    debian.run("id", "target-eye")

    unit = install(package)
    defaults.write_text(f"BIND=127.0.0.1:{port}\n")
    service = Service(debian, unit)
    assert ask(port, "GET", "/web/prod") == []
    service.stop()
