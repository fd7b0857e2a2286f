"""The contract's bodies, targets and labels: what is taken, and what is refused with nothing changed."""

import itertools

import pytest

from bodies import ENCODINGS, as_json

FORM, JSON, YAML = "application/x-www-form-urlencoded", "application/json", "application/yaml"
YAML_NAMES = ["text/vnd.yaml", "text/yaml", "text/x-yaml", "application/vnd.yaml", "application/x-yaml",
              "application/yaml"]
A, B, C = "a:1", "b:2", "c"
X = {"targets": [A, B], "labels": {"x": "1", "y": "2"}}
GROUPS = {"/full/env": X, "/none/env": None}


@pytest.fixture(scope="module")
def server(start_shared):
    return start_shared()


numbers = itertools.count(1)


@pytest.fixture
def path():
    """A path that no other test uses."""
    return f"/app{next(numbers)}/env"


# --- Bodies ---

BODY_OF = {JSON: '{"targets": ["a:1"]}', YAML: "targets: [a:1]", FORM: "targets=a:1"}
KNOWN_TYPES = [(JSON, JSON), (FORM, FORM), *((name, YAML) for name in YAML_NAMES)]


@pytest.mark.parametrize("content_type, kind", KNOWN_TYPES)
def test_content_types_compare_without_case_and_parameters(server, path, content_type, kind):
    for written in (content_type, content_type.upper(), content_type.title(), content_type + "; charset=utf-8",
                    content_type + ";charset=UTF-8;x=y", content_type + " ;a=b"):
        server.request("DELETE", path)
        answer = server.request("POST", path, BODY_OF[kind], written)
        assert answer.status == 200, (written, answer)
        assert answer.json()[0]["targets"] == [A]


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/jsonx", "json", "text/json", "yaml",
                                          "multipart/form-data; boundary=x", "application/json, text/yaml"])
def test_a_body_without_a_known_type_is_refused_and_never_absent(refusing, content_type):
    for body in (*BODY_OF.values(), " ", "{}"):
        refusing.refuse_everywhere(body, content_type, "Content-Type")


@pytest.mark.parametrize("content_type", [None, "text/plain", JSON, FORM, *YAML_NAMES])
def test_an_absent_body_is_one_of_zero_length_whatever_its_type(server, path, refusing, content_type):
    server.json("PUT", path, X)
    assert server.request("PUT", path, b"", content_type).json()[0]["targets"] == [A, B]
    answer = server.request("DELETE", path, b"", content_type)
    assert answer.status == 200, answer
    assert answer.json()[0]["targets"] == [A, B]
    assert server.group(path) is None
    refusing.refuse("POST", "/full/env", b"", content_type)
    for method in ("PUT", "POST", "DELETE"):
        refusing.refuse(method, "/none/env", b"", content_type)


