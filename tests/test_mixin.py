"""The alert rules and the dashboard of packaging/mixin, against the real program and a real Prometheus."""

import base64
import collections
import datetime
import json
import pathlib
import re
import subprocess
import urllib.parse

import pytest
import yaml

import harness

MIXIN = pathlib.Path(__file__).resolve().parent.parent / "packaging" / "mixin"
ALERTS = MIXIN / "alerts.yml"
DASHBOARD = json.loads((MIXIN / "dashboard.json").read_text())
ROWS = ["Overview", "Requests", "Commits", "Publication", "Prometheus's side", "TLS and access", "Process"]
KEYWORDS = {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "group_left", "group_right"}
# What Grafana puts in place of its variables.
VARIABLES = {"$__rate_interval": "30s", "$__range": "1h", "$job": ".*", "$instance": ".*", "$prometheus": ".*"}

# The password of the web config's one user, as bcrypt has it at its lowest cost.
PASSWORD, HASH = "scraping", "$2y$04$Mfc5eSokeNpkioFVYaEg3uvKwoCEVeOI8LINs63WVWyrh.xK40gsq"


def alert_rules():
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def panels():
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def panel_expressions():
    """(title, PromQL) of every query of the dashboard."""
    for panel in panels():
        for target in panel["targets"]:
            expression = target["expr"]
            for variable, value in VARIABLES.items():
                expression = re.sub(re.escape(variable) + r"\b", value, expression)
            assert "$" not in expression, f"{panel['title']}: {expression}"
            yield panel["title"], expression


def expressions():
    return [rule["expr"] for rule in alert_rules()] + [expression for _, expression in panel_expressions()]


def metric_names(expression):
    """The metrics that a PromQL expression selects."""
    plain = re.sub(r'"(?:[^"\\]|\\.)*"', "", expression)
    plain = re.sub(r"\{[^}]*\}|\[[^]]*\]", " ", plain)
    plain = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", plain)
    names = re.findall(r"(?<![\w.:])[a-zA-Z_:][\w:]*(?!\w|\s*\()", plain)
    return set(names) - KEYWORDS


def families(exposition):
    return set(re.findall(r"^# TYPE (\S+)", exposition, re.MULTILINE))


def promtool(*arguments):
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False, cwd=MIXIN)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class WatchingPrometheus(harness.Prometheus):
    """A Prometheus with the alert rules, which scrapes a target-eye and itself every 2 s, and reads its files."""

    def __init__(self, tmp_path, address, directory):
        self.port = harness.free_port()
        self.log_path = tmp_path / "prometheus.log"
        # The rules as they are, but looked at each second.
        rules = yaml.safe_load(ALERTS.read_text())
        for group in rules["groups"]:
            group["interval"] = "1s"
        (tmp_path / "alerts.yml").write_text(yaml.safe_dump(rules))
        config = tmp_path / "prometheus.yml"
        config.write_text(f"""
global: {{scrape_interval: 2s, scrape_timeout: 2s}}
rule_files: [alerts.yml]
scrape_configs:
- job_name: target-eye
  basic_auth: {{username: prometheus, password: {PASSWORD}}}
  static_configs: [{{targets: ['{address}']}}]
- job_name: prometheus
  static_configs: [{{targets: ['127.0.0.1:{self.port}']}}]
- job_name: found
  scrape_interval: 1h
  file_sd_configs: [{{files: ['{directory}/*.json']}}]
""")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                ["/usr/bin/prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path}/tsdb",
                 f"--web.listen-address=127.0.0.1:{self.port}"], stdout=log, stderr=log)

    def query(self, expression):
        """What an instant query gives: [(labels, value)]."""
        answer = json.loads(self.get("/api/v1/query?" + urllib.parse.urlencode({"query": expression})))
        return [(sample["metric"], float(sample["value"][1])) for sample in answer["data"]["result"]]

    def alerts(self):
        """{name: state} of the alerts that are pending or firing."""
        found = json.loads(self.get("/api/v1/alerts"))["data"]["alerts"]
        return {alert["labels"]["alertname"]: alert["state"] for alert in found}


@pytest.fixture(scope="module")
def watched(binary, tmp_path_factory):
    """A target-eye with TLS and a user, with a request of each kind behind it, and the Prometheus that watches it."""
    tmp_path = tmp_path_factory.mktemp("mixin")
    directory = tmp_path / "file_sd"
    directory.mkdir()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=localhost", "-days", "30", "-keyout", tmp_path / "key.pem",
                    "-out", tmp_path / "certificate.pem"], check=True, capture_output=True)
    (tmp_path / "web.yml").write_text(f"""
tls_server_config: {{cert_file: certificate.pem, key_file: key.pem}}
basic_auth_users: {{prometheus: {HASH}}}
""")
    # Over INSECURE_BIND, so that curl and Prometheus need no certificate.
    server = harness.TargetEye(binary, environment={
        "FILE_SD_DIRECTORY": directory, "WEB_CONFIG_FILE": tmp_path / "web.yml", "INSECURE_BIND": "127.0.0.1:0"})
    server.wait_until_ready()
    server.address = next(line["address"] for line in server.find_log("listening") if line["tls"] == "false")
    server.port = int(server.address.rsplit(":", 1)[1])
    server.directory = directory
    login = {"Authorization": "Basic " + base64.b64encode(f"prometheus:{PASSWORD}".encode()).decode()}

    def send(method, path, body=None, headers=None):
        return server.request(method, path, body, body and "application/json", login if headers is None else headers)
    server.send = send
    peer = WatchingPrometheus(tmp_path, server.address, directory)
    try:
        peer.wait_until_ready()
        assert send("PUT", "/web/prod", '{"targets": ["127.0.0.1:1"]}').status == 200
        assert send("GET", "/-/sd").status == 200
        assert send("GET", "/web/prod", headers={"Authorization": "Bearer wrong"}).status == 401
        yield server, peer
    finally:
        peer.stop()
        server.stop()


