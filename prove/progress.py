"""How far a long run is, for the person who waits for it."""

import sys
import time

PAUSE_S = 1


def shown(items, total, unit):
    """The items as they come, of which there are `total`; on a terminal, one line says how many are done."""
    if not sys.stderr.isatty():
        yield from items
        return
    began = told = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if now - told >= PAUSE_S:
            told = now
            left = (now - began) / max(1, done) * (total - done)
            line = f"{done:,} of {total:,} {unit}, {left / 60:.0f} min to go"
            print(f"\r\033[K  {line}", end="", file=sys.stderr, flush=True)
        yield item
    print("\r\033[K", end="", file=sys.stderr, flush=True)
