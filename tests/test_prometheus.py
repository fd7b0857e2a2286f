"""A real Prometheus reads what is published."""

import concurrent.futures
import json
import subprocess

import pytest

import harness

# Prometheus's answers come after its throttle of 5 s, so that much is asked at once.
GROUPS = {
    "/web/prod": {"targets": ["web1:9100", "web2:9100"], "labels": {"team": "storage", "text": 'q"\\\n<é\U0001F418>'}},
    "/web/dev": {"targets": ["web1:9100"]},
    "/db/prod": {"targets": ["10.0.0.1:9187", "[2001:db8::1]:9187", "db.example.:9187"], "labels": {"job": "postgres"}},
    "/tls/prod": {"targets": ["tls:9443"], "labels": {"__scheme__": "https", "__metrics_path__": "/stats",
                                                      "__param_module": "m", "__scrape_interval__": "90s"}},
    "/a%2Fb/c%40d": {"targets": ["slash:1"]},
    "/gone/prod": {"targets": ["gone:1"]},
}


@pytest.fixture(params=["file", "group"])
def server(request, start):
    return start(FILE_SD_LAYOUT=request.param)


def expected(groups):
    """What Prometheus must discover: {(address, job, env): labels}."""
    found = {}
    for labels, targets in groups:
        for target in targets:
            seen = {name: value for name, value in labels.items() if not name.startswith("__")}
            found[(target, labels["job"], labels["env"])] = {**seen, "instance": target}
    return found


def expected_of(server, paths):
    groups = [server.group(path) for path in paths]
    return expected((group["labels"], group["targets"]) for group in groups if group)


def raw_targets(prometheus):
    return json.loads(prometheus.get("/api/v1/targets?state=active"))["data"]["activeTargets"]


def scans(prometheus):
    return prometheus.metric("prometheus_sd_file_scan_duration_seconds_count")


def scans_at_rest(prometheus):
    """How often it has read the files, when it does so no more: ten looks that find the same."""
    looks = [None]

    def at_rest():
        looks.append(scans(prometheus))
        return looks[-10:] == [looks[-1]] * 10
    harness.wait_for("no more readings", at_rest, pause=0.05)
    return looks[-1]


def test_prometheus_sees_exactly_what_is_registered(server, directory, prometheus):
    for path, group in list(GROUPS.items())[:2]:
        server.json("PUT", path, group)
    harness.wait_for("the first groups", lambda: len(harness.published_list(directory)) == 2)
    peer = prometheus()
    harness.wait_for("the first targets", lambda: peer.targets() == expected_of(server, GROUPS))

    # Each change of what is there and what is not, by each method.
    for path, group in list(GROUPS.items())[2:]:
        assert server.json("PUT", path, group).status == 200
    assert server.json("POST", "/web/prod", {"targets": ["web3:9100"], "labels": {"team": "search"}}).status == 200
    everything = expected_of(server, GROUPS)
    assert len(everything) == 10
    harness.wait_for("all targets", lambda: peer.targets() == everything)
    tls = [target for target in raw_targets(peer) if target["discoveredLabels"]["job"] == "tls"]
    assert tls[0]["scrapeUrl"] == "https://tls:9443/stats?module=m"
    assert tls[0]["scrapeInterval"] == "90s"

    assert server.request("DELETE", "/gone/prod").status == 200
    assert server.json("DELETE", "/web/prod", {"targets": ["web1:9100"], "labels": {"team": "search"}}).status == 200
    assert server.json("PUT", "/web/dev", {"targets": ["moved:1"], "labels": {"job": "other"}}).status == 200
    rest = expected_of(server, GROUPS)
    assert len(rest) == 8
    harness.wait_for("what is left", lambda: peer.targets() == rest)

    # One change is one event, by which Prometheus reads once. A change that changes nothing is none.
    publications = server.metric("target_eye_publications_total")
    before = scans_at_rest(peer)
    assert server.json("PUT", "/once/prod", {"targets": ["once:1"]}).status == 200
    harness.wait_for("the target of one change", lambda: ("once:1", "once", "prod") in peer.targets())
    assert scans(peer) == before + 1
    assert server.metric("target_eye_publications_total") == publications + 1
    for body in ({"targets": ["once:1"]}, {"targets": ["once:1"], "labels": {"job": "once"}}, {"labels": {}}, {}):
        assert server.json("PUT", "/once/prod", body).status == 200, body
    assert server.json("POST", "/once/prod", {"targets": ["once:1"]}).status == 400
    assert server.json("PUT", "/once/prod", {"targets": ["twice:1"]}).status == 200
    harness.wait_for("the target of the next change", lambda: ("twice:1", "once", "prod") in peer.targets())
    assert scans_at_rest(peer) == before + 2

    one_file = (directory / "targets.json").exists()

    # Hundreds of changes: it never meets a file that it cannot read.
    before, publications = scans(peer), server.metric("target_eye_publications_total")

    def change(number):
        path = f"/many/{number % 40}"
        # Of a file that goes between its listing and its reading Prometheus says that it cannot be read.
        if number % 3 == 2 and one_file:
            return server.request("DELETE", path).status in (200, 400)
        targets = [f"many{number}-{n}:1" for n in range(10)]
        return server.json("PUT", path, {"targets": targets}).status == 200
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert all(pool.map(change, range(400)))
    paths = [*GROUPS, "/once/prod", *(f"/many/{number}" for number in range(40))]
    everything = expected_of(server, paths)
    assert len(everything) > 100
    harness.wait_for("what hundreds of changes left", lambda: peer.targets() == everything)
    assert peer.metric("prometheus_sd_file_read_errors_total") == 0
    assert peer.metric("prometheus_sd_file_watcher_errors_total") == 0
    # With one file, no publication costs more than one reading.
    readings = scans(peer) - before
    assert readings >= 1
    assert not one_file or readings <= server.metric("target_eye_publications_total") - publications


