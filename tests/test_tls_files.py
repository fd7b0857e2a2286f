"""Certificates and keys that are wrong, and new ones under a running server."""

import concurrent.futures
import contextlib
import itertools
import os
import pty
import signal

import pytest

from harness import run_and_fail, wait_for
from tls_fixtures import PASSWORD, TlsConnection, served

# Wrong files and settings.

GOOD = {"CERTFILE": "one.crt", "KEYFILE": "one.key"}
CHECKS = {**GOOD, "VERIFY_MODE": "CERT_REQUIRED"}


@pytest.mark.parametrize("settings, said", [
    ({**GOOD, "CERTFILE": "gone"}, "gone: the certificate cannot be read: No such file"),
    ({**GOOD, "KEYFILE": "gone"}, "gone: the key cannot be read: No such file"),
    ({**GOOD, "CERTFILE": "text"}, "text: expected a certificate in PEM"),
    ({**GOOD, "KEYFILE": "text"}, "text: expected a private key in PEM"),
    ({**GOOD, "KEYFILE": "two.key"}, "two.key: the key does not belong to the certificate in "),
    ({**GOOD, "KEYFILE": "locked.key"}, "locked.key: the key is encrypted; set KEYFILE_PASSWORD"),
    ({**GOOD, "KEYFILE": "locked.key", "KEYFILE_PASSWORD": "hunter2"},
     "locked.key: KEYFILE_PASSWORD does not open the key"),
    ({**CHECKS, "CA_CERTS": "gone"}, "gone: the file of authorities cannot be read: No such file"),
    ({**CHECKS, "CA_CERTS": "text"}, "text: expected certificates in PEM"),
    (CHECKS, "CA_CERTS"),
    ({**GOOD, "CIPHERS": "ROT13"}, "ROT13"),
    ({**GOOD, "CIPHERS": "NULL-SHA256"}, "expected ciphers that encrypt and authenticate"),
    ({**GOOD, "VERIFY_MODE": "CERT_MAYBE"}, "CERT_MAYBE"),
    ({**CHECKS, "CA_CERTS": "ca.crt", "VERIFY_FLAGS": "VERIFY_ALL"}, "VERIFY_ALL"),
    ({**GOOD, "ALPN_PROTOCOLS": "h3"}, "h3"),
    ({"CERTFILE": "one.crt"}, "KEYFILE"),
    ({"KEYFILE": "one.key"}, "CERTFILE"),
])
def test_what_is_wrong_is_no_start_and_is_named(binary, directory, files, settings, said):
    (files / "text").write_text("no PEM\n")
    paths = {name: files / settings[name] for name in ("CERTFILE", "KEYFILE", "CA_CERTS") if name in settings}
    text = run_and_fail(binary, FILE_SD_DIRECTORY=directory, **{**settings, **paths})
    assert said in text
    assert "hunter2" not in text


def test_an_unreadable_key_is_no_start_and_is_named(binary, directory, files):
    (files / "tls.key").chmod(0)
    command = [binary]
    if os.geteuid() == 0:  # Who reads everything, but for this.
        command = ["/usr/bin/setpriv", "--bounding-set=-dac_override,-dac_read_search", binary]
    text = run_and_fail(command[0], command[1:], FILE_SD_DIRECTORY=directory, CERTFILE=files / "tls.crt",
                        KEYFILE=files / "tls.key")
    assert "tls.key: the key cannot be read: Permission denied" in text


def test_an_encrypted_key_is_opened_by_its_password_which_nobody_sees(start, files):
    server = start(CERTFILE=files / "one.crt", KEYFILE=files / "locked.key", KEYFILE_PASSWORD=PASSWORD)
    server.files, server.tls_port = files, server.port
    assert served(server) == files.der("one")
    assert PASSWORD not in server.log_text()


@pytest.mark.parametrize("setting", ["KEYFILE", "CERTFILE", "CA_CERTS"])
def test_nothing_is_asked_on_the_terminal(binary, directory, files, setting):
    # Each reader of OpenSSL's asks for the password of what says that it is encrypted.
    lines = (files / "one.crt").read_text().splitlines(keepends=True)
    (files / "locked.crt").write_text("".join(
        [lines[0], "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n", *lines[1:]]))
    settings = {"FILE_SD_DIRECTORY": str(directory), "CERTFILE": str(files / "one.crt"), "BIND": "127.0.0.1:0",
                "KEYFILE": str(files / "one.key"), "VERIFY_MODE": "CERT_REQUIRED", "CA_CERTS": str(files / "ca.crt"),
                "PATH": os.environ["PATH"]}
    settings[setting] = str(files / ("locked.key" if setting == "KEYFILE" else "locked.crt"))
    child, terminal = pty.fork()
    if child == 0:
        os.execve(binary, [str(binary)], settings)
    said = b""
    with contextlib.suppress(OSError):  # The end of a terminal is an error.
        while more := os.read(terminal, 4096):
            said += more
            if b"pass phrase" in more:
                os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 1, said
    assert b"locked." in said


