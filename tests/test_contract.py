"""The contract's methods and resources: every row and column of the table, in every encoding, and every path."""

import concurrent.futures
import itertools
import json
import urllib.parse

import pytest

import harness
from bodies import ENCODINGS, in_any_order

FORM, JSON = "application/x-www-form-urlencoded", "application/json"

# --- The table of methods ---

A, B, C = "a:1", "b:2", "c"
NO_BODY = None
REFUSED = "refused"
X = {"targets": [A, B], "labels": {"x": "1", "y": "2"}}
OVERRIDDEN = {"targets": [A, B], "labels": {"job": "J", "x": "1"}}


def data(targets=None, labels=None):
    return {"targets": targets, "labels": labels}


# What it claims, the group before, method (with its query), body, the group in the answer (or REFUSED), and whether it
# is gone after.
# `job` and `env` in an expected group are the defaults where they are not given.
TABLE = [
    ("put both replaces both", X, "PUT", data([C], {"z": "3"}), data([C], {"z": "3"})),
    ("put both falls back to the default job", OVERRIDDEN, "PUT", data([C], {"z": "3"}), data([C], {"z": "3"})),
    ("put both may override job and env", X, "PUT", data([C], {"job": "K", "env": "E"}),
     data([C], {"job": "K", "env": "E"})),
    ("put both creates", None, "PUT", data([C], {"z": "3"}), data([C], {"z": "3"})),
    ("put targets keeps the labels", OVERRIDDEN, "PUT", data([C]), data([C], {"job": "J", "x": "1"})),
    ("put targets creates", None, "PUT", data([C, A]), data([C, A], {})),
    ("put labels replaces the labels", X, "PUT", data(None, {"z": "3"}), data([A, B], {"z": "3"})),
    ("put labels keeps the current job", OVERRIDDEN, "PUT", data(None, {"z": "3"}),
     data([A, B], {"job": "J", "z": "3"})),
    ("put labels may override job", OVERRIDDEN, "PUT", data(None, {"job": "K"}), data([A, B], {"job": "K"})),
    ("put labels where nothing is", None, "PUT", data(None, {"z": "3"}), REFUSED),
    ("put without a body answers with the group", OVERRIDDEN, "PUT", NO_BODY, data([A, B], {"job": "J", "x": "1"})),
    ("put without a body where nothing is", None, "PUT", NO_BODY, REFUSED),
    ("put of an empty object changes nothing", OVERRIDDEN, "PUT", data(), data([A, B], {"job": "J", "x": "1"})),
    ("put of an empty object where nothing is", None, "PUT", data(), REFUSED),
    ("put of an empty targets list", X, "PUT", data([]), REFUSED),
    ("put of an empty targets list with labels", X, "PUT", data([], {"z": "3"}), REFUSED),
    ("put of an empty targets list where nothing is", None, "PUT", data([]), REFUSED),
    ("put of an empty labels object", X, "PUT", data(None, {}), data([A, B], {})),
    ("put of an empty labels object keeps the current job", OVERRIDDEN, "PUT", data(None, {}),
     data([A, B], {"job": "J"})),
    ("put of targets and an empty labels object", OVERRIDDEN, "PUT", data([C], {}), data([C], {})),
    ("put of an empty labels object where nothing is", None, "PUT", data(None, {}), REFUSED),
    ("put keeps the order and one of repeated targets", None, "PUT", data([B, A, B, C, A]), data([B, A, C], {})),
    ("put of a target that is none", X, "PUT", data([C, "a:0"], {"z": "3"}), REFUSED),
    ("put of what is there already", X, "PUT", X, X),
    ("add puts what is missing at the end", OVERRIDDEN, "PUT?add", data([C, A, "z"]),
     data([A, B, C, "z"], {"job": "J", "x": "1"})),
    ("add of what is there changes nothing", X, "PUT?add", data([B, A], {"x": "1"}), X),
    ("add of a target twice", X, "PUT?add", data([C, C]), data([A, B, C], {"x": "1", "y": "2"})),
    ("add sets labels and keeps the others", OVERRIDDEN, "PUT?add", data(None, {"x": "9", "z": "3"}),
     data([A, B], {"job": "J", "x": "9", "z": "3"})),
    ("add may override job", X, "PUT?add", data([C], {"job": "K"}), data([A, B, C], {"job": "K", "x": "1", "y": "2"})),
    ("add of an empty labels object", X, "PUT?add", data([C], {}), data([A, B, C], {"x": "1", "y": "2"})),
    ("add creates", None, "PUT?add", data([C, A, C], {"z": "3"}), data([C, A], {"z": "3"})),
    ("add without a body answers with the group", OVERRIDDEN, "PUT?add", NO_BODY,
     data([A, B], {"job": "J", "x": "1"})),
    ("add of an empty object changes nothing", X, "PUT?add", data(), X),
    ("add without a body where nothing is", None, "PUT?add", NO_BODY, REFUSED),
    ("add of an empty object where nothing is", None, "PUT?add", data(), REFUSED),
    ("add of labels where nothing is", None, "PUT?add", data(None, {"x": "1"}), REFUSED),
    ("add of an empty targets list", X, "PUT?add", data([], {"z": "3"}), REFUSED),
    ("add of an empty targets list where nothing is", None, "PUT?add", data([]), REFUSED),
    ("add of a target that is none", X, "PUT?add", data([C, "a:0"], {"z": "3"}), REFUSED),
    ("post of a target that is none", X, "POST", data([C, "a:0"]), REFUSED),
    ("post of a label that is none", X, "POST", data([C], {"bad-name": "1"}), REFUSED),
    ("post of a target that exists and a new label", X, "POST", data([C, A], {"z": "1"}), REFUSED),
    ("post adds at the end", X, "POST", data(["z", C]), data([A, B, "z", C], {"x": "1", "y": "2"})),
    ("post of a target that exists", X, "POST", data([C, A]), REFUSED),
    ("post targets creates", None, "POST", data([C]), data([C], {})),
    ("post targets and labels creates", None, "POST", data([C], {"job": "J"}), data([C], {"job": "J"})),
    ("post labels adds and replaces", X, "POST", data(None, {"x": "9", "z": "3"}),
     data([A, B], {"x": "9", "y": "2", "z": "3"})),
    ("post labels, one of which changes", X, "POST", data(None, {"x": "1", "y": "9"}),
     data([A, B], {"x": "1", "y": "9"})),
    ("post labels may override job and env", X, "POST", data(None, {"job": "J", "env": "E"}),
     data([A, B], {"job": "J", "env": "E", "x": "1", "y": "2"})),
    ("post labels that change nothing", X, "POST", data(None, {"x": "1", "y": "2"}), REFUSED),
    ("post a new target and labels that change nothing", X, "POST", data([C], {"x": "1"}), REFUSED),
    ("post labels where nothing is", None, "POST", data(None, {"x": "1"}), REFUSED),
    ("post without a body", X, "POST", NO_BODY, REFUSED),
    ("post without a body where nothing is", None, "POST", NO_BODY, REFUSED),
    ("post of an empty object", X, "POST", data(), REFUSED),
    ("post of an empty object where nothing is", None, "POST", data(), REFUSED),
    ("post of an empty targets list", X, "POST", data([]), REFUSED),
    ("post of an empty targets list with labels", X, "POST", data([], {"z": "3"}), REFUSED),
    ("post of an empty targets list where nothing is", None, "POST", data([]), REFUSED),
    ("post of an empty labels object", X, "POST", data(None, {}), REFUSED),
    ("post of targets and an empty labels object", X, "POST", data([C], {}), REFUSED),
    ("post of targets and an empty labels object where nothing is", None, "POST", data([C], {}), REFUSED),
    ("post of a target twice", X, "POST", data([C, C]), REFUSED),
    ("post of a target twice where nothing is", None, "POST", data([C, C]), REFUSED),
    ("delete without a body removes the group", OVERRIDDEN, "DELETE", NO_BODY,
     data([A, B], {"job": "J", "x": "1"}), True),
    ("delete without a body where nothing is", None, "DELETE", NO_BODY, REFUSED),
    ("delete targets removes them", X, "DELETE", data([A]), data([B], {"x": "1", "y": "2"})),
    ("delete of a target that is not there", X, "DELETE", data([A, C]), REFUSED),
    ("delete of all targets", X, "DELETE", data([A, B]), REFUSED),
    ("delete of all targets and some labels", X, "DELETE", data([A, B], {"x": "1"}), REFUSED),
    ("delete of all targets and all labels but job and env", X, "DELETE", data([A, B], {"x": "1", "y": "2"}), REFUSED),
    ("delete targets where nothing is", None, "DELETE", data([A]), REFUSED),
    ("delete of a target twice", X, "DELETE", data([A, A]), REFUSED),
    ("delete labels removes them", X, "DELETE", data(None, {"x": "1"}), data([A, B], {"y": "2"})),
    ("delete targets and labels", X, "DELETE", data([B], {"x": "1", "y": "2"}), data([A], {})),
    ("delete of a label that is not there", X, "DELETE", data(None, {"x": "1", "z": "3"}), REFUSED),
    ("delete of a label with another value", X, "DELETE", data(None, {"x": "2"}), REFUSED),
    ("delete of a target with a label that is not there", X, "DELETE", data([A], {"z": "3"}), REFUSED),
    ("delete labels where nothing is", None, "DELETE", data(None, {"x": "1"}), REFUSED),
    ("delete of an overridden job", OVERRIDDEN, "DELETE", data(None, {"job": "J"}), REFUSED),
    ("delete of env", OVERRIDDEN, "DELETE", data(None, {"env": "env"}), REFUSED),
    ("delete of a label and job", OVERRIDDEN, "DELETE", data(None, {"x": "1", "job": "J"}), REFUSED),
    ("delete of all targets and all labels", OVERRIDDEN, "DELETE",
     data([B, A], {"job": "J", "env": "env", "x": "1"}), data([A, B], {"job": "J", "x": "1"}), True),
    ("delete of all with a wrong job", OVERRIDDEN, "DELETE", data([A, B], {"job": "K", "env": "env", "x": "1"}),
     REFUSED),
    ("delete of all with a wrong label", OVERRIDDEN, "DELETE", data([A, B], {"job": "J", "env": "env", "x": "2"}),
     REFUSED),
    ("delete of all targets, and all labels but env", OVERRIDDEN, "DELETE", data([A, B], {"job": "J", "x": "1"}),
     REFUSED),
    ("delete of all labels and one target", OVERRIDDEN, "DELETE", data([A], {"job": "J", "env": "env", "x": "1"}),
     REFUSED),
    ("delete of all labels and no target", OVERRIDDEN, "DELETE", data(None, {"job": "J", "env": "env", "x": "1"}),
     REFUSED),
    ("delete of all and one more target", OVERRIDDEN, "DELETE",
     data([A, B, C], {"job": "J", "env": "env", "x": "1"}), REFUSED),
    ("delete of all and one more label", OVERRIDDEN, "DELETE",
     data([A, B], {"job": "J", "env": "env", "x": "1", "z": "3"}), REFUSED),
    ("delete of all where nothing is", None, "DELETE", data([A], {"job": "J", "env": "env"}), REFUSED),
    ("delete of an empty object", X, "DELETE", data(), REFUSED),
    ("delete of an empty object where nothing is", None, "DELETE", data(), REFUSED),
    ("delete of an empty targets list", X, "DELETE", data([]), REFUSED),
    ("delete of an empty targets list with a label", X, "DELETE", data([], {"x": "1"}), REFUSED),
    ("delete of an empty labels object", X, "DELETE", data(None, {}), REFUSED),
    ("delete of a target and an empty labels object", X, "DELETE", data([A], {}), REFUSED),
    ("delete of an empty labels object where nothing is", None, "DELETE", data(None, {}), REFUSED),
]


