"""What the documents show, tried: the examples of docs/security.md."""

import pathlib
import re
import subprocess

import pytest

SECURITY = pathlib.Path(__file__).resolve().parent.parent / "docs" / "security.md"


def examples(language):
    return re.findall(rf"```{language}\n(.*?)```", SECURITY.read_text(), re.DOTALL)


@pytest.fixture
def folder(tmp_path):
    """Where the examples are to be tried: with a certificate, made as the document says."""
    [command] = [line for line in examples("bash")[0].replace("\\\n", " ").splitlines() if line.startswith("openssl")]
    subprocess.run(command, shell=True, cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "ca.crt").write_bytes((tmp_path / "tls.crt").read_bytes())
    (tmp_path / "tls.key").chmod(0o600)
    return tmp_path


def test_the_web_config_and_the_access_file_are_right(binary, folder):
    web, access = examples("yaml")
    (folder / "web.yml").write_text(web)
    (folder / "access.yml").write_text(access)
    checked = subprocess.run(
        [str(binary), "check", "config", "--web.config.file", "web.yml", "--web.access-file", "access.yml"],
        cwd=folder, env={"FILE_SD_DIRECTORY": str(folder / "sd")}, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked
    assert "warning" not in checked.stdout


def test_the_token_and_the_passwords_open_what_the_rules_say(start, folder):
    web, access = examples("yaml")
    (folder / "web.yml").write_text(web)
    (folder / "access.yml").write_text(access)
    server = start(WEB_CONFIG_FILE=folder / "web.yml", ACCESS_FILE=folder / "access.yml", INSECURE_BIND="127.0.0.1:0")
    port = int(server.addresses[1].rsplit(":", 1)[1])

    def status(*arguments):
        done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *arguments], capture_output=True,
                              text=True, check=True)
        return int(done.stdout)
    url = f"http://127.0.0.1:{port}"
    token = ["-H", "Authorization: Bearer a-long-random-token"]
    assert status("-X", "PUT", "-d", "targets=h:1", *token, f"{url}/web-shop/prod") == 200
    assert status("-X", "PUT", "-d", "targets=h:1", *token, f"{url}/db/prod") == 403
    assert status("-u", "alice:correct horse", "-X", "PUT", "-d", "targets=h:1", f"{url}/db/prod") == 200
    assert status("-u", "prometheus:battery staple", f"{url}/-/sd") == 200
    assert status("-u", "prometheus:battery staple", "-X", "DELETE", f"{url}/db/prod") == 403
    assert status(f"{url}/db/prod") == 401
    assert status(f"{url}/-/healthy") == 200
