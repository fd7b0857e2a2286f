"""HTTP/1.1 as it goes over the wire: what a good client may count on, and what a bad one gets.

Each refusal is sent whole and byte by byte, with a second request right behind it: the answer is the
same, and after a framing error the second request is never executed.
"""

import json
import socket
import threading

import pytest

from harness import PATIENCE_S, Background, wait_for

GROUP = '{"targets": ["h:1"]}'


def put(path, body=GROUP, *headers):
    lines = [f"PUT {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json",
             f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines) + "\r\n\r\n" + body


def request(*lines, body=""):
    return "\r\n".join(lines) + "\r\n\r\n" + body


def chunked(*chunks, end="0\r\n\r\n"):
    return "".join(f"{len(chunk):x}\r\n{chunk}\r\n" for chunk in chunks) + end


CHUNKED = ("Host: localhost", "Content-Type: application/json", "Transfer-Encoding: chunked")

# What is sent -> the status. All of these leave no doubt where the request ends but by guessing, so the
# connection is closed.
FRAMING_ERRORS = {
    "length and chunked": (request("PUT /a/e HTTP/1.1", *CHUNKED, "Content-Length: 5", body="0\r\n\r\n"), 400),
    "two lengths": (request("PUT /a/e HTTP/1.1", "Host: h", "Content-Length: 0", "Content-Length: 0"), 400),
    "a list of lengths": (request("PUT /a/e HTTP/1.1", "Host: h", "Content-Length: 0, 0"), 400),
    "a signed length": (request("PUT /a/e HTTP/1.1", "Host: h", "Content-Length: +0"), 400),
    "a negative length": (request("PUT /a/e HTTP/1.1", "Host: h", "Content-Length: -1"), 400),
    "a hex length": (request("PUT /a/e HTTP/1.1", "Host: h", "Content-Length: 0x0"), 400),
    "a length with an underscore": (request("PUT /a/e HTTP/1.1", "Host: h", "Content-Length: 1_0"), 400),
    "an empty length": (request("PUT /a/e HTTP/1.1", "Host: h", "Content-Length:"), 400),
    "a length beyond all numbers": (
        request("PUT /a/e HTTP/1.1", "Host: h", "Content-Length: 99999999999999999999999"), (400, 413)),
    "chunked twice": (
        request("PUT /a/e HTTP/1.1", *CHUNKED, "Transfer-Encoding: chunked", body="0\r\n\r\n"), 400),
    "chunked, chunked": (
        request("PUT /a/e HTTP/1.1", "Host: h", "Transfer-Encoding: chunked, chunked", body="0\r\n\r\n"), 400),
    "a coding that is not chunked": (
        request("PUT /a/e HTTP/1.1", "Host: h", "Transfer-Encoding: gzip", body="0\r\n\r\n"), 400),
    "a coding before chunked": (
        request("PUT /a/e HTTP/1.1", "Host: h", "Transfer-Encoding: gzip, chunked", body="0\r\n\r\n"), 400),
    "identity": (request("PUT /a/e HTTP/1.1", "Host: h", "Transfer-Encoding: identity"), (400, 501)),
    "an unknown coding": (request("PUT /a/e HTTP/1.1", "Host: h", "Transfer-Encoding: xchunked"), 501),
    "chunked in HTTP/1.0": (request("PUT /a/e HTTP/1.0", *CHUNKED, body="0\r\n\r\n"), 400),
    "a folded header": ("GET /a/e HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 400),
    "a bare LF": ("GET /a/e HTTP/1.1\nHost: h\n\n", 400),
    "a bare LF after a field": ("GET /a/e HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", 400),
    "a bare CR": ("GET /a/e HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", 400),
    "NUL": ("GET /a/e HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n", 400),
    "a space before the colon": ("GET /a/e HTTP/1.1\r\nHost: h\r\nX : y\r\n\r\n", 400),
    "an empty field name": ("GET /a/e HTTP/1.1\r\nHost: h\r\n: y\r\n\r\n", 400),
    "an 8-bit field name": (b"GET /a/e HTTP/1.1\r\nHost: h\r\n\xe4: y\r\n\r\n", 400),
    "a trailer": (
        request("PUT /a/e HTTP/1.1", *CHUNKED, body=chunked(GROUP, end="0\r\nAuthorization: x\r\n\r\n")), 400),
    "a long chunk line": (
        request("PUT /a/e HTTP/1.1", *CHUNKED, body=f"{len(GROUP):x};{'x' * 300}\r\n{GROUP}\r\n0\r\n\r\n"), 400),
    "a chunk size of zeros": (
        request("PUT /a/e HTTP/1.1", *CHUNKED, body=f"{'0' * 300}{len(GROUP):x}\r\n{GROUP}\r\n0\r\n\r\n"), 400),
    "a bad chunk extension": (
        request("PUT /a/e HTTP/1.1", *CHUNKED, body=f"{len(GROUP):x};a=\"\x01\"\r\n{GROUP}\r\n0\r\n\r\n"), 400),
    "a bad chunk size": (request("PUT /a/e HTTP/1.1", *CHUNKED, body="xyz\r\n"), 400),
    "a chunk that is longer than it says": (
        request("PUT /a/e HTTP/1.1", *CHUNKED, body="1\r\nabc\r\n0\r\n\r\n"), 400),
    "no Host": (request("GET /a/e HTTP/1.1"), 400),
    "two Hosts": (request("GET /a/e HTTP/1.1", "Host: a", "Host: a"), 400),
    "an empty Host": (request("GET /a/e HTTP/1.1", "Host:"), 400),
    "userinfo in Host": (request("GET /a/e HTTP/1.1", "Host: user@h"), 400),
    "a path in Host": (request("GET /a/e HTTP/1.1", "Host: h/a"), 400),
    "an unknown version": (request("GET /a/e HTTP/2.0", "Host: h"), 505),
    "a fragment": (request("GET /a/e#f HTTP/1.1", "Host: h"), 400),
    "a control byte in the target": (request("GET /a\x01/e HTTP/1.1", "Host: h"), 400),
    "an 8-bit byte in the target": (b"GET /\xe4/e HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    "no request at all": ("nonsense\r\n\r\n", 400),
}

# These are whole requests that are refused for what they say; the connection may go on.
REFUSALS = {
    "an unknown method": (request("BREW /a/e HTTP/1.1", "Host: h"), (405, 501)),
    "CONNECT": (request("CONNECT h:1 HTTP/1.1", "Host: h:1"), 405),
    "TRACE": (request("TRACE /a/e HTTP/1.1", "Host: h"), 405),
    "PATCH": (request("PATCH /a/e HTTP/1.1", "Host: h"), 405),
    "GET *": (request("GET * HTTP/1.1", "Host: h"), 400),
    "absolute-form for another authority": (request("GET http://other/a/e HTTP/1.1", "Host: h"), 400),
    "an unknown Expect": (request("PUT /a/e HTTP/1.1", "Host: h", "Content-Length: 0", "Expect: cake"), 417),
    "a bad percent escape": (request("GET /a%zz/e HTTP/1.1", "Host: h"), 400),
    "a content coding": (put("/a/e", GROUP, "Content-Encoding: gzip"), 400),
    "a content coding of identity": (put("/a/e", GROUP, "Content-Encoding: identity"), 400),
    "a foreign origin": (put("/a/e", GROUP, "Origin: http://evil.example"), 403),
    "no origin at all": (put("/a/e", GROUP, "Origin: null"), 403),
    "cross-site": (put("/a/e", GROUP, "Sec-Fetch-Site: cross-site"), 403),
    "same-site": (put("/a/e", GROUP, "Sec-Fetch-Site: same-site"), 403),
    "cross-site reading": (request("GET /a/e HTTP/1.1", "Host: h", "Sec-Fetch-Site: cross-site"), 403),
    "a target of over 8 KiB": (request("GET /a/" + "e" * 8200 + " HTTP/1.1", "Host: h"), 414),
    "a header of over 16 KiB": (request("GET /a/e HTTP/1.1", "Host: h", *(f"X{i}: {'x' * 1000}" for i in range(17))), 431),
    "over 100 fields": (request("GET /a/e HTTP/1.1", "Host: h", *(f"X{i}: y" for i in range(101))), 431),
    "a body that says it is over 1 MiB": (
        request("PUT /a/e HTTP/1.1", "Host: h", "Content-Type: application/json", "Content-Length: 1048577"), 413),
}


def check(server, sent, status, whole):
    sent = sent.encode("latin-1") if isinstance(sent, str) else sent
    with server.connect() as connection:
        if whole:
            connection.send(sent + put("/smuggled/e").encode())
        else:
            connection.send_slowly(sent)
        answer = connection.read_answer()
        assert answer is not None, "the connection was closed without an answer"
        assert answer.status in (status if isinstance(status, tuple) else (status,)), answer
        assert answer.message()
        return connection, answer, (connection.read_answer() if answer.headers.get("connection") == "close" else None)


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "byte by byte"])
def test_a_framing_error_is_refused_and_ends_the_connection(server, whole):
    for name, (sent, status) in FRAMING_ERRORS.items():
        try:
            _, answer, after = check(server, sent, status, whole)
            assert answer.headers.get("connection") == "close"
            assert after is None
        except (AssertionError, OSError) as wrong:
            raise AssertionError(f"{name}: {wrong}") from wrong
    assert server.group("/smuggled/e") is None, "a request behind a framing error was executed"
    assert server.group("/a/e") is None


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "byte by byte"])
def test_a_bad_request_is_refused(server, whole):
    for name, (sent, status) in REFUSALS.items():
        try:
            check(server, sent, status, whole)
        except (AssertionError, OSError) as wrong:
            raise AssertionError(f"{name}: {wrong}") from wrong
    assert server.group("/a/e") is None, "a refused request was executed"


