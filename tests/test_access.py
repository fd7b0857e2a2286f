"""Who may do what: users of the web config, tokens, client certificates, and the access file's rules.

Passwords are checked at bcrypt's lowest cost, so that the tests are quick; what the cost is makes no other
difference.
"""

import concurrent.futures
import hashlib
import http.client
import json
import sqlite3
import subprocess

import harness
import login_times
import pytest

# The password of NAME is "NAME's password".
HASHES = {
    "alice": "$2b$04$8QPlA.NqI90pP/QP47Pqu.B3tbuMohP3OxFbEd4A1mjU8/Rj9FhVe",
    "bob": "$2b$04$ejPKK1FKRWsxHZIHnCfekO2hfVOUJJckNyDCmRMaieXIR4o66kqgG",
    "prometheus": "$2b$04$e9skph16GSijreNoPRuAHeMDqb69an.Zr9YwAIYw0ugIGD2raJxMq",
}
USERS = "basic_auth_users:\n" + "".join(f"  {name}: {value}\n" for name, value in HASHES.items())
TOKEN = "the-token-of-ci"
TOKENS = f"tokens:\n  ci: sha256:{hashlib.sha256(TOKEN.encode()).hexdigest()}\n"
GROUP = {"targets": ["h:1"]}


def basic(user, password=None):
    return login_times.basic(user, f"{user}'s password" if password is None else password)


def bearer(token=TOKEN):
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def guarded(start, tmp_path):
    """Starts the program with users and, where they are given, rules; `.files` are the two files."""
    web, access = tmp_path / "web.yml", tmp_path / "access.yml"

    def starter(rules=None, users=USERS, **settings):
        settings.setdefault("WEB_CONFIG_FILE", str(web))
        web.write_text(users)
        if rules is not None:
            access.write_text(TOKENS + "rules:\n" + rules)
            settings.setdefault("ACCESS_FILE", str(access))
        server = start(**settings)
        server.files = web, access
        return server

    return starter


def request_from(source, server, headers, path="/web/prod"):
    """The status that a client at the address `source` gets."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=harness.PATIENCE_S,
                                            source_address=(source, 0))
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def logins(server, result, headers):
    text = server.request("GET", "/metrics", headers=headers).body.decode()
    return sum(float(line.split()[-1]) for line in text.splitlines()
               if line.startswith(f'target_eye_logins_total{{result="{result}"}}'))


# Without any file.

def test_without_any_file_everybody_may_everything(server):
    assert server.json("PUT", "/web/prod", GROUP).status == 200
    assert server.request("GET", "/web/prod", headers=basic("alice", "wrong")).status == 200
    assert server.get("/metrics").status == 200


# The web config alone.

def test_users_of_the_web_config_may_everything_and_others_nothing(guarded):
    server = guarded()
    answer = server.curl("-X PUT -u \"alice:alice's password\" -H 'Content-Type: application/json' "
                         "-d '{\"targets\": [\"h:1\"]}'", "/web/prod")
    assert answer.status == 200, answer
    for path in ("/web/prod", "/metrics", "/-/sd"):
        assert server.curl("-u \"bob:bob's password\"", path).status == 200, path
        refused = server.curl("", path)
        assert refused.status == 401, path
        assert refused.headers["cache-control"] == "no-store"
        assert refused.headers["www-authenticate"] == 'Basic realm="target-eye", charset="UTF-8"'
        assert server.curl("-u alice:wrong", path).status == 401, path
    assert server.curl("-X DELETE", "/web/prod").status == 401
    assert server.curl("-u \"alice:alice's password\"", "/web/prod").json()[0]["targets"] == ["h:1"]


def test_health_pages_are_open_to_everybody(guarded):
    server = guarded("  []\n")
    for path in ("/-/healthy", "/-/ready"):
        assert server.get(path).status == 200
        assert server.request("GET", path, headers=basic("alice", "wrong")).status == 200


def test_a_hash_of_htpasswd_is_understood(guarded):
    # As `htpasswd -nbBC 5 carol "carol's password"` writes it.
    hash_of_alice = HASHES["alice"].replace("$2b$", "$2y$")
    server = guarded(users=f"basic_auth_users:\n  carol: {hash_of_alice}\n")
    assert server.request("GET", "/web/prod", headers=basic("carol", "alice's password")).status == 200


# The access file.

RULES = """
- who: token:ci
  applications: web-*
  environments: [prod, staging]
  may: write
