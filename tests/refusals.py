"""A program that holds known groups and is sent only what it must refuse."""

import re

import harness
from bodies import as_json

# What no user's own text holds here: the names of what the program is built on and of its insides.
INTERNALS = re.compile(r"std::|boost|sqlite|yaml-cpp|YAML::|\.cc\b|\.h:|exception|errno", re.IGNORECASE)


class Refusals:
    """Sends what must be refused and checks that nothing changed: neither a group nor the published file."""

    def __init__(self, instance, groups):
        """`groups` maps a path to what a PUT gives it; a path that maps to None has no group."""
        self.instance = instance
        self.groups = {}
        for path, group in groups.items():
            answer = instance.request("PUT", path, *as_json(**group)) if group else instance.get(path)
            assert answer.status == 200, answer
            self.groups[path] = answer.json()
        # The published groups are in the order of their keys.
        self.listed = [group for path in sorted(groups) for group in self.groups[path]]
        harness.wait_for("the published file", lambda: harness.published_list(instance.directory) == self.listed)
        self.file = self._file()

    def _file(self):
        path, = self.instance.directory.glob("*.json")
        status = path.stat()
        return status.st_ino, status.st_mtime_ns, path.read_bytes()

    def check(self, path, answer, *words, status=400):
        """That `answer`, to a request for `path`, is a refusal, has each of `words` in its message, and is all."""
        assert answer.status == status, answer
        message = answer.message()
        assert message and not INTERNALS.search(message), message
        for word in words:
            assert word in message, answer
        self.check_nothing_changed(path)

    def check_nothing_changed(self, path):
        if path in self.groups:
            assert self.instance.get(path).json() == self.groups[path]
        assert self._file() == self.file, "the published file was touched"

    def refuse(self, method, path, body=None, content_type=None, *words):
        answer = self.instance.request(method, path, body, content_type)
        assert answer.status == 400, f"{method} {path} {content_type} {body!r}: {answer}"
        self.check(path, answer, *words)

    def refuse_everywhere(self, body, content_type, *words, methods=("PUT", "POST", "DELETE")):
        """By each method, on each group, also where there is none."""
        for path in self.groups:
            for method in methods:
                self.refuse(method, path, body, content_type, *words)

    def check_next_publication(self):
        """What is published next is what was there and the one group more: no refused request was in waiting."""
        path = "/~last/env"  # after all others
        group = self.instance.json("PUT", path, {"targets": ["last"]}).json()
        harness.wait_for("the next publication", lambda: self._file() != self.file)
        assert harness.published_list(self.instance.directory) == self.listed + group