def test_a_chunked_body_over_the_limit_is_refused_before_it_is_read(start):
    server = start(BODY_LIMIT="2000")
    with server.connect() as connection:
        connection.send(request("PUT /a/e HTTP/1.1", *CHUNKED, body=chunked("x" * 1900, end="65\r\n")))
        answer = connection.read_answer()
        assert answer.status == 413, answer
        assert "2000" in answer.message()
    assert server.json("PUT", "/a/e", {"targets": ["h:1"]}).status == 200


def test_limits_are_settings(start):
    server = start(BODY_LIMIT="1KiB", TARGET_LIMIT="500", H11_MAX_INCOMPLETE_SIZE="1KiB")
    assert server.request("PUT", "/a/e", "x" * 1025, "application/json").status == 413
    assert server.get("/a/" + "e" * 500).status == 414
    assert server.request("GET", "/a/e", headers={"X": "x" * 1024}).status == 431


def test_requests_on_one_connection_are_answered_in_turn(server):
    with server.connect() as connection:
        for i in range(20):
            connection.send(put("/a/e", json.dumps({"targets": [f"h:{i + 1}"]})))
            answer = connection.read_answer()
            assert answer.status == 200 and answer.json()[0]["targets"] == [f"h:{i + 1}"]
            connection.send(request("GET /a/e HTTP/1.1", "Host: h"))
            assert connection.read_answer().json() == answer.json()