- who: [user:alice, user:bob]
  may: read
- who: user:prometheus
  pages: [metrics, sd]
- who: anyone
  applications: public
  may: read
"""


def test_a_token_may_write_what_its_rule_names_and_nothing_else(guarded):
    server = guarded(RULES)
    put = ["-X", "PUT", "-H", f"Authorization: Bearer {TOKEN}", "-H", "Content-Type: application/json", "-d",
           json.dumps(GROUP)]
    assert server.curl(put, "/web-1/prod").status == 200
    assert server.curl(put, "/web-1/staging").status == 200
    for path in ("/web-1/dev", "/db/prod", "/web/prod"):
        answer = server.curl(put, path)
        assert answer.status == 403, path
        assert answer.message() == f"token:ci may not write {path[1:]}"
    assert server.request("GET", "/web-1/prod", headers=bearer()).status == 200
    assert server.request("GET", "/web-1/prod", headers=bearer("another")).status == 401
    assert server.request("GET", "/metrics", headers=bearer()).status == 403


def test_who_may_read_may_not_write(guarded):
    server = guarded(RULES)
    for method in ("GET", "HEAD", "OPTIONS"):
        assert server.request(method, "/web-1/prod", headers=basic("alice")).status in (200, 204)
    for method in ("PUT", "POST", "DELETE"):
        answer = server.request(method, "/web-1/prod", "{}", "application/json", headers=basic("alice"))
        assert answer.status == 403
        assert answer.message() == "user:alice may not write web-1/prod"


def test_pages_are_opened_one_by_one(guarded):
    server = guarded(RULES, ENABLE_RELOAD="true")
    for path in ("/metrics", "/-/sd"):
        assert server.request("GET", path, headers=basic("prometheus")).status == 200
        assert server.get(path).status == 401
    assert server.request("GET", "/metrics", headers=basic("alice")).status == 403
    assert server.request("POST", "/-/reload", headers=basic("prometheus")).status == 403
    assert server.request("GET", "/web-1/prod", headers=basic("prometheus")).status == 403


SHARES = """
- {who: token:ci, environments: prod, may: read}
- {who: user:alice, applications: [web-*, db], environments: [dev, 'pro?'], may: write}
- {who: user:bob, applications: nothing-yet, pages: sd}
- {who: user:prometheus, pages: sd}
"""


def listed(server, headers, query=""):
    """What /-/sd shows: the status and {(application, environment)}."""
    answer = server.request("GET", "/-/sd" + query, headers=headers)
    groups = answer.json() if answer.status == 200 else []
    return answer.status, {(group["labels"]["job"], group["labels"]["env"]) for group in groups}


def test_the_list_shows_each_caller_what_it_may_read(guarded):
    server = guarded("- {who: anyone, may: write}\n")
    every = {(application, environment) for application in ("web-1", "db", "other") for environment in ("prod", "dev")}
    for application, environment in every:
        assert server.json("PUT", f"/{application}/{environment}", GROUP).status == 200
    access = server.files[1]
    access.write_text(TOKENS + f"  idle: sha256:{'0' * 64}\nrules:\n{SHARES}")
    alices = {pair for pair in every if pair[0] != "other"}
    harness.wait_for("the rules", lambda: listed(server, bearer()) == (200, {p for p in every if p[1] == "prod"}))
    assert listed(server, basic("alice")) == (200, alices)
    assert listed(server, basic("alice"), "?application=other") == (200, set())
    assert listed(server, basic("alice"), "?environment!=dev") == (200, {p for p in alices if p[1] == "prod"})
    assert listed(server, basic("bob")) == (200, set())
    assert listed(server, basic("prometheus")) == (200, every)
    assert listed(server, {}) == (401, set())
    # An ETag of one is none of another's.
    etags = {name: server.request("GET", "/-/sd", headers=headers).headers["etag"]
             for name, headers in (("ci", bearer()), ("alice", basic("alice")))}
    assert server.request("GET", "/-/sd", headers={**bearer(), "If-None-Match": etags["ci"]}).status == 304
    assert server.request("GET", "/-/sd", headers={**bearer(), "If-None-Match": etags["alice"]}).status == 200
    # Less from now on, on a connection that has been known before, too.
    access.write_text(TOKENS + "rules:\n- {who: token:ci, applications: db, may: read}\n")
    harness.wait_for("other rules", lambda: listed(server, bearer()) == (200, {("db", "prod"), ("db", "dev")}))
    assert listed(server, basic("alice")) == (403, set())


def test_very_many_different_shares_at_once_are_right_or_503(guarded):
    tokens = [f"token-{number}" for number in range(200)]
    text = "tokens:\n" + "".join(
        f"  {token}: sha256:{hashlib.sha256(token.encode()).hexdigest()}\n" for token in tokens) + "rules:\n" + "".join(
        f"- {{who: token:{token}, environments: [{token}, both], may: write}}\n" for token in tokens)
    server = guarded("  []\n")
    server.files[1].write_text(text)
    harness.wait_for("the rules", lambda: listed(server, bearer(tokens[-1]))[0] == 200)
    for token in tokens:
        answer = server.request("PUT", f"/web/{token}", json.dumps(GROUP), "application/json", headers=bearer(token))
        assert answer.status == 200, answer
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        for _ in range(3):
            for token, (status, shown) in zip(tokens, pool.map(lambda token: listed(server, bearer(token)), tokens)):
                assert (status, shown) == (200, {("web", token)}) or status == 503
    assert listed(server, bearer(tokens[0])) == (200, {("web", tokens[0])})


def test_anyone_may_what_a_rule_says_without_a_login(guarded):
    server = guarded(RULES)
    assert server.get("/public/prod").status == 200
    assert server.json("PUT", "/public/prod", GROUP).status == 401
    assert server.get("/web-1/prod").status == 401


def test_a_refusal_does_not_tell_whether_the_group_is_there(guarded):
    server = guarded(RULES)
    server.request("PUT", "/web-1/prod", json.dumps(GROUP), "application/json", headers=bearer())
    there = server.request("GET", "/web-1/prod", headers=basic("prometheus"))
    missing = server.request("GET", "/web-2/prod", headers=basic("prometheus"))
    assert (there.status, missing.status) == (403, 403)
    assert there.body.replace(b"web-1", b"web-2") == missing.body
    assert server.get("/web-1/prod").body == server.get("/web-2/prod").body


def test_a_path_in_other_words_is_the_same_group(guarded):
    server = guarded(RULES)
    for path in ("/%77eb-1/prod", "/web-1/%70rod"):
        assert server.request("PUT", path, json.dumps(GROUP), "application/json", headers=bearer()).status == 200
    for path in ("/%64b/prod", "/web-1%2Fprod/dev", "//web-1/prod", "/web-1/../db/prod"):
        answer = server.request("PUT", path, json.dumps(GROUP), "application/json", headers=bearer())
        assert answer.status in (400, 403, 404), path
    assert server.request("GET", "/db/prod", headers=basic("alice")).json() == []


def test_a_body_is_asked_for_only_of_who_may_send_it(guarded, tmp_path):
    server = guarded(RULES)
    head = ["PUT /web-1/prod HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Expect: 100-continue",
            f"Content-Length: {len(json.dumps(GROUP))}"]
    for headers, status in (({}, 401), (basic("alice", "wrong"), 401), (basic("prometheus"), 403)):
        with server.connect() as connection:
            connection.send("\r\n".join(head + [f"{name}: {value}" for name, value in headers.items()]) + "\r\n\r\n")
            assert connection.read_answer().status == status
            assert connection.is_closed()
    with server.connect() as connection:
        connection.send("\r\n".join(head + [f"{name}: {value}" for name, value in bearer().items()]) + "\r\n\r\n")
        assert connection.read_answer().status == 100
        connection.send(json.dumps(GROUP))
        assert connection.read_answer().status == 200
    big = tmp_path / "big"
    big.write_bytes(b"x" * 1_000_000)
    answer = server.curl(["-T", str(big), "-u", "alice:wrong", "-H", "Expect: 100-continue", "-w", "%{size_upload}"],
                         "/web-1/prod")
    assert answer.status == 401 and answer.body.endswith(b"}\n0"), answer


def test_a_change_is_recorded_with_who_made_it(guarded, directory):
    server = guarded(RULES)
    server.request("PUT", "/web-1/prod", json.dumps(GROUP), "application/json", headers=bearer())
    server.stop()
    with sqlite3.connect(directory / ".target-eye" / "state.db") as database:
        (who,), = database.execute("SELECT changed_by FROM target_group")
    assert who.startswith("token:ci@127.0.0.1:")


def test_the_access_log_says_who_asked(guarded):
    server = guarded("  - {who: 'token:ci', may: write}\n", ACCESSLOG="-", ACCESS_LOG_FORMAT="%(u)s %(s)s %(m)s")
    for headers in (bearer(), basic("alice"), basic("alice", "wrong"), {}):
        server.request("PUT", "/web/prod", json.dumps(GROUP), "application/json", headers=headers)
    server.stop()
    assert server.stdout_text().splitlines() == ["token:ci 200 PUT", "user:alice 403 PUT", "- 401 PUT", "- 401 PUT"]


# Logins.

def test_repeated_logins_do_not_pay_bcrypt(guarded):
    # At cost 12, bcrypt takes a quarter of a second; for a thousand requests it would take minutes.
    costly = "$2a$12$k42ZFHFWqBp3vWli.nIn8uuewXslXPa.iOfhqioGrlUfoRFT3Oir6"
    server = guarded(users=f"basic_auth_users:\n  user: {costly}\n")
    headers = basic("user", "abcdefghijklmnopqrstuvwxyz")
    assert server.request("GET", "/web/prod", headers=headers).status == 200
    before = cpu_seconds(server, headers)
    for _ in range(1000):
        assert server.request("GET", "/web/prod", headers=headers).status == 200
    assert cpu_seconds(server, headers) - before < 60
    assert logins(server, "success", headers) >= 1001


def cpu_seconds(server, headers):
    text = server.request("GET", "/metrics", headers=headers).body.decode()
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith("process_cpu_seconds_total"))


def test_failures_are_counted_logged_with_their_address_and_slowed(guarded):
    server = guarded()
    statuses = [request_from("127.0.0.2", server, basic('mallory" x=y', f"guess {i}")) for i in range(30)]
    assert statuses[:10] == [401] * 10
    assert 429 in statuses
    answer = request_answer("127.0.0.2", server, basic("mallory", "one more"))
    assert answer.status == 429
    assert int(answer.getheader("Retry-After")) >= 1
    # Nobody elsewhere is slowed.
    assert server.request("GET", "/web/prod", headers=basic("alice")).status == 200
    headers = basic("alice")
    assert logins(server, "failure", headers) >= 10
    assert logins(server, "throttled", headers) >= 1
    lines = server.find_log("login failed")
    assert lines
    assert lines[0]["peer"].startswith("127.0.0.2:")
    assert lines[0]["user"] == 'mallory" x=y'
    assert "guess" not in server.log_text()


def request_answer(source, server, headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=harness.PATIENCE_S,
                                            source_address=(source, 0))
    connection.request("GET", "/web/prod", headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def test_a_known_login_is_not_throttled_by_others_failures(guarded):
    server = guarded()
    assert server.request("GET", "/web/prod", headers=basic("alice")).status == 200
    statuses = {server.request("GET", "/web/prod", headers=basic("bob", f"guess {i}")).status for i in range(30)}
    assert statuses == {401, 429}
    for _ in range(20):
        assert server.request("GET", "/web/prod", headers=basic("alice")).status == 200


def test_secrets_are_never_logged(guarded):
    server = guarded(RULES, LOG_LEVEL="debug")
    for headers in (basic("alice"), basic("alice", "a-wrong-password"), bearer(), bearer("a-wrong-token")):
        server.request("GET", "/web-1/prod", headers=headers)
    server.stop()
    text = server.log_text() + server.stdout_text()
    for secret in ("alice's password", "a-wrong-password", TOKEN, "a-wrong-token", HASHES["alice"],
                   basic("alice")["Authorization"], basic("alice", "a-wrong-password")["Authorization"]):
        assert secret not in text


def test_timing_tells_nobody_whether_a_user_exists(guarded):
    guesses = login_times.Guesses(guarded())
    assert login_times.least_difference(guesses, 600, ["alice"], ["nobody"]) < login_times.DIFFERENT


def test_a_password_over_72_bytes_is_refused(guarded):
    server = guarded()
    for user in ("alice", "nobody"):
        answer = server.request("GET", "/web/prod", headers=basic(user, "x" * 73))
        assert answer.status == 401


# Wrong files.

@pytest.mark.parametrize("users, rules, said", [
    ("basic_auth_users:\n  alice: secret\n", None, "web.yml:2: basic_auth_users: \"alice\": is no bcrypt hash"),
    ("basic_auth_userz: {}\n", None, "web.yml:1: web config: unknown key \"basic_auth_userz\""),
    ("tls_server_config:\n  cert_file: a\n", None, "web.yml:1: tls_server_config: has no key_file"),
    (USERS, "- {who: user:carol, may: read}\n", "access.yml:4: who: user \"carol\": there is none"),
    (USERS, "- {who: token:cd, may: read}\n", "access.yml:4: who: token \"cd\": there is none"),
    (USERS, "- {who: user:alice, may: rite}\n", "access.yml:4: may: \"rite\"; expected read or write"),
    (USERS, "- {who: user:alice, my: read}\n", "access.yml:4: rule: unknown key \"my\""),
    (USERS, "- {who: 'certificate:*', may: read}\n", "access.yml:4: who: certificate \"*\": no client"),
])
def test_a_wrong_file_is_no_start_and_names_file_and_line(binary, directory, tmp_path, users, rules, said):
    web, access = tmp_path / "web.yml", tmp_path / "access.yml"
    web.write_text(users)
    access.write_text(TOKENS + "rules:\n" + (rules or "  []\n"))
    settings = {"FILE_SD_DIRECTORY": str(directory), "WEB_CONFIG_FILE": str(web)}
    if rules is not None:
        settings["ACCESS_FILE"] = str(access)
    assert said in harness.run_and_fail(binary, **settings).replace('\\"', '"')


def test_rules_are_loaded_anew_when_their_file_changes(guarded):
    server = guarded(RULES)
    access = server.files[1]
    assert server.request("GET", "/web-1/prod", headers=basic("prometheus")).status == 403
    access.write_text(TOKENS + "rules:\n- {who: login, may: read, pages: metrics}\n")
    harness.wait_for("the new rules", lambda: server.request(
        "GET", "/web-1/prod", headers=basic("prometheus")).status == 200)
    access.write_text("rules:\n- {who: nobody}\n")
    harness.wait_for("the failed reload", lambda: "access.yml:2" in server.log_text())
    assert server.request("GET", "/web-1/prod", headers=basic("prometheus")).status == 200


# A reload never takes away what keeps people out.

RELOADER = RULES + "- {who: user:alice, pages: [metrics, reload]}\n"
HEADERS = "http_server_config:\n  headers: {X-Frame-Options: deny}\n"


def nothing_in(path):
    path.unlink()
    path.mkdir()


def make_writable(path):
    path.chmod(0o666)


def refused_reload(server, said):
    """Reloads as alice, which must fail and say so in every place."""
    def failures():
        text = server.request("GET", "/metrics", headers=basic("alice")).body.decode()
        return float(text.partition("\ntarget_eye_config_reload_failures_total ")[2].split()[0])
    before = failures()
    answer = server.request("POST", "/-/reload", headers=basic("alice"))
    assert (answer.status, said in answer.message()) == (500, True), answer
    assert failures() > before
    assert [line for line in server.find_log("cannot be loaded again") if said in line["error"]]


WEB_SPOILT = {
    "nothing": ("", "web.yml: defines nothing any more"),
    "comments": ("# basic_auth_users:\n#   alice: x\n", "web.yml: defines nothing any more"),
    "end_mark": ("---\n", "web.yml: defines nothing any more"),
    "no_value": ("basic_auth_users:\n", "web.yml: defines nothing any more"),
    "empty_map": ("basic_auth_users: {}\n", "web.yml: defines nothing any more"),
    "other_sections": (HEADERS, "web.yml: basic_auth_users: there are no users any more"),
    "no_users_beside": (HEADERS + "basic_auth_users: {}\n", "web.yml: basic_auth_users: there are no users any more"),
    "directory": (nothing_in, "web.yml: cannot be read: Is a directory"),
    "writable": (make_writable, "web.yml: everybody on this machine can write to it now"),
}
ACCESS_SPOILT = {
    "nothing": ("", "access.yml: rules: there are none any more"),
    "comments": ("# rules:\n", "access.yml: rules: there are none any more"),
    "no_value": (TOKENS + "rules:\n", "access.yml: rules: there are none any more"),
    "empty_list": (TOKENS + "rules: []\n", "access.yml: rules: there are none any more"),
    "cut_off": (TOKENS, "access.yml: rules: there are none any more"),
    "directory": (nothing_in, "access.yml: cannot be read: Is a directory"),
    "writable": (make_writable, "access.yml: everybody on this machine can write to it now"),
}


@pytest.mark.parametrize("number, spoilt", [(0, WEB_SPOILT), (1, ACCESS_SPOILT)], ids=["web_config", "access_file"])
def test_a_file_that_is_emptied_under_a_running_server_opens_nothing(guarded, number, spoilt):
    server = guarded(RELOADER if number else None, ENABLE_RELOAD="true")
    path = server.files[number]
    whole = path.read_text()
    for name, (spoil, said) in spoilt.items():
        if callable(spoil):
            spoil(path)
        else:
            path.write_text(spoil)
        refused_reload(server, said)
        assert server.get("/web-1/prod").status == 401, name
        assert server.request("GET", "/web-1/prod", headers=basic("alice")).status == 200, name
        assert server.get("/-/ready").status == 200
        if path.is_dir():
            path.rmdir()
        path.write_text(whole)
        path.chmod(0o600)
        assert server.request("POST", "/-/reload", headers=basic("alice")).status == 200, name
    # The same without anybody asking.
    path.write_text("")
    lines = len(server.find_log("cannot be loaded again"))
    harness.wait_for("the failed reload", lambda: len(server.find_log("cannot be loaded again")) > lines)
    assert server.get("/web-1/prod").status == 401
    # What is meant takes a restart, which says what it opened.
    server.stop()


def test_what_is_written_explicitly_is_taken(guarded):
    server = guarded(RELOADER, ENABLE_RELOAD="true")
    web, access = server.files
    web.write_text(f"basic_auth_users: {{alice: {HASHES['alice']}}}\n")
    access.write_text("rules:\n- {who: user:alice, may: read, pages: reload}\n- {who: anyone, applications: web-*, "
                      "may: read}\n")
    assert server.request("POST", "/-/reload", headers=basic("alice")).status == 200
    assert server.get("/web-1/prod").status == 200
    assert server.request("GET", "/web-1/prod", headers=basic("bob")).status == 401
    form = "application/x-www-form-urlencoded"
    assert server.request("PUT", "/web-1/prod", "targets=h:1", form, bearer()).status in (401, 403)


@pytest.mark.parametrize("users, rules, said", [
    ("", None, "web.yml: defines nothing: nobody has to log in, and everybody who can reach target-eye may read and "
               "change everything"),
    ("# alice: x\n", None, "web.yml: defines nothing: nobody has to log in"),
    (HEADERS + "basic_auth_users:\n", None, "web.yml: basic_auth_users: has no users: nobody has to log in"),
    ("", RULES.replace("- who: [user:alice, user:bob]", "- who: login").replace("user:prometheus", "anyone"),
     "web.yml: defines nothing: nobody can log in with a password; the access file decides alone"),
    (USERS, "  []\n", "access.yml: has no rules: nobody may read or change anything; only /-/healthy and /-/ready "
                      "are open"),
])
def test_a_start_with_a_file_that_defines_nothing_says_what_is_open(guarded, binary, directory, users, rules, said):
    server = guarded(rules, users)
    [line] = server.find_log(said)
    assert line["level"] == "warning"
    assert server.get("/web-1/prod").status == (200 if rules is None else 401)
    environment = {"FILE_SD_DIRECTORY": str(directory), "WEB_CONFIG_FILE": str(server.files[0])}
    if rules is not None:
        environment["ACCESS_FILE"] = str(server.files[1])
    checked = subprocess.run([binary, "check", "config"], env=environment, capture_output=True, text=True, check=True)
    assert said in checked.stdout


# Client certificates.

def openssl(directory, *arguments):
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)


@pytest.fixture
def certificates(tmp_path):
    """An authority, a server's certificate for localhost, and those of two clients."""
    def sign(name, subject, extension):
        openssl(tmp_path, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                "-subj", subject)
        (tmp_path / f"{name}.ext").write_text(extension)
        openssl(tmp_path, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", "2", "-out", f"{name}.pem", "-extfile", f"{name}.ext")
    openssl(tmp_path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days",
            "2", "-subj", "/CN=authority")
    sign("server", "/CN=localhost", "subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    sign("deploy", "/O=Example/CN=deploy", "subjectAltName=DNS:deploy.example,URI:spiffe://example/deploy\n")
    sign("guest", "/O=Example/CN=guest", "subjectAltName=DNS:guest.other\n")
    return tmp_path


def test_client_certificates_are_known_by_subject_and_name(guarded, certificates):
    rules = """
- {who: 'certificate:CN=deploy,O=Example', applications: by-subject, may: write}
- {who: 'certificate:DNS:*.example', applications: by-name, may: write}
- {who: 'certificate:CN=guest', applications: guests, may: read}
"""
    tls = """
tls_server_config:
  cert_file: server.pem
  key_file: server.key
  client_ca_file: ca.pem
  client_auth_type: VerifyClientCertIfGiven
"""
    server = guarded(rules, users=tls)

    def status(path, client=None, method="GET"):
        words = ["--cacert", str(certificates / "ca.pem"), "-X", method]
        if method == "PUT":
            words += ["-H", "Content-Type: application/json", "-d", json.dumps(GROUP)]
        if client:
            words += ["--cert", str(certificates / f"{client}.pem"), "--key", str(certificates / f"{client}.key")]
        out = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", *words,
                              f"https://127.0.0.1:{server.port}{path}"],
                             capture_output=True, check=True, timeout=harness.PATIENCE_S)
        return int(out.stdout)

    assert status("/by-subject/prod", "deploy") == 200
    assert status("/by-subject/prod", "deploy", "PUT") == 200
    assert status("/by-name/prod", "deploy") == 200
    assert status("/guests/prod", "deploy") == 403
    assert status("/guests/prod", "guest") == 200
    assert status("/guests/prod", "guest", "PUT") == 403
    assert status("/by-name/prod", "guest") == 403
    assert status("/by-subject/prod") == 401
    assert status("/-/healthy") == 200


