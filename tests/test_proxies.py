"""The program behind the proxies of docs/proxies.md, each set up as that page says."""

import itertools
import json
import os
import pathlib
import shutil
import sqlite3
import tempfile

import harness
import proxies
import pytest
import tls_fixtures
from login_times import basic
from test_access import TOKENS, USERS

NAMES = list(proxies.KINDS)
FORMAT = "%(h)s %(S)s %(s)s %(m)s %(Uq)s %(i)s"
# Whatever a client may put into its request to be taken for another.
SPOOFS = [
    ["X-Forwarded-For: 203.0.113.9"],
    ["X-Forwarded-For: 203.0.113.9, 127.0.0.1"],
    ["X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 203.0.113.8"],
    ["Forwarded: for=203.0.113.9"],
    ['Forwarded: for="'],
    ["Forwarded: for=203.0.113.9", "X-Forwarded-For: 203.0.113.9"],
    ["X-Real-IP: 203.0.113.9", "X-Client-IP: 203.0.113.9"],
]
numbers = itertools.count(1)


def path():
    """Of a group that no other test has."""
    return f"/app{next(numbers)}/prod"


class Target:
    """A target-eye that may be started again in its place, and its access log."""

    def __init__(self, start, folder, **settings):
        self.log, self.start, self.directory = folder / "access.log", start, folder / "file_sd"
        self.settings = {**proxies.settings(), "ACCESSLOG": self.log, "ACCESS_LOG_FORMAT": FORMAT,
                         "FILE_SD_DIRECTORY": self.directory, **settings}
        self.server = self.start(**self.settings)

    @property
    def address(self):
        return self.server.address

    def start_again(self):
        self.server = self.start(**{**self.settings, "BIND": self.address})

    def logged(self, what):
        """The words of the line of the request for `what`."""
        def find():
            lines = [line.split() for line in self.log.read_text().splitlines()]
            return [line for line in lines if line[4] == what]
        return harness.wait_for(f"{what} in the access log", find)[-1]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    files = tls_fixtures.Files(tmp_path_factory.mktemp("certificate"))
    files.sign("tls", f"/CN={proxies.NAME}", f"subjectAltName=DNS:{proxies.NAME}")
    (files / "both.pem").write_bytes((files / "tls.crt").read_bytes() + (files / "tls.key").read_bytes())
    return files.directory


@pytest.fixture(scope="module")
def target(start_shared, tmp_path_factory):
    """What all proxies are in front of; everybody may do everything, but a wrong password is a wrong password."""
    folder = tmp_path_factory.mktemp("target")
    (folder / "web.yml").write_text(USERS)
    (folder / "access.yml").write_text(TOKENS + "rules:\n- {who: anyone, may: write, pages: [metrics, sd]}\n")
    # The tests themselves address it by its number.
    return Target(start_shared, folder, WEB_CONFIG_FILE=folder / "web.yml", ACCESS_FILE=folder / "access.yml",
                  SERVER_NAMES=f"{proxies.NAME},127.0.0.1")


@pytest.fixture(scope="module")
def running(target, certificate, tmp_path_factory):
    """Every proxy in front of the one target-eye, by its name."""
    started = {name: kind(tmp_path_factory.mktemp(name), certificate, target) for name, kind in proxies.KINDS.items()}
    yield started
    for proxy in started.values():
        proxy.stop()


@pytest.fixture(params=NAMES)
def proxy(request, running):
    return running[request.param]


@pytest.mark.parametrize("http", ["--http1.1", "--http2"])
def test_a_client_registers_and_reads_and_is_known_by_its_address(proxy, target, http):
    where = path()
    put = proxy.curl(where, http, "-X", "PUT", "-d", "targets=h:1", source="127.0.0.2")
    assert put.status == 200, put
    assert target.logged(where)[:4] == ["127.0.0.2", "https", "200", "PUT"]
    assert proxy.curl(where, http).json()[0]["targets"] == ["h:1"]
    # A slash in a name comes through as it was sent.
    slashed = where.replace("/prod", "%2Fx/prod")
    assert proxy.curl(slashed, http, "-X", "PUT", "-d", "targets=h:2", source="127.0.0.2").status == 200
    assert proxy.curl(where, http).json()[0]["targets"] == ["h:1"]
    assert proxy.curl(slashed, http).json()[0]["labels"]["job"] == slashed[1:].replace("%2F", "/").split("/prod")[0]


