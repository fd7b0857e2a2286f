"""What HTTP/1.1 servers are sent, good and bad, and what they must answer: http_vectors.txt, and how to try it."""

import dataclasses
import pathlib
import re
import socket

PATH = pathlib.Path(__file__).with_suffix(".txt")
SERVER_NAMES = "h,127.0.0.1,[::1]"

# A request that changes something, so that one can see whether it was carried out: it registers /behind/NUMBER.
BEHIND = ("PUT /behind/{} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n"
          '{{"targets":["h:1"]}}')

ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}


@dataclasses.dataclass(frozen=True)
class Expected:
    statuses: tuple
    close: bool
    bodiless: bool
    text: str


@dataclasses.dataclass(frozen=True)
class Vector:
    """Some bytes, and the answers to them in turn."""

    name: str
    sent: bytes
    answers: tuple

    @property
    def close(self):
        return self.answers[-1].close


def unescape(text):
    """The bytes that a sent line's text stands for."""
    sent, at = b"", 0
    for match in re.finditer(r"\\(?:\((.*?)\*(\d+)\)|x(..)|(.))", text):
        repeated, times, code, letter = match.groups()
        sent += text[at:match.start()].encode("ascii")
        if times:
            sent += unescape(repeated) * int(times)
        else:
            sent += bytes.fromhex(code) if code else ESCAPES[letter]
        at = match.end()
    return sent + text[at:].encode("ascii")


def read_sent(line):
    text = line[2:]
    goes_on = text.endswith("\\") and not text.endswith("\\\\")
    return unescape(text[:-1]) if goes_on else unescape(text) + b"\r\n"


def read_expected(line):
    words, _, text = line[2:].partition(" containing ")
    statuses, *words = words.split()
    assert set(words) <= {"close", "bodiless"}, line
    return Expected(tuple(map(int, statuses.split("|"))), "close" in words, "bodiless" in words, text)


def read():
    """All of the file, in its order."""
    vectors = []
    for entry in re.split(r"(?m)^== ", PATH.read_text())[1:]:
        title, *lines = entry.splitlines()
        vectors.append(Vector(re.sub(r" \(.*", "", title),
                              b"".join(read_sent(line) for line in lines if line.startswith(">")),
                              tuple(read_expected(line) for line in lines if line.startswith("<"))))
    assert len({vector.name for vector in vectors}) == len(vectors), "two entries of one name"
    return vectors


def read_final_answer(connection, vector, bodiless=False):
    """The next answer that does not only call for the body."""
    answer = connection.read_answer(head_only=bodiless)
    while answer is not None and answer.status == 100 and b"100-continue" in vector.sent.lower():
        answer = connection.read_answer(head_only=bodiless)
    return answer


def check_answer(answer, expected):
    assert answer is not None, "the connection was closed without an answer"
    assert answer.status in expected.statuses, f"{answer}, not {expected.statuses}"
    assert (answer.headers.get("connection") == "close") == expected.close, f"{answer}: {answer.headers}"
    assert expected.text in answer.body.decode(), f"{answer}, without {expected.text}"
    if answer.status >= 400:
        assert answer.message(), answer
    if answer.status != 100:
        kept = "no-cache" if "etag" in answer.headers else "no-store"
        assert answer.headers.get("cache-control") == kept, f"{answer}: {answer.headers}"


def check_answers(connection, vector, request_behind):
    """That exactly the vector's answers come, and one to the request behind it where it is to be carried out."""
    for expected in vector.answers:
        check_answer(read_final_answer(connection, vector, expected.bodiless), expected)
    if request_behind and not vector.close:
        answer = connection.read_answer()
        assert answer is not None and answer.status == 200, f"to the request behind it: {answer}"
    # That nothing more comes shows at the end, which the server makes now if it did not before.
    if not vector.close:
        socket.socket.shutdown(connection.socket, socket.SHUT_WR)
    answer = connection.read_answer()
    assert answer is None, f"one answer too many: {answer}"


def check_registered(groups, numbers):
    """That of the groups in BEHIND exactly these are among `groups`, and none by a request that was to be refused."""
    found = {(group["labels"]["job"], group["labels"]["env"]) for group in groups}
    behind = {int(environment) for application, environment in found if application == "behind"}
    assert not behind - numbers, f"carried out behind what ends the connection: /behind/{sorted(behind - numbers)}"
    assert not numbers - behind, f"not carried out behind good requests: /behind/{sorted(numbers - behind)}"
    refused = {environment for application, environment in found if application == "bad"}
    assert not refused, f"refused requests were carried out: /bad/{refused}"
