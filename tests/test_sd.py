"""Lists of targets: http_sd, selectors and meta labels, read by a real Prometheus."""

import concurrent.futures
import gzip
import json
import re

import pytest

import harness

GROUPS = {
    "/web-a/prod": {"targets": ["web1:9100", "web2:9100"],
                    "labels": {"team": "storage", "text": 'q"\\\n<é\U0001F418>'}},
    "/web-b/prod": {"targets": ["web3:9100"], "labels": {"team": "infra, core"}},
    "/web-a/dev": {"targets": ["web4:9100"]},
    "/db/prod": {"targets": ["10.0.0.1:9187", "[2001:db8::1]:9187"], "labels": {"job": "postgres", "team": "storage"}},
    "/a%2Fb/c%40d": {"targets": ["slash:1"], "labels": {"__meta_target_eye_application": "forged"}},
}


def fill(server):
    for path, group in GROUPS.items():
        assert server.json("PUT", path, group).status == 200


def listed(server, query=""):
    """The list that the server gives, as it came."""
    answer = server.get("/-/sd" + query)
    assert answer.status == 200, answer
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def addresses(groups):
    return sorted(target for group in groups for target in group["targets"])


def expected(groups):
    """What Prometheus must discover: {(address, job, env): labels}."""
    found = {}
    for group in groups:
        labels = {name: value for name, value in group["labels"].items() if not name.startswith("__")}
        for target in group["targets"]:
            found[(target, labels["job"], labels["env"])] = {**labels, "instance": target}
    return found


def http_sd(server, query="", more=""):
    return f"""http_sd_configs: [{{url: '{server.url}/-/sd{query}', refresh_interval: 1s}}]
{more}"""


def test_the_list_is_every_group_as_it_was_registered(server):
    assert listed(server) == []
    fill(server)
    groups = [server.group(path) for path in GROUPS]
    assert sorted(listed(server), key=str) == sorted(groups, key=str)
    assert server.request("DELETE", "/db/prod").status == 200
    assert "10.0.0.1:9187" not in addresses(listed(server))


def test_head_options_and_other_methods(server):
    fill(server)
    whole = server.get("/-/sd")
    head = server.request("HEAD", "/-/sd")
    assert (head.status, head.body) == (200, b"")
    for name in ("content-length", "etag", "vary", "cache-control", "content-type"):
        assert head.headers[name] == whole.headers[name]
    assert int(whole.headers["content-length"]) == len(whole.body)
    assert whole.headers["cache-control"] == "no-cache"
    assert server.get("/-/sd?x=1").headers["cache-control"] == "no-store"
    assert server.request("OPTIONS", "/-/sd").headers["allow"] == "GET, HEAD, OPTIONS"
    for method in ("PUT", "POST", "DELETE"):
        answer = server.request(method, "/-/sd")
        assert answer.status == 405, method
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
        assert method in answer.message()


def test_who_has_the_list_gets_304_until_it_changes(server):
    fill(server)
    whole = server.get("/-/sd")
    etag = whole.headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', etag)
    with server.connect() as connection:
        for value in (etag, f"W/{etag}", f'"x", {etag}', "*"):
            connection.send(f"GET /-/sd HTTP/1.1\r\nHost: a\r\nIf-None-Match: {value}\r\n\r\n")
            answer = connection.read_answer()
            assert (answer.status, answer.headers["etag"]) == (304, etag), value
            assert answer.headers["vary"] == "Accept-Encoding"
        # Nothing of a body came with them, or this would not be an answer.
        connection.send('GET /-/sd HTTP/1.1\r\nHost: a\r\nIf-None-Match: "x"\r\n\r\n')
        assert connection.read_answer().body == whole.body
    server.json("POST", "/db/prod", {"targets": ["new:1"]})
    changed = server.request("GET", "/-/sd", headers={"If-None-Match": etag})
    assert changed.status == 200
    assert changed.headers["etag"] != etag
    # The same list has the same ETag, whatever happened in between.
    server.json("DELETE", "/db/prod", {"targets": ["new:1"]})
    assert server.get("/-/sd").headers["etag"] == etag


