"""How much of each thing the program takes, and what it says to more."""

import json

import harness


def test_one_group_too_many_is_refused_and_room_is_made_by_removing_one(start):
    server = start(GROUP_LIMIT="2")
    for name in ("a", "b"):
        assert server.json("PUT", f"/{name}/e", {"targets": ["h:1"]}).status == 200
    refused = server.json("PUT", "/c/e", {"targets": ["h:1"]})
    assert refused.status == 400 and "expected at most 2" in refused.message()
    assert server.group("/c/e") is None
    assert server.json("PUT", "/a/e", {"targets": ["h:2"]}).status == 200
    assert server.request("DELETE", "/a/e").status == 200
    assert server.json("PUT", "/c/e", {"targets": ["h:1"]}).status == 200


def test_a_group_takes_targets_up_to_its_limit(start):
    server = start(GROUP_TARGET_LIMIT="3")
    assert server.json("PUT", "/a/e", {"targets": ["h:1", "h:2"]}).status == 200
    assert server.json("POST", "/a/e", {"targets": ["h:3"]}).status == 200
    refused = server.json("POST", "/a/e", {"targets": ["h:4"]})
    assert refused.status == 400
    assert refused.message() == "targets: the group would have 4; expected at most 3"
    assert server.group("/a/e")["targets"] == ["h:1", "h:2", "h:3"]


def test_a_group_takes_labels_up_to_its_limit(start):
    server = start(GROUP_LABEL_LIMIT="3")
    assert server.json("PUT", "/a/e", {"targets": ["h:1"], "labels": {"one": "1"}}).status == 200
    refused = server.json("POST", "/a/e", {"labels": {"two": "2"}})
    assert refused.status == 400
    assert refused.message() == "labels: the group would have 4; expected at most 3"


def test_a_label_takes_bytes_up_to_its_limit(start):
    server = start(LABEL_LIMIT="1KiB")
    assert server.json("PUT", "/a/e", {"targets": ["h:1"], "labels": {"x": "v" * 1024}}).status == 200
    value = server.json("POST", "/a/e", {"labels": {"y": "v" * 1025}})
    assert value.status == 400 and "its value has 1025 bytes; expected at most 1024" in value.message()
    name = server.json("POST", "/a/e", {"labels": {"n" * 1025: "v"}})
    assert name.status == 400 and "its name has 1025 bytes; expected at most 1024" in name.message()


def test_limits_that_came_later_do_not_keep_a_group_from_shrinking(start, directory):
    server = start()
    targets = [f"h:{port}" for port in range(1, 11)]
    server.json("PUT", "/a/e", {"targets": targets})
    server.stop()
    server = start(GROUP_TARGET_LIMIT="5", GROUP_LIMIT="1")
    assert server.group("/a/e")["targets"] == targets
    assert server.json("DELETE", "/a/e", {"targets": ["h:1"]}).status == 200
    assert server.json("POST", "/a/e", {"targets": ["h:11"]}).status == 400
    assert len(harness.published(directory)[("a", "e")]["targets"]) == 9


def test_a_refused_request_leaves_nothing_behind(start, directory):
    server = start(GROUP_TARGET_LIMIT="1")
    body = json.dumps({"targets": ["h:1", "h:2"]})
    assert server.request("PUT", "/a/e", body, "application/json").status == 400
    assert server.get("/a/e").json() == []
    assert harness.published(directory) == {}
    assert server.metric("target_eye_revision") == 0
