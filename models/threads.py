"""One thread for all arithmetic, because several add up in an order that nobody decides."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from threadpoolctl import threadpool_limits

P = ParamSpec("P")
R = TypeVar("R")


def in_one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, run with one thread in every BLAS and OpenMP pool of the process; the pools are as before afterwards.

    Threads share a matrix product, and where it is cut depends on their number. Floating point sums of the parts differ
    in the last bits. So fitted coefficients, and with them every figure, would depend on the machine's cores. On tables
    of this size further threads gain nothing: two were slower than one. What remains is the processor: another family
    may run other kernels and round differently.
    """

    @wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> R:
        with threadpool_limits(limits=1):
            return function(*args, **kwargs)

    return limited
