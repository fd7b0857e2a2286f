"""Hostile and odd HTTP, in every piece: tests/http_vectors.txt."""

import concurrent.futures
import contextlib
import dataclasses
import http.server
import random
import socket
import socketserver
import threading

import control
import http_vectors
import sock_diag
import tls_fixtures
from program import stand_in, started
from progress import shown

AT_ONCE = 4
TLS_CUTS = 1
# Longer requests go byte by byte only where everything is tried.
LONG_BYTES = 1000


@dataclasses.dataclass(frozen=True)
class Exchange:
    """A vector, where it is cut, and the number of the request behind it, if there is one."""

    vector: http_vectors.Vector
    cuts: tuple
    number: int | None

    def pieces(self):
        sent = self.vector.sent
        if self.number is not None:
            sent += http_vectors.BEHIND.format(self.number).encode()
        edges = (0, *self.cuts, len(sent))
        return [sent[begin:end] for begin, end in zip(edges, edges[1:])]

    def wrong(self, connect):
        """What did not hold, in words; None where all did."""
        try:
            with connect() as connection:
                connection.send_apart(self.pieces())
                http_vectors.check_answers(connection, self.vector, self.number is not None)
        except (AssertionError, OSError) as error:
            return f"{self}: {error}"
        return None

    def __str__(self):
        size = len(self.vector.sent)
        cuts = "byte by byte" if self.cuts else "whole"
        if len(self.cuts) == 1:
            cuts = f"cut at {self.cuts[0]} of {size} bytes"
        return f"{self.vector.name!r}, {cuts}, {'alone' if self.number is None else f'before /behind/{self.number}'}"


def exchanges(vectors, cuts_of_each, seed=1):
    """Each vector whole, cut in two at so many positions (None: at each), and byte by byte; alone and with another."""
    choice, made = random.Random(seed), []
    for vector in vectors:
        everywhere = range(1, len(vector.sent))
        some = cuts_of_each is not None and cuts_of_each < len(everywhere)
        positions = sorted(choice.sample(everywhere, cuts_of_each)) if some else everywhere
        all_cuts = [(), *((position,) for position in positions)]
        if not some or len(vector.sent) < LONG_BYTES:
            all_cuts.append(tuple(everywhere))
        for cuts in all_cuts:
            for number in (None, len(made) + 1):
                made.append(Exchange(vector, cuts, number))
    return made


def all_wrong(exchanged, connect):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        done = pool.map(lambda exchange: exchange.wrong(connect), exchanged)
        return [wrong for wrong in shown(done, len(exchanged), "exchanges") if wrong]


def carried_out(exchanged):
    """The numbers of the requests that are behind good ones."""
    return {exchange.number for exchange in exchanged if exchange.number is not None and not exchange.vector.close}


def check(server, exchanged, connect):
    """That none of them goes wrong."""
    wrong = all_wrong(exchanged, connect)
    assert not wrong, f"{len(wrong)} of {len(exchanged)}: " + "; ".join(wrong[:3])
    http_vectors.check_registered(server.get("/-/sd").json(), carried_out(exchanged))


class Lenient(http.server.BaseHTTPRequestHandler):
    """Registers as the program does, for whoever gets past Python's parser, which knows no Transfer-Encoding."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.command == "PUT":
            _, application, environment = self.path.split("/")
            self.server.groups.append({"labels": {"job": application, "env": environment}})
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"[]")

    do_GET = do_PUT = answer

    def log_message(self, *_):
        pass


class ForgetfulHop(socketserver.BaseRequestHandler):
    """Sends on what it reads, but for a CR at the end of what it reads at once."""

    def handle(self):
        with socket.create_connection(("127.0.0.1", self.server.upstream)) as upstream:
            back = threading.Thread(target=self.send_back, args=(upstream,))
            back.start()
            with contextlib.suppress(OSError):
                while data := self.request.recv(1 << 16):
                    upstream.sendall(data.removesuffix(b"\r"))
                upstream.shutdown(socket.SHUT_WR)
            back.join()

    def send_back(self, upstream):
        with contextlib.suppress(OSError):
            while data := upstream.recv(1 << 16):
                self.request.sendall(data)
            self.request.shutdown(socket.SHUT_WR)


def control_of_a_lenient_server(vectors):
    """How many requests it carried out that it should not have; the harness must see them, and the answers, too."""
    exchanged = [Exchange(vector, (), number) for number, vector in enumerate(vectors)]
    with stand_in(Lenient, groups=[]) as server:
        wrong = all_wrong(exchanged, server.connect)
    smuggled = {int(group["labels"]["env"]) for group in server.groups if group["labels"]["job"] == "behind"}
    smuggled -= carried_out(exchanged)
    assert wrong and smuggled, "the control, a lenient server, did nothing wrong: this harness sees nothing"
    return len(smuggled)


def control_of_a_forgetful_hop(binary, vectors):
    """In how many exchanges it went wrong; whole requests pass through it as they should."""
    good = [vector for vector in vectors if not vector.close and len(vector.sent) < LONG_BYTES]
    whole = [Exchange(vector, (), None) for vector in good]
    cut = [Exchange(vector, (vector.sent.index(b"\r") + 1,), None) for vector in good]
    with (started(binary, SERVER_NAMES=http_vectors.SERVER_NAMES) as server,
          stand_in(ForgetfulHop, upstream=server.port) as hop):
        passed, wrong = all_wrong(whole, hop.connect), all_wrong(cut, hop.connect)
    assert not passed, f"the control, a hop, is no hop: {passed[0]}"
    assert wrong, "the control, a hop that loses bytes, was not seen: this harness cuts nothing"
    return len(wrong)


def hostile(binary, cuts_of_each):
    """Good and bad HTTP, however it is cut: the stated answers, and nothing carried out behind what ends a connection.

    The controls are Python's http.server, which reads lengths as it likes and knows no Transfer-Encoding, and a hop in
    front of the program that loses a CR where a read ends with one: only requests that are cut there can show it.
    """
    if not sock_diag.can_tell():
        raise control.CannotTry("sock_diag(7) does not tell what a peer has read")
    vectors = http_vectors.read()
    plain, secure = exchanges(vectors, cuts_of_each), exchanges(vectors, TLS_CUTS)
    with started(binary, SERVER_NAMES=http_vectors.SERVER_NAMES) as server:
        check(server, plain, server.connect)
    with started(binary, tls=True, SERVER_NAMES=http_vectors.SERVER_NAMES) as server:
        check(server, secure, lambda: tls_fixtures.TlsConnection(server))
    smuggled = control_of_a_lenient_server(vectors)
    lost = control_of_a_forgetful_hop(binary, vectors)
    return (f"{len(vectors)} requests in {len(plain):,} exchanges and {len(secure):,} over TLS, 0 wrong; controls: "
            f"{smuggled} requests smuggled into a lenient server, {lost} answers wrong behind a hop that loses bytes")
