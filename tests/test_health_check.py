"""`target-eye check health` beside the real program, as a container's health check runs it."""

import os
import subprocess

import pytest

from harness import PATIENCE_S


def check(binary, server, **settings):
    """Its exit code and what it said, with the settings that `server` has."""
    settings = {"BIND": server.address, **{name: str(value) for name, value in settings.items()}}
    done = subprocess.run([binary, "check", "health"], env={"PATH": os.environ["PATH"], **settings}, check=False,
                          capture_output=True, text=True, timeout=PATIENCE_S)
    return done.returncode, done.stdout + done.stderr


def test_a_plain_server_is_healthy_until_it_stops(binary, server):
    assert check(binary, server) == (0, f"{server.address} is healthy\n")
    server.stop()
    assert check(binary, server) == (1, f"target-eye: {server.address} is not healthy: Connection refused\n")


@pytest.mark.parametrize("mode", ["CERT_NONE", "CERT_REQUIRED"])
def test_a_server_with_tls_is_healthy(binary, secure, files, mode):  # noqa: F811
    settings = {"CA_CERTS": files / "ca.crt", "VERIFY_MODE": mode} if mode != "CERT_NONE" else {}
    server = secure(**settings)
    names = {"CERTFILE": files / "tls.crt", "KEYFILE": files / "tls.key"}
    assert check(binary, server, **names, **settings) == (0, f"{server.address} is healthy\n")


def test_tls_of_the_web_config_is_known(binary, start, files, tmp_path):  # noqa: F811
    config = tmp_path / "web.yml"
    config.write_text(f"tls_server_config:\n  cert_file: {files / 'tls.crt'}\n  key_file: {files / 'tls.key'}\n")
    server = start(WEB_CONFIG_FILE=config)
    assert check(binary, server, WEB_CONFIG_FILE=config) == (0, f"{server.address} is healthy\n")


def test_a_wrong_setting_is_named(binary, server):
    code, said = check(binary, server, BIND="nonsense")
    assert code == 1
    assert '"nonsense"' in said
