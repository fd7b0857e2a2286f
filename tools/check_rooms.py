#!/usr/bin/env python3
"""Refuses an include of a room, or of a folder in a room, that the including file may not know.

The order of the rooms is that of src/CMakeLists.txt; what a room links is in its own CMakeLists.txt (DEPS, and
TEST_DEPS for its tests), and what it includes must be among that. Where a room names its FOLDERS there, bottom up,
a file in one of them includes only that one, those before it, and headers of the room's top, which know no folder.
Headers for tests are in a folder `testing/`, wherever it stands, and nothing but tests includes them. A .cc has a
header of its own name.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"


# The program itself, and second halves of what another header declares.
WITHOUT_HEADER = {"app/main.cc", "http/h2/http2_streams.cc"}


def words(text: str, keyword: str) -> list[str]:
    """What follows `keyword` in a call of target_eye_room, up to the next one."""
    found = re.search(rf"\n  {keyword} ([^)]*?)(?:\n  [A-Z]|\))", text)
    return found.group(1).split() if found else []


def rooms_among(deps: list[str]) -> set[str]:
    return {match[1] for dep in deps if (match := re.fullmatch(r"room_(\w+?)(?:_testing)?", dep))}


class Room:
    def __init__(self, name: str, links_of: dict[str, set[str]]):
        self.name = name
        text = (SRC / name / "CMakeLists.txt").read_text()
        self.links = self.with_what_is_below(words(text, "DEPS"), links_of)
        self.test_links = self.links | self.with_what_is_below(words(text, "TEST_DEPS"), links_of)
        self.folders = words(text, "FOLDERS")

    @staticmethod
    def with_what_is_below(deps: list[str], links_of: dict[str, set[str]]) -> set[str]:
        direct = rooms_among(deps)
        return direct | {deeper for dep in direct for deeper in links_of.get(dep, ())}

    def folder_of(self, path: str) -> str | None:
        """`path` is below src/; None: at the room's top."""
        parts = path.split("/")
        return parts[1] if len(parts) > 2 else None

    def why_not(self, path: str, included: str) -> str | None:
        """Why `path` may not include `included`; both below src/."""
        is_test = path.endswith("_test.cc") or "/testing/" in path
        if "/testing/" in included and not is_test:
            return "only tests may include what is for tests"
        room = included.split("/")[0]
        if room != self.name:
            allowed = self.test_links if is_test else self.links
            return None if room in allowed else f"{self.name} may not include {room}"
        if is_test or not self.folders:
            return None
        there, here = self.folder_of(included), self.folder_of(path)
        if there is None:
            return None
        if here is None:
            return "a header at the top may know no folder" if path.endswith(".h") else None
        if self.folders.index(there) <= self.folders.index(here):
            return None
        return f"{self.name}/{here} may not include {self.name}/{there}, which is above it"


def check_room(room: Room, rooms: list[str]) -> list[str]:
    wrong = [f"src/{room.name}/CMakeLists.txt: {dep} comes after {room.name} in src/CMakeLists.txt"
             for dep in sorted(room.links) if rooms.index(dep) >= rooms.index(room.name)]
    for path in sorted((SRC / room.name).rglob("*")):
        name = str(path.relative_to(SRC))
        if path.suffix not in (".h", ".cc"):
            continue
        folder = room.folder_of(name)
        if room.folders and folder not in (None, "testing", *room.folders):
            wrong.append(f"src/{name}: {folder} is not among the FOLDERS in src/{room.name}/CMakeLists.txt")
            continue
        if path.suffix == ".cc" and not name.endswith("_test.cc") and not path.with_suffix(".h").exists():
            if name not in WITHOUT_HEADER:
                wrong.append(f"src/{name}: has no header of its name")
        for number, line in enumerate(path.read_text().splitlines(), 1):
            include = re.match(r'#include "((\w+)/[^"]+)"', line)
            if include and include[2] in rooms and (why := room.why_not(name, include[1])):
                wrong.append(f"src/{name}:{number}: {why}")
    return wrong


def main() -> int:
    rooms = re.findall(r"add_subdirectory\((\w+)\)", (SRC / "CMakeLists.txt").read_text())
    links_of: dict[str, set[str]] = {}
    wrong = []
    for name in rooms:
        room = Room(name, links_of)
        links_of[name] = room.links
        wrong += check_room(room, rooms)
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
