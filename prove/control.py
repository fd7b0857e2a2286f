"""What every harness must show: that it can fail. And that it can be tried here at all."""

import pathlib
import subprocess

SHIMS = pathlib.Path(__file__).with_name("shims")


class CannotTry(Exception):
    """This machine does not allow the fault to be injected: no promise was broken, and none was proven."""


def allowed(command):
    """Runs what a machine may forbid, a container above all."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotTry(f"{command[0]}: {done.stderr.strip()}")


def must_break(bug, work, seen_as=AssertionError, saying=""):
    """`work` runs a harness on something with a bug in it; raises if that finds nothing, or something else."""
    try:
        work()
    except seen_as as error:
        assert saying in str(error), f"the control, {bug}, was to be seen as {saying}, and was seen as {error}"
        return
    raise AssertionError(f"the control, {bug}, went unseen: this harness sees nothing")


def compiled(folder, *names):
    """LD_PRELOAD of the shims of these names."""
    for name in names:
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", folder / f"{name}.so", SHIMS / f"{name}.c"], check=True)
    return ":".join(str(folder / f"{name}.so") for name in names)
