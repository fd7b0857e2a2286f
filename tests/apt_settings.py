"""Where this machine gets its Debian packages from, so that another Debian, in a directory, gets its own from there.

Nothing here names a mirror: the mirror, its suites and the proxy are those of this machine's apt. The keys are Debian's
own, which every Debian has: a mirror carries Debian's signatures.
"""

import os
import re
import subprocess

# Debian's own suites beside the release itself, which has none of these: `bookworm-updates`, `stable-security`.
KINDS = ("", "-updates", "-security")
# What of apt's configuration a download may need.
DOWNLOADS = re.compile(r"Acquire::(https?::(?!Proxy-?Auto-?Detect)|Retries|Check-Valid-Until|Check-Date|ForceIPv[46])"
                       r".*", re.IGNORECASE)
FIELDS = ("REPO_URI", "RELEASE", "COMPONENT", "ORIGIN")
SCHEMES = ("http", "https")


def _say(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout


def _known_sources():
    form = "\t".join(f"$({name})" for name in FIELDS)
    found = {}
    for line in _say("apt-get", "indextargets", "--format", form, "Created-By: Packages").splitlines():
        target = dict(zip(FIELDS, line.split("\t")))
        _, dash, kind = target["RELEASE"].partition("-")
        if target["ORIGIN"] == "Debian" and target["COMPONENT"] == "main" and dash + kind in KINDS:
            found.setdefault(dash + kind, target["REPO_URI"].rstrip("/"))
    return found


def debian_sources():
    """For each of KINDS that this machine has, the address of its archive."""
    sources = _known_sources()
    if "" not in sources:  # Whose an archive is, is known when the lists have been read.
        _say("apt-get", "-q", "update")
        sources = _known_sources()
    assert "" in sources, "none of the sources of this machine's apt is Debian's"
    return sources


def proxies():
    """The variables that the proxies for downloads are in, as apt would choose them."""
    found = {}
    for scheme in SCHEMES:
        configured = _say("apt-config", "dump", "--format", "%v", f"Acquire::{scheme}::Proxy").strip()
        proxy = configured or os.environ.get(f"{scheme}_proxy", "")
        if proxy and proxy != "DIRECT":
            found[f"{scheme}_proxy"] = proxy
    return found


def bootstrap(suite, root):
    """A new Debian `suite` in `root`, as small as it gets."""
    environment = {name: value for name, value in os.environ.items() if name not in ("http_proxy", "https_proxy")}
    done = subprocess.run(["debootstrap", "--variant=minbase", suite, str(root), debian_sources()[""]], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          env={**environment, **proxies()})
    assert done.returncode == 0, f"debootstrap {suite}:\n{done.stdout}"


def hand_on(suite, root):
    """Has the apt of the Debian `suite` in `root` download from where this machine's does, and in its way."""
    apt = root / "etc/apt"
    (apt / "sources.list").write_text("".join(
        f"deb {uri} {suite}{kind} main\n" for kind, uri in debian_sources().items()))
    settings = [line for line in _say("apt-config", "dump").splitlines() if DOWNLOADS.fullmatch(line)]
    settings += [f'Acquire::{name.removesuffix("_proxy")}::Proxy "{proxy}";' for name, proxy in proxies().items()]
    (apt / "apt.conf.d/80-as-on-the-host").write_text("".join(line + "\n" for line in settings))
