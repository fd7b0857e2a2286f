#!/usr/bin/env python3
"""Injects faults into the real program and checks what is promised; run it through `./dev prove`.

Each fault has a control: the same harness on a program with the bug in it, which it must catch. A harness
that never failed proves nothing.
"""

import argparse
import dataclasses
import importlib
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))

from control import CannotTry  # noqa: E402


@dataclasses.dataclass
class Fault:
    """A function of that name in `module`, which takes the binary and an amount (None: all there is).

    Its first line of documentation says what must hold; it gives what was reached, in words, and raises an
    AssertionError where a promise broke. The amounts count `unit`: a few for CI, some for a person who
    waits, many for docs/reliability.md.
    """

    module: str
    unit: str
    brief: int | None
    short: int | None
    full: int | None

    def amount(self, options):
        if options.amount:
            return options.amount
        return self.brief if options.brief else self.full if options.full else self.short


FAULTS = {
    "kill": Fault("crash", "kills", 5, 100, 10_000),
    "power": Fault("crash", "cuts", 3, 20, 2_000),
    "disk": Fault("disk", "disks of each kind", 1, 5, 100),
    "syscalls": Fault("syscalls", "injections", 50, 300, None),
    "memory": Fault("memory", "allocations", 20, None, None),
    "clock": Fault("clock", "jumps", 2, None, None),
    "hostile": Fault("hostile", "cuts of each request", 2, 30, None),
    "slow": Fault("slow", "seconds of measuring", 3, 30, 600),
    "bounds": Fault("bounds", "seconds of measuring", 4, 30, 600),
    "logins": Fault("logins", "samples", 200, 2_000, 2_000),
    "fuzz": Fault("fuzz", "seconds for each reader", 4, 10, 3_600),
    "model": Fault("model", "operations", 1_000, 10_000, 1_000_000),
    "races": Fault("races", "writes", 3_000, 20_000, 100_000),
    "leaks": Fault("soak", "seconds", 4, 60, 600),
}


def run(name, options):
    """What was reached, and whether all promises held."""
    fault = FAULTS[name]
    prove = getattr(importlib.import_module(fault.module), name)
    print(f"{name}: {prove.__doc__.splitlines()[0]}", flush=True)
    began = time.monotonic()
    held = True
    try:
        reached = prove(options.binary.resolve(), fault.amount(options))
    except AssertionError as error:
        held, reached = False, f"BROKEN: {error}"
    except CannotTry as error:
        # Some containers allow neither mounts nor tracing; a brief run is of use there, too.
        held, reached = options.brief, f"NOT TRIED, this machine does not allow it: {error}"
    print(f"  {reached} ({time.monotonic() - began:.0f} s)", flush=True)
    return held


def main() -> int:
    counts = ", ".join(f"{name} ({fault.unit})" for name, fault in FAULTS.items())
    parser = argparse.ArgumentParser(prog="./dev prove", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all, or of: {counts}")
    parser.add_argument("--binary", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--brief", action="store_true", help="some seconds each, as CI runs them")
    extent.add_argument("--full", action="store_true", help="the long figures of docs/reliability.md; takes hours")
    extent.add_argument("--amount", type=int, metavar="N", help="N of what the fault counts (in brackets above)")
    options = parser.parse_args()
    if unknown := set(options.names) - set(FAULTS):
        parser.error(f"unknown fault {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}")
    broken = [name for name in options.names or FAULTS if not run(name, options)]
    if broken:
        print(f"broken: {', '.join(broken)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
