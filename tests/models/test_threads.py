import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from models.threads import in_one_thread

RANDOM = np.random.default_rng(0)
ROWS, ERRORS = RANDOM.normal(size=(50_000, 100)), RANDOM.normal(size=50_000)


def gradient() -> list[float]:
    """The sum over rows that every step of a logistic regression takes."""
    return (ROWS.T @ ERRORS).tolist()


def pool_sizes() -> list[int]:
    return [int(pool["num_threads"]) for pool in threadpool_info()]


def test_sums_are_the_same_to_the_last_bit_however_many_threads_there_are() -> None:
    found = []
    for n_threads in (1, 2, 3, 4):
        with threadpool_limits(n_threads):
            found.append(in_one_thread(gradient)())
    assert all(one == found[0] for one in found)


def test_the_pools_have_one_thread_meanwhile_and_their_own_number_afterwards() -> None:
    with threadpool_limits(2):
        before = pool_sizes()
        assert set(in_one_thread(pool_sizes)()) == {1}
        assert pool_sizes() == before