@pytest.mark.parametrize("framing", ["", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n"])
def test_an_absent_body_may_be_framed_in_any_way(server, path, framing):
    server.json("PUT", path, X)
    end = "\r\n0\r\n\r\n" if "chunked" in framing else "\r\n"
    with server.connect() as connection:
        for method, status in (("PUT", 200), ("POST", 400), ("DELETE", 200), ("DELETE", 400), ("PUT", 400)):
            connection.send(f"{method} {path} HTTP/1.1\r\nHost: a\r\n{framing}{end}")
            answer = connection.read_answer()
            assert answer.status == status, (method, answer)


@pytest.mark.parametrize("body, content_type", [("{}", JSON), ("{ }\n", JSON), ("{}", YAML), ("--- {}\n", YAML),
                                                ("&", FORM), ("&&", FORM)])
def test_a_body_that_says_nothing_is_not_an_absent_body(server, path, refusing, body, content_type):
    refusing.refuse_everywhere(body, content_type, methods=("POST", "DELETE"))
    refusing.refuse("PUT", "/none/env", body, content_type)
    before = server.json("PUT", path, X).json()
    assert server.request("PUT", path, body, content_type).json() == before
    assert server.get(path).json() == before


BAD_JSON = [
    "{", "[]", '"targets"', "null", "1", " ", '{"targets": ["n"]', '{"targets": ["n"],}', "{'targets': ['n']}",
    '{"targets": ["n"]} x', '{"targets": ["n"]}{}', '{"target": ["n"]}', '{"Targets": ["n"]}',
    '{"targets": ["n"], "x": 1}', '{"targets": ["n"], "targets": ["m"]}', '{"labels": {"l": "1", "l": "2"}}',
    '{"labels": {"l": "1", "l": "1"}}', '{"targets": "n"}', '{"targets": {"n": 1}}', '{"targets": [1]}',
    '{"targets": [null]}', '{"targets": [["n"]]}', '{"targets": null}', '{"targets": ["n", true]}', '{"labels": []}',
    '{"labels": "l=1"}', '{"labels": null}', '{"labels": {"l": 1}}', '{"labels": {"l": true}}',
    '{"labels": {"l": null}}', '{"labels": {"l": ["1"]}}', '{"labels": {"l": {"m": "1"}}}', '{"labels": {"l": 1.10}}',
    '{"labels": {"l": "\\ud800"}}', '{"labels": {"l": "\\udc00x"}}',
    '{"targets": ["n"], "x": ' + "[" * 40 + "]" * 40 + "}", b'{"labels": {"l": "\xff"}}',
    b'{"labels": {"l": "\xc3"}}', b'{"labels": {"l": "\xed\xa0\x80"}}', "// c\n{}", '{"labels": {"l": NaN}}',
    "targets: [n]", "targets=n", '{"targets": ["n"], "\\u0074argets": ["m"]}', '{"labels": {"l": "a\nb"}}',
    '{"targets": ["n"]}\x00', '{"labels": {"l": 1e400}}', '{"targets": ["n"], "labels": {"l": "1"}, "": 0}',
]
BAD_YAML = [
    "targets: [n", "- n", "n", "null", "~", "targets: n", "targets: {n: 1}", "targets: [[n]]", "targets: [null]",
    "targets: [~]", "targets:", "labels:", "labels: [l]", "labels: {l: null}", "labels: {l: ~}", "labels: {l: }",
    "labels: {l: [1]}", "labels: {l: {m: 1}}", "target: [n]", "targets: [n]\nx: 1", "targets: [n]\ntargets: [m]",
    "labels: {l: 1, l: 2}", "targets: [n]\n---\ntargets: [m]\n", "targets: &a [n]", "targets: &a [*a]",
    "a: &a [x,x]\nb: &b [*a,*a]\ntargets: *b", "targets: [n]\nlabels: {<<: {l: 1}}", "targets: !!python/tuple [n]",
    "x: " + "[" * 40 + "]" * 40, b"labels: {l: \xff}", b"\xff\xfet\x00", "\ttargets: [n]",
    "targets: [n]\n  bad: - indent", "targets: ['n", "labels: {l: 'x", "%", "# only a comment\n", " ", "---\n",
    'labels: {l: "\\ud800"}', "? [targets]\n: [n]", "labels: {l: 1, 'l': 1}", "labels: {l: NULL}",
    "targets: [n]\n---\n", "targets: [n]\n...\nx: y\n", "labels: {l: !!str 1}", "targets: [n,,m]",
    "targets: &a [n]\nlabels: {l: 1}", b"targets: [n]\n\x00",
]
BAD_FORM = [
    "targets=n&l=1&l=2", "targets=%zz", "targets=n&l=%ff", "targets=n&l=%", "targets=n,,m", "targets=",
    "targets=n&=1", "targets=n&l", "targets=n&l=", "targets=n&bad-name=1", "targets=n m", "targets=n&l+=",
    "targets=n&%6c-m=1", "n", "targets", "target=n", "labels=x", "targets=n&LABELS=x", "targets[0][1]=n",
    " ", "\n", "targets=n;m", '{"targets": ["n"]}', "targets=n&l=%ED%A0%80",
]


@pytest.mark.parametrize("content_type, body",
                         [(JSON, body) for body in BAD_JSON] + [(YAML, body) for body in BAD_YAML] +
                         [(FORM, body) for body in BAD_FORM])
def test_a_body_that_does_not_parse_is_refused_and_never_absent(refusing, content_type, body):
    refusing.refuse_everywhere(body, content_type)


LOOKS_LIKE_JSON = "looks like JSON: send it with Content-Type: application/json, or curl --json"


@pytest.mark.parametrize("content_type, body, words", [
    (FORM, '{"targets": ["n"]}', LOOKS_LIKE_JSON),
    (FORM, '\ufeff [{"targets": ["n"]}]', LOOKS_LIKE_JSON),
    (FORM, "targets:  - n:1  - m:2labels:  x: y", "looks like YAML"),
    (FORM, "targets:\n  - n:1\n", "--data-binary @FILE"),
    (None, '{"targets": ["n"]}', LOOKS_LIKE_JSON),
    ("text/plain;charset=UTF-8", '{"targets": ["n"]}', LOOKS_LIKE_JSON),
    ("multipart/form-data; boundary=x", '--x\r\nContent-Disposition: form-data; name="targets"\r\n\r\nn\r\n--x--\r\n',
     "curl -F"),
    (JSON, "targets=n", "looks like a form"),
    (YAML, "targets:  - n:1  - m:2labels:  x: y", "its lines seem to be joined: send a file with curl --data-binary"),
    (JSON, '{\n  "targets": ["n",]\n}', 'not valid JSON: line 2, column 19: syntax error, found "]"'),
    (JSON, '{"targets": ["n"]} x', 'line 1, column 20: expected nothing after the document, found "x"'),
    (JSON, '{"targets": ["n"', "line 1, column 17: incomplete JSON, found the end"),
    (JSON, "[]", "the list is empty; expected one object with targets and labels"),
    (JSON, '[{"targets": ["n"]}, {"targets": ["m"]}]', "expected one group in the list, found more"),
    (YAML, "- targets: [n]\n- targets: [m]\n", "expected one group in the list, found more"),
    (FORM, "target=n", 'form key "target": expected targets, as in targets=a:1,b:2'),
    (FORM, "Targets=n", 'form key "Targets": expected targets'),
    (FORM, "targets=n&labels=x", "form key \"labels\": expected each label's own name, as in team=storage"),
    (FORM, "targets=n&label=x", "form key \"label\": expected each label's own name"),
    (FORM, "targets[]=n&labels[team]=x", "\"labels[team]\": expected the label's name alone, as in team=VALUE"),
    (FORM, "targets[x]=n", 'form key "targets[x]": expected targets'),
    (JSON, '{"targets": ["n"]}'.encode("utf-16"), "is UTF-16; expected UTF-8"),
])
def test_a_body_that_was_sent_wrongly_is_told_how(refusing, content_type, body, words):
    refusing.refuse_everywhere(body, content_type, words)


@pytest.mark.parametrize("body, content_type", [
    ('\ufeff{"targets": ["a:1", "b:2"]}', JSON), ("\ufefftargets: [a:1, b:2]\n", YAML), ("\ufefftargets=a:1,b:2", FORM),
    ("targets[]=a:1&targets[]=b:2", FORM), ("targets%5B0%5D=a:1&targets%5B1%5D=b:2", FORM),
    ('[{"targets": ["a:1", "b:2"]}]', JSON), ("- targets: [a:1, b:2]\n", YAML),
])
def test_a_body_that_says_it_otherwise_is_taken(server, path, body, content_type):
    answer = server.request("PUT", path, body, content_type)
    assert answer.status == 200, answer
    assert answer.json()[0]["targets"] == [A, B]


@pytest.mark.parametrize("content_type", [JSON, *YAML_NAMES])
def test_what_get_answers_with_can_be_put_back(server, path, content_type):
    server.json("PUT", path, {"targets": [A, C], "labels": {"x": "é", "job": "other"}})
    got = server.get(path).body
    assert server.request("DELETE", path).status == 200
    answer = server.request("PUT", path, got, content_type)
    assert answer.status == 200, answer
    assert answer.body == got


def test_the_name_of_a_slip_is_a_label_elsewhere(server, path):
    labels = {"target": "1", "targets": "2", "labels": "3", "label": "4"}
    for encode in (ENCODINGS["json"], ENCODINGS["yaml"]):
        answer = server.request("PUT", path, *encode(["a"], labels))
        assert labels.items() <= answer.json()[0]["labels"].items(), answer


def test_an_anchor_bomb_is_refused(refusing):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    refusing.refuse_everywhere("\n".join(lines) + "\ntargets: *a29\n", YAML)


@pytest.mark.parametrize("body, content_type", [
    ('{"targets": ' + "[" * 500000, JSON), ('{"x":' * 150000, JSON), ("[" * 500000, YAML), ("{" * 500000, YAML),
    ("- " * 250000, YAML), ("? " * 250000, YAML),
], ids=["json_lists", "json_objects", "yaml_lists", "yaml_mappings", "yaml_block_lists", "yaml_keys"])
def test_deep_nesting_is_refused(refusing, body, content_type):
    refusing.refuse("PUT", "/full/env", body, content_type)


@pytest.mark.parametrize("body, content_type", [
    ('{"targets": ["a:1, b:2", "c"]}', JSON), ('{"targets": [" a:1 ,b:2", "\\tc "]}', JSON),
    ('targets: ["a:1,b:2", c]', YAML), ("targets: ['a:1 , b:2 ', ' c']", YAML), ("targets: [a:1, b:2, c]", YAML),
    ("targets=a:1,b:2,c", FORM), ("targets=a:1&targets=b:2,c", FORM), ("targets=+a:1+,+b:2&targets=c+", FORM),
    ("targets=a%3A1%2Cb%3A2,c", FORM), ("targets=a:1,b:2&&targets=c&", FORM),
])
def test_comma_joined_targets_are_split_and_trimmed(server, path, body, content_type):
    answer = server.request("PUT", path, body, content_type)
    assert answer.status == 200, answer
    assert answer.json()[0]["targets"] == [A, B, C]


@pytest.mark.parametrize("body, content_type", [
    ('{"targets": ["a:1", "a:1"]}', JSON), ('{"targets": ["a:1, a:1"]}', JSON), ("targets: [a:1, 'a:1']", YAML),
    ("targets: ['a:1,a:1']", YAML), ("targets=a:1,a:1", FORM), ("targets=a:1&targets=a:1", FORM),
])
def test_a_repeated_target_is_kept_once_by_put_and_refused_elsewhere(server, path, refusing, body, content_type):
    assert server.request("PUT", path, body, content_type).json()[0]["targets"] == [A]
    refusing.refuse_everywhere(body, content_type, methods=("POST", "DELETE"))


def test_targets_that_are_written_differently_are_different(server, path):
    targets = ["a:1", "A:1", "a", "a.", "a:80", "a:0080"]
    assert server.json("PUT", path, {"targets": targets}).json()[0]["targets"] == targets
    targets.remove("A:1")
    assert server.json("DELETE", path, {"targets": ["A:1"]}).json()[0]["targets"] == targets
    assert server.json("DELETE", path, {"targets": ["a:080"]}).status == 400


@pytest.mark.parametrize("scalar, value", [
    ("1.10", "1.10"), ("true", "true"), ("0x1F", "0x1F"), ("2026-11-22", "2026-11-22"), ("no", "no"), ("'x'", "x"),
    ('"a\\u00e9"', "aé"), ("a:b", "a:b"), ("1e400", "1e400"), ("'null'", "null"), ("'~'", "~"),
    ("x y z", "x y z"), ("a # b", "a"), ("a#b", "a#b"), ("x\n    y", "x y"),
    ("'it''s'", "it's"), ("|\n    x\n    y", "x\ny\n"), (">-\n    x\n    y", "x y"), ("|-\n    'x", "'x"),
])
def test_a_yaml_scalar_is_taken_by_its_text(server, path, scalar, value):
    answer = server.request("PUT", path, f"targets: [a]\nlabels:\n  l: {scalar}\n", YAML)
    assert answer.status == 200, answer
    assert answer.json()[0]["labels"]["l"] == value


def test_yaml_may_begin_and_end_its_one_document(server, path):
    for body in ("---\ntargets: [a]\n", "%YAML 1.2\n---\ntargets: [a]\n...\n", "# c\ntargets: [a] # c\n",
                 "targets:\r\n  - a\r\n", "{targets: [a]}"):
        assert server.request("PUT", path, body, YAML).status == 200, body


def test_a_form_label_given_twice_with_one_value_is_one(server, path):
    answer = server.request("PUT", path, "targets=a&l=1&l=1", FORM)
    assert answer.json()[0]["labels"]["l"] == "1"


def test_every_other_form_key_is_a_label(server, path):
    answer = server.request("PUT", path, "labels_=x&targets=a&target_=y%20+z", FORM)
    assert {"labels_": "x", "target_": "y  z"}.items() <= answer.json()[0]["labels"].items()


# --- Targets ---

LONG_LABEL = "x" * 63
LONG_NAME = ".".join([LONG_LABEL] * 3) + "." + "y" * 61  # 253

GOOD_TARGETS = [
    "localhost", "localhost:080", "[::1]:00080", "a:0000000000065535",
    "localhost:1234", "a:1", "a:65535", "10.3.3.1", "10.3.3.1:80", "0.0.0.0", "255.255.255.255:1",
    "host_1:80", "_a._b", "UPPER.Case:80", "a.b.", "a.b.:80", LONG_LABEL, LONG_NAME, LONG_NAME + ":65535",
    "xn--bcher-kva.example:80", "1a", "1.a", "3com.example", "[::1]", "[::1]:80", "[2001:db8::1]:9100",
    "[::ffff:10.0.0.1]:1", "a-b.c-d:1", "0x10.a",
]
BAD_TARGETS = [
    "a:0", "a:00000", "a:065536", "a:00000000000000080",
    "a:65536", "a:70000", "a:", "a:-1", "a:+1", "a:1x", "a:0x50", "a: 80", "a :80", ":80", ":", "-a", "a-",
    "a.-b", "a-.b", "a..b", ".a", ".", "a..", "x" * 64, "x" * 64 + ".a", LONG_NAME + "z", "1.2.3", "1.2.3.4.5",
    "256.1.1.1", "1", "a.1", "1.2.3.4.", "http://a", "http://a:80/metrics", "a/metrics", "a:80/metrics", "a b",
    "a\tb", "a\nb", "bücher.example", "a:８０", "user@a", "::1", "2001:db8::1", "[::1", "::1]", "[::1]80", "[::1]:",
    "[::1]:0", "[:::1]", "[1.2.3.4]", "[g::1]", "[fe80::1%eth0]", "[]", "a:1:2", "a?b", "a#b", "a*", "a%20b",
    "a\u0000b", "a!",
]


@pytest.mark.parametrize("target", GOOD_TARGETS)
def test_target_is_kept_as_written(server, path, target):
    for encode in ENCODINGS.values():
        answer = server.request("PUT", path, *encode([target]))
        assert answer.status == 200, answer
        assert answer.json()[0]["targets"] == [target]


@pytest.mark.parametrize("target", BAD_TARGETS)
def test_target_is_refused(refusing, target):
    for encode in ENCODINGS.values():
        refusing.refuse_everywhere(*encode(["ok:1", target]), "target", methods=("PUT", "POST"))


@pytest.mark.parametrize("target", ["", " ", ",", "a,", ",a", "a,,b"])
def test_an_empty_target_is_refused(refusing, target):
    for encode in ENCODINGS.values():
        refusing.refuse_everywhere(*encode(["ok:1", target]))


@pytest.mark.parametrize("target, hint", [
    ("bücher.example", "xn--"), ("http://a:80/metrics", "__scheme__"), ("a:80/metrics", "__metrics_path__"),
])
def test_a_refused_target_comes_with_a_hint(refusing, target, hint):
    refusing.refuse_everywhere(*as_json([target]), target, hint, methods=("PUT", "POST"))


# --- Labels ---

@pytest.mark.parametrize("name", ["a", "_", "A9_", "__scheme__", "__metrics_path__", "__param_x", "__scrape_interval__",
                                  "x" * 500, "targets_", "le"])
def test_label_name_is_taken(server, path, name):
    value = "15s" if name == "__scrape_interval__" else "https"
    for encode in ENCODINGS.values():
        answer = server.request("PUT", path, *encode(["a"], {name: value}))
        assert answer.status == 200, answer
        assert answer.json()[0]["labels"][name] == value


@pytest.mark.parametrize("name", ["", "1a", "a-b", "a.b", "a b", " a", "a ", "a\n", "é", "a:b", "a\u0000", "ａ"])
def test_label_name_is_refused(refusing, name):
    for encode in ENCODINGS.values():
        refusing.refuse_everywhere(*encode(["new"], {name: "v"}), "label")


@pytest.mark.parametrize("value", ["v", " ", "é", "\U0001F418", "a\nb", "\t", "\"\\'", "<script>", "a,b",
                                   "x" * 10000, "&=+%", "{}",
                                   "\u2028", "\u0001", "null", "\ufeff", "\uffff", "a\u0000b"])
def test_label_value_is_any_utf8(server, path, value):
    for encode in ENCODINGS.values():
        answer = server.request("PUT", path, *encode(["a"], {"l": value}))
        assert answer.status == 200, answer
        assert answer.json()[0]["labels"]["l"] == value
        assert server.group(path)["labels"]["l"] == value


def test_an_empty_label_value_is_refused(refusing):
    for encode in ENCODINGS.values():
        refusing.refuse_everywhere(*encode(["new"], {"l": ""}), 'label "l"')


@pytest.mark.parametrize("labels, words", [
    ({"__scrape_interval__": "30"}, 'label "__scrape_interval__": expected a duration as Prometheus writes it'),
    ({"__scrape_interval__": "0s"}, 'label "__scrape_interval__": expected a duration above 0'),
    ({"__scrape_interval__": "300y"}, 'label "__scrape_interval__": expected a duration as Prometheus writes it'),
    ({"__scrape_timeout__": "5 s"}, 'label "__scrape_timeout__": expected a duration as Prometheus writes it'),
    ({"__scrape_interval__": "1m", "__scrape_timeout__": "61s"},
     'label "__scrape_timeout__": "61s" is longer than "__scrape_interval__", "1m"'),
    ({"__scheme__": "HTTPS"}, 'label "__scheme__": expected http or https, found "HTTPS"'),
])
def test_a_value_that_prometheus_cannot_use_is_refused(refusing, labels, words):
    for encode in ENCODINGS.values():
        refusing.refuse_everywhere(*encode(["new"], labels), words, methods=("PUT", "POST"))
        for path in GROUPS:
            refusing.check(path, refusing.instance.request("PUT", path + "?add", *encode(["new"], labels)), words)


def test_a_timeout_is_judged_with_the_interval_that_is_there(server, path):
    server.json("PUT", path, {"targets": [A], "labels": {"__scrape_interval__": "10s"}})
    answer = server.json("POST", path, {"labels": {"__scrape_timeout__": "11s"}})
    assert answer.status == 400 and "is longer than" in answer.message(), answer
    assert server.json("POST", path, {"labels": {"__scrape_timeout__": "10s"}}).status == 200
    answer = server.json("PUT", path + "?add", {"labels": {"__scrape_interval__": "5s"}})
    assert answer.status == 400 and "is longer than" in answer.message(), answer


def test_job_and_env_are_always_there(server, path):
    application = path.split("/")[1]
    for method, body, job in (("PUT", {"targets": [A]}, application),
                              ("PUT", {"targets": [A], "labels": {"x": "1"}}, application),
                              ("POST", {"labels": {"job": "J"}}, "J"), ("PUT", {"labels": {}}, "J"),
                              ("PUT", {"targets": [B]}, "J"), ("PUT", {"targets": [B], "labels": {}}, application)):
        labels = server.json(method, path, body).json()[0]["labels"]
        assert (labels["job"], labels["env"]) == (job, "env"), (method, body)


def test_what_is_published_next_has_nothing_of_what_was_refused(refusing):
    """The last, as it adds a group."""
    refusing.check_next_publication()
