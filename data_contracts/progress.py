"""What long work says while it is under way: one line at a time, to whoever wants to hear it."""

from collections.abc import Callable

Say = Callable[[str], None]
"""Takes one line about what is happening: the terminal's progress line, a flow run's log, `print` in a notebook."""


def silent(line: str) -> None:
    """Say nothing."""
