#!/usr/bin/env python3
"""Refuses a link in our Markdown that leads to no file or no heading of this repository."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def anchors(text: str) -> set[str]:
    """The anchors that a Markdown viewer makes of the headings."""
    found = set()
    for heading in re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE):
        plain = re.sub(r"[`*]", "", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


def main() -> int:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT,
                            capture_output=True, text=True, check=True)
    wrong = 0
    for name in listed.stdout.split():
        path = ROOT / name
        text = path.read_text()
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        for link in re.findall(r"\]\(([^)\s]+)\)", prose):
            if re.match(r"[a-z]+:", link):
                continue
            file, _, anchor = link.partition("#")
            target = (path.parent / file).resolve() if file else path
            if not target.exists():
                print(f"{name}: {link}: there is no such file")
                wrong += 1
            elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text()):
                print(f"{name}: {link}: there is no such heading")
                wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