def test_pipelined_requests_are_answered_in_order(server):
    with server.connect() as connection:
        sent = ""
        for i in range(50):
            sent += put(f"/a/{i}", json.dumps({"targets": [f"h:{i + 1}"]})) + request(f"GET /a/{i} HTTP/1.1", "Host: h")
        connection.send(sent)
        for i in range(50):
            expected = [{"targets": [f"h:{i + 1}"], "labels": {"job": "a", "env": str(i)}}]
            assert connection.read_answer().json() == expected
            assert connection.read_answer().json() == expected, "a read overtook the write before it"


@pytest.mark.parametrize("split", [1, 3, 7, 1000])
def test_a_chunked_body_is_a_body(server, split):
    body = json.dumps({"targets": ["host-1:9100", "host-2:9100"], "labels": {"team": "x"}})
    sent = request("PUT /a/e HTTP/1.1", *CHUNKED,
                   body=chunked(*(body[i:i + split] for i in range(0, len(body), split))))
    with server.connect() as connection:
        connection.send_slowly(sent) if split == 3 else connection.send(sent)
        assert connection.read_answer().status == 200
        connection.send(request("DELETE /a/e HTTP/1.1", *CHUNKED, body=chunked()))
        answer = connection.read_answer()
        assert answer.status == 200, "a chunked body of no bytes is no body"
    assert server.group("/a/e") is None


def test_continue_is_sent_only_to_a_request_that_may_go_on(server, tmp_path):
    head = ["PUT /a/e HTTP/1.1", "Host: h", "Content-Type: application/json", "Expect: 100-continue"]
    with server.connect() as connection:
        connection.send(request(*head, f"Content-Length: {len(GROUP)}"))
        assert connection.read_answer().status == 100
        connection.send(GROUP)
        assert connection.read_answer().status == 200
        connection.send(request(*head, "Content-Length: 9999999"))
        assert connection.read_answer().status == 413
    with server.connect() as connection:
        connection.send(request(*head, f"Content-Length: {len(GROUP)}", body=GROUP))
        assert connection.read_answer().status == 200, "no 100 where the body is there already"
    big = tmp_path / "big.json"
    big.write_text(json.dumps({"targets": [f"host-{i}:9100" for i in range(20000)]}))
    answer = server.curl(["-X", "PUT", "-H", "Content-Type: application/json", "-H", "Expect: 100-continue",
                          "-d", f"@{big}"], "/big/e")
    assert answer.status == 200