# What crosses the network in the clear.

@pytest.mark.parametrize("settings, rules, said", [
    ({"BIND": "127.0.0.1:0"}, None, None),
    ({"BIND": "127.0.0.1:0,[::1]:0,unix:SOCKET"}, None, None),
    ({"BIND": "0.0.0.0:0"}, None, "passwords cross"),
    ({"BIND": "127.0.0.1:0,[::]:0"}, "- {who: token:ci, may: read}\n", "passwords and tokens cross"),
    ({"BIND": "0.0.0.0:0", "WEB_CONFIG_FILE": None}, "- {who: token:ci, may: read}\n", "tokens cross"),
    ({"BIND": "0.0.0.0:0", "INSECURE_BIND": "127.0.0.1:0", "tls": True}, None, None),
    ({"BIND": "127.0.0.1:0", "INSECURE_BIND": "unix:SOCKET,0.0.0.0:0", "tls": True}, None, "passwords cross"),
], ids=lambda value: "" if value is None else str(value)[:40])
def test_what_crosses_in_the_clear_is_warned_of(binary, directory, tmp_path, certificates, settings, rules, said):
    settings = {name: value for name, value in settings.items() if value is not None}
    users = USERS
    if settings.pop("tls", False):
        users += f"tls_server_config: {{cert_file: {certificates}/server.pem, key_file: {certificates}/server.key}}\n"
    web, access = tmp_path / "web.yml", tmp_path / "access.yml"
    web.write_text(users)
    arguments = [] if rules is not None and said == "tokens cross" else [f"--web.config.file={web}"]
    if rules is not None:
        access.write_text(TOKENS + "rules:\n" + rules)
        arguments.append(f"--web.access-file={access}")
    settings = {name: value.replace("SOCKET", str(tmp_path / "s")) for name, value in settings.items()}
    checked = subprocess.run([str(binary), "check", "config", *arguments], capture_output=True, text=True, check=False,
                             env={"FILE_SD_DIRECTORY": str(directory), **settings})
    assert checked.returncode == 0, checked
    warned = [line for line in checked.stdout.splitlines() if "in the clear" in line]
    assert (len(warned) == 1 and said in warned[0]) if said else not warned, checked.stdout


