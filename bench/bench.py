#!/usr/bin/env python3
"""Measures target-eye beside its peers, in one run on one machine, and writes docs/benchmarks.md.

Machines are noisy: rounds alternate between us and the peer, and medians and their ratios count. Run it
through `./dev bench [NAME...]`; the names are those of the BENCHMARKS below. A run of some of them prints
its figures and leaves the page alone.
"""

import argparse
import hashlib
import http.client
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import textwrap
import time

from peers import (ROOT, ROUNDS, SECONDS, client, cpu_seconds, discovered, etcd, get, memory_bytes, nginx, prometheus,
                   put_one, spread, target_eye, wait_for, wrk_get, wrk_put)
from production import bench_auth, bench_http_sd, bench_tls


def bench_get(options, work):
    """GET of a two-target group, 32 connections, beside nginx with two workers."""
    (work / "sd").mkdir()
    with target_eye(options.binary, work / "sd") as (ours, _):
        body = put_one(ours, "/web/prod", b'{"targets":["web-1.example.net:9100","web-2.example.net:9100"]}')
        with nginx(work, "/web/prod", body) as peer:
            mine, theirs, ratios = [], [], []
            for _ in range(ROUNDS):
                mine.append(wrk_get(ours, "/web/prod", 32))
                theirs.append(wrk_get(peer, "/web/prod", 32))
                ratios.append(mine[-1] / theirs[-1])
    return [["GET of a two-target group, 32 connections", "requests/s", spread(mine),
             f"nginx, 2 workers, the same bytes as a file: {spread(theirs)}",
             f"{statistics.median(ratios):.2f} x", "at least 1.3 x"]]


def share_of_the_sync(options, work) -> float:
    """Under the load of the durable PUTs: of the time of all commits, the percentage spent in fdatasync."""
    shim, totals = work / "sync_timer.so", work / "sync_timer"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", shim, ROOT / "bench" / "sync_timer.c"], check=True)
    totals.write_bytes(bytes(16))
    with target_eye(options.binary, work / "sd", LD_PRELOAD=str(shim), SYNC_TIMER=str(totals)) as (ours, _):

        def seconds():
            metrics = get(ours, "/metrics")[1].decode()
            commits = float(re.search(r"^target_eye_commit_duration_seconds_sum (\S+)$", metrics, re.MULTILINE)[1])
            return commits, struct.unpack("QQ", totals.read_bytes())[1] / 1e9

        before = seconds()
        wrk_put(ours, 64)
        after = seconds()
    return 100 * (after[1] - before[1]) / (after[0] - before[0])


def bench_put(options, work):
    """Durable PUTs beside etcd's, and their latency beside one fsync's."""
    mine, theirs, ratios = [], [], []
    (work / "sd").mkdir()
    with target_eye(options.binary, work / "sd") as (ours, _), etcd(work) as peer:
        for _ in range(ROUNDS):
            mine.append(wrk_put(ours, 64))
            theirs.append(wrk_put(peer, 64, "etcd"))
            ratios.append(mine[-1] / theirs[-1])
    shares = [share_of_the_sync(options, work) for _ in range(3)]
    latencies, syncs = [], []
    with target_eye(options.binary, work / "sd") as (ours, _):
        for _ in range(ROUNDS):
            latencies.append(client(options.tools, "paced", ours, 1000, 5, 64))
            syncs.append(client(options.tools, "fsync", work / "fsync", 1000, 5))
    p99 = [latency["p99_ms"] for latency in latencies]
    p99_sync = [sync["p99_ms"] for sync in syncs]
    p50 = [latency["p50_ms"] for latency in latencies]
    p50_sync = [sync["p50_ms"] for sync in syncs]
    times = {p: statistics.median(ours[p] / theirs[p] for ours, theirs in zip(latencies, syncs))
             for p in ("p50_ms", "p99_ms")}
    return [["Durable PUT over 500 groups, 64 connections", "requests/s", spread(mine),
             f"etcd `/v3/kv/put`, the same values: {spread(theirs)}",
             f"{statistics.median(ratios):.1f} x", "at least 4 x"],
            ["The same: share of a commit that is the disk's sync", "%", spread(shares), "", "", "for comparison"],
            ["Latency at 1,000 PUT/s, p99", "ms", spread(p99, "{:.2f}"),
             f"one 4 KiB overwrite with fdatasync, p99: {spread(p99_sync, '{:.2f}')}",
             f"{times['p99_ms']:.1f} x", "at most 3 x"],
            ["Latency at 1,000 PUT/s, p50", "ms", spread(p50, "{:.2f}"),
             f"one 4 KiB overwrite with fdatasync, p50: {spread(p50_sync, '{:.2f}')}",
             f"{times['p50_ms']:.1f} x", "beside it"]]


