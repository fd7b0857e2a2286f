"""The API as the clients of the field speak to it: what each is answered, it must hear.

Every client sends the same requests, in three ways: plain, over TLS, and as HTTP/2. The programs that do so are in
clients/. `./dev test` runs the clients that need no package of their own, `./dev clients` all.
"""

import base64
import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

import pytest

import bodies
import harness
from harness import Background
from tls_fixtures import Files

PROGRAMS = pathlib.Path(__file__).resolve().parent / "clients"
# A client that hangs fails; the slowest one takes a minute for each conversation.
PATIENCE_S = 600
TOKEN = "the-token-of-clients"
ACCESS = f"""
tokens:
  clients: sha256:{hashlib.sha256(TOKEN.encode()).hexdigest()}
rules:
  - who: token:clients
    applications: of-*
    may: write
"""
GROUP = {"targets": ["web1:9100", "web2:9100"], "labels": {"team": "Zürich"}}
BODY_LIMIT = 1024 * 1024  # The default.


@dataclasses.dataclass(frozen=True)
class Client:
    program: tuple
    versions: str = "1"
    # What it can be asked: to wait for `100 Continue`, and to send a body in chunks.
    expects: bool = False
    chunks: bool = False
    # Statuses of which it shows its user no message, whatever it hears.
    mute: tuple = ()
    # Whether it sends a body with DELETE.
    delete_bodies: bool = True
    # Whether `./dev test` has it: all that it needs is there for other tests.
    everywhere: bool = False


def python(name, **what):
    return Client(("/usr/bin/python3", "-B", PROGRAMS / "client_python.py", name), **what)


def node(name, **what):
    return Client(("node", PROGRAMS / "client_node.cjs", name), **what)


def perl(name, **what):
    return Client(("perl", PROGRAMS / "client_perl.pl", name), **what)


def ruby(name, **what):
    return Client(("ruby", PROGRAMS / "client_ruby.rb", name), **what)


def php(name, **what):
    return Client(("php", PROGRAMS / "client_php.php", name), **what)


def java(name, **what):
    return Client(("java", PROGRAMS / "ClientJava.java", name), **what)


CLIENTS = {
    "curl": python("curl", versions="12", expects=True, chunks=True, everywhere=True),
    "wget": python("wget", mute=(401,)),
    "python-http.client": python("http.client", expects=True, chunks=True, everywhere=True),
    "python-urllib": python("urllib"),
    "python-urllib3": python("urllib3", expects=True, chunks=True),
    "python-requests": python("requests", expects=True, chunks=True),
    "python-httplib2": python("httplib2"),
    "python-httpx": python("httpx", versions="12", expects=True, chunks=True),
    "python-aiohttp": python("aiohttp", expects=True, chunks=True),
    "python-pycurl": python("pycurl", versions="12", expects=True, chunks=True),
    "httpie": python("httpie"),
    "ansible-uri": python("ansible"),
    "node-fetch": node("fetch", chunks=True),
    "node-http": node("http", expects=True, chunks=True),
    "node-http2": node("http2", versions="2"),
    "node-undici": node("undici", chunks=True),
    "node-axios": node("axios"),
    "node-got": node("got"),
    "node-got-http2": node("got", versions="2", delete_bodies=False),
    "perl-http-tiny": perl("HTTP::Tiny", chunks=True, everywhere=True),
    "perl-lwp": perl("LWP", chunks=True),
    "ruby-net-http": ruby("Net::HTTP", expects=True, chunks=True),
    "ruby-faraday": ruby("faraday"),
    "php-curl": php("curl", versions="12", expects=True),
    "php-streams": php("streams"),
    "php-guzzle": php("guzzle", versions="12", expects=True),
    "go": Client(("go",), versions="12", expects=True, chunks=True),
    "java-httpclient": java("HttpClient", versions="12", expects=True, chunks=True),
    "java-urlconnection": java("URLConnection"),
}
# The address, by its place in the server's list, and the version of HTTP.
WAYS = {"plain": ("http", "1"), "tls": ("https", "1"), "http2": ("https", "2")}


