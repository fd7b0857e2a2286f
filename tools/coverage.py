#!/usr/bin/env python3
"""Shows which lines the tests reach, of what must not be wrong; fails where a part has less than 95 %.

Reads what the coverage build's programs counted. `--missing` names each line that was not reached.
"""

import argparse
import fnmatch
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LEAST_PERCENT = 95

# What reads the bytes of others, and what keeps and publishes the state.
PARTS = {
    "parsers": ["src/codec/*", "src/model/*", "src/config/*", "src/access/access_file.*", "src/access/credentials.*",
                "src/access/go_tls_names.*", "src/access/web_config.*", "src/access/yaml_form.*",
                "src/http/wire/chars.h", "src/http/wire/chunk_decoder.*", "src/http/wire/framing_gate.*",
                "src/http/wire/http2_head.*", "src/http/wire/request_head.h", "src/http/wire/request_parser.*",
                "src/http/wire/request_plan.*"],
    "store": ["src/store/*"],
    "registry": ["src/registry/*"],
    "publish": ["src/publish/*"],
}
TESTS = ["*_test.cc", "*/testing/*"]


def counted(build):
    """{file: {line: how often}} of everything under src/ but tests."""
    report = subprocess.run(["gcovr", "--root", ROOT, "--object-directory", build, "--filter", "src/", "--json"],
                            check=True, capture_output=True, cwd=ROOT).stdout
    return {file["file"]: {line["line_number"]: line["count"] for line in file["lines"] if not line["gcovr/noncode"]}
            for file in json.loads(report)["files"]
            if not any(fnmatch.fnmatch(file["file"], pattern) for pattern in TESTS)}


def show(name, lines):
    reached = sum(count > 0 for line in lines for count in line.values())
    total = sum(map(len, lines))
    percent = 100 * reached / max(1, total)
    print(f"{name:<48} {reached:>5} of {total:>5} lines  {percent:6.1f} %")
    return percent


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--missing", action="store_true")
    options = parser.parse_args()
    files = counted(options.build)
    short = []
    for part, patterns in PARTS.items():
        inside = {name: lines for name, lines in sorted(files.items())
                  if lines and any(fnmatch.fnmatch(name, pattern) for pattern in patterns)}
        if show(part, inside.values()) < LEAST_PERCENT:
            short.append(part)
        for name, lines in inside.items():
            missing = [line for line, count in sorted(lines.items()) if count == 0]
            if missing:
                show(f"  {name.removeprefix('src/')}", [lines])
            if options.missing:
                text = (ROOT / name).read_text().splitlines()
                for line in missing:
                    print(f"    {line:>4}  {text[line - 1].strip()}")
    show("all of src/", files.values())
    if short:
        print(f"less than {LEAST_PERCENT} % of: {', '.join(short)}")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