GROUPS = {"/full/env": X, "/overridden/env": OVERRIDDEN, "/none/env": None}


@pytest.fixture(scope="module")
def server(start_shared):
    return start_shared()


applications = itertools.count(1)
used = []


@pytest.fixture
def app():
    """An application that no other test uses."""
    return f"app{next(applications)}"


@pytest.fixture
def path(app):
    used.append(f"/{app}/env")
    return used[-1]


def encodings_of(body):
    """The name, body and Content-Type of each way to say it."""
    if body is NO_BODY:
        return [("no encoding", None, None)]
    return [(name, *sent) for name, encode in ENCODINGS.items() if (sent := encode(**body)) is not None]


def rows(refused):
    return [pytest.param(before, method, *sent, *([] if refused else [expected, bool(gone)]),
                         id=f"{claim} in {name}".replace(" ", "_"))
            for claim, before, method, body, expected, *gone in TABLE if (expected is REFUSED) is refused
            for name, *sent in encodings_of(body)]


@pytest.mark.parametrize("before, method, body, content_type, expected, gone", rows(refused=False))
def test_method_answers_with_the_group(server, app, path, before, method, body, content_type, expected, gone):
    def whole(group):
        return {"targets": group["targets"], "labels": {"job": app, "env": "env", **(group["labels"] or {})}}
    if before is not None:
        assert server.json("PUT", path, before).json() == [whole(before)]
    method, question, query = method.partition("?")
    answer = server.request(method, path + question + query, body, content_type)
    assert answer.status == 200, answer
    assert answer.headers["content-type"] == JSON
    assert answer.json() == [whole(expected)]
    assert server.get(path).json() == ([] if gone else [whole(expected)])


