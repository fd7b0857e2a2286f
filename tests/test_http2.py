"""HTTP/2 on TLS: real curl, and frames that no client should send."""

import json
import socket
import ssl
import struct
import subprocess
import time

import httpx
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from hyperframe.frame import ContinuationFrame, DataFrame, GoAwayFrame, HeadersFrame, RstStreamFrame, SettingsFrame

from harness import PATIENCE_S, wait_for

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """The files of a certificate for 127.0.0.1 that has signed itself."""
    folder = tmp_path_factory.mktemp("certificate")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    return cert, key


@pytest.fixture(scope="module")
def server(start_shared, certificate):
    cert, key = certificate
    return start_shared(CERTFILE=cert, KEYFILE=key, INSECURE_BIND="127.0.0.1:0")


class Connection:
    """A TLS connection on which HTTP/2 was agreed, and the frames on it."""

    def __init__(self, server, certificate):
        context = ssl.create_default_context(cafile=str(certificate[0]))
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        assert self.socket.selected_alpn_protocol() == "h2"
        self.h2 = H2Connection(H2Configuration(client_side=True))

    def __enter__(self):
        self.h2.initiate_connection()
        self.send(self.h2.data_to_send())
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """Gives whether the server still takes it."""
        try:
            self.socket.sendall(data)
        except (ConnectionError, ssl.SSLError):
            return False
        return True

    def block(self, method="GET", path="/a/b"):
        return self.h2.encoder.encode(
            [(":method", method), (":scheme", "https"), (":authority", "localhost"), (":path", path)])

    def end(self):
        """Reads to the end; the code of the last GOAWAY, or None."""
        data, code = b"", None
        try:
            while piece := self.socket.recv(65536):
                data += piece
        except (ConnectionError, ssl.SSLError):
            pass
        while len(data) >= 9:
            size = int.from_bytes(data[:3], "big")
            if data[3] == GoAwayFrame.type and len(data) >= 17:
                code = struct.unpack(">L", data[13:17])[0]
            data = data[9 + size:]
        return code


def answers(server, certificate):
    """The server still serves others."""
    out = curl(server, certificate, "/a/b")
    return out.startswith("2 200")


def curl(server, certificate, path, *arguments):
    done = subprocess.run(
        ["curl", "-sS", "--http2", "--cacert", str(certificate[0]), "-w", "\n%{http_version} %{http_code}", *arguments,
         f"https://localhost:{server.port}{path}", "--resolve", f"localhost:{server.port}:127.0.0.1"],
        capture_output=True, timeout=PATIENCE_S, check=True, text=True)
    body, _, status = done.stdout.rpartition("\n")
    return f"{status}\n{body}"


def test_curl_reads_and_writes_over_http2(server, certificate):
    assert curl(server, certificate, "/curl/env", "-X", "PUT", "-d", "targets=a:1").startswith("2 200")
    status, _, body = curl(server, certificate, "/curl/env").partition("\n")
    assert status == "2 200"
    assert json.loads(body)[0]["targets"] == ["a:1"]
    status, _, body = curl(server, certificate, "/curl/env", "-X", "PUT", "-d", "targets=a:70000").partition("\n")
    assert status == "2 400"
    assert "port" in json.loads(body)["message"]


def test_a_large_body_arrives_over_http2(server, certificate, tmp_path):
    targets = [f"host-{i}.example:9100" for i in range(10_000)]
    file = tmp_path / "body.json"
    file.write_text(json.dumps({"targets": targets}))
    status, _, body = curl(server, certificate, "/large/env", "-X", "PUT", "-H", "Content-Type: application/json",
                           "--data-binary", f"@{file}").partition("\n")
    assert status == "2 200", body
    assert json.loads(body)[0]["targets"] == targets


