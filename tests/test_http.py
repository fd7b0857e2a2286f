"""HTTP/1.1 as it goes over the wire: what a good client may count on, and what a bad one gets.

Each request of http_vectors.txt is sent whole and byte by byte, with a second one right behind it: the answer is the
same, and after a framing error the second request is never executed.
"""

import json
import socket
import subprocess
import threading

import http_vectors
import pytest

from harness import PATIENCE_S, Background, wait_for

GROUP = '{"targets": ["h:1"]}'


@pytest.fixture(scope="module")
def both_addresses(start_shared, made):
    """The addresses of a server, plain and with TLS."""
    server = start_shared(CERTFILE=made / "one.crt", KEYFILE=made / "one.key", INSECURE_BIND="127.0.0.1:0")
    secure, plain = server.addresses
    return [f"http://{plain}", f"https://{secure}"]


def put(path, body=GROUP, *headers):
    lines = [f"PUT {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json",
             f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines) + "\r\n\r\n" + body


def request(*lines, body=""):
    return "\r\n".join(lines) + "\r\n\r\n" + body


def chunked(*chunks, end="0\r\n\r\n"):
    return "".join(f"{len(chunk):x}\r\n{chunk}\r\n" for chunk in chunks) + end


CHUNKED = ("Host: localhost", "Content-Type: application/json", "Transfer-Encoding: chunked")


@pytest.mark.parametrize("slowly", [False, True], ids=["whole", "byte by byte"])
def test_each_request_is_answered_as_the_table_says(start, slowly):
    server = start(SERVER_NAMES=http_vectors.SERVER_NAMES)
    good = set()
    for number, vector in enumerate(http_vectors.read()):
        sent = vector.sent + http_vectors.BEHIND.format(number).encode()
        try:
            with server.connect() as connection:
                connection.send_slowly(sent) if slowly else connection.send_all(sent)
                http_vectors.check_answers(connection, vector, request_behind=True)
        except (AssertionError, OSError) as wrong:
            raise AssertionError(f"{vector.name}: {wrong}") from wrong
        if not vector.close:
            good.add(number)
    http_vectors.check_registered(server.get("/-/sd").json(), good)


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


@pytest.mark.parametrize("words", [
    ["-T", "FILE"], ["-T", "FILE", "-H", "Expect:"], ["-X", "PUT", "-d", "@FILE"],
    ["-X", "PUT", "-d", "@FILE", "-H", "Expect:"], ["-T", "FILE", "-H", "Transfer-Encoding: chunked", "-H", "Expect:"],
], ids=["T", "T-at-once", "d", "d-at-once", "chunked"])
def test_curl_hears_that_its_body_is_too_large(both_addresses, tmp_path, words):
    big = tmp_path / "big"
    big.write_bytes(b"x" * 5_000_000)
    words = [word.replace("FILE", str(big)) for word in words]
    for url in both_addresses:
        for _ in range(3):
            done = subprocess.run(["curl", "-sSk", "--http1.1", "-w", "\n%{http_code}", *words, url + "/a/b"],
                                  capture_output=True, text=True, timeout=PATIENCE_S, check=False)
            body, _, status = done.stdout.rpartition("\n")
            assert (done.returncode, status) == (0, "413"), done
            assert "must be at most" in json.loads(body)["message"]


def test_a_body_without_end_that_is_refused_holds_nobody_up(start):
    """Connections whose answer is out and who send on are connections: counted, and dropped at a stop."""
    server = start(CLIENT_CONNECTION_LIMIT="2")
    with server.connect() as first, server.connect() as second:
        for connection in (first, second):
            connection.send(request("PUT /a/b HTTP/1.1", "Host: h", "Content-Length: 99999999"))
            assert connection.read_answer().status == 413
            connection.send("x" * 100_000)
        with server.connect() as third:
            third.send(request("GET /a/b HTTP/1.1", "Host: h"))
            assert third.read_answer().status == 503
    wait_for("room", lambda: server.get("/a/b").status == 200)


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


def test_names_that_are_not_served_are_misdirected_and_health_checks_go_by_address(start):
    server = start(SERVER_NAMES="prom.example.net,localhost")
    assert server.get("/-/healthy").status == server.get("/-/ready").status == 200
    assert server.get("/metrics").status == server.get("/-/sd").status == 421
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
        assert answer.headers["cache-control"] == "no-store"
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
            assert answer.headers["cache-control"] == "no-store"
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