def pytest_generate_tests(metafunc):
    if "way" in metafunc.fixturenames:
        everything = metafunc.config.getoption("--clients") == "all"
        metafunc.parametrize("name,way", [
            (name, way) for name, client in CLIENTS.items()
            if everything or client.everywhere
            for way, (scheme, version) in WAYS.items() if version in client.versions
            # Perl's TLS is a package of its own.
            and (everything or scheme == "http" or not name.startswith("perl"))])


@dataclasses.dataclass
class Ask:
    """One request, and what is to be heard: one of `statuses`; and the groups, or a word of the message."""
    what: str
    method: str
    path: str
    statuses: tuple
    heard: object
    body: pathlib.Path = None
    headers: dict = dataclasses.field(default_factory=dict)
    chunked: bool = False

    def line(self):
        return "\t".join([self.method, self.path, str(self.body or "-"), "chunked" if self.chunked else "-",
                          *(f"{name}: {value}" for name, value in self.headers.items())]) + "\n"


@dataclasses.dataclass
class Heard:
    status: int
    version: str
    body: bytes
    failure: str = None

    @classmethod
    def of_line(cls, line):
        first, *rest = line.split("\t")
        if first == "failed":
            return cls(0, "", b"", rest[0])
        return cls(int(first), rest[0], base64.b64decode(rest[1]))

    def fault(self, ask, version, mute):
        """What is wrong with it as the answer to `ask`, or None."""
        if self.failure is not None:
            return f"no answer: {self.failure}"
        if self.status not in ask.statuses:
            return f"status {self.status} {self.body[:200]!r}, expected {ask.statuses}"
        if self.version.partition(".")[0] != version:
            return f"spoke HTTP/{self.version}, expected {version}"
        if self.status in mute:
            return None
        try:
            document = json.loads(self.body)
        except ValueError:
            return f"body is no JSON: {self.body[:200]!r}"
        if self.status != 200:
            if set(document) != {"message"} or not document["message"]:
                return f"not an error's message: {document}"
        elif ask.heard is not None and document != ask.heard:
            return f"heard {self.body[:200]!r}, expected {str(ask.heard)[:200]}"
        return None