# New files under a running server.

def test_a_new_certificate_is_served_without_a_signal_and_connections_go_on(secure, files):
    server = secure()
    before = server.metric("target_eye_tls_certificate_not_after_timestamp_seconds")
    with TlsConnection(server) as kept:
        assert kept.get("/-/healthy").status == 200
        assert kept.certificate == files.der("one")
        files.put("two")
        wait_for("the new certificate", lambda: served(server) == files.der("two"))
        assert kept.get("/-/healthy").status == 200
    assert server.metric("target_eye_tls_certificate_not_after_timestamp_seconds") >= before
    assert server.metric("target_eye_config_reload_failures_total") == 0
    assert server.find_log("were loaded again")


def test_a_certificate_behind_links_that_are_swapped_is_served(start, files):
    # As Kubernetes changes a secret: tls.crt -> ..data/tls.crt, ..data -> a folder with a time in its name.
    secret = files / "secret"
    for version, name in (("..v1", "one"), ("..v2", "two")):
        (secret / version).mkdir(parents=True)
        for suffix in ("crt", "key"):
            os.link(files / f"{name}.{suffix}", secret / version / f"tls.{suffix}")
    (secret / "..data").symlink_to("..v1")
    for name in ("tls.crt", "tls.key"):
        (secret / name).symlink_to(f"..data/{name}")
    server = start(CERTFILE=secret / "tls.crt", KEYFILE=secret / "tls.key")
    server.files, server.tls_port = files, server.port
    assert served(server) == files.der("one")
    (secret / "..data_tmp").symlink_to("..v2")
    os.replace(secret / "..data_tmp", secret / "..data")
    wait_for("the new certificate", lambda: served(server) == files.der("two"))


def break_certificate(files):
    (files / "tls.crt").unlink()
    (files / "tls.crt").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n")
    return "tls.crt: expected a certificate in PEM"


def break_pair(files):
    files.put("two", suffixes=["crt"])
    return "tls.key: the key does not belong to the certificate in "


def remove_key(files):
    (files / "tls.key").unlink()
    return "tls.key: the key cannot be read: No such file or directory"


@pytest.mark.parametrize("spoil", [break_certificate, break_pair, remove_key])
def test_what_is_broken_keeps_the_old_one_until_it_is_mended(secure, files, spoil):
    server = secure()
    said = spoil(files)
    wait_for("the count", lambda: server.metric("target_eye_config_reload_failures_total") == 1)
    assert server.metric("target_eye_config_last_reload_successful") == 0
    [line] = server.find_log("cannot be loaded again")
    assert line["level"] == "error"
    assert said in line["error"]
    assert served(server) == files.der("one")
    files.put("two")
    wait_for("the new certificate", lambda: served(server) == files.der("two"))
    assert server.metric("target_eye_config_last_reload_successful") == 1
    assert server.metric("target_eye_config_reload_failures_total") == 1


def test_sighup_reloads_even_what_did_not_change(secure, files):
    server = secure()
    assert not server.find_log("were loaded again")
    server.signal(signal.SIGHUP)
    wait_for("the reload", lambda: server.find_log("were loaded again"))
    assert served(server) == files.der("one")


def test_a_reload_on_demand_is_done_when_it_is_answered(secure, files):
    server = secure(ENABLE_RELOAD="true")
    files.put("two")
    assert server.request("POST", "/-/reload").status == 200
    assert served(server) == files.der("two")
    said = break_certificate(files)
    answer = server.request("POST", "/-/reload")
    assert answer.status == 500
    assert said in answer.message()
    assert server.metric("target_eye_config_reload_failures_total") >= 1
    assert served(server) == files.der("two")


def test_thousand_clients_that_connect_during_reloads_see_no_failure(secure, files):
    server = secure(ENABLE_RELOAD="true")
    reloads = 0
    with concurrent.futures.ThreadPoolExecutor(16) as clients:
        calls = [clients.submit(served, server) for _ in range(1000)]
        for name in itertools.cycle(["two", "one"]):
            if all(call.done() for call in calls):
                break
            files.put(name)
            assert server.request("POST", "/-/reload").status == 200
            reloads += 1
        seen = {call.result() for call in calls}
    assert reloads > 1
    assert seen == {files.der("one"), files.der("two")}
    assert server.metric("target_eye_tls_handshake_failures_total") == 0
