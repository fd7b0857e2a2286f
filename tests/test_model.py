"""Random requests, restarts and reloads against the real program, beside a naive model of the contract.

`TARGET_EYE_SEED` replays a run that failed; `./dev prove model` makes longer ones, on a disk that fills up.
"""

import naive_model


def test_any_requests_and_restarts_agree_with_a_naive_model(start, directory):
    naive_model.run(start, directory, operations=1500)
