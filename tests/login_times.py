"""Whether the time of a failed login tells that there is such a user."""

import base64
import http.client
import itertools
import random
import statistics
import time

import harness

# Welch's t above which two means are held to differ, as tests for leaks of time have it.
DIFFERENT = 4.5


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class Guesses:
    """Wrong logins, each from an address and with a password of its own, so that none is slowed or remembered."""

    def __init__(self, server):
        self.server = server
        self.numbers = itertools.count()

    def next(self):
        """Where the next one comes from, and its password."""
        number = next(self.numbers)
        return f"127.1.{number // 250}.{1 + number % 250}", f"guess {number}"

    def seconds(self, user):
        """How long the answer to one took."""
        source, password = self.next()
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=harness.PATIENCE_S,
                                                source_address=(source, 0))
        connection.connect()
        headers = basic(user, password)
        begin = time.perf_counter()
        connection.request("GET", "/web/prod", headers=headers)
        status = connection.getresponse().status
        took = time.perf_counter() - begin
        connection.close()
        assert status == 401, f"{user}: {status}"
        return took


def trimmed_t(a, b):
    """Welch's t of the means without the slowest tenth, which is the machine's doing (as Yuen has it, 1974)."""
    means, errors = [], []
    for times in (sorted(a), sorted(b)):
        kept = times[:len(times) * 9 // 10]
        winsorized = kept + [kept[-1]] * (len(times) - len(kept))
        means.append(statistics.mean(kept))
        errors.append(statistics.variance(winsorized) * (len(times) - 1) / (len(kept) * (len(kept) - 1)))
    return abs(means[0] - means[1]) / sum(errors) ** 0.5


def difference(guesses, samples, known, unknown):
    """How different the times of users that there are and of others are, as Welch's t, in random order."""
    times = {True: [], False: []}
    for exists in random.sample([True, False] * (samples // 2), samples):
        times[exists].append(guesses.seconds(random.choice(known if exists else unknown)))
    return trimmed_t(times[True], times[False])


def least_difference(guesses, samples, known, unknown):
    """Of up to three measurements: what is there is seen each time; what is only chance, under load, is not."""
    found = []
    while len(found) < 3 and (not found or found[-1] >= DIFFERENT):
        found.append(difference(guesses, samples, known, unknown))
    return min(found)
