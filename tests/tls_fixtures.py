"""Certificates, the program with TLS, and its real clients: for the tests of TLS."""

import os
import shutil
import ssl
import subprocess

import pytest

from harness import PATIENCE_S, RawConnection

PASSWORD = "open sesame"


def openssl(directory, *arguments, **options):
    done = subprocess.run(["openssl", *arguments], cwd=directory, capture_output=True, text=True, timeout=PATIENCE_S,
                          check=False, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Files:
    """An authority and what it signed, in one directory: NAME.crt and NAME.key, `ca` among them."""

    def __init__(self, directory):
        self.directory = directory
        self.new_key("ca")
        # From 3.13 on, Python insists that the use of the key is said.
        openssl(directory, "req", "-x509", "-key", "ca.key", "-out", "ca.crt", "-days", "90", "-subj", "/CN=authority",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def __truediv__(self, name):
        return self.directory / name

    def new_key(self, name):
        openssl(self.directory, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
                f"{name}.key")

    def sign(self, name, subject="/CN=localhost", extensions="subjectAltName=DNS:localhost,IP:127.0.0.1"):
        self.new_key(name)
        openssl(self.directory, "req", "-new", "-key", f"{name}.key", "-out", f"{name}.csr", "-subj", subject)
        (self / f"{name}.ext").write_text(extensions + "\n")
        openssl(self.directory, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "90", "-out", f"{name}.crt", "-extfile", f"{name}.ext")

    def der(self, name):
        return ssl.PEM_cert_to_DER_cert((self / f"{name}.crt").read_text())

    def put(self, source, name="tls", suffixes=("crt", "key")):
        """Replaces NAME.crt and NAME.key with those of `source`, each at once."""
        for suffix in suffixes:
            shutil.copy(self / f"{source}.{suffix}", self / "new")
            os.replace(self / "new", self / f"{name}.{suffix}")

    def revoke(self, *names):
        """The authority's list of those that are revoked, as PEM."""
        for name, text in (("index.txt", ""), ("crlnumber", "01\n")):
            (self / name).write_text(text)
        (self / "ca.cnf").write_text("[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncrlnumber=crlnumber\n"
                                     "default_md=sha256\ndefault_crl_days=9\n")
        common = ("ca", "-config", "ca.cnf", "-cert", "ca.crt", "-keyfile", "ca.key")
        for name in names:
            openssl(self.directory, *common, "-revoke", f"{name}.crt")
        return openssl(self.directory, *common, "-gencrl")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Made once; tests that replace files have `files`."""
    files = Files(tmp_path_factory.mktemp("certificates"))
    for name in ("one", "two"):
        files.sign(name)
    for name in ("deploy", "guest"):
        files.sign(name, f"/O=Example/CN={name}", "extendedKeyUsage=clientAuth")
    openssl(files.directory, "pkey", "-in", "one.key", "-aes256", "-passout", f"pass:{PASSWORD}", "-out", "locked.key")
    return files


@pytest.fixture
def files(made, tmp_path):
    """The same in a directory of the test's own, with `one` as tls.crt and tls.key."""
    copy = Files.__new__(Files)
    copy.directory = tmp_path / "certificates"
    copy.directory.mkdir()
    for path in made.directory.iterdir():
        shutil.copy(path, copy / path.name)
    copy.put("one")
    return copy


@pytest.fixture
def secure(start, files):
    """Starts it with TLS on `tls_port`, and plain on `port`, which the harness talks to."""
    def starter(**settings):
        server = start(CERTFILE=files / "tls.crt", KEYFILE=files / "tls.key", INSECURE_BIND="127.0.0.1:0", **settings)
        server.tls_port, server.port = (int(address.rsplit(":", 1)[1]) for address in server.addresses)
        server.files = files
        return server
    return starter


def curl(server, path, *words, check=True):
    """Runs curl over TLS; gives its status, protocol, and what it said."""
    done = subprocess.run(
        ["curl", "-sS", "--cacert", str(server.files / "ca.crt"), "-w", "\n%{http_code} %{http_version}", *words,
         f"https://localhost:{server.tls_port}{path}"], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert not check or done.returncode == 0, done
    body, _, line = done.stdout.rpartition("\n")
    code, version = line.split()
    return int(code), version, body + done.stderr


def s_client(server, *words, request=""):
    """Runs openssl's client, which sends `request`; gives whether it connected, and what it said."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.tls_port}", *words],
                          input=request, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    return done.returncode == 0, done.stdout + done.stderr


class TlsConnection(RawConnection):
    """A connection that is kept alive; `certificate` is the server's, as DER."""

    def __init__(self, server, **settings):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(server.files / "ca.crt")
        for name, value in settings.items():
            setattr(context, name, value)
        super().__init__(server.tls_port)
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.certificate = self.socket.getpeercert(binary_form=True)

    def get(self, path):
        self.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return self.read_answer()


def served(server):
    """The certificate that a new connection gets."""
    with TlsConnection(server) as connection:
        assert connection.get("/-/healthy").status == 200
        return connection.certificate