def test_head_is_get_without_the_body(server):
    server.json("PUT", "/a/e", {"targets": ["h:1"]})
    get = server.get("/a/e")
    with server.connect() as connection:
        connection.send(request("HEAD /a/e HTTP/1.1", "Host: h") + request("GET /a/e HTTP/1.1", "Host: h"))
        head = connection.read_answer(head_only=True)
        assert head.status == 200
        assert head.headers["content-length"] == str(len(get.body))
        assert connection.read_answer().body == get.body
    assert server.curl("-I", "/a/e").status == 200


def test_options_tells_what_is_allowed(server):
    answer = server.request("OPTIONS", "/a/e")
    assert answer.status in (200, 204)
    assert {"GET", "HEAD", "PUT", "POST", "DELETE"} <= set(answer.headers["allow"].split(", "))
    assert "allow" in server.request("PATCH", "/a/e").headers
    with server.connect() as connection:
        connection.send(request("OPTIONS * HTTP/1.1", "Host: h"))
        assert connection.read_answer().status in (200, 204)


def test_http_1_0_closes_unless_asked_not_to(server):
    with server.connect() as connection:
        connection.send(request("GET /a/e HTTP/1.0", "Connection: keep-alive"))
        assert connection.read_answer().status == 200
        connection.send(request("GET /a/e HTTP/1.0"))
        assert connection.read_answer().status == 200
        assert connection.is_closed()


def test_connection_close_is_honoured(server):
    with server.connect() as connection:
        connection.send(request("GET /a/e HTTP/1.1", "Host: h", "Connection: close"))
        answer = connection.read_answer()
        assert answer.headers["connection"] == "close"
        assert connection.is_closed()


def test_what_is_odd_but_right_is_served(server):
    for sent in [
        request(f"GET http://127.0.0.1:{server.port}/a/e HTTP/1.1", f"Host: 127.0.0.1:{server.port}"),
        request("GET /a/e HTTP/1.1", "Host: h", "Upgrade: websocket", "Connection: Upgrade"),
        request("GET /a/e HTTP/1.1", "hOsT:   h   "),
        request("GET /a/e?x=y HTTP/1.1", "Host: h"),
        "\r\n" + request("GET /a/e HTTP/1.1", "Host: h"),
        request("GET /a/e HTTP/1.1", "Host: h:80", "Origin: http://h:80", "Sec-Fetch-Site: same-origin"),
        request("GET /a/e HTTP/1.1", "Host: [::1]:80"),
        request("GET /a/e HTTP/1.1", "Host: h", "Sec-Fetch-Site: none"),
        request("GET /%61/e HTTP/1.1", "Host: h"),
    ]:
        with server.connect() as connection:
            connection.send(sent)
            answer = connection.read_answer()
            assert answer.status == 200, f"{sent!r}: {answer}"


def test_names_that_are_not_served_are_misdirected(start):
    server = start(SERVER_NAMES="prom.example.net,localhost")
    for host, status in {"prom.example.net": 200, "PROM.example.net:80": 200, "localhost": 200, "other": 421}.items():
        with server.connect() as connection:
            connection.send(request("GET /a/e HTTP/1.1", f"Host: {host}"))
            assert connection.read_answer().status == status, host


@pytest.mark.parametrize("sent", [
    "GET /a/e HTT",
    "GET /a/e HTTP/1.1\r\nHost: h\r\n",
    put("/a/e")[:-3],
    request("PUT /a/e HTTP/1.1", *CHUNKED, body="5\r\nab"),
], ids=["request line", "header", "body", "chunk"])
def test_who_is_too_slow_is_told_and_cut_off(start, sent):
    server = start(READ_TIMEOUT="0.5")
    with server.connect() as connection:
        connection.send(sent)
        answer = connection.read_answer()
        assert answer.status == 408, answer
        assert answer.message()
        assert connection.is_closed()
    assert server.group("/a/e") is None


