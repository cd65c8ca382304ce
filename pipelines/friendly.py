"""What a user sees of an error that a user can mend: a few words and an exit code, never a traceback."""

import errno
from typing import Any

import typer
from typer.core import TyperGroup

from data_contracts.errors import LeadScoreError, StoreError

INTERRUPTED = 130
"""Exit code of a command that was stopped at the keyboard, as shells have it: 128 plus the signal's number."""

_REMEDIES = {
    errno.ENOSPC: "the disk is full; make room and run the command again",
    errno.EDQUOT: "the disk quota is used up; make room and run the command again",
    errno.EROFS: "the file system is read-only; name a store on one that can be written ([store] folder)",
    errno.EACCES: "this user may not use it; change its owner or its permissions",
    errno.EPERM: "this user may not use it; change its owner or its permissions",
    errno.ENOENT: "it is not there; put it back, or name another one",
    errno.EEXIST: "it is there already; remove it, or name another one",
    errno.ENOTDIR: "a folder is needed and there is a file; remove the file, or name another folder",
    errno.EISDIR: "a file is needed and there is a folder; remove the folder, or name another file",
    errno.EMFILE: "too many files are open; raise the limit (`ulimit -n`) and run the command again",
}


class FriendlyGroup(TyperGroup):
    """Shows errors that a user can mend as text and exits with their code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except LeadScoreError as error:
            raise _told(str(error), exit_code=error.exit_code) from error
        except BrokenPipeError:
            raise  # whoever read the output has seen enough, as in `leadscore releases | head -1`
        except OSError as error:
            raise _told(system_error_text(error), exit_code=StoreError.exit_code) from error
        except KeyboardInterrupt as error:
            raise _told("stopped at the keyboard; the command can be run again", exit_code=INTERRUPTED) from error


def system_error_text(error: OSError) -> str:
    """What the operating system refused, for which file, and what to do.

    >>> system_error_text(PermissionError(errno.EACCES, "Permission denied", "var/scores.parquet"))
    'var/scores.parquet: this user may not use it; change its owner or its permissions'
    >>> system_error_text(ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"))
    'the system says "Connection refused"; mend that and run the command again'
    """
    remedy = _REMEDIES.get(error.errno or 0)
    if remedy is None:
        remedy = f'the system says "{error.strerror or error}"; mend that and run the command again'
        return f"{error.filename}: {remedy}" if error.filename else remedy
    return f"{error.filename or 'a file'}: {remedy}"


def _told(text: str, *, exit_code: int) -> typer.Exit:
    from pipelines.console import complain

    complain(text)
    return typer.Exit(exit_code)
