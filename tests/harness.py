"""What the end-to-end tests are written with: the program, raw sockets, curl, Prometheus."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import tempfile
import threading
import time

import sock_diag

# Sanitizers and a busy machine make everything slow; nothing waits this long when all is well.
PATIENCE_S = 60
# How long a line of the log that must not be there is waited for.
LOG_PATIENCE_S = 0.5

# What the programs say; removed when the tests end.
LOGS = tempfile.TemporaryDirectory(prefix="target-eye-e2e-")


def wait_for(what, condition, seconds=PATIENCE_S, pause=0.02):
    """The first true thing that `condition` gives; connection errors count as not yet."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if result := condition():
                return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(pause)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def parse_logfmt(line):
    """A log line's keys and values, unescaped."""
    fields = {}
    for key, quoted, plain in re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))', line):
        fields[key] = re.sub(r"\\(.)", r"\1", quoted) if quoted else plain
    return fields


class Answer:
    """A response: `status`, `headers` (lower-case names), `body`, and `json()`."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def message(self):
        """The message of an error, which is all that an error says."""
        assert self.headers["content-type"] == "application/json", self.headers
        document = self.json()
        assert set(document) == {"message"}, document
        return document["message"]

    def __repr__(self):
        return f"Answer({self.status}, {self.body!r})"


class RawConnection:
    """A TCP connection that sends exactly the bytes it is given."""

    def __init__(self, port, timeout=PATIENCE_S, source="127.0.0.1"):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def send_all(self, data):
        """As far as the server takes it: an early answer may close the connection before the end."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send(data)

    def send_slowly(self, data):
        """Byte by byte; an early answer may close the connection before the end."""
        data = data.encode() if isinstance(data, str) else data
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for i in range(len(data)):
                self.socket.sendall(data[i:i + 1])

    def send_apart(self, pieces):
        """Each piece when the server has read those before it, so that it reads them one by one.

        An early answer may close the connection before the end.
        """
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for index, piece in enumerate(pieces):
                if index > 0:
                    sock_diag.wait_until_read(self.socket, PATIENCE_S)
                self.socket.sendall(piece)

    def _fill(self):
        with contextlib.suppress(ConnectionResetError):
            if more := self.socket.recv(65536):
                self.buffer += more
                return True
        return False

    def read_answer(self, head_only=False):
        """The next response, or None where the connection was closed before it."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._fill():
                assert not self.buffer, f"half a response: {self.buffer!r}"
                return None
        head, _, rest = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        match = re.fullmatch(r"HTTP/1\.1 (\d{3}) .*", lines[0])
        assert match, lines[0]
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            # One for each way to log in.
            assert name.lower() not in headers or name.lower() == "www-authenticate", f"{name} twice"
            headers[name.lower()] = value.strip()
        status = int(match[1])
        size = 0 if head_only or status in (100, 204, 304) else int(headers["content-length"])
        while len(rest) < size:
            self.buffer = rest
            assert self._fill(), "half a body"
            rest = self.buffer
        self.buffer = rest[size:]
        return Answer(status, headers, rest[:size])

    def is_closed(self):
        """Waits for what comes next: true if it is the end."""
        return not self.buffer and not self._fill()


class TargetEye:
    """The real program, in a process of its own."""

    def __init__(self, binary, arguments=(), environment=None, command=()):
        self.log_path = pathlib.Path(tempfile.mkstemp(dir=LOGS.name, suffix=".log")[1])
        self.out_path = self.log_path.with_suffix(".out")
        settings = {"BIND": "127.0.0.1:0", **{k: str(v) for k, v in (environment or {}).items()}}
        settings = {name: value for name, value in settings.items() if value != "None"}
        self.pass_fds = [int(fd) for fd in re.findall(r"fd://(\d+)", settings.get("BIND", ""))]
        self.checked = False
        with open(self.log_path, "wb") as log, open(self.out_path, "wb") as out:
            self.process = subprocess.Popen(
                [*command, str(binary), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                pass_fds=self.pass_fds,
                env={"PATH": os.environ["PATH"], "ASAN_OPTIONS": "detect_leaks=1",
                     "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1", **settings})

    @property
    def pid(self):
        return self.process.pid

    def log_text(self):
        return self.log_path.read_text(errors="replace")

    def stdout_text(self):
        return self.out_path.read_text(errors="replace")

    def log_lines(self):
        return [json.loads(line) if line.startswith("{") else parse_logfmt(line)
                for line in self.log_text().splitlines()]

    def find_log(self, message):
        """The fields of each line whose message has `message` in it.

        A thread of its own writes the log, so a line may come a moment after the answer that it is about.
        """
        end = time.monotonic() + LOG_PATIENCE_S
        while True:
            ended = self.process.poll() is not None
            found = self.said(message)
            if found or ended or time.monotonic() > end:
                return found
            time.sleep(0.01)

    def said(self, message):
        """find_log, of what is in the log now."""
        return [line for line in self.log_lines() if message in line.get("msg", "")]

    def complaints(self):
        """What it warned of. Of the folders above, which a test's are closed by, nothing is said here."""
        return [line for line in self.log_lines()
                if line["level"] != "info" and not line["msg"].startswith("not everybody can read")]

    def wait_until_listening(self):
        def listening():
            assert self.process.poll() is None, f"it ended:\n{self.log_text()}"
            return self.said("listening")
        wait_for("a listening line", listening)
        self._note_addresses()
        return self

    def _note_addresses(self):
        self.addresses = [line["address"] for line in self.said("listening")]
        tcp = [address for address in self.addresses if not address.startswith(("unix:", "fd:"))]
        self.address = tcp[0] if tcp else None
        self.port = int(self.address.rsplit(":", 1)[1]) if tcp else None

    def wait_until_ready(self):
        self.wait_until_listening()

        def ready():
            assert self.process.poll() is None, f"it ended:\n{self.log_text()}"
            # Others have the word in them: the warning of rules that leave only /-/ready open, say.
            return any(line.get("msg") == "ready" for line in self.log_lines())
        wait_for("the ready line", ready)
        self._note_addresses()  # All of them are in the log by now.
        return self

    @property
    def url(self):
        return f"http://{self.address}"

    def request(self, method, path, body=None, content_type=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            data = body.encode() if isinstance(body, str) else body
            if content_type is not None:
                connection.putheader("Content-Type", content_type)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if data is not None or method in ("PUT", "POST"):
                connection.putheader("Content-Length", str(len(data or b"")))
            connection.endheaders(data)
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def json(self, method, path, document):
        return self.request(method, path, json.dumps(document), "application/json")

    def get(self, path):
        return self.request("GET", path)

    def group(self, path):
        """The group under `path`, or None."""
        answer = self.get(path)
        assert answer.status == 200, answer
        groups = answer.json()
        assert len(groups) <= 1
        return groups[0] if groups else None

    def metric(self, name):
        """The sum of a metric's samples; `name` may be one with its labels."""
        text = self.get("/metrics").body.decode()
        samples = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
        found = [float(value) for series, value in samples if series == name or series.partition("{")[0] == name]
        assert found, f"no metric {name}"
        return sum(found)

    def connect(self, **arguments):
        return RawConnection(self.port, **arguments)

    def curl(self, arguments, path=None, cwd=None):
        """Runs the real curl with `arguments` (a string as in a shell, or a list); gives an Answer."""
        words = shlex.split(arguments) if isinstance(arguments, str) else list(arguments)
        words = [word.replace("target-eye.server", self.address or "") for word in words]
        if words and words[0] == "curl":
            words = words[1:]
        if path is not None:
            words.append(self.url + path)
        done = subprocess.run(["curl", "-sS", "-i", *words], capture_output=True, timeout=PATIENCE_S, check=False,
                              cwd=cwd)
        assert done.returncode == 0, done
        out = done.stdout
        while out.startswith(b"HTTP/1.1 100"):
            out = out.partition(b"\r\n\r\n")[2]
        head, _, body = out.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        return Answer(int(lines[0].split()[1]), headers, body)

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """kill -9, at once."""
        self.process.kill()
        self.process.wait(PATIENCE_S)
        self.checked = True

    def wait(self, seconds=PATIENCE_S):
        """Waits for the end and gives the exit code; a sanitizer's report fails the test."""
        code = self.process.wait(seconds)
        self.checked = True
        text = self.log_text()
        assert "Sanitizer" not in text and "runtime error" not in text, text
        return code

    def stop(self):
        """SIGTERM, and the end must be a good one."""
        if self.checked:
            return
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        code = self.wait()
        assert code == 0, f"exit code {code}:\n{self.log_text()}"


def run_and_fail(binary, arguments=(), **environment):
    """Runs the program, which is not to start: its exit code must be 1. Gives what it said on stderr."""
    instance = TargetEye(binary, arguments, environment)
    assert instance.wait() == 1, instance.log_text()
    return instance.log_text()


def published(directory):
    """The groups that Prometheus reads in `directory`, from all files, as {(job, env): group}."""
    groups = {}
    for path in sorted(directory.glob("*.json")):
        for group in json.loads(path.read_text()):
            key = (group["labels"].get("job"), group["labels"].get("env"))
            assert key not in groups, f"{key} is published twice"
            groups[key] = group
    return groups


def published_list(directory):
    """The published groups as a list, in the files' order."""
    return [group for path in sorted(directory.glob("*.json")) for group in json.loads(path.read_text())]


class Background(threading.Thread):
    """Runs `work()` again and again until the block ends; what it raises fails the block."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self.work, self.failure, self.rounds, self.ending = work, None, 0, threading.Event()

    def run(self):
        try:
            while not self.ending.is_set():
                self.work()
                self.rounds += 1
        except BaseException as failure:  # noqa: BLE001: it is raised again by the block
            self.failure = failure

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        self.ending.set()
        self.join(PATIENCE_S)
        if self.failure is not None and kind is None:
            raise self.failure


class Prometheus:
    """The real Prometheus, discovering targets from a directory, or as `discovery` or `config` says.

    It scrapes next to never. `config` is all of its configuration but the `global` part.
    """

    def __init__(self, tmp_path, directory, pattern="*.json", discovery=None, config=None):
        self.port = free_port()
        self.log_path = tmp_path / f"prometheus-{self.port}.log"
        file = tmp_path / f"prometheus-{self.port}.yml"
        file.write_text("global: {scrape_interval: 1h, scrape_timeout: 10s}\n" + (config or f"""
scrape_configs:
- job_name: target-eye
  {discovery or f"file_sd_configs: [{{files: ['{directory}/{pattern}']}}]"}
"""))
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                ["/usr/bin/prometheus", f"--config.file={file}", f"--storage.tsdb.path={tmp_path}/tsdb-{self.port}",
                 f"--web.listen-address=127.0.0.1:{self.port}"], stdout=log, stderr=log)

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
            assert response.status == 200, body
            return body.decode()
        finally:
            connection.close()

    def wait_until_ready(self):
        def ready():
            assert self.process.poll() is None, self.log_path.read_text()
            with contextlib.suppress(AssertionError):
                return self.get("/-/ready")
        wait_for("prometheus", ready)

    def targets(self):
        """What it would scrape: {(address, job, env): all its labels}."""
        active = json.loads(self.get("/api/v1/targets?state=active"))["data"]["activeTargets"]
        return {(target["discoveredLabels"]["__address__"], target["labels"]["job"], target["labels"].get("env")):
                target["labels"] for target in active}

    def pools(self):
        """The addresses that it would scrape, by the job_name of its configuration; those of none are not here."""
        found = {}
        for target in json.loads(self.get("/api/v1/targets?state=active"))["data"]["activeTargets"]:
            found.setdefault(target["scrapePool"], set()).add(target["discoveredLabels"]["__address__"])
        return found

    def metric(self, name):
        """The sum of a metric's samples."""
        found = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", self.get("/metrics"), re.MULTILINE)
        return sum(map(float, found))

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE_S)
