"""Fixtures of the end-to-end tests: the real program in a directory of its own, and real peers."""

import atexit
import os
import pathlib
import shutil
import tempfile

import pytest

# So that their failures show what was compared.
pytest.register_assert_rewrite("harness", "http_vectors", "refusals")

import harness  # noqa: E402
import refusals  # noqa: E402

pytest_plugins = ["tls_fixtures"]


def pytest_addoption(parser):
    parser.addoption("--binary", required=True, help="the target-eye program to test")
    parser.addoption("--clients", choices=("some", "all"), default="some",
                     help="test_clients.py: with the clients that other tests need too, or with all")


def pytest_configure(config):
    """A run keeps its files to itself: pytest closes the folder that runs share to others, each time one begins."""
    root = tempfile.mkdtemp(prefix="te-")
    os.chmod(root, 0o755)
    os.environ["PYTEST_DEBUG_TEMPROOT"] = root
    config.remove_files = atexit.register(lambda: shutil.rmtree(root, ignore_errors=True))


def pytest_sessionfinish(session, exitstatus):
    """Those of a run that failed stay, to be looked at."""
    if exitstatus != pytest.ExitCode.OK:
        atexit.unregister(session.config.remove_files)


@pytest.fixture(scope="session")
def binary(request):
    return pathlib.Path(request.config.getoption("--binary")).resolve()


@pytest.fixture
def directory(tmp_path):
    """What FILE_SD_DIRECTORY names."""
    path = tmp_path / "file_sd"
    path.mkdir()
    return path


@pytest.fixture
def start(binary, directory):
    """Starts the program, as often as it is called; whatever still runs at the end must end well.

    `start(NAME=value, ...)` gives settings by the environment; see harness.TargetEye.
    """
    running = []

    def starter(*arguments, command=(), **environment):
        environment.setdefault("FILE_SD_DIRECTORY", str(directory))
        instance = harness.TargetEye(binary, arguments, environment, command)
        running.append(instance)
        instance.wait_until_ready()
        return instance

    yield starter
    for instance in running:
        instance.stop()


@pytest.fixture(scope="module")
def start_shared(binary, tmp_path_factory):
    """Like `start`, for what one file's tests share; each start has a directory of its own."""
    running = []

    def starter(*arguments, **environment):
        environment.setdefault("FILE_SD_DIRECTORY", str(tmp_path_factory.mktemp("file_sd")))
        instance = harness.TargetEye(binary, arguments, environment)
        instance.directory = pathlib.Path(environment["FILE_SD_DIRECTORY"])
        running.append(instance)
        instance.wait_until_ready()
        return instance

    yield starter
    for instance in running:
        instance.stop()


@pytest.fixture(scope="module")
def refusing(request, start_shared):
    """A program that is sent only what it must refuse; the file's GROUPS are what it holds."""
    return refusals.Refusals(start_shared(), request.module.GROUPS)


@pytest.fixture
def server(start):
    """The program with its defaults, ready."""
    return start()


@pytest.fixture
def prometheus(tmp_path, directory):
    """The real Prometheus, reading `directory`, started when it is called."""
    running = []

    def starter(**settings):
        instance = harness.Prometheus(tmp_path, directory, **settings)
        running.append(instance)
        instance.wait_until_ready()
        return instance

    yield starter
    for instance in running:
        instance.stop()
