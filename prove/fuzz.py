"""Random bytes, led by what of the program they reach (libFuzzer), on whatever reads the bytes of others."""

import pathlib
import re
import subprocess

from control import must_break

RUN = pathlib.Path(__file__).resolve().parent.parent / "fuzz" / "run.sh"
CONTROL_S = 20


def executions(seconds, *names):
    """Of each fuzzer."""
    done = subprocess.run([RUN, str(seconds), *names], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return [int(runs) for runs in re.findall(r": Done (\d+) runs", done.stdout)]


def fuzz(_, seconds):
    """Random bytes: no crash, leak, input over 1 s or over 512 MB; what is accepted means the same written anew.

    The control is a decoder that reads behind the end of an escape that is cut off.
    """
    runs = executions(seconds)
    must_break("a decoder with a planted bug", lambda: executions(CONTROL_S, "control"),
               saying="heap-buffer-overflow")
    return f"{len(runs)} readers, {sum(runs):,} executions, nothing found; control caught"
