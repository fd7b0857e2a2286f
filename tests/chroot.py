"""Debian systems in a directory, for what must not touch this machine. Needs root.

Every command runs in mount and process namespaces of its own: its mounts and its processes are gone with it,
however it ends.
"""

import os
import pathlib
import shlex
import shutil
import subprocess
import tempfile

import apt_settings

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The one that the image is built on.
SUITE = "bookworm"
# Nothing takes this long when all is well.
PATIENCE_S = 1500

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", ROOT / "build")) / "target-eye-chroot"

# Servers are not to start by themselves, as in Debian's images.
POLICY = "#!/bin/sh\nexit 101\n"

# $1: the root; $2: pairs of `what:where` to be mounted; the rest: the command. The root is made a mount, so that
# what runs in it can have mount namespaces of its own.
ENTER = r"""
set -e
root=$1 binds=$2
shift 2
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
for bind in $binds; do
  mkdir -p "$root${bind#*:}"
  mount --bind "${bind%%:*}" "$root${bind#*:}"
done
exec chroot "$root" "$@"
"""


def run(command, **arguments):
    """Runs a command of this machine; what it said is in the failure."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=PATIENCE_S, check=False, **arguments)
    assert done.returncode == 0, f"{shlex.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}"
    return done.stdout


def tarball(name):
    return CACHE / f"{name}.tar"


def is_cached(name):
    return tarball(name).exists()


def keep(name, root):
    """Makes the tarball `name` of a system, whole or not at all."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as directory:
        made = pathlib.Path(directory) / "tar"
        run(["tar", "-C", root, "--numeric-owner", "--one-file-system", "-cf", made, "."])
        made.rename(tarball(name))


def forget(pattern):
    for path in CACHE.glob(f"{pattern}.tar"):
        path.unlink(missing_ok=True)


class Chroot:
    """A Debian of its own in `root`, as small as Debian's slim image."""

    def __init__(self, root, kept=None, suite=SUITE):
        """`kept` is what `keep` made of one; by default a plain Debian, which is made the first time."""
        assert os.geteuid() == 0, "debootstrap and chroot need root: run this test as root"
        self.root = root
        root.mkdir(parents=True)
        plain = f"debian-{suite}"
        if kept is None and not is_cached(plain):
            self._bootstrap(suite)
            keep(plain, root)
        else:
            run(["tar", "-C", root, "--numeric-owner", "-xf", tarball(kept or plain)])
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
        apt_settings.hand_on(suite, root)

    def _bootstrap(self, suite):
        apt_settings.bootstrap(suite, self.root)
        for archive in self.path("/var/cache/apt/archives").glob("*.deb"):
            archive.unlink()
        policy = self.path("/usr/sbin/policy-rc.d")
        policy.write_text(POLICY)
        policy.chmod(0o755)

    def command(self, words, environment=None, user=None, binds=(), cwd="/"):
        """The command, for this machine, that runs `words` in here; `user` is `uid:gid` or a name."""
        inside = ["env", "-i", "-C", cwd, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                  *(f"{name}={value}" for name, value in (environment or {}).items())]
        if user is not None:
            uid, _, gid = user.partition(":")
            inside += ["setpriv", f"--reuid={uid}", f"--regid={gid or uid}",
                       "--clear-groups" if gid else "--init-groups", "--no-new-privs"]
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--", "sh", "-c", ENTER, "sh", str(self.root),
                " ".join(f"{what}:{where}" for what, where in binds), *inside, *map(str, words)]

    def run(self, *words, **arguments):
        """Runs `words` in here to its end, and gives what it said."""
        environment = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "HOME": "/root",
                       **(arguments.pop("environment", None) or {})}
        return run(self.command(words, environment=environment, **arguments))

    def path(self, inside):
        """Where a file of this system is on this machine."""
        return self.root / str(inside).lstrip("/")

    def remove(self):
        shutil.rmtree(self.root)
