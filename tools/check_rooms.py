#!/usr/bin/env python3
"""Refuses an include of a room that the including room may not know.

The order of the rooms is that of src/CMakeLists.txt; what a room links is in its own CMakeLists.txt,
and what it includes must be among that.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"


def main() -> int:
    rooms = re.findall(r"add_subdirectory\((\w+)\)", (SRC / "CMakeLists.txt").read_text())
    links = {}
    for room in rooms:
        text = (SRC / room / "CMakeLists.txt").read_text()
        direct = re.search(r"\n  DEPS ([^\n)]*)", text)
        links[room] = set(re.findall(r"room_(\w+)", direct.group(1) if direct else ""))
        links[room] |= {deeper for dep in links[room] for deeper in links.get(dep, ())}
    wrong = 0
    for room in rooms:
        late = [dep for dep in links[room] if rooms.index(dep) >= rooms.index(room)]
        for dep in late:
            print(f"src/{room}/CMakeLists.txt: {dep} comes after {room} in src/CMakeLists.txt")
            wrong += 1
        for path in sorted((SRC / room).rglob("*")):
            if path.suffix not in (".h", ".cc"):
                continue
            test = path.name.endswith("_test.cc") or path.name.endswith("_test.h")
            for number, line in enumerate(path.read_text().splitlines(), 1):
                include = re.match(r'#include "(\w+)/', line)
                if not include or include[1] == room or include[1] not in rooms:
                    continue
                # Tests may use the stores for tests.
                if include[1] not in links[room] and not test:
                    print(f"{path.relative_to(ROOT)}:{number}: {room} may not include {include[1]}")
                    wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
