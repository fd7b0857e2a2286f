"""Servers to measure, ours and its peers, and what loads and reads them."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LUA = ROOT / "bench" / "put.lua"
ROUNDS = 5
SECONDS = 4


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what: str, condition, seconds: float = 60, pause: float = 0.005):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if result := condition():
                return result
        time.sleep(pause)
    raise SystemExit(f"bench: no {what} within {seconds} s")


def connect(port: int, tls: bool = False) -> http.client.HTTPConnection:
    if not tls:
        return http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    trusting = ssl._create_unverified_context()  # The certificate is the benchmark's own.
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=trusting)


def get(port: int, path: str, tls: bool = False) -> tuple[int, bytes]:
    connection = connect(port, tls)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@contextlib.contextmanager
def process(command, **arguments):
    """Runs a server for a block; what it says goes to a file that is shown if the block fails."""
    with tempfile.TemporaryFile() as log:
        running = subprocess.Popen(command, stdout=log, stderr=log, **arguments)
        try:
            yield running
        except BaseException:
            log.seek(0)
            sys.stderr.write(log.read().decode(errors="replace")[-2000:])
            raise
        finally:
            running.send_signal(signal.SIGTERM)
            try:
                running.wait(30)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


@contextlib.contextmanager
def target_eye(binary, directory, **environment):
    port = free_port()
    tls = "CERTFILE" in environment
    variables = {"PATH": os.environ["PATH"], "FILE_SD_DIRECTORY": str(directory),
                 "BIND": f"127.0.0.1:{port}", **environment}
    with process([str(binary)], env=variables) as running:
        wait_for("target-eye", lambda: get(port, "/-/ready", tls)[0] == 200)
        yield port, running


@contextlib.contextmanager
def nginx_server(directory, server: str, path: str, tls: bool = False, http_block: str = ""):
    """Two workers, set up as its manual advises for speed; `server` goes into the server block."""
    port = free_port()
    config = directory / "nginx.conf"
    config.write_text(f"""
        user root; worker_processes 2; daemon off; pid {directory}/nginx.pid; error_log stderr crit;
        events {{ worker_connections 1024; }}
        http {{
          access_log off; sendfile on; keepalive_requests 1000000000; default_type application/json;
          open_file_cache max=1000 inactive=1h; open_file_cache_valid 1h;
          client_body_temp_path {directory}/b; proxy_temp_path {directory}/p;
          fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
          {http_block}
          server {{ listen 127.0.0.1:{port}{" ssl" if tls else ""}; {server} }}
        }}""")
    with process(["/usr/sbin/nginx", "-p", str(directory), "-c", str(config)]):
        wait_for("nginx", lambda: get(port, path, tls)[0] == 200)
        yield port


@contextlib.contextmanager
def nginx(directory, file: str, body: bytes, certificate=None):
    """Serves `body` as a static file."""
    root = directory / "www"
    target = root / file.lstrip("/")
    target.parent.mkdir(parents=True)
    target.write_bytes(body)
    with nginx_server(directory, f"root {root}; {nginx_tls(certificate)}", file, certificate is not None) as port:
        yield port


def nginx_tls(certificate) -> str:
    if certificate is None:
        return ""
    return (f"ssl_certificate {certificate[0]}; ssl_certificate_key {certificate[1]}; "
            f"ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20; "
            f"ssl_prefer_server_ciphers on;")


def make_certificate(directory):
    """An ECDSA P-256 certificate for this machine: the paths of certificate and key."""
    certificate, key = directory / "tls.crt", directory / "tls.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return certificate, key


@contextlib.contextmanager
def etcd(directory):
    port, peer = free_port(), free_port()
    with process(["etcd", "--data-dir", str(directory / "etcd"),
                  "--listen-client-urls", f"http://127.0.0.1:{port}",
                  "--advertise-client-urls", f"http://127.0.0.1:{port}",
                  "--listen-peer-urls", f"http://127.0.0.1:{peer}",
                  "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
                  "--initial-cluster", f"default=http://127.0.0.1:{peer}", "--log-level", "error"]):
        wait_for("etcd", lambda: get(port, "/health")[0] == 200)
        yield port


@contextlib.contextmanager
def prometheus(directory, file_sd):
    port = free_port()
    config = directory / "prometheus.yml"
    # Long intervals: the cost of discovery is to be seen, not that of scraping what is not there.
    config.write_text(f"""
        global: {{scrape_interval: 1h, scrape_timeout: 10s}}
        scrape_configs:
        - job_name: bench
          file_sd_configs: [{{files: ['{file_sd}/*.json']}}]""")
    with process(["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory}/tsdb",
                  f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]) as running:
        wait_for("prometheus", lambda: get(port, "/-/ready")[0] == 200)
        yield port, running


def discovered(port: int) -> int:
    text = get(port, "/metrics")[1].decode()
    return sum(int(float(value)) for value in re.findall(
        r'^prometheus_sd_discovered_targets\{.*name="scrape"\} (\S+)$', text, re.MULTILINE))


def cpu_seconds(running) -> float:
    fields = pathlib.Path(f"/proc/{running.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_bytes(running, field: str) -> int:
    text = pathlib.Path(f"/proc/{running.pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)[1]) * 1024


def wrk_get(port: int, path: str, connections: int, scheme: str = "http", headers=()) -> float:
    """Requests a second; every answer must be a 200."""
    out = subprocess.run(["wrk", "-t2", f"-c{connections}", f"-d{SECONDS}s",
                          *(argument for header in headers for argument in ("-H", header)),
                          f"{scheme}://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True)
    if "Non-2xx" in out.stdout or "Socket errors" in out.stdout:
        raise SystemExit(f"bench: errors under load:\n{out.stdout}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out.stdout)[1])


def wrk_put(port: int, connections: int, *arguments: str, scheme: str = "http") -> float:
    out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "-s", str(LUA),
                          f"{scheme}://127.0.0.1:{port}", "--", *arguments],
                         capture_output=True, text=True, check=True)
    result = json.loads(re.search(r"^RESULT (.*)$", out.stdout, re.MULTILINE)[1])
    if result["errors"]:
        raise SystemExit(f"bench: errors under load:\n{out.stdout}")
    return result["requests"] / result["seconds"]


def client(tools, *arguments) -> dict:
    out = subprocess.run([str(tools / "bench_client"), *map(str, arguments)], capture_output=True,
                         text=True, check=True)
    return json.loads(out.stdout)


def spread(values, form="{:,.0f}") -> str:
    return f"{form.format(statistics.median(values))} ({form.format(min(values))}–{form.format(max(values))})"


def put_one(port: int, path: str, body: bytes, tls: bool = False):
    connection = connect(port, tls)
    connection.request("PUT", path, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    if response.status != 200:
        raise SystemExit(f"bench: {response.status} {answer!r}")
    return answer
