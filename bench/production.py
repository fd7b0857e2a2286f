"""What TLS, logins and http_sd cost."""

import base64
import json
import statistics
import subprocess

from peers import (ROUNDS, client, get, make_certificate, nginx, nginx_server, nginx_tls, put_one, spread, target_eye,
                   wrk_get, wrk_put)

GROUP = b'{"targets":["web-1.example.net:9100","web-2.example.net:9100"]}'


def alternate(ours, theirs):
    """Rounds by turns: what each gave, and the ratios of the rounds."""
    mine, others = [], []
    for _ in range(ROUNDS):
        mine.append(ours())
        others.append(theirs())
    return mine, others, [a / b for a, b in zip(mine, others)]


def row(what, mine, beside, others, ratios, goal):
    return [what, "requests/s", spread(mine), f"{beside}: {spread(others)}", f"{statistics.median(ratios):.2f} x", goal]


def bench_tls(options, work):
    """GET and PUT over TLS, beside nginx with the same certificate and ciphers."""
    certificate, key = make_certificate(work)
    tls = {"CERTFILE": str(certificate), "KEYFILE": str(key)}
    for name in ("sd", "behind", "static", "proxy"):
        (work / name).mkdir()
    with target_eye(options.binary, work / "sd", **tls) as (ours, _):
        body = put_one(ours, "/web/prod", GROUP, tls=True)
        with nginx(work / "static", "/web/prod", body, (certificate, key)) as peer:
            gets = alternate(lambda: wrk_get(ours, "/web/prod", 32, "https"),
                             lambda: wrk_get(peer, "/web/prod", 32, "https"))
        with target_eye(options.binary, work / "behind") as (plain, _), nginx_server(
                work / "proxy",
                f"{nginx_tls((certificate, key))} location / {{ proxy_pass http://behind; proxy_http_version 1.1; "
                'proxy_set_header Connection ""; proxy_set_header Host localhost; }', "/-/ready", tls=True,
                http_block=f"upstream behind {{ server 127.0.0.1:{plain}; keepalive 64; }}") as proxy:
            puts = alternate(lambda: wrk_put(ours, 64, scheme="https"), lambda: wrk_put(proxy, 64, scheme="https"))
    return [row("TLS: GET of a two-target group, 32 connections", gets[0],
                "nginx, 2 workers, the same bytes, certificate and ciphers", *gets[1:], "at least 0.9 x"),
            row("TLS: durable PUT over 500 groups, 64 connections", puts[0],
                "nginx doing the TLS in front of a target-eye without", *puts[1:], "at least 0.9 x")]


def bench_http_sd(options, work):
    """`/-/sd` with 100,000 targets, beside nginx serving the same bytes."""
    (work / "sd").mkdir()
    with target_eye(options.binary, work / "sd") as (ours, _):
        client(options.tools, "fill", ours, 10_000, 10, 64)
        status, body = get(ours, "/-/sd")
        if status != 200 or sum(len(group["targets"]) for group in json.loads(body)) != 100_000:
            raise SystemExit(f"bench: /-/sd gave {status} and {len(body)} bytes")
        with nginx(work, "/sd", body) as peer:
            rates = alternate(lambda: wrk_get(ours, "/-/sd", 8), lambda: wrk_get(peer, "/sd", 8))
    return [row(f"`/-/sd` with 100,000 targets ({len(body) / 1e6:.1f} MB), 8 connections", rates[0],
                "nginx, 2 workers, the same bytes as a file", *rates[1:], "at least 1.0 x")]


def bench_auth(options, work):
    """Requests with a password, and with a token, beside requests to an instance that asks for none."""
    password = "correct horse battery staple"
    hashed = subprocess.run(["htpasswd", "-niBC", "10", "bench"], input=password, capture_output=True, text=True,
                            check=True).stdout.strip().split(":", 1)[1]
    (work / "web.yml").write_text(f"basic_auth_users:\n  bench: {hashed}\n")
    digest = subprocess.run(["sha256sum"], input="a-token-of-the-benchmark", capture_output=True, text=True,
                            check=True).stdout.split()[0]
    (work / "access.yml").write_text(f"""
tokens:
  bench: sha256:{digest}
rules:
  - who: [user:bench, token:bench]
    may: write
""")
    basic = "Authorization: Basic " + base64.b64encode(f"bench:{password}".encode()).decode()
    bearer = "Authorization: Bearer a-token-of-the-benchmark"
    (work / "open").mkdir()
    (work / "closed").mkdir()
    files = {"WEB_CONFIG_FILE": str(work / "web.yml"), "ACCESS_FILE": str(work / "access.yml")}
    rows = []
    with target_eye(options.binary, work / "open") as (plain, _), \
            target_eye(options.binary, work / "closed", **files) as (closed, _):
        for what, header in (("a password", basic), ("a token", bearer)):
            rates = alternate(lambda: wrk_get(closed, "/web/prod", 32, headers=[header]),
                              lambda: wrk_get(plain, "/web/prod", 32, headers=[header]))
            rows.append(row(f"GET with {what}, 32 connections", rates[0],
                            "the same requests where no login is asked for", *rates[1:], "at least 0.9 x"))
    return rows
