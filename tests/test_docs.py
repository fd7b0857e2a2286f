"""What the documents show, tried: the examples of docs/security.md and docs/api.md."""

import contextlib
import pathlib
import re
import subprocess

import harness
import proxies
import pytest

DOCS = pathlib.Path(__file__).resolve().parent.parent / "docs"


def examples(language, name="security.md"):
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / name).read_text(), re.DOTALL)


def logins_of_prometheus(name):
    return [text for text in examples("yaml", name) if re.search("authorization|basic_auth:", text)]


@pytest.fixture
def folder(tmp_path):
    """Where the examples are to be tried: with a certificate, made as the document says."""
    [command] = [line for line in examples("bash")[0].replace("\\\n", " ").splitlines() if line.startswith("openssl")]
    subprocess.run(command, shell=True, cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "ca.crt").write_bytes((tmp_path / "tls.crt").read_bytes())
    (tmp_path / "tls.key").chmod(0o600)
    return tmp_path


def test_the_web_config_and_the_access_file_are_right(binary, folder):
    web, access = examples("yaml")[:2]
    (folder / "web.yml").write_text(web)
    (folder / "access.yml").write_text(access)
    checked = subprocess.run(
        [str(binary), "check", "config", "--web.config.file", "web.yml", "--web.access-file", "access.yml"],
        cwd=folder, env={"FILE_SD_DIRECTORY": str(folder / "sd"), "BIND": "127.0.0.1:0"}, capture_output=True,
        text=True, check=False)
    assert checked.returncode == 0, checked
    assert "warning" not in checked.stdout


def test_the_token_and_the_passwords_open_what_the_rules_say(start, folder):
    web, access = examples("yaml")[:2]
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


def test_prometheus_logs_in_as_the_documents_say(start, prometheus, folder):
    web, access = examples("yaml")[:2]
    (folder / "web.yml").write_text(web)
    (folder / "access.yml").write_text(access)
    server = start(WEB_CONFIG_FILE=folder / "web.yml", ACCESS_FILE=folder / "access.yml", INSECURE_BIND="127.0.0.1:0")
    plain = server.addresses[1]
    for path in ("db/prod", "db/dev"):
        subprocess.run(["curl", "-sSf", "-u", "alice:correct horse", "-d", f"targets={path[3:]}:1",
                        f"http://{plain}/{path}"], check=True, capture_output=True)

    token, user = logins_of_prometheus("security.md")
    [both] = logins_of_prometheus("api.md")
    tried = [(token, {"target-eye": {"prod:1"}}),
             (user, {"target-eye": {"prod:1", "dev:1"}}),
             (both, {"with-a-token": {"prod:1"}, "with-a-user": {"prod:1", "dev:1"}})]
    for text, expected in tried:
        text = text.replace("localhost:12345", f"localhost:{server.port}").replace("127.0.0.1:12345", plain)
        reader = prometheus(config=text)
        harness.wait_for(expected, lambda: reader.pools() == expected)


@pytest.fixture
def without_scheme(tmp_path):
    """Gives where a Prometheus reads `server`, so that its token comes without a scheme: as 2.42 to 2.46 send it where
    `type` is left out. Where this machine's is newer, a proxy takes the scheme away.
    """
    with contextlib.ExitStack() as running:
        def where(server):
            said = subprocess.run(["prometheus", "--version"], capture_output=True, text=True, check=True)
            version = re.search(r"version (\d+)\.(\d+)", said.stdout + said.stderr)
            if (int(version[1]), int(version[2])) <= (2, 46):
                return server.url
            proxy = running.enter_context(proxies.Proxy("haproxy", tmp_path, None))
            (tmp_path / "haproxy.cfg").write_text(f"""
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
listen without-scheme
  bind 127.0.0.1:{proxy.port}
  http-request replace-header Authorization 'Bearer (.*)' '\\1'
  server target-eye {server.address}
""")
            proxy.run("haproxy", "-db", "-f", "haproxy.cfg")
            return f"http://127.0.0.1:{proxy.port}"
        yield where


def test_a_prometheus_that_sends_no_scheme_is_told_and_keeps_its_targets(start, prometheus, without_scheme, tmp_path):
    access = tmp_path / "access.yml"
    access.write_text("rules: [{who: anyone, pages: sd, may: write}]\n")
    server = start(ACCESS_FILE=access, ACCESSLOG="-", ACCESS_LOG_FORMAT="%(s)s %(U)s")
    assert server.curl("-X PUT -d targets=web:1", "/web/prod").status == 200
    [token, _] = logins_of_prometheus("security.md")
    text = re.sub(r" *(type|tls_config):.*\n", "", token)
    text = text.replace("https://localhost:12345", without_scheme(server)).replace("15s", "1s")
    reader = prometheus(config=text)
    harness.wait_for("a target", lambda: reader.pools() == {"target-eye": {"web:1"}})
    # From now on anybody may see something, but not what this one came for.
    access.write_text(examples("yaml")[1].replace("user:", "token:").replace("certificate:CN=deploy-*", "login")
                      .replace("rules:\n", "  alice: sha256:" + "0" * 64 + "\n  prometheus: sha256:" + "1" * 64 +
                               "\nrules:\n  - {who: anyone, applications: public, pages: sd}\n"))
    harness.wait_for("a refusal", lambda: "401 /-/sd" in server.stdout_text())
    told = server.find_log("Authorization has no scheme")
    assert told and "type: Bearer" in told[0]["msg"], server.log_text()
    assert "another-long-random-token" not in server.log_text()
    assert reader.pools() == {"target-eye": {"web:1"}}


def commands_and_answers(name):
    """Each example that is followed by the answers it gives: the commands, and a line for each answer."""
    return re.findall(r"```bash\n([^`]*?)```\n\n```json\n([^`]*?)```", (DOCS / name).read_text())


def test_the_examples_of_the_api_give_the_answers_shown(start, tmp_path):
    server = start()
    examples = commands_and_answers("api.md")
    assert len(examples) > 8
    for commands, answers in examples:
        here = commands.replace("127.0.0.1:12345", server.address)
        shown = subprocess.run(["bash", "-euc", here.replace("curl ", "curl -sS ")], cwd=tmp_path, capture_output=True,
                               text=True, check=True)
        assert shown.stdout == answers, commands