def test_promtool_accepts_the_rules():
    names = [rule["alert"] for rule in alert_rules()]
    assert len(names) == len(set(names)) > 0
    assert f"{len(names)} rules found" in promtool("check", "rules", ALERTS)
    for rule in alert_rules():
        assert rule["labels"]["severity"] in ("critical", "warning"), rule
        assert set(rule["annotations"]) == {"summary", "description"}, rule


def test_each_alert_fires_in_one_case_and_is_quiet_in_another():
    promtool("test", "rules", "alerts_test.yml")
    cases = collections.defaultdict(set)
    for test in yaml.safe_load((MIXIN / "alerts_test.yml").read_text())["tests"]:
        for case in test["alert_rule_test"]:
            cases[case["alertname"]].add(bool(case.get("exp_alerts")))
    assert cases == {rule["alert"]: {True, False} for rule in alert_rules()}


def test_the_dashboard_has_its_rows_and_variables():
    assert DASHBOARD["schemaVersion"] >= 38
    assert [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"] == ROWS
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert set(variables) == {"datasource", "job", "instance", "prometheus"}
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    assert all(variables[name]["type"] == "query" for name in ("job", "instance", "prometheus"))


def test_each_panel_says_what_it_shows_and_in_which_unit():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    titles = [panel["title"] for panel in panels()]
    assert len(titles) == len(set(titles))
    for panel in panels():
        assert panel["title"] and panel["description"].endswith("."), panel
        assert panel["fieldConfig"]["defaults"]["unit"], panel
        assert panel["targets"], panel
        for target in panel["targets"]:
            assert panel["datasource"] == target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_each_selector_of_a_panel_follows_the_variables():
    for panel in panels():
        for target in panel["targets"]:
            for name, selector in re.findall(r"\b((?:target_eye|process|prometheus|up)\w*)\{([^}]*)\}", target["expr"]):
                wanted = ('instance=~"$prometheus"' if name.startswith("prometheus_") else
                          'job=~"$job",instance=~"$instance"')
                assert selector.startswith(wanted), target["expr"]
            assert "$" in target["expr"]


def test_panels_do_not_overlap():
    taken = {}
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]


def test_promtool_accepts_each_query_of_the_dashboard(tmp_path):
    rules = [{"record": f"query:{number}", "expr": expression}
             for number, (_, expression) in enumerate(panel_expressions())]
    path = tmp_path / "queries.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", path)


def test_metric_names_are_found_in_promql():
    assert metric_names('sum by (a, b) (rate(x_total{l=~"y|z"}[5m])) / on (c) group_left () (w offset 2m) > 1e3') == {
        "x_total", "w"}
    assert metric_names('up{job="a"} == 0 or absent(up{job="{b"}) and time() - n:o < 2 * 3') == {"up", "n:o"}


def test_each_metric_exists(watched):
    server, peer = watched
    # Prometheus has it once it has read the file.
    harness.wait_for("the file's time", lambda: "prometheus_sd_file_mtime_seconds" in families(peer.get("/metrics")))
    ours = families(server.send("GET", "/metrics").body.decode())
    theirs = families(peer.get("/metrics"))
    for expression in expressions():
        for name in metric_names(expression):
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            known = theirs if name.startswith("prometheus_") else ours | {"up"}
            assert name in known or base in known, f"{name} in {expression}"


def test_each_panel_but_that_of_failures_shows_something(watched):
    server, peer = watched
    for title, expression in panel_expressions():
        # Nothing has failed here.
        if 'code=~"500|503"' in expression:
            continue
        harness.wait_for(f"{title}: {expression}", lambda e=expression: peer.query(e))
    [(_, seconds)] = peer.query("target_eye_tls_certificate_not_after_timestamp_seconds - time()")
    assert datetime.timedelta(days=29) < datetime.timedelta(seconds=seconds) < datetime.timedelta(days=31)


def test_prometheus_has_read_what_was_published(watched):
    server, peer = watched
    rule = next(rule for rule in alert_rules() if rule["alert"] == "TargetEyePublicationNotRead")
    behind = rule["expr"].rpartition(">")[0]

    def caught_up():
        return [value for _, value in peer.query(behind) if value < 60]
    harness.wait_for("the file that was published", caught_up)


def test_a_publication_that_fails_raises_its_alert_and_no_other(watched):
    server, peer = watched
    harness.wait_for("scrapes of both", lambda: len(peer.query("up == 1")) >= 2)
    harness.wait_for("no alerts", lambda: not peer.alerts())
    (server.directory / "targets.json").rename(server.directory / "aside")
    (server.directory / "targets.json").mkdir()
    assert server.send("PUT", "/db/prod", '{"targets": ["127.0.0.1:2"]}').status == 200
    wanted = {"TargetEyePublicationFailing", "TargetEyeNotReady"}
    # A directory under the name of a file is a file that Prometheus cannot read.
    harness.wait_for("these alerts alone", lambda: set(peer.alerts()) - {"PrometheusFileSdReadErrors"} == wanted)
    (server.directory / "targets.json").rmdir()
    harness.wait_for("ready again", lambda: "TargetEyeNotReady" not in peer.alerts())
    assert len(harness.published(server.directory)) == 2
