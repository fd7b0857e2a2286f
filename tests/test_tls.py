"""TLS: what is spoken, and with whom. Real curl, openssl, sslscan and testssl.sh."""

import json
import subprocess
import xml.etree.ElementTree

import pytest

from harness import PATIENCE_S, RawConnection, wait_for
from tls_fixtures import Files, curl, s_client, served


# What is spoken.

@pytest.mark.parametrize("words, version, name", [
    (["--tls-max", "1.2"], "2", "TLSv1.2"), (["--tlsv1.3"], "2", "TLSv1.3"),
    (["--http1.1"], "1.1", "TLSv1.3"), (["--no-alpn"], "1.1", "TLSv1.3"),
])
def test_changes_are_made_over_tls(secure, words, version, name):
    server = secure()
    status, spoken, said = curl(server, "/web/prod", "-X", "PUT", "-d", "targets=h:1", "-v", *words)
    assert (status, spoken) == (200, version)
    assert f"SSL connection using {name} " in said
    assert server.group("/web/prod")["targets"] == ["h:1"]


def test_alpn_protocols_chooses(secure):
    server = secure(ALPN_PROTOCOLS="http/1.1")
    assert curl(server, "/-/healthy")[:2] == (200, "1.1")
    connected, said = s_client(server, "-alpn", "h2")
    assert not connected and "no application protocol" in said


@pytest.mark.parametrize("words", [
    ["-tls1"], ["-tls1_1"],
    ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"],  # no authenticated encryption
    ["-tls1_2", "-cipher", "DHE:@SECLEVEL=0"], ["-tls1_2", "-cipher", "kRSA:@SECLEVEL=0"],  # no elliptic curves
    ["-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"], ["-tls1_2", "-cipher", "eNULL:@SECLEVEL=0"],
    ["-tls1_3", "-groups", "ffdhe8192"],
])
def test_what_is_weak_is_not_spoken(secure, words):
    server = secure()
    if "-cipher" not in words and "-groups" not in words:
        words = [*words, "-cipher", "ALL:@SECLEVEL=0"]
    connected, said = s_client(server, *words)
    assert not connected and "alert" in said, said
    assert wait_for("the count", lambda: server.metric("target_eye_tls_handshake_failures_total") == 1)
    assert served(server) == server.files.der("one")


def test_ciphers_are_those_that_are_set(secure):
    server = secure(CIPHERS="ECDHE-ECDSA-CHACHA20-POLY1305")
    connected, said = s_client(server, "-tls1_2")
    assert connected and "ECDHE-ECDSA-CHACHA20-POLY1305" in said
    assert not s_client(server, "-tls1_2", "-cipher", "ECDHE+AESGCM")[0]


def test_sslscan_finds_nothing_weak(secure, tmp_path):
    server = secure()
    report = tmp_path / "sslscan.xml"
    subprocess.run(["sslscan", f"--xml={report}", f"127.0.0.1:{server.tls_port}"], check=True, capture_output=True,
                   timeout=PATIENCE_S)
    found = xml.etree.ElementTree.parse(report).getroot().find("ssltest")
    spoken = {(p.get("type"), p.get("version")) for p in found.iter("protocol") if p.get("enabled") == "1"}
    assert spoken == {("tls", "1.2"), ("tls", "1.3")}
    ciphers = list(found.iter("cipher"))
    assert len(ciphers) >= 5
    # "Acceptable" is what it calls TLS 1.3's.
    assert {cipher.get("strength") for cipher in ciphers} <= {"strong", "acceptable"}
    assert all(int(cipher.get("bits")) >= 128 for cipher in ciphers)
    assert all(int(group.get("bits")) >= 128 for group in found.iter("group"))
    assert found.find("renegotiation").get("supported") == "0"
    assert {bleed.get("vulnerable") for bleed in found.iter("heartbleed")} == {"0"}


def test_testssl_finds_nothing_weak(secure, tmp_path):
    server = secure()
    report = tmp_path / "testssl.json"
    done = subprocess.run(
        ["testssl", "--quiet", "--color", "0", "--warnings", "batch", "--nodns", "none", "--add-ca",
         str(server.files / "ca.crt"), "--jsonfile", str(report), "--protocols", "--std", "--fs",
         "--server-preference", "--server-defaults", "--vulnerable", f"127.0.0.1:{server.tls_port}"],
        capture_output=True, text=True, timeout=5 * PATIENCE_S, check=False)
    assert report.exists(), done
    findings = {finding["id"]: (finding["severity"], finding["finding"]) for finding in json.loads(report.read_text())}
    # It got to the end of each part. Version 3.0 calls one of them PFS.
    assert {"TLS1_3", "cipherlist_NULL", "cipher_order", "cert_chain_of_trust", "RC4"} <= set(findings), done
    assert {"FS", "PFS"} & set(findings), done
    bad = {name: finding for name, finding in findings.items() if finding[0] not in ("OK", "INFO", "WARN")}
    # An authority of one's own says nowhere what it revokes.
    assert bad.pop("cert_revocation")[1] == "Neither CRL nor OCSP URI provided"
    assert bad == {}


# Ports.

def test_bind_is_https_and_insecure_bind_is_not(secure):
    server = secure()
    assert [line["tls"] for line in server.find_log("listening")] == ["true", "false"]
    assert server.get("/-/healthy").status == 200
    assert curl(server, "/-/healthy")[0] == 200


