"""The examples of docs/probes.md: registered with the real curl, read by the real Prometheus."""

import json
import pathlib
import re
import shlex
import subprocess
import urllib.parse

import pytest

import harness

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "probes.md"


def examples(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture
def scraped(start, directory, prometheus, tmp_path):
    """What Prometheus scrapes with the page's configuration and registrations: {scrape URL: labels}."""
    server = start()
    for example in examples("bash"):
        for line in example.replace("\\\n", " ").splitlines():
            command = line.replace("http://127.0.0.1:12345", server.url)
            done = subprocess.run(["curl", "-sSf", *shlex.split(command)[1:]], capture_output=True, text=True,
                                  check=False)
            assert done.returncode == 0, (line, done)
    [config] = examples("yaml")
    harness.wait_for("all groups", lambda: len(harness.published_list(directory)) == 3)
    peer = prometheus(config=config.replace("/srv/file_sd", str(directory)))

    def active():
        targets = json.loads(peer.get("/api/v1/targets?state=active"))["data"]["activeTargets"]
        return len(targets) == 5 and {target["scrapeUrl"]: target["labels"] for target in targets}
    return harness.wait_for("five targets", active)


def test_the_exporters_are_scraped_as_the_page_says(scraped):
    url = "https://shop.example.com/health"
    probe = f"http://blackbox.example.net:9115/probe?module=http_2xx&target={urllib.parse.quote(url, safe='')}"
    assert probe in PAGE.read_text()
    seen = {address: (labels["job"], labels["instance"]) for address, labels in scraped.items()}
    expected = {probe: ("shop-probe", url)}
    for device in ("switch-1.example.net", "switch-2.example.net"):
        expected[f"http://snmp.example.net:9116/snmp?module=if_mib&target={device}"] = ("snmp", device)
    for database in ("db-1.example.net:5432", "db-2.example.net:5432"):
        address = urllib.parse.quote(database, safe="")
        expected[f"http://blackbox.example.net:9115/probe?module=tcp_connect&target={address}"] = ("probe", database)
    assert seen == expected