@pytest.mark.parametrize("before, method, body, content_type", rows(refused=True))
def test_method_is_refused(refusing, before, method, body, content_type):
    path, = (path for path, group in GROUPS.items() if group is before)
    method, question, query = method.partition("?")
    refusing.refuse(method, path + question + query, body, content_type)
    refusing.check_nothing_changed(path)


def test_get_answers_with_the_group_or_an_empty_list(server, app, path):
    assert server.get(path).json() == []
    server.json("PUT", path, X)
    for _ in range(2):
        assert server.get(path).json() == [{"targets": [A, B],
                                            "labels": {"job": app, "env": "env", "x": "1", "y": "2"}}]


def test_a_group_that_was_deleted_begins_anew(server, app, path):
    server.json("PUT", path, OVERRIDDEN)
    assert server.request("DELETE", path).status == 200
    assert server.request("DELETE", path).status == 400
    answer = server.json("POST", path, {"targets": [B]})
    assert answer.json() == [{"targets": [B], "labels": {"job": app, "env": "env"}}]


# --- Resources ---

@pytest.mark.parametrize("path, application, environment", [
    ("/a%2Fb/c", "a/b", "c"), ("/a/b%2fc", "a", "b/c"), ("/%C3%A9t%C3%A9/e", "été", "e"), ("/a+b/c", "a+b", "c"),
    ("/a%20b/c", "a b", "c"), ("/%2525/c", "%25", "c"), ("/a;b/c=d", "a;b", "c=d"),
    ("/%2D%2D/c", "--", "c"), ("/%F0%9F%90%98/x", "\U0001F418", "x"), ("/a/-", "a", "-"),
    ("/" + "x" * 1024 + "/" + "y" * 1024, "x" * 1024, "y" * 1024),
    ("/" + "%C3%A9" * 512 + "/y", "é" * 512, "y"),
])
def test_segments_are_split_first_and_decoded_once(server, path, application, environment):
    used.append(path)
    answer = server.json("PUT", path, {"targets": ["a"]})
    assert answer.status == 200, answer
    assert answer.json() == [{"targets": ["a"], "labels": {"job": application, "env": environment}}]
    again = "/" + urllib.parse.quote(application, safe="") + "/" + urllib.parse.quote(environment, safe="")
    assert server.get(again).json() == answer.json()


