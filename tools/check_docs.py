#!/usr/bin/env python3
"""Refuses, in our Markdown, a link that leads to no file or no heading of this repository, a file or a test that is
named and does not exist, and a line that is too long to be read in a diff.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MOST_COLUMNS = 119


def anchors(text: str) -> set[str]:
    """The anchors that a Markdown viewer makes of the headings."""
    found = set()
    for heading in re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE):
        plain = re.sub(r"[`*]", "", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


def wrong_links(path: pathlib.Path, text: str):
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists():
            yield f"{link}: there is no such file"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text()):
            yield f"{link}: there is no such heading"


def words_of_the_code() -> set[str]:
    files = [*ROOT.glob("src/**/*.cc"), *ROOT.glob("src/**/*.h"), *ROOT.glob("tests/**/*.py"), *ROOT.glob("prove/*.py")]
    return set(re.findall(r"\w+", "\n".join(file.read_text() for file in files)))


def wrong_names(path: pathlib.Path, text: str, words: set[str]):
    """Of what stands in backquotes: paths from here, from src/, from tests/ or beside the page, and names of tests."""
    folders = [ROOT, ROOT / "src", ROOT / "tests", path.parent]
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    for name in re.findall(r"`([^`\n]+)`", prose):
        if re.fullmatch(r"[\w.-]+(/[\w.-]+)+\.(h|cc|py|sh|txt|md)", name):
            if not any((folder / name).exists() for folder in folders):
                yield f"{name}: there is no such file"
        elif re.fullmatch(r"\w+Test(\.\w+)?|test_\w+", name):
            if not words.issuperset(name.split(".")):
                yield f"{name}: there is no such test"


def long_lines(text: str):
    """In code and tables, too: a command can be continued, and a table with long cells is better a list."""
    for number, line in enumerate(text.splitlines(), 1):
        # A single word, such as an address, is as long as it is, after what makes it a part of a list.
        word = re.fullmatch(r"\s*(?:[-*] |\d+\. )?\S+", line)
        if len(line) > MOST_COLUMNS and not word:
            yield f"line {number} has {len(line)} columns; at most {MOST_COLUMNS} are allowed"


def main() -> int:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT,
                            capture_output=True, text=True, check=True)
    words = words_of_the_code()
    wrong = 0
    for name in listed.stdout.split():
        path = ROOT / name
        text = path.read_text()
        for fault in [*wrong_links(path, text), *wrong_names(path, text, words), *long_lines(text)]:
            print(f"{name}: {fault}")
            wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