def test_client_certificates_stay_demanded_and_checked(start, certificates):
    web, ca = certificates / "web.yml", certificates / "clients.pem"
    authority = (certificates / "ca.pem").read_text()
    ca.write_text(authority)
    demanding = """
tls_server_config:
  cert_file: server.pem
  key_file: server.key
  client_ca_file: clients.pem
  client_auth_type: RequireAndVerifyClientCert
  client_allowed_sans: [deploy.example]
"""
    web.write_text(demanding)
    server = start(WEB_CONFIG_FILE=web, ENABLE_RELOAD="true", INSECURE_BIND="127.0.0.1:0")
    tls_port, plain = (int(address.rsplit(":", 1)[1]) for address in server.addresses)

    def gets_in(client=None):
        words = ["--cacert", str(certificates / "ca.pem")]
        if client:
            words += ["--cert", str(certificates / f"{client}.pem"), "--key", str(certificates / f"{client}.key")]
        done = subprocess.run(["curl", "-sSf", "-o", "/dev/null", *words, f"https://127.0.0.1:{tls_port}/a/b"],
                              capture_output=True, check=False, timeout=harness.PATIENCE_S)
        return done.returncode == 0

    def reload(text, authorities=authority):
        web.write_text(text)
        ca.write_text(authorities)
        return server.request("POST", "/-/reload")

    server.port = plain
    weaker = demanding.partition("  client_ca_file")[0]
    for text, authorities, said in [
            (demanding, "", "clients.pem: expected certificates in PEM"),
            (demanding, "# none\n", "clients.pem: expected certificates in PEM"),
            (demanding, authority[:len(authority) // 2], "clients.pem: expected certificates in PEM"),
            ("", authority, "web.yml: defines nothing any more"),
            (HEADERS, authority, "web.yml: tls_server_config: there is none any more"),
            (weaker, authority, "web.yml: client_auth_type: clients without a certificate would be let in"),
            (weaker + "  client_auth_type: RequestClientCert\n", authority,
             "web.yml: client_auth_type: clients without a certificate would be let in"),
            (weaker + "  client_auth_type: RequireAnyClientCert\n  client_allowed_sans: [deploy.example]\n", authority,
             "web.yml: client_auth_type: clients' certificates would not be checked any more"),
            (weaker + "  client_ca_file: clients.pem\n  client_auth_type: VerifyClientCertIfGiven\n", authority,
             "web.yml: client_auth_type: clients without a certificate would be let in"),
            (demanding.partition("  client_allowed_sans")[0], authority,
             "web.yml: client_allowed_sans: there are none any more")]:
        answer = reload(text, authorities)
        assert (answer.status, said in answer.message()) == (500, True), (text, answer)
        assert [gets_in(), gets_in("guest"), gets_in("deploy")] == [False, False, True], text
    # What is written in its place is taken.
    assert reload(demanding.replace("deploy.example", "guest.other")).status == 200
    assert [gets_in(), gets_in("guest"), gets_in("deploy")] == [False, True, False]