def test_gzip_is_sent_to_those_who_ask_for_it(server):
    fill(server)
    whole = server.get("/-/sd")
    assert "content-encoding" not in whole.headers
    zipped = server.request("GET", "/-/sd", headers={"Accept-Encoding": "gzip, deflate"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == whole.body
    assert len(zipped.body) == int(zipped.headers["content-length"]) < len(whole.body)
    assert zipped.headers["etag"] != whole.headers["etag"]
    for value in ("gzip;q=0", "identity", "br"):
        assert server.request("GET", "/-/sd", headers={"Accept-Encoding": value}).body == whole.body, value
    refused = server.request("GET", "/-/sd", headers={"Accept-Encoding": "identity;q=0, br"})
    assert refused.status == 406
    assert "gzip" in refused.message()
    curl = server.curl("curl --compressed", "/-/sd")
    assert curl.json() == whole.json()


@pytest.mark.parametrize("query, count", [
    ("?application=web-*", 4), ("?application=web-a&environment=prod", 2), ("?application=db&application=web-b", 3),
    ("?label.team=storage", 4), ("?label.team=", 2), ("?label.team!=storage", 3), ("?label.team=infra,+core", 1),
    ("?application!=web-*&application!=db", 1), ("?application=a%2Fb", 1), ("?environment=nowhere", 0),
    ("?label.job=web-[ab]&environment!=dev", 3), ("?", 7),
])
def test_a_query_selects(server, query, count):
    fill(server)
    assert len(addresses(listed(server, query))) == count


@pytest.mark.parametrize("query, message", [
    ("?aplication=web", '"aplication"'), ("?application", '"application"'), ("?meta=1", "true or false"),
    ("?application=[a", "[a"), ("?label.a-b=c", "a-b"), ("?" + "&".join(["application=a"] * 65), "at most 64"),
])
def test_a_query_that_is_wrong_is_400(server, query, message):
    fill(server)
    answer = server.get("/-/sd" + query)
    assert answer.status == 400
    assert message in answer.message()


def test_a_change_that_was_answered_is_in_every_list_from_then_on(server):
    def register(worker):
        for number in range(40):
            path, target = f"/app{worker}/env{number % 4}", f"h{worker}-{number}:1"
            assert server.json("PUT", path, {"targets": [target]}).status == 200
            assert target in addresses(listed(server, f"?application=app{worker}"))
            assert target in addresses(listed(server))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(register, range(4)))


def test_a_list_is_rendered_once_for_all_who_ask(server):
    fill(server)
    name = 'target_eye_publications_total{publisher="http_sd"}'
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        lists = list(pool.map(lambda _: server.get("/-/sd").body, range(200)))
    assert len(set(lists)) == 1
    assert server.metric(name) == 1
    assert server.metric('target_eye_http_requests_total{code="200",method="GET",handler="sd"}') == 200


def test_prometheus_sees_exactly_what_is_registered(server, prometheus):
    fill(server)
    peer = prometheus(discovery=http_sd(server))
    harness.wait_for("the targets", lambda: peer.targets() == expected(listed(server)))
    assert len(peer.targets()) == 7
    assert server.json("POST", "/db/prod", {"targets": ["more:1"], "labels": {"team": "search"}}).status == 200
    assert server.request("DELETE", "/web-b/prod").status == 200
    assert server.json("PUT", "/new/prod", {"targets": ["new:1"]}).status == 200
    everything = expected(listed(server))
    assert len(everything) == 8
    harness.wait_for("the changes", lambda: peer.targets() == everything)
    assert peer.metric("prometheus_sd_http_failures_total") == 0


def test_meta_labels_are_there_for_relabelling(server, prometheus):
    fill(server)
    assert all("__meta_target_eye_environment" not in group["labels"] for group in listed(server))
    peer = prometheus(discovery=http_sd(server, "?meta=true", RELABEL))
    harness.wait_for("the targets", lambda: peer.targets() == relabelled(server))
    assert ("slash:1", "a/b", "c@d") in peer.targets()


# Prometheus takes the job from the registry's application, whatever `job` says.
RELABEL = """  relabel_configs:
  - {source_labels: [__meta_target_eye_application], target_label: job}
  - {source_labels: [__meta_target_eye_environment], target_label: stage}
"""


def relabelled(server):
    groups = []
    for group in listed(server, "?meta=true"):
        labels = dict(group["labels"])
        labels["job"] = labels["__meta_target_eye_application"]
        labels["stage"] = labels["__meta_target_eye_environment"]
        groups.append({**group, "labels": labels})
    assert {group["labels"]["job"] for group in groups} == {"web-a", "web-b", "db", "a/b"}
    return expected(groups)


def test_shares_by_selector_add_up_to_all(server, prometheus):
    fill(server)
    web = prometheus(discovery=http_sd(server, "?application=web-*"))
    rest = prometheus(discovery=http_sd(server, "?application!=web-*"))
    everything = expected(listed(server))

    def add_up():
        shares = web.targets(), rest.targets()
        assert not shares[0].keys() & shares[1].keys()
        return {**shares[0], **shares[1]} == everything
    harness.wait_for("both shares", add_up)
    assert len(web.targets()) == 4
    assert len(rest.targets()) == 3


def test_a_server_that_is_not_there_or_not_ready_empties_nothing(start, prometheus, directory):
    server = start()
    fill(server)
    peer = prometheus(discovery=http_sd(server))
    everything = expected(listed(server))
    harness.wait_for("the targets", lambda: peer.targets() == everything)
    bind = server.address
    server.stop()

    def failures():
        return peer.metric("prometheus_sd_http_failures_total")
    before = failures()
    harness.wait_for("refreshes that fail", lambda: failures() >= before + 3)
    assert peer.targets() == everything
    # It comes back, and is asked from the first moment on.
    for _ in range(3):
        server = start(BIND=bind)
        assert peer.targets() == everything
        server.kill()
    server = start(BIND=bind)
    assert server.json("PUT", "/new/prod", {"targets": ["new:1"]}).status == 200
    harness.wait_for("the target after the restart", lambda: peer.targets() == expected(listed(server)))
    assert len(peer.targets()) == 8


@pytest.mark.parametrize("layout", ["file", "group"])
def test_file_sd_publishes_what_is_selected_with_meta_labels(start, prometheus, directory, layout):
    server = start(FILE_SD_LAYOUT=layout, PUBLISH_SELECTOR="label.team!=storage,environment!=dev", META_LABELS="true")
    fill(server)
    selected = listed(server, "?label.team!=storage&environment!=dev&meta=true")
    assert addresses(selected) == ["slash:1", "web3:9100"]

    def is_published(groups):
        return sorted(harness.published_list(directory), key=str) == sorted(groups, key=str)
    harness.wait_for("what is selected", lambda: is_published(selected))
    # The default of the lists that are asked for, which are of every group.
    assert len(listed(server)) == len(GROUPS)
    assert all("__meta_target_eye_application" in group["labels"] for group in listed(server))
    assert listed(server, "?meta=false") == [server.group(path) for path in sorted(GROUPS)]
    peer = prometheus(discovery=f"""file_sd_configs: [{{files: ['{directory}/*.json']}}]
{RELABEL}""")
    harness.wait_for("the job of the key", lambda: ("slash:1", "a/b", "c@d") in peer.targets())
    assert len(peer.targets()) == 2

    # A group that stops matching goes; what is not selected causes no publication.
    server.json("PUT", "/web-b/prod", {"labels": {"team": "storage"}})
    harness.wait_for("one group less", lambda: len(harness.published_list(directory)) == 1)
    name = 'target_eye_publications_total{publisher="file_sd"}'
    before = server.metric(name)
    assert server.json("PUT", "/web-b/prod", {"targets": ["other:1"]}).status == 200
    assert server.request("DELETE", "/web-b/prod").status == 200
    assert server.metric('target_eye_published_revision{publisher="file_sd"}') == server.metric("target_eye_revision")
    assert server.metric(name) == before
    # A restart publishes the same share.
    server.stop()
    server = start(FILE_SD_LAYOUT=layout, PUBLISH_SELECTOR="label.team!=storage,environment!=dev", META_LABELS="true")
    assert addresses(harness.published_list(directory)) == ["slash:1"]


def test_a_selector_that_is_wrong_ends_the_start(binary, directory):
    message = harness.run_and_fail(binary, FILE_SD_DIRECTORY=directory, PUBLISH_SELECTOR="application=web-*,team=infra")
    assert 'PUBLISH_SELECTOR: selector term \\"team=infra\\": expected' in message
    assert not (directory / "targets.json").exists()


def test_reloading_by_http_is_off_by_default(server):
    answer = server.request("POST", "/-/reload")
    assert answer.status == 403
    assert "ENABLE_RELOAD" in answer.message()
    assert server.get("/-/reload").status == 405


def test_a_large_list_comes_whole(server):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        def register(number):
            targets = [f"host-{number}-{n}.example.com:9100" for n in range(500)]
            return server.json("PUT", f"/app{number}/prod", {"targets": targets}).status
        assert set(pool.map(register, range(100))) == {200}
    answer = server.get("/-/sd")
    assert len(answer.body) == int(answer.headers["content-length"]) > 1_000_000
    assert len(addresses(json.loads(answer.body))) == 50_000
