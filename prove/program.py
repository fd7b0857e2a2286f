"""The program, or what controls put in its place, for as long as a block runs."""

import contextlib
import functools
import pathlib
import resource
import socketserver
import tempfile
import threading

import control
import harness
import tls_fixtures

# A stand-in may wait for bytes that do not come.
STAND_IN_S = 1
OPEN_FILES = 16_384


def allow_open_files():
    """To this process and those that it starts."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, max(most, OPEN_FILES)))
    except (OSError, ValueError) as error:
        raise control.CannotTry(f"{OPEN_FILES:,} open files: {error}") from error


@contextlib.contextmanager
def started(binary, tls=False, **settings):
    """The program, ready. With TLS, `tls_port` is HTTPS, and `port`, which the harness talks to, plain."""
    with tempfile.TemporaryDirectory() as name:
        settings = {"FILE_SD_DIRECTORY": name, **settings}
        if tls:
            files = tls_fixtures.Files(pathlib.Path(name))
            files.sign("tls")
            settings |= {"CERTFILE": files / "tls.crt", "KEYFILE": files / "tls.key", "INSECURE_BIND": "127.0.0.1:0"}
        server = harness.TargetEye(binary, (), settings).wait_until_ready()
        if tls:
            server.tls_port, server.port = (int(address.rsplit(":", 1)[1]) for address in server.addresses)
            server.files = files
        try:
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def stand_in(handler, kind=socketserver.ThreadingTCPServer, **attributes):
    """A server of Python's with what `handler` needs of it; `connect` as the program's."""
    with kind(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None
        server.connect = functools.partial(harness.RawConnection, server.server_address[1], STAND_IN_S)
        vars(server).update(attributes)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