def bench_prometheus(options, work):
    """Prometheus's CPU for services that register one by one."""

    def group(i):
        return {"targets": [f"node-{i}.example.net:9100"], "labels": {"env": "prod", "job": f"service-{i}"}}

    def ready_made(services, sd, started):
        (sd / "targets.json").write_text(json.dumps([group(i) for i in range(services)]))
        with started() as (port, running):
            wait_for("discovery", lambda: discovered(port) == services, pause=0.2)
            return cpu_seconds(running)

    def registered(services, sd, started):
        with target_eye(options.binary, sd) as (ours, _), started() as (port, running):
            connection = http.client.HTTPConnection("127.0.0.1", ours, timeout=60)
            for i in range(services):
                connection.request("PUT", f"/service-{i}/prod", json.dumps({"targets": group(i)["targets"]}),
                                   {"Content-Type": "application/json"})
                connection.getresponse().read()
            wait_for("discovery", lambda: discovered(port) == services, pause=0.2)
            return cpu_seconds(running)

    def file_each(services, sd, started):
        """The way of the Python Target-eye: a file of its own for each service, written in place."""
        with started() as (port, running):
            for i in range(services):
                name = hashlib.md5(f"service-{i}prod".encode()).hexdigest()
                (sd / f"{name}.json").write_text(json.dumps([group(i)]))
                time.sleep(0.001)
            wait_for("discovery", lambda: discovered(port) == services, seconds=300, pause=0.5)
            return cpu_seconds(running)

    def measure(way, services, index=0):
        directory = work / f"{way.__name__}-{services}-{index}"
        sd = directory / "sd"
        sd.mkdir(parents=True)
        return way(services, sd, lambda: prometheus(directory, sd))

    many, few = 10_000, 2_000  # Files are few: what they cost grows with the square of their number.
    ready, mine = [], []
    for index in range(3):
        ready.append(measure(ready_made, many, index))
        mine.append(measure(registered, many, index))
    few_ready, each = measure(ready_made, few), measure(file_each, few)
    ratio = statistics.median(mine) / statistics.median(ready)
    return [[f"Prometheus's CPU until it has seen {many:,} services, registered one by one", "s",
             spread(mine, "{:.2f}"), f"one ready-made file: {spread(ready, '{:.2f}')}",
             f"{ratio:.2f} x", "at most 1.5 x"],
            [f"The same for {few:,}, a file a service written in place (as the Python program does)", "s",
             f"{each:.2f}", f"one ready-made file: {few_ready:.2f}", f"{each / few_ready:.1f} x", "for comparison"]]


