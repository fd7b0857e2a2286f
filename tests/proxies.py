"""Real proxies with the configurations that docs/proxies.md shows: only addresses and paths are put in their place."""

import contextlib
import http.client
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess

import harness

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "proxies.md"
NAME = "target-eye.example"
UPSTREAM = "127.0.0.1:12345"


def example(language, containing=""):
    """The one block of the page in `language` that has `containing` in it."""
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    [block] = [block for block in blocks if containing in block]
    return block


def settings():
    """What the page starts target-eye with, as a dictionary; its address is any free one."""
    words = dict(re.findall(r"([A-Z_]+)=(\S+)", example("bash", "TRUSTED_PROXIES")))
    del words["FILE_SD_DIRECTORY"]
    assert words["BIND"] == UPSTREAM
    return {**words, "BIND": "127.0.0.1:0"}


def put(text, old, new):
    """`text` with `new` for `old`, which must be there: an example that changed is not to be missed."""
    assert old in text, f"{old!r} is not in:\n{text}"
    return text.replace(old, new)


SOCKET = "/run/target-eye/http.sock"


class UnixTarget:
    """A target-eye on a unix socket, as the page's table has it for one proxy."""

    def __init__(self, name, path):
        [row] = re.findall(rf"^\| {name} \| (.*) \|$", PAGE.read_text(), re.MULTILINE | re.IGNORECASE)
        code = re.search("`([^`]*)`", row)[1].replace("\\|", "|")
        self.line = put(code, SOCKET, str(path))

    def put_into(self, text):
        """The line of `text` with the address becomes the page's."""
        [line] = [line for line in text.splitlines() if UPSTREAM in line]
        rest = " {" if line.endswith("{") else ""
        return put(text, line.strip(), self.line + rest)


def upstream(text, target):
    if isinstance(target, UnixTarget):
        return target.put_into(text)
    return put(text, UPSTREAM, target.address)


# What curl ends with when its connection is closed on it: a part of the answer, no answer, cannot send, cannot
# receive, HTTP/2 broken off.
CUT = (18, 52, 55, 56, 92)


class Proxy:
    """A proxy on a free port of 127.0.0.1 until the block ends."""

    def __init__(self, name, folder, certificate):
        self.name, self.folder, self.certificate = name, folder, certificate
        self.port = harness.free_port()
        self.log_path = folder / "proxy.log"
        self.process = None

    def run(self, *command, **environment):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                env={"PATH": os.environ["PATH"] + ":/usr/sbin", "HOME": str(self.folder), **environment})

        def listening():
            assert self.process.poll() is None, self.log_path.read_text()
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        harness.wait_for(f"{command[0]} to listen", listening)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def curl(self, path, *arguments, source="127.0.0.1", stdin=subprocess.DEVNULL, may_be_cut=False):
        """Runs the real curl through the proxy from the address `source`; returns an Answer.

        With `may_be_cut`, None where the proxy has closed the connection on curl while it was sending.
        """
        command = ["curl", "-sS", "-i", "--interface", source, "--cacert", self.certificate / "ca.crt", "--max-time",
                   str(harness.PATIENCE_S), "--connect-to", f"{NAME}:{self.port}:127.0.0.1:{self.port}", *arguments,
                   f"https://{NAME}:{self.port}{path}"]
        done = subprocess.run([str(word) for word in command], stdin=stdin, capture_output=True, check=False)
        if may_be_cut and done.returncode in CUT:
            return None
        assert done.returncode == 0, (done, self.log_path.read_text())
        out = done.stdout
        while re.match(rb"HTTP/\S+ 1\d\d", out):
            out = out.partition(b"\r\n\r\n")[2]
        head, _, body = out.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        return harness.Answer(int(lines[0].split()[1]), headers, body)


def nginx(folder, certificate, target, site=None):
    """`site`, by default the page's first example, with target-eye's address in it."""
    proxy = Proxy("nginx", folder, certificate)
    site = site or upstream(example("nginx", "listen 443"), target)
    site = put(site, "listen 443", f"listen 127.0.0.1:{proxy.port}")
    for name, file in (("crt", "tls.crt"), ("key", "tls.key")):
        site = put(site, f"/etc/ssl/{NAME}.{name}", str(certificate / file))
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;" if os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"daemon off; {user} pid {folder}/nginx.pid; error_log stderr; worker_processes 1;\n"
        f"events {{ }}\nhttp {{ access_log off;\n{temporary}{site} }}\n")
    return proxy.run("nginx", "-c", folder / "nginx.conf", "-e", "stderr", "-p", folder)


def haproxy(folder, certificate, target, containing="mode http"):
    proxy = Proxy("haproxy", folder, certificate)
    text = upstream(example("haproxy", containing), target)
    text = put(text, "bind :443", f"bind 127.0.0.1:{proxy.port}")
    if containing == "mode http":
        text = put(text, f"/etc/haproxy/{NAME}.pem", str(certificate / "both.pem"))
    (folder / "haproxy.cfg").write_text(text)
    return proxy.run("haproxy", "-db", "-f", folder / "haproxy.cfg")


def apache(folder, certificate, target):
    proxy = Proxy("apache", folder, certificate)
    site = upstream(example("apache"), target)
    site = put(site, "*:443", f"127.0.0.1:{proxy.port}")
    for name, file in (("crt", "tls.crt"), ("key", "tls.key")):
        site = put(site, f"/etc/ssl/{NAME}.{name}", str(certificate / file))
    [modules] = re.findall(r"^a2enmod (.*)$", example("bash", "a2enmod"), re.MULTILINE)
    # Those that Debian has on, and what the named ones need, which a2enmod sees to.
    loads = ["mpm_event", "authz_core", "socache_shmcb", "proxy", *modules.split()]
    load = "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in loads)
    user = "User www-data\nGroup www-data\n" if os.getuid() == 0 else ""
    (folder / "apache.conf").write_text(
        f"ServerRoot {folder}\nServerName localhost\nPidFile {folder}/apache.pid\nDefaultRuntimeDir {folder}\n"
        f"{load}{user}ErrorLog /dev/stderr\nListen 127.0.0.1:{proxy.port}\n{site}\n")
    return proxy.run("apache2", "-D", "FOREGROUND", "-f", folder / "apache.conf")


def caddy(folder, certificate, target):
    proxy = Proxy("caddy", folder, certificate)
    site = upstream(example("caddyfile"), target)
    # A certificate of ours in place of the one that it would ask the world for.
    site = put(site, f"{NAME} {{", f"https://{NAME}:{proxy.port} {{\n"
               f"\tbind 127.0.0.1\n\ttls {certificate}/tls.crt {certificate}/tls.key")
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{site}")
    return proxy.run("caddy", "run", "--adapter", "caddyfile", "--config", folder / "Caddyfile",
                     XDG_DATA_HOME=str(folder), XDG_CONFIG_HOME=str(folder))


KINDS = {"nginx": nginx, "haproxy": haproxy, "apache": apache, "caddy": caddy}


@contextlib.contextmanager
def keep_alive(proxy, source):
    """A connection of a client on `source` to the proxy, over which many requests can go."""
    context = ssl.create_default_context(cafile=str(proxy.certificate / "ca.crt"))
    raw = socket.create_connection(("127.0.0.1", proxy.port), source_address=(source, 0), timeout=harness.PATIENCE_S)
    connection = http.client.HTTPConnection(f"{NAME}:{proxy.port}")
    connection.sock = context.wrap_socket(raw, server_hostname=NAME)
    with contextlib.closing(connection):
        yield connection