def test_groups_that_the_python_program_confused_are_two(server):
    used.extend(["/ab/c", "/a/bc"])
    server.json("PUT", "/ab/c", {"targets": ["one"]})
    server.json("PUT", "/a/bc", {"targets": ["two"]})
    assert server.group("/ab/c")["targets"] == ["one"]
    assert server.group("/a/bc")["targets"] == ["two"]


def test_a_query_has_no_meaning_to_get(server, path):
    server.json("PUT", path, {"targets": ["a"]})
    for query in ("?", "?x=1&y", "?targets=b", "?add", "?%FF"):
        assert server.group(path + query)["targets"] == ["a"]
        assert server.request("HEAD", path + query).status == 200


def test_an_empty_query_is_none(server, path):
    for query in ("?", "?&"):
        assert server.json("PUT", path + query, {"targets": ["a"]}).status == 200
        assert server.json("POST", path + query, {"targets": ["b"]}).status == 200
        assert server.json("DELETE", path + query, {"targets": ["b"]}).status == 200
        assert server.request("DELETE", path + query).status == 200
        assert server.group(path) is None


@pytest.mark.parametrize("query, name", [
    ("targets=b:1", "targets"), ("targets[]=b:1", "targets[]"), ("labels=x", "labels"), ("x=1&add", "x"), ("x", "x"),
    ("ADD", "ADD"), ("=1", ""), ("dry-run=true", "dry-run"), ("%74argets=b:1", "targets"),
])
def test_a_query_that_a_change_does_not_know_is_refused_and_points_to_the_body(refusing, query, name):
    for path in GROUPS:
        for method in ("PUT", "POST", "DELETE"):
            for body in ((), ("targets=new", FORM)):
                answer = refusing.instance.request(method, f"{path}?{query}", *body)
                refusing.check(path, answer, f'query parameter "{name}": {method} knows no such', "in the body")


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_only_put_adds_by_its_query(refusing, method):
    for path in GROUPS:
        answer = refusing.instance.request(method, f"{path}?add", "targets=new", FORM)
        refusing.check(path, answer, f'query parameter "add": is for PUT only, not for {method}')


