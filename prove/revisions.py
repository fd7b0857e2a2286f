"""Clients whose changes have an order, and readers who check that what they see is one revision."""

import contextlib
import http.client
import json
import threading

import harness

CLIENTS = 4
RING = 25  # Groups that a client has at a time.
CHANGES = ("PUT", "POST", "DELETE")  # Of a step: a new group, a second target for it, the oldest group's end.


class NoRevision(AssertionError):
    """What was read is no state that was ever committed."""


def targets_of(number, stage):
    """The group of step `number`, from each of the step's changes on."""
    return [f"put-{number}:1"] if stage == 0 else [f"put-{number}:1", f"post-{number}:1"]


def state_after(step, stage):
    """All groups of a client, as {number: targets}, after one change of one step."""
    oldest = step - RING + (stage == 2)
    return {number: targets_of(number, stage if number == step else 1) for number in range(oldest, step + 1)}


def position_of(client, groups):
    """After which step and change of it the client had these groups."""
    newest = max(groups, default=RING)
    for stage in range(len(CHANGES)):
        if groups == state_after(newest, stage):
            return newest, stage
    raise NoRevision(f"client {client} never had these groups: {groups}")


class Client:
    """One connection; each change is sent when the one before it was answered."""

    def __init__(self, port, index):
        self.index = index
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=harness.PATIENCE_S)
        for number in range(1, RING + 1):
            self.change("PUT", number, targets_of(number, 1))
        self.sent = self.acknowledged = (RING, 2)

    def change(self, method, number, targets):
        body = json.dumps({"targets": targets}) if targets else None
        headers = {"Content-Type": "application/json"} if targets else {}
        self.connection.request(method, f"/client-{self.index}/{number}", body, headers)
        response = self.connection.getresponse()
        answer = response.read()
        assert response.status == 200, f"{method} /client-{self.index}/{number}: {response.status} {answer}"

    def work(self, steps):
        for step in range(RING + 1, RING + steps + 1):
            changes = ((step, targets_of(step, 0)), (step, targets_of(step, 1)[1:]), (step - RING, None))
            for stage, (number, targets) in enumerate(changes):
                self.sent = step, stage
                self.change(CHANGES[stage], number, targets)
                self.acknowledged = step, stage


class Clients:
    """All of them at once, in threads of their own. Registers the first groups; `begin` goes on."""

    def __init__(self, port, changes):
        self.clients = [Client(port, index) for index in range(CLIENTS)]
        self.steps = max(1, changes // (CLIENTS * len(CHANGES)))
        self.changes = self.steps * CLIENTS * len(CHANGES)
        self.failures = []
        self.threads = [threading.Thread(target=self.run, args=(client,)) for client in self.clients]

    def run(self, client):
        try:
            client.work(self.steps)
        except (AssertionError, OSError, http.client.HTTPException) as failure:
            self.failures.append(failure)

    def begin(self):
        for thread in self.threads:
            thread.start()

    def running(self):
        return any(thread.is_alive() for thread in self.threads)

    def join(self):
        for thread in self.threads:
            thread.join()
        if self.failures:
            raise self.failures[0]

    def sent(self):
        return tuple(client.sent for client in self.clients)

    def acknowledged(self):
        return tuple(client.acknowledged for client in self.clients)

    def last(self):
        return {(client.index, number): targets
                for client in self.clients for number, targets in state_after(*client.sent).items()}


class Lists:
    """Whole lists that readers got. Each is one revision, and of any two of them one was before the other."""

    def __init__(self, clients):
        self.clients = clients
        self.lock = threading.Lock()
        self.revisions = set()

    def check(self, groups, least):
        """Gives how far each client was; that is not less than `least`."""
        position = tuple(position_of(client, {number: targets for (index, number), targets in groups.items()
                                              if index == client}) for client in range(CLIENTS))
        if not follows(least, position):
            raise NoRevision(f"{position} was read; that is before {least}, which had been there already")
        if not follows(position, sent := self.clients.sent()):
            raise NoRevision(f"{position} was read, and no more than {sent} had been sent")
        with self.lock:
            self.revisions.add(position)
        return position

    def check_order(self):
        """Gives how many different revisions all readers saw."""
        in_order = sorted(self.revisions)
        for earlier, later in zip(in_order, in_order[1:]):
            if not follows(earlier, later):
                raise NoRevision(f"{earlier} and {later} were read: neither can come after the other")
        return len(in_order)


def follows(earlier, later):
    return all(before <= after for before, after in zip(earlier, later))


def parsed(text):
    """The published groups in `text`, as {(client, number): targets}."""
    try:
        groups = json.loads(text)
    except ValueError:
        raise NoRevision(f"{len(text)} bytes that are no JSON: {text[-100:]!r}") from None
    keys = [(int(group["labels"]["job"].removeprefix("client-")), int(group["labels"]["env"])) for group in groups]
    if len(set(keys)) < len(keys):
        raise NoRevision(f"a group is there twice: {keys}")
    return dict(zip(keys, (group["targets"] for group in groups)))


def visible(directory):
    """All that is published now, as {(client, number): targets}."""
    groups = {}
    for path in directory.glob("*.json"):
        with contextlib.suppress(FileNotFoundError):
            groups |= parsed(path.read_bytes())
    return groups


class FileReader:
    """Reads targets.json again and again: each time it is one revision, and never an earlier one."""

    def __init__(self, directory, lists):
        self.path, self.lists = directory / "targets.json", lists
        self.text, self.position = None, ((RING, 2),) * CLIENTS

    def read(self):
        text = self.path.read_bytes()
        if text != self.text:
            self.text, self.position = text, self.lists.check(self.groups_in(text), self.position)

    def groups_in(self, text):
        return parsed(text)


class MixedReader(FileReader):
    """Sees a file that is half a revision behind. The bug that only the order of all revisions shows."""

    def __init__(self, directory, lists):
        super().__init__(directory, lists)
        self.before = None

    def groups_in(self, text):
        groups = parsed(text)
        mixed = {key: targets for source, clients in ((self.before or groups, (0, 1)), (groups, (2, 3)))
                 for key, targets in source.items() if key[0] in clients}
        self.before = groups
        return mixed


class FolderReader:
    """Reads a file a group again and again: each of them is that group as it once was, and none goes back."""

    def __init__(self, directory, _lists):
        self.directory = directory
        self.newest = {}

    def read(self):
        for path in self.directory.glob("*.json"):
            with contextlib.suppress(FileNotFoundError):
                self.check(path.name, parsed(path.read_bytes()))

    def check(self, name, groups):
        if len(groups) != 1:
            raise NoRevision(f"{name} has the groups {list(groups)}")
        [(key, targets)] = groups.items()
        if targets not in (targets_of(key[1], 0), targets_of(key[1], 1)):
            raise NoRevision(f"{key} never had {targets}")
        if len(targets) < len(self.newest.get(key, [])):
            raise NoRevision(f"{key} went back from {self.newest[key]} to {targets}")
        self.newest[key] = targets
