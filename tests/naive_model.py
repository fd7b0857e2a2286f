"""A naive model of the contract, random requests and faults, and the real program beside them.

Each answer and each group must be the model's, whatever the order of what went before, and whatever happened
to the program in between.
"""

import contextlib
import hashlib
import http.client
import json
import os
import random
import shutil
import signal
import time
import urllib.parse

import harness
from bodies import ENCODINGS, in_any_order

# Few of each, so that requests meet what others left.
KEYS = [("shop", "prod"), ("shop", "dev"), ("ab", "c"), ("a", "bc"), ("a/b", "c"), ("été", "%2F"), ("a@b", "c"),
        ("a", "b@c"), ("...", "..a")]
TARGETS = ["a", "a:1", "a:2", "b.example:9100", "10.0.0.1:80", "[::1]:80", "A:1"]
BAD_TARGETS = ["a:0", "http://a", "", "a b"]
VALUES = ["1", "2", "é\U0001F418", "a,b", " "]
NAMES = ["x", "y", "z", "job", "env", "__scheme__"]
SCHEMES = ["http", "https"]
BAD_NAMES = ["a-b", "1", ""]
KEPT_S = 1  # Well below what the program waits for the next request.
DISTURBED = 0.01  # Of all operations.


class Model:
    """The contract in one breath: groups in a dictionary, each a list of targets and a dictionary of labels."""

    def __init__(self):
        self.groups = {}

    @classmethod
    def of(cls, groups):
        """A model of its own that holds `groups`."""
        model = cls()
        model.groups = dict(groups)
        return model

    def listed(self, key):
        return [{"targets": list(targets), "labels": dict(labels)}
                for targets, labels in ([self.groups[key]] if key in self.groups else [])]

    def all_listed(self):
        return [group for key in sorted(self.groups) for group in self.listed(key)]

    def selected(self, application):
        return [group for key in sorted(self.groups) if key[0] == application for group in self.listed(key)]

    def request(self, method, key, body):
        """The status, and the groups of the answer (None for an error). `body` is None where there is none."""
        if method == "GET":
            return 200, self.listed(key)
        try:
            targets, labels = self.read(body or {})
            before = self.listed(key)
            after = getattr(self, method.lower())(key, body is None, targets, labels)
            if after is not None and after[1].get("__scheme__", "http") not in SCHEMES:
                raise ValueError("no scheme")
        except ValueError:
            return 400, None
        if after is None:
            del self.groups[key]
            return 200, before
        self.groups[key] = after
        return 200, self.listed(key)

    @staticmethod
    def read(body):
        """The targets, one by one, and the labels; either may be None."""
        targets, labels = body.get("targets"), body.get("labels")
        if targets is not None:
            targets = [part.strip(" ") for text in targets for part in text.split(",")]
            if not set(targets) <= set(TARGETS):
                raise ValueError("a bad target")
        if labels is not None and (set(labels) & set(BAD_NAMES) or "" in labels.values()):
            raise ValueError("a bad label")
        return targets, labels

    def put(self, key, _, targets, labels):
        defaults = {"job": key[0], "env": key[1]}
        if targets == []:
            raise ValueError("no targets")
        if targets is not None:
            targets = list(dict.fromkeys(targets))
        if key not in self.groups:
            if targets is None:
                raise ValueError("nothing there")
            return targets, {**defaults, **(labels or {})}
        old_targets, old_labels = self.groups[key]
        if labels is None:
            return targets or old_targets, old_labels
        if targets is None:
            return old_targets, {"job": old_labels["job"], "env": old_labels["env"], **labels}
        return targets, {**defaults, **labels}

    def add(self, key, whole, targets, labels):
        """A PUT with `?add`."""
        if targets == []:
            raise ValueError("no targets")
        if key not in self.groups:
            return self.put(key, whole, targets, labels)
        old_targets, old_labels = self.groups[key]
        return list(dict.fromkeys(old_targets + (targets or []))), {**old_labels, **(labels or {})}

    def post(self, key, _, targets, labels):
        if targets is None and labels is None or targets == [] or labels == {}:
            raise ValueError("nothing to add")
        if targets is not None and len(set(targets)) < len(targets):
            raise ValueError("twice")
        if key not in self.groups:
            if targets is None:
                raise ValueError("at least one target")
            return targets, {"job": key[0], "env": key[1], **(labels or {})}
        old_targets, old_labels = self.groups[key]
        if set(targets or []) & set(old_targets):
            raise ValueError("there already")
        if labels is not None and {**old_labels, **labels} == old_labels:
            raise ValueError("no change")
        return old_targets + (targets or []), {**old_labels, **(labels or {})}

    def delete(self, key, whole, targets, labels):
        if key not in self.groups:
            raise ValueError("nothing there")
        if whole:
            return None
        if targets is None and labels is None or targets == [] or labels == {}:
            raise ValueError("nothing to delete")
        old_targets, old_labels = self.groups[key]
        if len(set(targets or [])) < len(targets or []) or not set(targets or []) <= set(old_targets):
            raise ValueError("twice, or not there")
        if not (labels or {}).items() <= old_labels.items():
            raise ValueError("not there, or another value")
        left = [target for target in old_targets if target not in (targets or [])]
        if not left and labels == old_labels:
            return None
        if not left or {"job", "env"} & set(labels or {}):
            raise ValueError("all targets, or a label that stays")
        return left, {name: value for name, value in old_labels.items() if name not in (labels or {})}