@pytest.mark.parametrize("query, words", [
    ("add=yes", 'query parameter "add": expected true or false, found "yes"'),
    ("add&add", 'query parameter "add": is given twice'),
    ("add=true&add=false", 'query parameter "add": is given twice'),
    ("add=%FF", 'query parameter "add"'),
])
def test_a_query_that_says_it_wrongly_is_refused(refusing, query, words):
    for path in GROUPS:
        answer = refusing.instance.request("PUT", f"{path}?{query}", "targets=new", FORM)
        refusing.check(path, answer, words)


@pytest.mark.parametrize("query, adds", [
    ("add", True), ("add=", True), ("add=true", True), ("add=True", True), ("add=1", True), ("%61dd&", True),
    ("add=false", False), ("add=0", False), ("", False),
])
def test_add_is_on_unless_it_says_no(server, path, query, adds):
    server.json("PUT", path, {"targets": [A]})
    answer = server.json("PUT", f"{path}?{query}", {"targets": [B]})
    assert answer.json()[0]["targets"] == ([A, B] if adds else [B])


def test_instances_that_add_themselves_at_once_are_all_there(server, path):
    instances = [f"host{number}:9100" for number in range(40)]

    def register(instance):
        for _ in range(3):
            assert server.json("PUT", path + "?add", {"targets": [instance], "labels": {"team": "x"}}).status == 200
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(register, instances))
    assert sorted(server.group(path)["targets"]) == sorted(instances)


def test_adding_what_is_there_writes_nothing(server, path):
    server.json("PUT", path, X)
    before = server.metric("target_eye_revision")
    for body in ({"targets": [B]}, {"targets": [A, B], "labels": {"x": "1"}}, {}):
        assert server.json("PUT", path + "?add", body).status == 200
    assert server.metric("target_eye_revision") == before
    server.json("PUT", path + "?add", {"targets": [C]})
    assert server.metric("target_eye_revision") > before


def test_a_reload_knows_no_query(server):
    answer = server.request("POST", "/-/reload?targets=a:1")
    assert answer.status == 400, answer
    assert 'query parameter "targets"' in answer.message()


