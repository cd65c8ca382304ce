"""How a pipeline runs its steps: directly, or as tasks of a Prefect flow. The pipelines themselves are written once."""

from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class RunStep(Protocol):
    """Runs one step of a pipeline and returns what the step returns."""

    def __call__(self, step: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `step` with its arguments."""
        ...


def directly(step: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call the step, as in a terminal, a notebook or a test."""
    return step(*args, **kwargs)