@pytest.mark.parametrize("words, status", [
    (["-X", "POST", "-H", "Origin: null", "-d", "targets=a:1"], 403),
    (["-X", "POST", "-H", "Origin: null", "-d", "@MEDIUM"], 403),
    (["-X", "POST", "-d", "@LARGE"], 413), (["-X", "POST", "-d", "@LARGE", "-H", "Expect:"], 413),
    (["-T", "LARGE"], 413), (["-T", "LARGE", "-H", "Content-Length:"], 413),
], ids=["small", "medium", "d", "d-at-once", "T", "T-undeclared"])
def test_curl_hears_an_answer_that_comes_before_its_body_ends(server, certificate, tmp_path, words, status):
    for name, size in (("MEDIUM", 800_000), ("LARGE", 5_000_000)):
        (tmp_path / name).write_bytes(b"x" * size)
        words = [word.replace(name, str(tmp_path / name)) for word in words]
    for _ in range(4):
        first, _, body = curl(server, certificate, "/a/b", *words).partition("\n")
        assert first == f"2 {status}", body
        assert json.loads(body)["message"]


def test_httpx_hears_an_answer_that_comes_before_its_body_ends(server, certificate):
    """It sends a body to its end before it reads: it needs room for all of it, and no reset."""
    with httpx.Client(http2=True, verify=str(certificate[0])) as client:
        for size, headers, status in ((10, {"Origin": "null"}, 403), (800_000, {"Origin": "null"}, 403),
                                      (5_000_000, {}, 413)) * 2:
            answer = client.post(f"https://localhost:{server.port}/a/b", content=b"x" * size, headers=headers)
            assert (answer.http_version, answer.status_code) == ("HTTP/2", status)
            assert answer.json()["message"]


def test_http11_is_spoken_with_who_asks_for_it(server, certificate):
    assert curl(server, certificate, "/a/b", "--http1.1").startswith("1.1 200")


def test_plain_http_to_the_tls_port_is_told_so(server):
    with server.connect() as raw:
        raw.send("GET /a/b HTTP/1.1\r\nHost: h\r\n\r\n")
        answer = raw.read_answer()
        assert answer.status == 400
        assert "https" in answer.message()


def test_rapid_reset_ends_the_connection(server, certificate):
    with Connection(server, certificate) as connection:
        for stream in range(1, 20_000, 2):
            headers = HeadersFrame(stream, connection.block(), flags=["END_HEADERS", "END_STREAM"])
            reset = RstStreamFrame(stream, error_code=int(ErrorCodes.CANCEL))
            if not connection.send(headers.serialize() + reset.serialize()):
                break
        assert connection.end() in (ErrorCodes.ENHANCE_YOUR_CALM, None)
    assert answers(server, certificate)


def test_a_continuation_flood_ends_the_connection(server, certificate):
    with Connection(server, certificate) as connection:
        sent = connection.send(HeadersFrame(1, connection.block()).serialize())
        frames = ContinuationFrame(1, connection.h2.encoder.encode([("a", "b")])).serialize() * 100
        deadline = time.monotonic() + PATIENCE_S
        while sent and time.monotonic() < deadline:
            sent = connection.send(frames)
        assert not sent, "it goes on taking them"
    assert answers(server, certificate)


def test_a_settings_flood_ends_the_connection(server, certificate):
    with Connection(server, certificate) as connection:
        frames = SettingsFrame(0).serialize() * 100
        deadline = time.monotonic() + PATIENCE_S
        sent = True
        while sent and time.monotonic() < deadline:
            sent = connection.send(frames)
        assert not sent, "it goes on taking them"
    assert answers(server, certificate)


def test_an_oversized_frame_ends_the_connection(server, certificate):
    with Connection(server, certificate) as connection:
        connection.send(HeadersFrame(1, connection.block("PUT"), flags=["END_HEADERS"]).serialize())
        connection.send(DataFrame(1, b"x" * 16385).serialize())
        assert connection.end() in (ErrorCodes.FRAME_SIZE_ERROR, None)
    assert answers(server, certificate)


def test_a_bad_preface_ends_the_connection(server, certificate):
    connection = Connection(server, certificate)
    connection.send(PREFACE.replace(b"SM", b"XX"))
    assert connection.end() is None
    connection.socket.close()
    assert answers(server, certificate)


def test_a_stop_says_goaway(start, certificate):
    cert, key = certificate
    server = start(CERTFILE=cert, KEYFILE=key)
    with Connection(server, certificate) as connection:
        connection.send(HeadersFrame(1, connection.block(), flags=["END_HEADERS", "END_STREAM"]).serialize())
        wait_for("the answer", lambda: connection.socket.recv(65536))
        server.stop()
        assert connection.end() == ErrorCodes.NO_ERROR