class Bodies:
    """Files with bodies."""

    def __init__(self, directory):
        self.directory = directory
        self.many = [f"host-{number}.example:9100" for number in range(35_000)]
        self.json = self._file("json", bodies.as_json(**GROUP)[0])
        self.one_more_as_form = self._file("form", bodies.as_form(targets=["web3:9100"])[0])
        self.label_as_yaml = self._file("yaml", bodies.as_yaml(labels={"zone": "1.10"})[0])
        self.second = self._file("second", bodies.as_json(targets=["web2:9100"])[0])
        text = bodies.as_json(targets=self.many, labels=GROUP["labels"])[0]
        assert 0.8 * BODY_LIMIT < len(text) < BODY_LIMIT
        self.large = self._file("large", text)
        self.broken = self._file("broken", "{")
        self.large_broken = self._file("large-broken", text[:-1])
        self.over = self._file("over", "a" * 5 * BODY_LIMIT)
        self.far_over = self._file("far-over", "a" * 20 * BODY_LIMIT)

    def _file(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path


def typed(kind, **more):
    return {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind, **more}


def group(application, environment, targets, labels):
    return [{"targets": targets, "labels": {"env": environment, "job": application, **labels}}]


def successes(files, client, application):
    """Methods and encodings."""
    path, team = f"/{application}/prod", GROUP["labels"]
    auth = {"Authorization": f"Bearer {TOKEN}"}
    first = group(application, "prod", GROUP["targets"], team)
    three = group(application, "prod", [*GROUP["targets"], "web3:9100"], team)
    zone = group(application, "prod", three[0]["targets"], {**team, "zone": "1.10"})
    last = group(application, "prod", ["web1:9100", "web3:9100"], {**team, "zone": "1.10"})
    asks = [
        Ask("PUT of JSON", "PUT", path, (200,), first, files.json, typed("application/json")),
        Ask("GET", "GET", path, (200,), first, None, auth),
        Ask("POST of a form", "POST", path, (200,), three, files.one_more_as_form,
            typed("application/x-www-form-urlencoded")),
        Ask("POST of YAML", "POST", path, (200,), zone, files.label_as_yaml, typed("text/yaml")),
        *([Ask("DELETE of a target", "DELETE", path, (200,), last, files.second, typed("application/json"))]
          if client.delete_bodies else []),
        Ask("DELETE of all", "DELETE", path, (200,), last if client.delete_bodies else zone, None, auth),
        Ask("GET of what is gone", "GET", path, (200,), [], None, auth),
    ]
    small = group(application, "small", GROUP["targets"], team)
    large = group(application, "large", files.many, team)
    ways = {"": ({}, False)}
    if client.expects:
        ways["with Expect"] = ({"Expect": "100-continue"}, False)
    if client.chunks:
        ways["in chunks"] = ({}, True)
    for way, (headers, chunked) in ways.items():
        asks += [Ask(f"PUT of {size} {way}".rstrip(), "PUT", f"/{application}/{where}", (200,), heard, file,
                     typed("application/json", **headers), chunked)
                 for size, where, heard, file in (("a little", "small", small, files.json),
                                                  ("much", "large", large, files.large))]
    return asks


def refusals(files, client, application):
    """Each with little and with much to send; after each the client must be able to go on."""
    path = f"/{application}/kept"
    json_type = typed("application/json")
    kept = group(application, "kept", GROUP["targets"], GROUP["labels"])
    nobody = {"Content-Type": "application/json"}
    go_on = Ask("GET after it", "GET", path, (200,), kept, None, {"Authorization": f"Bearer {TOKEN}"})
    refused = []

    def refuse(what, statuses, body, headers, where=path, method="PUT"):
        refused.append(Ask(what, method, where, statuses, None, body, headers))
        if client.expects:
            refused.append(Ask(f"{what} with Expect", method, where, statuses, None, body,
                               {**headers, "Expect": "100-continue"}))
        if client.chunks:
            refused.append(Ask(f"{what} in chunks", method, where, statuses, None, body, headers, True))

    for size, body, more in (("little", files.json, ()), ("much", files.large, ()), ("too much", files.over, (413,))):
        refuse(f"401 to {size}", (401, *more), body, nobody)
        refuse(f"403 to {size}", (403, *more), body, json_type, "/not-ours/prod")
        refuse(f"403 for its origin to {size}", (403, *more), body, {**json_type, "Origin": "null"})
        refuse(f"404 to {size}", (404, *more), body, json_type, "/a/b/c")
        refuse(f"405 to {size}", (405, *more), body, json_type, "/-/healthy", "POST")
        refuse(f"400 for its encoding to {size}", (400, *more), body, {**json_type, "Content-Encoding": "br"})
    refuse("400 to a little", (400,), files.broken, json_type)
    refuse("400 to much", (400,), files.large_broken, json_type)
    refuse("413 to too much", (413,), files.over, json_type)
    refuse("413 to far too much", (413,), files.far_over, json_type, method="POST")
    first = Ask("PUT", "PUT", path, (200,), kept, files.json, json_type)
    return [first, *(ask for one in refused for ask in (one, go_on))]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return Bodies(tmp_path_factory.mktemp("bodies"))


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    made = Files(tmp_path_factory.mktemp("certificates"))
    made.sign("one")
    return made


@pytest.fixture(scope="module")
def start_both_ways(start_shared, authority):
    """Starts the program on TLS and plain; `.urls` has both, by scheme."""
    def starter(**settings):
        server = start_shared(CERTFILE=authority / "one.crt", KEYFILE=authority / "one.key",
                              INSECURE_BIND="127.0.0.1:0", **settings)
        secure, plain = (int(address.rsplit(":", 1)[1]) for address in server.addresses)
        server.port = plain
        server.urls = {"https": f"https://localhost:{secure}", "http": f"http://localhost:{plain}"}
        return server
    return starter


@pytest.fixture(scope="module")
def server(start_both_ways, tmp_path_factory):
    access = tmp_path_factory.mktemp("access") / "access.yml"
    access.write_text(ACCESS)
    return start_both_ways(ACCESS_FILE=access)


@pytest.fixture(scope="module")
def limited(start_both_ways):
    return start_both_ways(CLIENT_RATE_LIMIT=1)


@pytest.fixture(scope="session")
def go_program(tmp_path_factory):
    directory = tmp_path_factory.mktemp("go")
    environment = {**os.environ, "GOCACHE": str(directory / "cache"), "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0",
                   "GOTOOLCHAIN": "local", "GO111MODULE": "off"}
    subprocess.run(["go", "build", "-o", directory / "client", PROGRAMS / "client_go.go"], env=environment, check=True)
    return directory / "client"


@pytest.fixture
def converse(request, authority):
    """Has a client ask; gives what it heard, one for each."""
    def conversation(name, server, way, asks):
        client, (scheme, version) = CLIENTS[name], WAYS[way]
        program = client.program
        if name == "go":
            program = (request.getfixturevalue("go_program"), "net/http")
        assert shutil.which(program[0]), f"{program[0]} is not installed"
        ca = str(authority / "ca.crt")
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8",
                       "NODE_PATH": "/usr/share/nodejs:/usr/lib/nodejs", "NODE_EXTRA_CA_CERTS": ca,
                       "NODE_NO_WARNINGS": "1"}
        done = subprocess.run([*map(str, program), server.urls[scheme], ca, version], env=environment, text=True,
                              input="".join(ask.line() for ask in asks), capture_output=True, timeout=PATIENCE_S,
                              check=False)
        lines = done.stdout.splitlines()
        assert done.returncode == 0 and len(lines) == len(asks), f"{len(lines)} of {len(asks)}: {done.stderr[-2000:]}"
        return [Heard.of_line(line) for line in lines]
    return conversation


