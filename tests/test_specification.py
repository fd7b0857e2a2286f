"""Every curl line of the specification, run by the real curl as it is written there."""

import json

import pytest

import harness
from bodies import ENCODINGS

PATH = "/service_name/dev-hou"
ONE, TWO = "hostname1:15000", "hostname2:15000"
DEFAULTS = {"job": "service_name", "env": "dev-hou"}
KEYS = {"key1": "value1", "key2": "value2"}

TARGETS_JSON = json.dumps({"targets": [ONE, TWO]}, indent=2) + "\n"
TARGETS_YML = """targets:
  - hostname1:15000
  - hostname2:15000

labels:
  key1: value1
  key2: value2
"""
DELETE_YML = """targets:
  - hostname1:15000

labels:
  key1: value1
"""


def group(targets, **labels):
    return {"targets": targets, "labels": {**DEFAULTS, **labels}}


BOTH = group([ONE, TWO])
FULL = group([ONE, TWO], **KEYS)
GONE = object()

GROUPS = {PATH: FULL, "/overridden/dev-hou": group([ONE], job="J", env="E", **KEYS), "/none/dev-hou": None}

# What it does, what is there before, the files, the line, the answer, and what is there after.
LINES = [
    ("get_nothing", None, {}, "curl target-eye.server/service_name/dev-hou", [], GONE),
    ("get", FULL, {}, "curl target-eye.server/service_name/dev-hou", [FULL], FULL),
    ("put_form_without_labels", None, {},
     'curl -X PUT -d "targets=hostname1:15000,hostname2:15000" target-eye.server/service_name/dev-hou', [BOTH], BOTH),
    ("put_form_with_labels", None, {},
     'curl -X PUT -d "targets=hostname1:15000,hostname2:15000" -d "label1=value1" -d "label2=value2"'
     ' target-eye.server/service_name/dev-hou',
     [group([ONE, TWO], label1="value1", label2="value2")], group([ONE, TWO], label1="value1", label2="value2")),
    ("put_form_replaces", FULL, {},
     'curl -X PUT -d "targets=hostname1:15000,hostname2:15000" -d "label1=value1" -d "label2=value2"'
     ' target-eye.server/service_name/dev-hou',
     [group([ONE, TWO], label1="value1", label2="value2")], group([ONE, TWO], label1="value1", label2="value2")),
    ("put_json", None, {},
     """curl -X PUT -H "Content-Type: application/json" -d '{"targets": ["hostname1:15000","hostname2:15000"]}'"""
     " target-eye.server/service_name/dev-hou", [BOTH], BOTH),
    ("put_json_file", None, {"targets.json": TARGETS_JSON},
     'curl -X PUT -H "Content-Type: application/json" -d @targets.json target-eye.server/service_name/dev-hou',
     [BOTH], BOTH),
    ("put_yaml_file", None, {"targets.yml": TARGETS_YML},
     'curl -X PUT -H "Content-Type: text/yaml" --data-binary @targets.yml target-eye.server/service_name/dev-hou',
     [FULL], FULL),
    ("post_form_creates", None, {},
     'curl -X POST -d "targets=hostname1:15000" target-eye.server/service_name/dev-hou', [group([ONE])], group([ONE])),
    ("post_form_adds", group([ONE]), {},
     'curl -X POST -d "targets=hostname2:15000" target-eye.server/service_name/dev-hou', [BOTH], BOTH),
    ("post_json", group(["other"]), {},
     """curl -X POST -H "Content-Type: application/json" -d '{"targets": ["hostname1:15000","hostname2:15000"]}'"""
     " target-eye.server/service_name/dev-hou", [group(["other", ONE, TWO])], group(["other", ONE, TWO])),
    # Under POST, the specification shows this PUT.
    ("post_yaml_file", group([ONE]), {"targets.yml": TARGETS_YML},
     'curl -X PUT -H "Content-Type: text/yaml" --data-binary @targets.yml target-eye.server/service_name/dev-hou',
     [FULL], FULL),
    ("delete_everything", FULL, {}, "curl -X DELETE target-eye.server/service_name/dev-hou", [FULL], GONE),
    ("delete_form_target", FULL, {},
     'curl -X DELETE -d "targets=hostname2:15000" target-eye.server/service_name/dev-hou',
     [group([ONE], **KEYS)], group([ONE], **KEYS)),
    ("delete_json_target", FULL, {},
     """curl -X DELETE -H "Content-Type: application/json" -d '{"targets": ["hostname1:15000"]}'"""
     " target-eye.server/service_name/dev-hou", [group([TWO], **KEYS)], group([TWO], **KEYS)),
    ("delete_json_target_and_label", FULL, {},
     """curl -X DELETE -H "Content-Type: application/json" -d"""
     """ '{"targets": ["hostname1:15000"],"labels": {"key1":"value1"}}' target-eye.server/service_name/dev-hou""",
     [group([TWO], key2="value2")], group([TWO], key2="value2")),
    ("delete_yaml_file", FULL, {"targets.yml": DELETE_YML},
     'curl -X DELETE -H "Content-Type: text/yaml" --data-binary @targets.yml target-eye.server/service_name/dev-hou',
     [group([TWO], key2="value2")], group([TWO], key2="value2")),
]


