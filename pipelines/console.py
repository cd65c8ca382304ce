"""The terminal: data on stdout, talk and progress on stderr."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from data_contracts.progress import Say

UNWATCHED_WIDTH = 240
"""Columns of a table that goes to a file or another program: wide enough that nothing is folded."""

OUT = Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else UNWATCHED_WIDTH)
TALK = Console(stderr=True, highlight=False, emoji=False, width=None if sys.stderr.isatty() else UNWATCHED_WIDTH)


def show_rows(rows: Sequence[Mapping[str, str]], *, title: str = "") -> None:
    """A table on stdout under its title, one column a key of the first row. Nothing where there are no rows."""
    if not rows:
        return
    if title:
        OUT.print(escape(title), style="italic", soft_wrap=True)
    table = Table(header_style="bold", box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(escape(name), overflow="fold")
    for row in rows:
        table.add_row(*(escape(str(value)) for value in row.values()))
    OUT.print(table)


def show(text: str) -> None:
    """Text on stdout, as it is."""
    OUT.print(escape(text), soft_wrap=True)


def show_json(value: Any) -> None:
    """`value` as JSON on stdout."""
    print(json.dumps(value, indent=2, default=str, ensure_ascii=False))  # noqa: T201  (data, not talk)


def warn(text: str) -> None:
    """One line on stderr that stands out."""
    TALK.print(f"[yellow]![/yellow] {escape(text)}", soft_wrap=True)


def complain(text: str) -> None:
    """An error on stderr."""
    TALK.print(f"[red]error:[/red] {escape(text)}", soft_wrap=True)


@contextmanager
def working(title: str) -> Iterator[Say]:
    """A spinner on stderr with the time so far and what is said to it. Plain lines where nobody watches."""
    if not TALK.is_terminal:
        yield lambda line: TALK.print(escape(f"{title}: {line}"))
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=TALK, transient=True) as progress:
        task = progress.add_task(escape(title))
        yield lambda line: progress.update(task, description=escape(f"{title}: {line}"))