class Requests:
    """Random requests, most of them about what the model holds."""

    def __init__(self, rng, model):
        self.rng, self.model = rng, model

    def chance(self, probability):
        return self.rng.random() < probability

    def targets(self, known):
        choice = self.rng.random()
        if choice < 0.04:
            return []
        if choice < 0.14 and known:
            return self.rng.sample(known, len(known))
        pool = known if known and self.chance(0.4) else TARGETS
        targets = self.rng.sample(pool, self.rng.randint(1, min(3, len(pool))))
        if self.chance(0.05):
            targets.append(self.rng.choice(targets))
        if self.chance(0.05):
            targets.insert(self.rng.randint(0, len(targets)), self.rng.choice(BAD_TARGETS))
        if self.chance(0.15):
            targets = [" " + targets[0] + " ", *targets[1:]]
        if len(targets) > 1 and self.chance(0.2):
            targets = [targets[0] + " ," + targets[1], *targets[2:]]
        return targets

    def labels(self, known):
        choice = self.rng.random()
        if choice < 0.05:
            return {}
        if choice < 0.2 and known:
            return known
        if choice < 0.4 and known:
            return {name: known[name] for name in self.rng.sample(sorted(known), self.rng.randint(1, len(known)))}
        labels = {name: self.rng.choice(VALUES) for name in self.rng.sample(NAMES, self.rng.randint(1, 3))}
        if "__scheme__" in labels and self.chance(0.9):
            labels["__scheme__"] = self.rng.choice(SCHEMES)
        if self.chance(0.05):
            labels[self.rng.choice(BAD_NAMES)] = "1"
        if self.chance(0.05):
            labels[self.rng.choice(NAMES)] = ""
        return labels

    def next(self):
        """What is asked, a method or ADD, key, body, and the name of its encoding."""
        method = self.rng.choices(["GET", "PUT", "ADD", "POST", "DELETE"], [1, 4, 4, 5, 6])[0]
        key = self.rng.choice(KEYS)
        if method == "GET" or self.chance(0.06):
            return method, key, None, None
        targets, labels = self.model.groups.get(key, ([], {}))
        body = {}
        if method == "DELETE" and targets and self.chance(0.08):
            body = {"targets": self.rng.sample(targets, len(targets)), "labels": dict(labels)}
        else:
            if self.chance(0.7):
                body["targets"] = self.targets(targets)
            if self.chance(0.5):
                body["labels"] = self.labels(labels)
        possible = [name for name, encode in ENCODINGS.items() if encode(**body) is not None]
        return method, key, body, self.rng.choice(possible)


def path_of(key):
    return "/" + "/".join(urllib.parse.quote(segment, safe="") for segment in key)


def line_of(method, key):
    """The method and the target of a request."""
    return ("PUT", path_of(key) + "?add") if method == "ADD" else (method, path_of(key))