@pytest.mark.parametrize("before, files, line, answer, after", [line[1:] for line in LINES],
                         ids=[line[0] for line in LINES])
def test_curl_line(server, directory, tmp_path, before, files, line, answer, after):
    if before is not None:
        assert server.json("PUT", PATH, before).status == 200
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    got = server.curl(line, cwd=tmp_path)
    assert got.status == 200, got
    assert got.headers["content-type"] == "application/json"
    assert got.json() == answer
    # Few changes since the start: the file showed the change before the answer went out.
    assert harness.published_list(directory) == ([] if after is GONE else [after])
    assert server.get(PATH).json() == ([] if after is GONE else [after])


@pytest.fixture(scope="module")
def shared(start_shared):
    return start_shared()


@pytest.mark.parametrize("text, targets", [
    ("localhost:1234", ["localhost:1234"]),
    ("localhost", ["localhost"]),
    ("ackme.dal:12345", ["ackme.dal:12345"]),
    ("10.3.3.1:15000,10.3.3.2:15000", ["10.3.3.1:15000", "10.3.3.2:15000"]),
])
@pytest.mark.parametrize("number, arguments", enumerate([
    ["-H", "Content-Type: application/json", "-d", '{"targets": ["%s"]}'],
    ["-H", "Content-Type: application/yaml", "--data-binary", "targets:\n  - %s\n"],
    ["-d", "targets=%s"],
]), ids=["json", "yaml", "form"])
def test_valid_target_of_the_specification_is_taken(shared, number, arguments, text, targets):
    for method in ("PUT", "POST"):
        path = f"/{targets[0]}/{method}{number}"
        answer = shared.curl(["-X", method, *(a % text if "%s" in a else a for a in arguments)], path)
        assert answer.status == 200, answer
        assert answer.json() == [{"targets": targets, "labels": {"job": targets[0], "env": f"{method}{number}"}}]
        assert shared.get(path).json() == answer.json()


def test_the_specifications_impossible_port_is_refused_with_the_range(refusing):
    slip = "dartr.hou.flightaware.com:151234"
    for encode in ENCODINGS.values():
        for targets in ([slip], ["new:1", slip]):
            refusing.refuse_everywhere(*encode(targets), f'target "{slip}"', "port", "1-65535",
                                       methods=("PUT", "POST"))


def test_default_labels_are_the_application_and_the_environment(shared):
    for method in ("PUT", "POST"):
        answer = shared.json(method, f"/app/{method}", {"targets": ["a"]})
        assert answer.json()[0]["labels"] == {"job": "app", "env": method}


def test_default_labels_can_be_overridden_by_put_and_by_post(shared):
    path = "/override/prod"
    answer = shared.json("PUT", path, {"targets": ["a"], "labels": {"job": "J", "x": "1"}})
    assert answer.json()[0]["labels"] == {"job": "J", "env": "prod", "x": "1"}
    answer = shared.json("POST", path, {"labels": {"env": "E"}})
    assert answer.json()[0]["labels"] == {"job": "J", "env": "E", "x": "1"}
    answer = shared.json("PUT", path, {"labels": {"job": "K"}})
    assert answer.json()[0]["labels"] == {"job": "K", "env": "E"}