def test_prometheus_keeps_its_targets_over_a_restart(server, start, directory, prometheus):
    for path, group in GROUPS.items():
        server.json("PUT", path, group)
    harness.wait_for("the groups", lambda: len(harness.published_list(directory)) == len(GROUPS))
    peer = prometheus()
    everything = expected_of(server, GROUPS)
    harness.wait_for("the targets", lambda: peer.targets() == everything)
    before = scans_at_rest(peer)

    def complete():
        now = peer.targets()
        assert {target: now.get(target) for target in everything} == everything
        assert now.keys() - everything.keys() <= {("new:1", "new", "prod")}
    layout = "file" if (directory / "targets.json").exists() else "group"
    with harness.Background(complete) as watching:
        for end in ("stop", "kill"):
            getattr(server, end)()
            server = start(FILE_SD_LAYOUT=layout)
        # Two restarts gave it nothing to read; the next change does.
        assert server.json("PUT", "/new/prod", {"targets": ["new:1"]}).status == 200
        harness.wait_for("the next change", lambda: watching.failure or len(peer.targets()) == len(everything) + 1)
        assert scans_at_rest(peer) == before + 1
        assert peer.metric("prometheus_sd_file_read_errors_total") == 0
        # The other layout has the same targets, and what takes the place of a file is there before it goes.
        server.stop()
        server = start(FILE_SD_LAYOUT="group" if layout == "file" else "file")
        assert len(harness.published_list(directory)) == len(GROUPS) + 1
        harness.wait_for("the other layout's files to be read",
                         lambda: {target["discoveredLabels"]["__meta_filepath"] for target in raw_targets(peer)} ==
                         {str(path) for path in directory.glob("*.json")})
        rounds = watching.rounds
        harness.wait_for("more looks", lambda: watching.rounds > rounds + 20 or watching.failure)


def test_promtool_accepts_what_is_published(server, directory, tmp_path):
    for path, group in GROUPS.items():
        server.json("PUT", path, group)
    harness.wait_for("the groups", lambda: len(harness.published_list(directory)) == len(GROUPS))
    config = tmp_path / "prometheus.yml"
    config.write_text(json.dumps({"scrape_configs": [{"job_name": "x", "file_sd_configs": [
        {"files": [f"{directory}/*.json"]}]}]}))
    done = subprocess.run(["promtool", "check", "config", config], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done


USABLE = [{"__scrape_interval__": "1m30s", "__scrape_timeout__": "90s"}, {"__scrape_interval__": "292y"},
          {"__scrape_interval__": "007s", "__scrape_timeout__": "500ms"}, {"__scrape_interval__": "1y2w3d4h5m6s7ms"},
          {"__scheme__": "https"}]
UNUSABLE = [{"__scrape_interval__": "30"}, {"__scrape_interval__": "0s"}, {"__scrape_interval__": "293y"},
            {"__scrape_timeout__": "1s1m"}, {"__scrape_interval__": "1m", "__scrape_timeout__": "61s"}]


def test_how_a_target_is_scraped_is_judged_as_promtool_does(start, directory, tmp_path):
    server = start()
    config = tmp_path / "prometheus.yml"

    def is_taken(folder):
        config.write_text(f"scrape_configs: [{{job_name: x, file_sd_configs: [{{files: ['{folder}/*.json']}}]}}]")
        done = subprocess.run(["promtool", "check", "config", config], capture_output=True, text=True, check=False)
        return done.returncode == 0
    for labels in UNUSABLE:
        assert server.json("PUT", "/a/e", {"targets": ["a:1"], "labels": labels}).status == 400, labels
        (tmp_path / "refused.json").write_text(json.dumps([{"targets": ["a:1"], "labels": labels}]))
        assert not is_taken(tmp_path), labels
    for number, labels in enumerate(USABLE):
        assert server.json("PUT", f"/a/{number}", {"targets": ["a:1"], "labels": labels}).status == 200, labels
    assert is_taken(directory)