def faults_of(asks, answers, name, way):
    version, mute = WAYS[way][1], CLIENTS[name].mute
    return [f"{ask.what}: {fault}" for ask, answer in zip(asks, answers)
            if (fault := answer.fault(ask, version, mute))]


def expect_no_faults(faults, asks):
    assert not faults, f"{len(faults)} of {len(asks)} requests:\n" + "\n".join(faults)


def test_methods_and_encodings(converse, server, files, name, way):
    asks = successes(files, CLIENTS[name], f"of-{name}-{way}")
    expect_no_faults(faults_of(asks, converse(name, server, way, asks), name, way), asks)


def test_every_refusal_is_heard(converse, server, files, name, way):
    asks = refusals(files, CLIENTS[name], f"of-{name}-{way}")
    expect_no_faults(faults_of(asks, converse(name, server, way, asks), name, way), asks)


def test_too_many_requests_are_told_so(converse, limited, files, name, way):
    """Somebody else at the same address takes whatever may be asked, so that next to nothing is left for others."""
    path = f"/{name}-{way}/prod"
    sizes = {"little": (files.json, (200, 429)), "much": (files.large, (200, 429)),
             "too much": (files.over, (413, 429))}
    asks = [Ask(f"PUT of {size}", "PUT", path, statuses, None, body, {"Content-Type": "application/json"})
            for size, (body, statuses) in sizes.items() for _ in range(3)]
    with Background(lambda: limited.get("/-/healthy")):
        harness.wait_for("the limit", lambda: limited.get("/-/healthy").status == 429)
        answers = converse(name, limited, way, asks)
    expect_no_faults(faults_of(asks, answers, name, way), asks)
    for size in ("little", "much"):
        statuses = [answer.status for ask, answer in zip(asks, answers) if ask.what == f"PUT of {size}"]
        assert 429 in statuses, (size, statuses)