@pytest.mark.parametrize("path", [
    "/%FF/c", "/a/%C3", "/a/%ED%A0%80", "/a/%C0%AF", "/%00/c", "/a/%1F", "/a%0Ab/c", "/a/%7F", "/" + "x" * 1025 + "/y",
    "/a/" + "%C3%A9" * 513, "/a%2/b", "/a/%", "/a/%g1", "/-/data", "/%2D/data", "/-/-",
])
def test_bad_segment_is_400(refusing, path):
    for method in ("GET", "PUT", "POST", "DELETE"):
        body = '{"targets": ["a"]}' if method in ("PUT", "POST") else None
        refusing.refuse(method, path, body, JSON if body else None)


@pytest.mark.parametrize("path", ["/", "/a", "/a/", "//b", "/a/b/", "/a/b/c", "//", "/a//b", "///"])
def test_anything_but_two_segments_is_404(refusing, path):
    for method in ("GET", "PUT", "POST", "DELETE"):
        body = '{"targets": ["a"]}' if method in ("PUT", "POST") else None
        refusing.check(path, refusing.instance.request(method, path, body, JSON if body else None), status=404)


@pytest.mark.parametrize("path", GROUPS)
def test_another_method_is_405_with_allow(refusing, path):
    answer = refusing.instance.request("PATCH", path, "{}", JSON)
    refusing.check(path, answer, status=405)
    assert {word.strip() for word in answer.headers["allow"].split(",")} == {
        "GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"}


@pytest.mark.parametrize("path", GROUPS)
def test_options_answers_with_allow(refusing, path):
    answer = refusing.instance.request("OPTIONS", path)
    refusing.check_nothing_changed(path)
    assert answer.status in (200, 204)
    assert {word.strip() for word in answer.headers["allow"].split(",")} == {
        "GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"}


def test_head_is_get_without_the_body(server, path):
    server.json("PUT", path, {"targets": ["a"]})
    get, head = server.get(path), server.request("HEAD", path)
    assert head.status == 200
    assert head.body == b""
    for name in ("content-length", "content-type"):
        assert head.headers[name] == get.headers[name]
    assert server.request("HEAD", "/a").status == 404


@pytest.mark.parametrize("method, body, words", [
    ("PUT", {"targets": ["a:70000"]}, ['target "a:70000": port must be 1-65535']),
    ("POST", {"targets": ["new", A]}, [A]),
    ("DELETE", {"targets": [A, "gone:1"]}, ["gone:1"]),
    ("DELETE", {"labels": {"gone": "1"}}, ["gone"]),
    ("DELETE", {"labels": {"x": "other"}}, ["x"]),
    ("PUT", {"labels": {"bad-name": "1"}}, ["bad-name"]),
    ("PUT", {"extra": 1}, ["extra"]),
])
def test_a_message_names_the_thing(refusing, method, body, words):
    refusing.refuse(method, "/full/env", json.dumps(body), JSON, *words)


def test_http_conditions_keep_their_codes_and_are_json(refusing):
    put = "PUT /full/env HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    for status, text in ((404, "GET /full HTTP/1.1\r\nHost: a\r\n\r\n"),
                         (405, "PATCH /full/env HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
                         (413, put + "Content-Length: 9999999\r\n\r\n"),
                         (414, "GET /full/" + "x" * 9000 + " HTTP/1.1\r\nHost: a\r\n\r\n"),
                         (431, "GET /full/env HTTP/1.1\r\nHost: a\r\nX: " + "x" * 20000 + "\r\n\r\n")):
        with refusing.instance.connect() as connection:
            connection.send(text)
            refusing.check("/full/env", connection.read_answer(), status=status)


def test_what_is_published_is_what_is_registered(server, path):
    """By all that the tests above did."""
    server.json("PUT", path, {"targets": ["last"]})
    registered = [group for path in used for group in server.get(path).json()]
    assert len(registered) == server.metric("target_eye_groups")
    harness.wait_for("the published file", lambda: (
        in_any_order(harness.published_list(server.directory)) == in_any_order(registered)))


def test_what_is_published_next_has_nothing_of_what_was_refused(refusing):
    """The last, as it adds a group."""
    refusing.check_next_publication()