def test_a_drip_of_bytes_does_not_hold_a_connection(start):
    server = start(READ_TIMEOUT="1")
    with server.connect() as connection:
        dripping = threading.Event()

        def drip():
            while not dripping.wait(0.05):
                try:
                    connection.socket.send(b"x")
                except OSError:
                    return
        connection.send("GET /a/e HTTP/1.1\r\nHost: h\r\nX: ")
        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        answer = connection.read_answer()
        dripping.set()
        thread.join(PATIENCE_S)
        assert answer is None or answer.status in (408, 431), answer


def test_an_idle_connection_is_closed_without_a_word(start):
    server = start(KEEP_ALIVE_TIMEOUT="0.3")
    with server.connect() as connection:
        connection.send(request("GET /a/e HTTP/1.1", "Host: h"))
        assert connection.read_answer().status == 200
        assert connection.is_closed()


def test_one_connection_too_many_is_told_so(start):
    server = start(CONNECTION_LIMIT="10")
    held = []
    try:
        for _ in range(10):
            held.append(server.connect())
            held[-1].send(request("GET /a/e HTTP/1.1", "Host: h"))
            assert held[-1].read_answer().status == 200
        with server.connect() as refused:
            answer = refused.read_answer()
            assert answer.status == 503, answer
            assert answer.message()
            assert refused.is_closed()
    finally:
        for connection in held:
            connection.socket.close()
    wait_for("room for a connection", lambda: server.get("/a/e").status == 200)


def test_one_client_too_fast_is_told_so(start):
    server = start(CLIENT_RATE_LIMIT="20")
    with server.connect() as connection:
        connection.send(request("GET /a/e HTTP/1.1", "Host: h") * 100)
        statuses = []
        while (answer := connection.read_answer()) is not None:
            statuses.append(answer.status)
        assert statuses[:20] == [200] * 20 and statuses[-1] == 429, statuses
    # Whoever comes after a moment is served, and a request that was refused was not executed.
    wait_for("a token", lambda: server.get("/a/e").status == 200)
    with server.connect() as connection:
        connection.send(request("GET /a/e HTTP/1.1", "Host: h") * 30 + put("/a/e"))
        while (answer := connection.read_answer()) is not None:
            last = answer
        assert last.status == 429 and last.headers["retry-after"] == "1" and last.message()
    assert wait_for("a token", lambda: (answer := server.get("/a/e")).status == 200 and answer).json() == []


def test_slow_and_vanished_clients_cost_others_nothing(server):
    server.json("PUT", "/big/e", {"targets": [f"host-{i}.example.net:9100" for i in range(20000)]})
    stuck = []
    try:
        for i in range(300):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S)
            stuck.append(connection)
            # A third stop in the middle of the header, a third in the body, a third never read their answer.
            connection.sendall([b"GET /a/e HTTP/1.1\r\nHost:", put("/a/e")[:-2].encode(),
                                request("GET /big/e HTTP/1.1", "Host: h").encode()][i % 3])

        def others():
            assert server.get("/a/e").status == 200
        with Background(others) as background:
            for i in range(100):
                assert server.json("PUT", f"/others/{i}", {"targets": ["h:1"]}).status == 200
            wait_for("others to be served", lambda: background.rounds > 50)
    finally:
        for connection in stuck:
            connection.close()
    assert server.get("/-/healthy").status == 200


def test_a_client_that_vanishes_while_its_write_is_stored_harms_nothing(server):
    for i in range(100):
        connection = socket.create_connection(("127.0.0.1", server.port))
        connection.sendall(put(f"/gone/{i}").encode())
        connection.close()
    assert server.json("PUT", "/a/e", {"targets": ["h:1"]}).status == 200
    wait_for("the writes of those who left", lambda: server.group("/gone/99"))


def test_nothing_that_a_client_sends_forges_a_log_line(start):
    server = start(ACCESSLOG="-", ACCESS_LOG_FORMAT='%(h)s "%(R)s" "%(a)s" %(s)s')
    with server.connect() as connection:
        connection.send(request('GET /a/e?"%1b HTTP/1.1', "Host: h", 'User-Agent: a"b\\c').encode()
                        .replace(b"c\r", b"\x9b31m\r"))
        connection.read_answer()
    wait_for("the access line", lambda: server.stdout_text().count("\n") >= 1)
    line = server.stdout_text().splitlines()[-1]
    assert line.isascii() and line.isprintable(), line
    assert 'a"b' not in line and 'a\\x22b\\x5C\\x9B31m' in line, line
