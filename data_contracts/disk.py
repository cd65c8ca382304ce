"""What the machine refuses while something is kept: a full disk, a used-up quota, no right to write."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data_contracts.errors import StoreError

_CAUSES = {
    "the disk is full": (errno.ENOSPC, "No space left on device", "make room and run this again"),
    "the disk quota is used up": (errno.EDQUOT, "Disk quota exceeded", "make room and run this again"),
    "the file system is mounted read-only": (errno.EROFS, "Read-only file system", "mount it for writing"),
    "this user may not read or write it": (errno.EACCES, "Permission denied", "run this as the owner of the store"),
}
"""What the machine refuses: its error number, how it is worded, and what to do about it."""


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Say in our words why `path` could not be read or written. Raises `StoreError`."""
    try:
        yield
    except OSError as error:
        raise refused_by_machine(error, path) or StoreError(
            f"{path} cannot be read or written: {error.strerror or error}"
        ) from error


def refused_by_machine(error: Exception, path: Path) -> StoreError | None:
    """The refusal of `path` by the machine that `error` tells, by number or in words; None where it tells none."""
    number, said = getattr(error, "errno", None), str(error)
    for cause, (code, sign, what) in _CAUSES.items():
        if number == code or sign in said:
            return StoreError(f"{path}: {cause}; {what}")
    return None