def bench_scale(options, work):
    """100,000 groups with 1,000,000 targets."""
    groups, targets = 100_000, 10
    sd = work / "sd"
    sd.mkdir()
    with target_eye(options.binary, sd) as (ours, _):
        filled = client(options.tools, "fill", ours, groups, targets, 64)["seconds"]
    starts, resident, peaks, visible = [], [], [], []
    for index in range(ROUNDS):
        began = time.monotonic()
        with target_eye(options.binary, sd) as (ours, running):
            starts.append(time.monotonic() - began)
            resident.append(memory_bytes(running, "VmRSS") / (groups * targets))
            peaks.append(memory_bytes(running, "VmHWM") / (groups * targets))
            began = time.monotonic()
            name = f"late-{index}.example.net:1"
            put_one(ours, "/service-50000/prod", json.dumps({"targets": [name]}).encode())
            text = (sd / "targets.json").read_text()
            visible.append(time.monotonic() - began)
            if name not in text:
                raise SystemExit("bench: the answer came before the publication")
    size = (sd / "targets.json").stat().st_size / 1e6
    return [[f"100,000 groups, 1,000,000 targets ({size:.0f} MB published): start to ready", "s",
             spread(starts, "{:.2f}"), "", "", "at most 0.5 s"],
            ["The same: resident memory a target, ready", "bytes", spread(resident), "", "", "at most 200"],
            ["The same: peak resident memory a target", "bytes", spread(peaks), "", "", "for comparison"],
            ["The same: one PUT, until it is in the published file and that is read", "s",
             spread(visible, "{:.2f}"), "", "", "under way within 1 s"],
            ["The same: registering all of them, 64 connections", "s", f"{filled:.1f}", "", "", "for comparison"]]


BENCHMARKS = {"get": bench_get, "put": bench_put, "prometheus": bench_prometheus, "scale": bench_scale,
              "tls": bench_tls, "http_sd": bench_http_sd, "auth": bench_auth}


def version(*command) -> str:
    out = subprocess.run(command, capture_output=True, text=True, check=False)
    return re.search(r"\d+\.\d+[.\d]*", out.stdout + out.stderr)[0]


def machine() -> str:
    cpu = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return f"{cpu[1] if cpu else platform.processor()}, {os.cpu_count()} cores, Linux {platform.release()}"


def listed(rows) -> str:
    """An entry for each row, with what stands beside it below, in lines that a diff can show."""
    def wrapped(mark: str, text: str) -> str:
        return textwrap.fill(text, 119, initial_indent=mark, subsequent_indent=" " * len(mark), break_long_words=False,
                             break_on_hyphens=False)

    lines = []
    for what, unit, figure, beside, ratio, goal in rows:
        median, spread_of_it = (figure.split(" ", 1) + [""])[:2]
        aim = "for comparison" if goal in ("for comparison", "beside it") else f"goal: {goal}"
        lines.append(wrapped("- ", f"**{what}**: {' '.join(filter(None, [median, unit, spread_of_it]))}; {aim}."))
        if beside:
            lines.append(wrapped("  - ", f"{beside}; the ratio is {ratio}."))
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--tools", type=pathlib.Path, required=True)
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"unknown benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    names = options.names or list(BENCHMARKS)
    rows = []
    for name in names:
        print(f"{name}: {BENCHMARKS[name].__doc__}", flush=True)
        # On the disk of the checkout: /tmp may be memory, where nothing is durable.
        work = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT / "build"))
        try:
            measured = BENCHMARKS[name](options, work)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        print(listed(measured), flush=True)
        rows += measured
    if options.names:
        return 0
    page = f"""# Benchmarks

Written by `./dev bench`, which runs everything below in one go on one machine, us and the peer by turns.
Absolute figures are this machine's; the ratios are what carries over. Of each figure, the median, with the least and
the most of the rounds.

## Figures

{listed(rows)}

## How they were measured

- Machine: {machine()}.
- Peers: nginx {version("/usr/sbin/nginx", "-v")}, etcd {version("etcd", "--version")}, \
Prometheus {version("prometheus", "--version")}; load by wrk and `bench/bench_client.cc`.
- Each rate is the median of {ROUNDS} rounds of {SECONDS} s; a ratio is the median of the rounds' ratios.
- A PUT is acknowledged when it is durable (fsync) on both sides; load generator and server share the
  machine's cores.
- The rate of durable PUTs is bound by the disk's sync, which both sides do once for all requests that wait. How much
  of a commit it is was measured in a run of its own, with `bench/sync_timer.c` preloaded.
- The latency at 1,000 PUT/s counts from when a request was due, so that no stall is hidden; that of the syncs beside
  it, one at a time and as many a second, too.
- CPU of Prometheus is its whole process's, from its start until `prometheus_sd_discovered_targets` shows all.
"""
    (ROOT / "docs" / "benchmarks.md").write_text(page)
    print("written: docs/benchmarks.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