def name_of(key):
    """As the Python program named a group's file."""
    return hashlib.md5("".join(key).encode()).hexdigest() + ".json"


class Client:
    """A connection that is kept."""

    def __init__(self, instance):
        self.connection = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=harness.PATIENCE_S)
        self.used = time.monotonic()

    def request(self, method, path, body=None, content_type=None):
        if time.monotonic() - self.used > KEPT_S:
            self.connection.close()  # The next request opens it again.
        self.used = time.monotonic()
        self.connection.request(method, path, None if body is None else body.encode(),
                                {} if content_type is None else {"Content-Type": content_type})
        response = self.connection.getresponse()
        return harness.Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def get(self, path):
        return self.request("GET", path)

    def send(self, method, key, body, encoding):
        return self.request(*line_of(method, key), *((None, None) if body is None else ENCODINGS[encoding](**body)))


class Run:
    """One run: the program and the model, side by side."""

    def __init__(self, start, directory, rng, model, has_small_disk=False):
        self.start, self.directory, self.rng, self.model = start, directory, rng, model
        self.requests = Requests(rng, self.model)
        self.disturbances = [self.stop, self.kill, self.kill_with_a_request_under_way, self.reload, self.lose_the_state,
                             self.take_over_from_python]
        if has_small_disk:
            self.disturbances.append(self.fill_the_disk)
        self.layout = "file"
        self.instance = start()
        self.client = Client(self.instance)
        self.refused = self.taken = self.disturbed = 0

    def compare_one(self):
        method, key, body, encoding = request = self.requests.next()
        status, groups = self.model.request(*request[:3])
        answer = self.client.send(*request)
        assert answer.status == status, f"{request} must be {status}: {answer}"
        if status == 200:
            assert answer.json() == groups, f"{request}: {answer}"
            self.taken += method != "GET"
        else:
            assert answer.message()
            self.refused += 1
        found = self.client.get(path_of(key)).json()
        assert found == self.model.listed(key), f"after {request}: {found}"

    def compare_lists(self):
        """What Prometheus would get by HTTP."""
        application = self.rng.choice(KEYS)[0]
        for query, expected in (("", self.model.all_listed()),
                                (f"?application={urllib.parse.quote(application)}", self.model.selected(application))):
            found = self.client.get("/-/sd" + query).json()
            assert found == expected, f"/-/sd{query}: {found}, where {expected} is expected"

    def compare_all(self):
        for key in KEYS:
            found = self.client.get(path_of(key)).json()
            assert found == self.model.listed(key), f"{key}: {found}, where {self.model.listed(key)} is expected"

    def compare_published(self):
        expected = self.model.all_listed()
        harness.wait_for("the published groups to be the model's",
                         lambda: in_any_order(harness.published_list(self.directory)) == in_any_order(expected) or None)
        if self.layout == "file":
            assert harness.published_list(self.directory) == expected, "not in key order"

    def disturb(self):
        """Something happens to the program; nothing may come of it."""
        disturbance = self.rng.choice(self.disturbances)
        disturbance()
        try:
            self.compare_all()
            self.compare_lists()
            self.compare_published()
        except AssertionError as error:
            raise AssertionError(f"after {disturbance.__name__}: {error}") from error

    def restart(self):
        """In one of the layouts."""
        self.layout = self.rng.choice(["file", "file", "group"])
        self.instance = self.start(FILE_SD_LAYOUT=self.layout)
        self.client = Client(self.instance)

    def stop(self):
        self.instance.stop()
        self.restart()

    def kill(self):
        self.instance.kill()
        self.restart()

    def kill_with_a_request_under_way(self):
        unanswered = self.requests.next()
        self.kill_under_way(unanswered)
        self.restart()
        self.settle(unanswered)

    def reload(self):
        self.instance.signal(signal.SIGHUP)

    def lose_the_state(self):
        """What was published last is what there is."""
        self.make_plain()
        self.instance.stop()
        for file in (self.directory / ".target-eye").glob("state.db*"):
            file.unlink()
        self.restart()

    def take_over_from_python(self):
        """A first start, on what the Python program would have left."""
        self.make_plain()
        self.instance.stop()
        shutil.rmtree(self.directory / ".target-eye")
        for file in self.directory.glob("*.json"):
            file.unlink()
        files = {}
        for key in sorted(self.model.groups):
            # Some keys had a file in common there.
            if files.setdefault(name_of(key), key) != key:
                del self.model.groups[key]
        for name, key in files.items():
            (self.directory / name).write_text(json.dumps(self.model.listed(key)))
        self.restart()

    def make_plain(self):
        """Each group's labels say what its key is: all that says it, where the state is gone."""
        for key, (targets, labels) in sorted(self.model.groups.items()):
            if (labels["job"], labels["env"]) != key:
                rest = {name: value for name, value in labels.items() if name not in ("job", "env")}
                body = {"targets": targets, "labels": rest}
                self.model.request("PUT", key, body)
                assert self.client.send("PUT", key, body, "json").json() == self.model.listed(key)

    def fill_the_disk(self):
        """Where the directory has a small one of its own."""
        requests = [self.requests.next() for _ in range(20)]
        filler = self.directory / "filler"
        with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass
        for request in requests:
            before = {key: self.model.listed(key) for key in KEYS}
            status, _ = Model.of(self.model.groups).request(*request[:3])
            answer = self.client.send(*request)
            if answer.status != 503:
                assert answer.status == status, f"{request} must be {status}, on a full disk: {answer}"
                self.model.request(*request[:3])
            else:
                assert status == 200 and request[0] != "GET", f"{request} must be {status}, on a full disk: {answer}"
                assert self.client.get(path_of(request[1])).json() == before[request[1]], f"half of {request} is there"
        filler.unlink()
        known = KEYS[0], {"targets": TARGETS[:1]}, "json"
        harness.wait_for("room", lambda: self.client.send("PUT", *known).status == 200)
        for key in sorted({KEYS[0], *(request[1] for request in requests)}):
            self.make_known(key)

    def kill_under_way(self, request):
        method, key, body, encoding = request
        data, content_type = ("", "text/yaml") if body is None else ENCODINGS[encoding](**body)
        with self.instance.connect() as connection, contextlib.suppress(BrokenPipeError):
            connection.send(f"{' '.join(line_of(method, key))} HTTP/1.1\r\nHost: a\r\nContent-Type: {content_type}\r\n"
                            f"Content-Length: {len(data.encode())}\r\n\r\n{data}")
            self.instance.kill()

    def settle(self, request):
        """A request without an answer took effect whole or not at all."""
        method, key, body, _ = request
        before = self.model.listed(key)
        self.model.request(method, key, body)
        found = self.client.get(path_of(key)).json()
        assert found in (before, self.model.listed(key)), f"half of {request} is there: {found}"
        self.make_known(key)

    def make_known(self, key):
        """What comes next depends on the seed alone, whatever came of this key."""
        known = {"targets": [TARGETS[0]]}
        self.model.groups.pop(key, None)
        self.model.request("PUT", key, known)
        self.client.send("DELETE", key, None, None)
        assert self.client.send("PUT", key, known, "json").json() == self.model.listed(key)

    def go(self, operations, shown):
        for _ in shown(range(operations)):
            self.compare_one()
            if self.rng.random() < 0.1:
                self.compare_lists()
            if self.rng.random() < DISTURBED:
                self.disturb()
                self.disturbed += 1
        self.compare_all()
        self.compare_lists()
        self.compare_published()
        self.instance.stop()
        self.compare_published()
        # It has said something only if it did much of both.
        assert operations < 500 or min(self.taken, self.refused) > operations // 10, (self.taken, self.refused)


def any_seed():
    return int(os.environ.get("TARGET_EYE_SEED") or random.SystemRandom().randrange(2**32))


def run(start, directory, operations, model=None, seed=None, shown=iter, **arguments):
    """So many random operations; what differs is an AssertionError that says how to replay it. Gives the Run."""
    seed = any_seed() if seed is None else seed
    try:
        going = Run(start, directory, random.Random(seed), model or Model(), **arguments)
        going.go(operations, shown)
        return going
    except AssertionError as error:
        raise AssertionError(f"with TARGET_EYE_SEED={seed} and {operations} operations: {error}") from error
