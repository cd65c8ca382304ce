"""What a user can mend is told in a few words, with an exit code."""

import errno
import os

import pytest
import typer
from typer.testing import CliRunner

from data_contracts.errors import BusyError
from pipelines.friendly import FriendlyGroup


def told_of(error: BaseException) -> tuple[int, str]:
    """Exit code and stderr of a command that raises `error`."""
    app = typer.Typer(cls=FriendlyGroup)

    @app.callback()
    def group() -> None:
        """A group, as `leadscore` is one."""

    @app.command()
    def fail() -> None:
        raise error

    result = CliRunner().invoke(app, ["fail"])
    assert result.stdout == ""
    return result.exit_code, result.stderr.strip()


def test_an_error_of_ours_is_its_text_and_its_exit_code():
    assert told_of(BusyError("another check is running")) == (10, "error: another check is running")


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "the disk is full; make room and run the command again"),
        (errno.EROFS, "the file system is read-only; name a store on one that can be written ([store] folder)"),
        (errno.EACCES, "this user may not use it; change its owner or its permissions"),
        (errno.EIO, 'the system says "Input/output error"; mend that and run the command again'),
    ],
)
def test_what_the_system_refuses_is_told_with_the_file_and_what_to_do(number: int, remedy: str):
    error = OSError(number, os.strerror(number), "var/ours/scored_leads")
    assert told_of(error) == (11, f"error: var/ours/scored_leads: {remedy}")


def test_without_a_file_s_name_the_remedy_stands_alone():
    assert told_of(OSError(errno.ENOSPC, "No space left on device")) == (
        11,
        "error: a file: the disk is full; make room and run the command again",
    )
    assert told_of(TimeoutError("timed out")) == (
        11,
        'error: the system says "timed out"; mend that and run the command again',
    )


def test_a_command_that_is_stopped_at_the_keyboard_says_so():
    assert told_of(KeyboardInterrupt()) == (130, "error: stopped at the keyboard; the command can be run again")


def test_a_reader_that_has_seen_enough_is_no_error():
    _, err = told_of(BrokenPipeError(errno.EPIPE, "Broken pipe"))
    assert err == ""


def test_a_mistake_in_the_code_is_not_hidden():
    app = typer.Typer(cls=FriendlyGroup)
    app.callback()(lambda: None)

    @app.command()
    def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        CliRunner().invoke(app, ["fail"], catch_exceptions=False)
