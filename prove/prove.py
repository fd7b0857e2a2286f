#!/usr/bin/env python3
"""Injects faults into the real program and checks what is promised; run it through `./dev prove`.

Each fault has a control: the same harness on a program with the bug in it, which it must catch. A harness
that never failed proves nothing.
"""

import argparse
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))

import crash  # noqa: E402

# What each takes: the binary, and how many rounds. Gives what was reached, in words; raises where a promise broke.
FAULTS = {
    "kill": (crash.kill, 20, 10_000),
    "power": (crash.power, 20, 2_000),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FAULTS))
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--full", action="store_true", help="the long figure, for docs/reliability.md; takes hours")
    parser.add_argument("--rounds", type=int, help="instead of the short figure's rounds")
    options = parser.parse_args()
    if unknown := set(options.names) - set(FAULTS):
        parser.error(f"unknown fault {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}")
    failed = []
    for name in options.names or FAULTS:
        fault, short, full = FAULTS[name]
        rounds = options.rounds or (full if options.full else short)
        began = time.monotonic()
        print(f"{name}: {fault.__doc__.splitlines()[0]}", flush=True)
        try:
            reached = fault(options.binary.resolve(), rounds)
        except AssertionError as error:
            failed.append(name)
            reached = f"BROKEN: {error}"
        print(f"  {reached} ({time.monotonic() - began:.0f} s)", flush=True)
    if failed:
        print(f"broken: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
