#!/usr/bin/python3
"""What the README promises a stranger, on a machine that has nothing: a new Debian in a directory, with git.

Clones HEAD into it, runs `./dev run` and the README's first curl, looks at what Prometheus would read, and runs
`./dev test`: on each Debian that the README names, or on those that are named. The packages come from where this
machine's apt gets its own. Each Debian takes some 25 minutes and 6 GB; needs root, debootstrap and curl; no part of
`./dev test`.
"""

import argparse
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time

import chroot
import harness

README = chroot.ROOT / "README.md"
CLONE = "/root/target-eye"
ADDRESS = "127.0.0.1:12345"
SUITES = ("bookworm", "trixie")  # Debian 12 and 13


def first_curl():
    [command] = re.findall(r"^## Register a target\n\n```bash\n(.+)\n```", README.read_text(), re.M)
    return shlex.split(command)


def clone(system):
    """The committed state, as a stranger gets it."""
    system.run("apt-get", "-q", "update")
    system.run("apt-get", "-q", "install", "-y", "--no-install-recommends", "git", "ca-certificates")
    chroot.run(["git", "clone", "-q", "--no-hardlinks", chroot.ROOT, system.path(CLONE)])


def dev(system, command):
    environment = {"HOME": "/root", "LC_ALL": "C.UTF-8"}
    return subprocess.Popen(system.command(["./dev", command], environment=environment, cwd=CLONE),
                            start_new_session=True)


def run_and_register(system):
    began = time.monotonic()
    program = dev(system, "run")
    try:
        def answers():
            assert program.poll() is None, "./dev run ended"
            asked = subprocess.run(["curl", "-sf", f"http://{ADDRESS}/-/ready"], capture_output=True, check=False)
            return asked.returncode == 0
        harness.wait_for("./dev run to serve", answers, chroot.PATIENCE_S, 1)
        print(f"== ./dev run serves after {time.monotonic() - began:.0f} s", flush=True)
        answer = json.loads(chroot.run([*first_curl(), "-sSf"]))
        published = json.loads(system.path(f"{CLONE}/var/file_sd/targets.json").read_text())
        expected = [{"targets": ["localhost:9090"], "labels": {"env": "dev", "job": "prometheus"}}]
        assert answer == published == expected, (
            answer, published)
        os.killpg(program.pid, signal.SIGINT)  # Ctrl-C
        assert program.wait(harness.PATIENCE_S) == 0
    finally:
        program.kill()
        program.wait()


def run_tests(system):
    began = time.monotonic()
    code = dev(system, "test").wait()
    print(f"== ./dev test took {(time.monotonic() - began) / 60:.0f} min", flush=True)
    assert code == 0, f"./dev test: exit code {code}"


def try_as_a_stranger(suite, only_run):
    print(f"== {suite}", flush=True)
    with tempfile.TemporaryDirectory(prefix=f"target-eye-{suite}-") as directory:
        system = chroot.Chroot(pathlib.Path(directory) / "root", suite=suite)
        clone(system)
        run_and_register(system)
        if not only_run:
            run_tests(system)
    print(f"{suite}: all is as the README says", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", default=SUITES, metavar="SUITE",
                        help=f"Debian's names; {' and '.join(SUITES)} by default")
    parser.add_argument("--only-run", action="store_true", help="without ./dev test; some 5 minutes")
    options = parser.parse_args()
    for suite in options.suites:
        try_as_a_stranger(suite, options.only_run)


if __name__ == "__main__":
    sys.exit(main())