@pytest.mark.parametrize("path", ["/service_name/dev-hou", "/overridden/dev-hou"])
def test_default_labels_cannot_be_removed(refusing, path):
    labels = refusing.groups[path][0]["labels"]
    for encode in ENCODINGS.values():
        for names in (["job"], ["env"], ["job", "env"], ["key1", "job"], list(labels)):
            refusing.refuse("DELETE", path, *encode(None, {name: labels[name] for name in names}))


def test_put_of_other_labels_leaves_the_default_labels(shared):
    shared.json("PUT", "/kept/prod", FULL)
    for labels in ({"z": "1"}, {}):
        answer = shared.json("PUT", "/kept/prod", {"labels": labels})
        assert answer.json()[0]["labels"] == {**DEFAULTS, **labels}


@pytest.mark.parametrize("name", ["text/vnd.yaml", "text/yaml", "text/x-yaml", "application/vnd.yaml",
                                  "application/x-yaml", "application/yaml"])
def test_yaml_is_taken_under_each_of_its_six_names(shared, tmp_path, name):
    (tmp_path / "targets.yml").write_text(TARGETS_YML)
    environment = name.replace("/", "-")
    answer = shared.curl(["-X", "PUT", "-H", f"Content-Type: {name}", "--data-binary", "@targets.yml"],
                         f"/yaml/{environment}", cwd=tmp_path)
    assert answer.status == 200, answer
    assert answer.json() == [{"targets": [ONE, TWO], "labels": {"job": "yaml", "env": environment, **KEYS}}]


ERRORS = [
    ("PUT", {"targets": ONE}, "targets that are not a list"),
    ("PUT", {"targets": [1]}, "a target that is not a string"),
    ("PUT", {"targets": ["http://hostname1:15000"]}, "a target that is a URL"),
    ("PUT", {"labels": [KEYS]}, "labels that are not an object"),
    ("PUT", {"labels": {"key1": 1}}, "a label value that is not a string"),
    ("PUT", {"labels": {"key-1": "value1"}}, "a label name beyond the data model"),
    ("POST", {"targets": [ONE]}, "a target that exists"),
    ("POST", {"targets": ["new", ONE]}, "a target that exists beside a new one"),
    ("POST", {"targets": [ONE], "labels": {"key3": "value3"}}, "a target that exists beside a new label"),
    ("POST", {"labels": {"key1": "value1"}}, "a label that changes nothing"),
    ("POST", {"labels": KEYS}, "labels that change nothing"),
    ("DELETE", {"targets": [ONE, TWO]}, "all targets and no labels"),
    ("DELETE", {"targets": [ONE, TWO], "labels": {"key1": "value1"}}, "all targets and some labels"),
    ("DELETE", {"targets": [ONE, TWO], "labels": KEYS}, "all targets and all labels but job and env"),
    ("DELETE", {"targets": []}, "an empty targets list"),
    ("DELETE", {"targets": [], "labels": {"key1": "value1"}}, "an empty targets list beside a label"),
    ("DELETE", {"targets": ["hostname3:15000"]}, "a target that is not defined"),
    ("DELETE", {"targets": [ONE, "hostname3:15000"]}, "a target that is not defined beside one that is"),
    ("DELETE", {"targets": ["hostname1"]}, "a target without its port"),
    ("DELETE", {"labels": {}}, "an empty object for the labels"),
    ("DELETE", {"targets": [ONE], "labels": {}}, "an empty object for the labels beside a target"),
    ("DELETE", {"labels": {"key3": "value1"}}, "a label name that is not defined"),
    ("DELETE", {"labels": {"key1": "value2"}}, "a label value that is not defined"),
    ("DELETE", {"labels": {"key1": "value1", "key2": "value3"}}, "a wrong label value beside a right one"),
]


@pytest.mark.parametrize("method, body, claim", ERRORS,
                         ids=[f"{method} {claim}".replace(" ", "_") for method, _, claim in ERRORS])
def test_documented_error_is_400_with_a_message_and_changes_nothing(refusing, method, body, claim):
    refusing.refuse(method, PATH, json.dumps(body), "application/json")


def test_what_is_published_next_has_nothing_of_what_was_refused(refusing):
    """The last, as it adds a group."""
    refusing.check_next_publication()