def test_http_to_the_tls_port_is_told_so(secure):
    server = secure()
    with RawConnection(server.tls_port) as connection:
        connection.send("GET /web/prod HTTP/1.1\r\nHost: h\r\n\r\n")
        answer = connection.read_answer()
        assert answer.status == 400
        assert answer.message() == "this port speaks HTTPS; use https:// instead of http://"
        assert connection.is_closed()


def test_http_1_0_by_alpn_is_http_1_0(secure):
    server = secure()
    assert "ALPN protocol: http/1.0" in s_client(server, "-alpn", "http/1.0")[1]
    status, version, _ = curl(server, "/-/healthy", "--http1.0")
    assert status == 200 and version in ("1", "1.1")


def test_what_is_neither_is_closed(secure):
    server = secure()
    with RawConnection(server.tls_port) as connection:
        connection.send(b"\x00\x01\x02\x03")
        assert connection.is_closed()
    assert wait_for("the count", lambda: server.metric("target_eye_tls_handshake_failures_total") == 1)


@pytest.mark.parametrize("begun", [b"", b"\x16\x03\x01\x02\x00\x01"])
def test_a_handshake_that_does_not_come_is_closed(secure, begun):
    server = secure(SSL_HANDSHAKE_TIMEOUT="0.5")
    with RawConnection(server.tls_port) as connection:
        connection.send(begun)
        assert connection.is_closed()
    assert server.metric("target_eye_tls_handshake_failures_total") == 1


# Client certificates.

def words_of(files, client):
    return [] if client is None else ["--cert", str(files / f"{client}.crt"), "--key", str(files / f"{client}.key")]


@pytest.mark.parametrize("mode, without, foreign", [
    ("CERT_NONE", True, True), ("CERT_OPTIONAL", True, False), ("CERT_REQUIRED", False, False), ("2", False, False),
])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_verify_mode_says_who_gets_in(secure, files, tmp_path, mode, without, foreign, version):
    (tmp_path / "other").mkdir()
    other = Files(tmp_path / "other")
    server = secure(VERIFY_MODE=mode, CA_CERTS=files / "ca.crt")

    def gets_in(directory, client):
        status, _, said = curl(server, "/-/healthy", "--tls-max", version, *words_of(directory, client), check=False)
        assert status in (0, 200), said
        return status == 200

    assert gets_in(files, "deploy")
    assert gets_in(files, None) == without
    assert gets_in(other, "ca") == foreign


@pytest.mark.parametrize("version, words", [
    ("1.2", ["handshake failure"]), ("1.3", ["certificate required"]),
])
def test_a_client_that_is_not_let_in_hears_why(secure, files, tmp_path, version, words):
    """In TLS 1.3 the client has sent its request before the server has judged its certificate."""
    (tmp_path / "other").mkdir()
    foreign = words_of(Files(tmp_path / "other"), "ca")
    server = secure(VERIFY_MODE="CERT_REQUIRED", CA_CERTS=files / "ca.crt")
    (tmp_path / "body").write_bytes(b"x" * 200_000)
    body = ["-d", f"@{tmp_path / 'body'}"]
    for _ in range(5):
        said = curl(server, "/-/healthy", "--tls-max", version, *body, check=False)[2]
        assert "alert" in said and any(word in said for word in words), said
        said = curl(server, "/-/healthy", "--tls-max", version, *body, *foreign, check=False)[2]
        assert "alert" in said, said
    words = ["-ign_eof", "-tls" + version.replace(".", "_")]
    said = s_client(server, *words, request="GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 2000)[1]
    assert "alert" in said, said


@pytest.mark.parametrize("words, alert", [
    (["-cipher", "AES128-SHA", "-tls1_2"], "handshake failure"), (["-alpn", "spdy/3"], "no application protocol"),
    (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], "protocol version"),
])
def test_a_client_with_nothing_in_common_hears_so(secure, words, alert):
    connected, said = s_client(secure(), *words)
    assert not connected and f"alert {alert}" in said, said


def test_a_revoked_certificate_does_not_get_in(secure, files):
    authorities = files / "authorities.pem"
    authorities.write_text((files / "ca.crt").read_text() + files.revoke("guest"))
    server = secure(VERIFY_MODE="CERT_REQUIRED", CA_CERTS=authorities, VERIFY_FLAGS="VERIFY_CRL_CHECK_LEAF")
    assert curl(server, "/-/healthy", *words_of(files, "deploy"))[0] == 200
    assert curl(server, "/-/healthy", *words_of(files, "guest"), check=False)[0] == 0
    # What is revoked later is known without a restart.
    authorities.write_text((files / "ca.crt").read_text() + files.revoke("deploy", "guest"))
    wait_for("the new list",
             lambda: curl(server, "/-/healthy", *words_of(files, "deploy"), check=False)[0] == 0)


def test_a_session_with_a_client_certificate_is_resumed(secure, files, tmp_path):
    server = secure(VERIFY_MODE="CERT_REQUIRED", CA_CERTS=files / "ca.crt")
    words = ["-tls1_2", "-cert", str(files / "deploy.crt"), "-key", str(files / "deploy.key")]
    connected, said = s_client(server, *words, "-sess_out", str(tmp_path / "session"))
    assert connected and "New, TLSv1.2" in said
    connected, said = s_client(server, *words, "-sess_in", str(tmp_path / "session"))
    assert connected and "Reused, TLSv1.2" in said