@pytest.mark.parametrize("http", ["--http1.1", "--http2"])
def test_no_header_of_a_client_makes_it_another(proxy, target, http):
    for spoof in SPOOFS:
        where = path()
        headers = [word for header in spoof for word in ("-H", header)]
        assert proxy.curl(where, http, *headers, source="127.0.0.3").status == 200
        assert target.logged(where)[0] == "127.0.0.3", spoof
    assert not target.server.find_log("name different clients")


def test_a_page_of_its_own_origin_may_use_it_through_the_proxy(proxy):
    def status(origin):
        return proxy.curl(path(), "-H", f"Origin: {origin}").status
    assert status(f"https://{proxies.NAME}:{proxy.port}") == 200
    assert status("https://elsewhere.example") == 403


def test_wrong_logins_slow_down_the_client_that_sends_them_alone(proxy, target):
    guesser = f"127.0.1.{1 + NAMES.index(proxy.name)}"

    def status(source, password):
        authorization = basic("alice", password)["Authorization"]
        return proxy.curl("/web/prod", "-H", f"Authorization: {authorization}", source=source).status
    statuses = [status(guesser, "wrong") for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    assert status("127.0.0.2", "alice's password") == 200
    # The log leaves out lines where there are many: those it has name clients.
    peers = {line["peer"] for line in target.server.find_log("login") if "peer" in line}
    assert peers
    assert all(peer.startswith("127.0.1.") for peer in peers), peers


@pytest.mark.parametrize("http", ["--http1.1", "--http2"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_an_upload_that_is_too_large_is_answered_with_413(proxy, tmp_path, http, framing):
    body = tmp_path / "body"
    body.write_bytes(b"targets=" + b"a" * 5_000_000)
    source = {"length": ["--data-binary", f"@{body}"], "chunked": ["-T", "-"]}[framing]
    for expect in ("Expect:", "Expect: 100-continue"):
        # Apache and Caddy sometimes close on a client whose body they do not want to the end.
        for _ in range(30):
            with open(body, "rb") as stdin:
                answer = proxy.curl(path(), http, "-X", "PUT", "-H", "Content-Type: application/x-www-form-urlencoded",
                                    "-H", expect, *source, stdin=stdin, may_be_cut=True)
            if answer is not None:
                break
        assert answer is not None, "30 times cut"
        assert answer.status == 413, answer
        assert "1048576 bytes" in answer.message()


def test_clients_that_share_connections_are_told_apart(proxy, target):
    before = target.server.metric("target_eye_http_connections_total")
    with proxies.keep_alive(proxy, "127.0.0.6") as one, proxies.keep_alive(proxy, "127.0.0.7") as two:
        for _ in range(10):
            for connection, address in ((one, "127.0.0.6"), (two, "127.0.0.7")):
                where = path()
                connection.request("GET", where)
                assert connection.getresponse().read() == b"[]\n"
                assert target.logged(where)[0] == address
    opened = target.server.metric("target_eye_http_connections_total") - before
    assert opened <= 10, "20 requests, and the proxy is to keep its connections"


def test_a_list_of_some_megabytes_comes_through_whole(proxy, target):
    for group in range(3):
        many = [f"host{group}-{number:05}.region.internal.example:9100" for number in range(20_000)]
        if target.server.group(f"/many{group}/prod") is None:
            assert target.server.json("PUT", f"/many{group}/prod", {"targets": many}).status == 200
    direct = target.server.get("/-/sd?application=many*").body
    assert len(direct) > 2_000_000
    for arguments in ([], ["--compressed"]):
        through = proxy.curl("/-/sd?application=many*", *arguments)
        assert through.status == 200
        assert through.body == direct


def test_a_restart_is_over_for_every_client_once_it_is_ready(running, target):
    places = {name: path() for name in running}
    for proxy in running.values():
        assert proxy.curl(places[proxy.name], "-X", "PUT", "-d", "targets=h:1", source="127.0.0.8").status == 200
    target.server.stop()
    for proxy in running.values():
        assert proxy.curl(places[proxy.name]).status in (502, 503), proxy.name
    state = sqlite3.connect(target.directory / ".target-eye" / "state.db")
    for where in places.values():
        [[changed_by]] = state.execute("SELECT changed_by FROM target_group WHERE application = ?",
                                       [where.split("/")[1]]).fetchall()
        assert changed_by == "127.0.0.8"
    state.close()
    target.start_again()
    for proxy in running.values():
        answer = proxy.curl(places[proxy.name], "-X", "POST", "-d", "targets=h:2")
        assert answer.status == 200, (proxy.name, answer)
        assert answer.json()[0]["targets"] == ["h:1", "h:2"]


# The other examples of the page.

def test_haproxy_tells_the_client_of_bytes_that_it_does_not_look_into(start_shared, certificate, tmp_path):
    target = Target(start_shared, tmp_path, CERTFILE=certificate / "tls.crt", KEYFILE=certificate / "tls.key",
                    CLIENT_CONNECTION_LIMIT="2")
    sources = itertools.count(1)
    with proxies.haproxy(tmp_path, certificate, target, "mode tcp") as proxy:
        for http in ("--http1.1", "--http2"):
            for spoof in SPOOFS:
                where = path()
                source = f"127.0.2.{next(sources)}"
                headers = [word for header in spoof for word in ("-H", header)]
                assert proxy.curl(where, http, *headers, source=source).status == 200
                host, scheme = target.logged(where)[:2]
                assert (host.rpartition(":")[0], scheme) == (source, "https")
        # Its connections are counted for its clients.
        with proxies.keep_alive(proxy, "127.0.0.4") as one, proxies.keep_alive(proxy, "127.0.0.4") as two:
            for connection in (one, two):
                connection.request("GET", "/a/b")
                assert connection.getresponse().read() == b"[]\n"
            assert proxy.curl("/a/b", source="127.0.0.4").status == 503
            assert proxy.curl("/a/b", source="127.0.0.5").status == 200
    assert not target.server.find_log("PROXY protocol")


def test_nginx_serves_it_under_a_path(start_shared, certificate, tmp_path):
    target = Target(start_shared, tmp_path, ROOT_PATH="/target-eye")
    whole = proxies.upstream(proxies.example("nginx", "listen 443"), target)
    location = proxies.example("nginx", "location /target-eye/")
    site = whole[:whole.index("    location /")] + location + "}\n"
    with proxies.nginx(tmp_path, certificate, target, site) as proxy:
        put = proxy.curl("/target-eye/web/prod", "-X", "PUT", "-d", "targets=h:1", source="127.0.0.2")
        assert put.status == 200
        assert target.logged("/target-eye/web/prod")[0] == "127.0.0.2"
        assert proxy.curl("/target-eye/-/sd").json()[0]["targets"] == ["h:1"]


@pytest.fixture
def public():
    """A folder that another user may enter, which pytest's own may not be."""
    with tempfile.TemporaryDirectory(prefix="target-eye-proxies-") as folder:
        os.chmod(folder, 0o755)
        yield pathlib.Path(folder)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_reached_by_a_unix_socket(start_shared, certificate, public, name):
    socket = public / "http.sock"
    target = Target(start_shared, public, BIND=f"unix:{socket}", TRUSTED_PROXIES="unix", UMASK="007")
    if os.getuid() == 0:
        # As if it ran as a user of its own, in whose group Apache's user is.
        shutil.chown(socket, group="www-data")
    with proxies.KINDS[name](public, certificate, proxies.UnixTarget(name, socket)) as proxy:
        for http in ("--http1.1", "--http2"):
            where = path()
            put = proxy.curl(where, http, "-X", "PUT", "-d", "targets=h:1", source="127.0.0.2")
            assert put.status == 200, put
            assert target.logged(where)[:2] == ["127.0.0.2", "https"]


def test_what_is_not_trusted_is_not_believed(start):
    """The same requests that the proxies send, from somebody else."""
    server = start(TRUSTED_PROXIES="10.0.0.0/8,unix", ACCESSLOG="-", ACCESS_LOG_FORMAT="%(h)s")
    for headers in SPOOFS:
        server.request("GET", "/a/b", headers=dict(header.split(": ", 1) for header in headers))
    harness.wait_for("the lines", lambda: len(server.stdout_text().splitlines()) == len(SPOOFS))
    assert all(line.startswith("127.0.0.1:") for line in server.stdout_text().splitlines())
    with server.connect() as connection:
        connection.send("PROXY TCP4 203.0.113.9 10.0.0.1 4711 80\r\nGET /a/b HTTP/1.1\r\nHost: h\r\n\r\n")
        answer = connection.read_answer()
        assert answer.status == 400
        assert "TRUSTED_PROXIES" in answer.message()


def test_a_list_of_proxies_with_a_slip_stops_the_start(binary, tmp_path):
    for slip in ("10.0.0.1/8", "proxy.example", "*", "10.0.0.1,", "[::1]", "10.0.0.0/33"):
        said = harness.run_and_fail(binary, FILE_SD_DIRECTORY=tmp_path, TRUSTED_PROXIES=slip)
        assert "TRUSTED_PROXIES" in said and json.dumps(slip)[1:-1] in said, said
