"""Random operations and faults, beside a naive model of the contract: tests/naive_model.py."""

import pathlib
import tempfile

import harness
import naive_model
from control import must_break
from disk import small_tmpfs
from progress import shown

CONTROL_OPERATIONS = 500


class WrongModel(naive_model.Model):
    """Of all rules one is wrong: a PUT without labels takes away those that a group has."""

    def put(self, key, whole, targets, labels):
        return super().put(key, whole, targets, {} if labels is None and targets is not None else labels)


def run(binary, operations, model, seed):
    running = []
    with tempfile.TemporaryDirectory(prefix="target-eye-prove-") as name, small_tmpfs(pathlib.Path(name)):
        directory = pathlib.Path(name) / "file_sd"
        directory.mkdir()

        def start(**settings):
            running.append(harness.TargetEye(binary, (), {"FILE_SD_DIRECTORY": str(directory), **settings}))
            return running[-1].wait_until_ready()

        try:
            return naive_model.run(start, directory, operations, model, seed, has_small_disk=True,
                                   shown=lambda each: shown(each, operations, "operations"))
        finally:
            if running[-1].process.poll() is None:
                running[-1].kill()


def model(binary, operations):
    """Random requests, restarts and faults: every answer, group and published file is as a naive model has it.

    The control is a model with one rule changed.
    """
    seed = naive_model.any_seed()
    done = run(binary, operations, naive_model.Model(), seed)
    must_break(f"a model with one rule changed, with TARGET_EYE_SEED={seed}",
               lambda: run(binary, CONTROL_OPERATIONS, WrongModel(), seed), saying="'PUT'")
    return (f"{operations:,} operations ({done.taken:,} changes taken, {done.refused:,} refused) and "
            f"{done.disturbed:,} restarts and faults, all as the model has them (TARGET_EYE_SEED={seed}); "
            "control caught")
