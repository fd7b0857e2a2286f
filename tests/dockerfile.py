"""Builds a Dockerfile without Docker: the same instructions, run in chroots of the same Debian.

As much of the format as our file uses; anything else fails the test.
"""

import fnmatch
import hashlib
import json
import pathlib
import re
import shlex
import shutil
import subprocess

import chroot


def instructions(path):
    """The Dockerfile's instructions: pairs of the word and the rest, with lines joined."""
    text = re.sub(r"\\\n", "", "".join(line for line in path.read_text().splitlines(keepends=True)
                                       if not line.startswith("#")))
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def context_files(root):
    """What `COPY . .` takes: all that git knows or would, less what .dockerignore names."""
    ignored = (root / ".dockerignore").read_text().split()
    listed = subprocess.run(["git", "-C", root, "ls-files", "-z", "-co", "--exclude-standard"], check=True,
                            capture_output=True, text=True).stdout.split("\0")
    return [name for name in listed if name and (root / name).exists() and not any(
        fnmatch.fnmatch(part, pattern.removeprefix("**/")) for pattern in ignored for part in name.split("/"))]


class Stage:
    def __init__(self, system, environment):
        self.system, self.environment = system, environment
        self.directory, self.user, self.health, self.entry = "/", None, None, None
        # What was done so far, as long as it depends on nothing but these.
        self.history, self.reproducible = hashlib.sha256(), True

    def run(self, words, **arguments):
        return self.system.run(*words, environment=self.environment, cwd=self.directory, **arguments)


class Build:
    """Builds `path` into `directory`; `stages` has what each name, or number, became.

    `caches` says which directory of this machine stands for a cache mount.
    """

    def __init__(self, path, directory, caches):
        self.root, self.directory, self.caches = path.parent, directory, caches
        self.stages, self.stage = {}, None
        for word, rest in instructions(path):
            getattr(self, word.lower())(rest)

    def _expand(self, text):
        return re.sub(r"\$\{?(\w+)\}?", lambda match: self.stage.environment[match[1]], text)

    def from_(self, rest):
        words = rest.split()
        assert words[0] == f"debian:{chroot.SUITE}-slim", words
        name = words[2] if len(words) == 3 and words[1] == "AS" else str(len(self.stages))
        self.stage = self.stages[name] = Stage(chroot.Chroot(self.directory / name), {})

    def workdir(self, rest):
        self.stage.directory = rest
        self.stage.system.path(rest).mkdir(parents=True, exist_ok=True)

    def copy(self, rest):
        source, target = rest.split()
        files = context_files(self.root) if source == "." else [source]
        self.stage.reproducible &= source != "."
        base = self.stage.system.path(pathlib.PurePosixPath(self.stage.directory) / target)
        for name in files:
            place = base / name if source == "." else base / pathlib.PurePath(name).name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.root / name, place)
            self.stage.history.update((self.root / name).read_bytes())

    def run(self, rest):
        binds = []
        while match := re.match(r"--mount=(\S+)\s+", rest):
            options = dict(option.split("=", 1) for option in match[1].split(","))
            rest = rest[match.end():]
            if options["type"] == "cache":
                binds.append((self.caches[options["target"]], options["target"]))
            else:
                assert options["type"] == "bind", options
                binds.append((self.stages[options["from"]].system.path(options["source"]), options["target"]))
        self.stage.reproducible &= not binds
        if not self.stage.reproducible:
            self.stage.run(["sh", "-c", rest], binds=binds)
            return
        # Before any source is copied, the same lines give the same system: it is kept, as Docker does.
        self.stage.history.update(rest.encode())
        name = f"layer-{self.stage.history.hexdigest()}"
        system = self.stage.system
        if not chroot.is_cached(name):
            chroot.forget("layer-*")
            self.stage.run(["sh", "-c", rest])
            chroot.keep(name, system.root)
        else:
            system.remove()
            self.stage.system = chroot.Chroot(system.root, name)

    def arg(self, rest):
        name, _, value = rest.partition("=")
        self.stage.environment[name] = value

    def env(self, rest):
        for pair in shlex.split(rest):
            self.arg(pair)

    def user(self, rest):
        self.stage.user = self._expand(rest)

    def expose(self, rest):
        assert rest.isdigit(), rest

    def healthcheck(self, rest):
        command = rest.partition("CMD ")[2]
        self.stage.health = json.loads(command)

    def entrypoint(self, rest):
        self.stage.entry = json.loads(rest)


setattr(Build, "from", Build.from_)
