"""What every harness must show: that it can fail."""


def must_break(bug, work):
    """`work` runs a harness on something with a bug in it; raises if that finds nothing."""
    try:
        work()
    except AssertionError:
        return
    raise AssertionError(f"the control, {bug}, went unseen: this harness sees nothing")
