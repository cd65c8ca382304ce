"""Rows of a report as a table: in columns of one width for a terminal, in HTML for a notebook."""

from collections.abc import Sequence
from html import escape


def table_text(title: str, rows: Sequence[dict[str, str]]) -> str:
    """`title`, the names of the columns, and `rows`, in columns of one width; the title alone where there are none.

    >>> print(table_text("two leads", [{"lead": "A", "is": "open"}, {"lead": "Bob", "is": "won"}]))
    two leads
    lead  is
    A     open
    Bob   won
    """
    lines = [list(rows[0]), *(list(row.values()) for row in rows)] if rows else []
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join([title, *("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)])


def table_html(caption: str, rows: Sequence[dict[str, str]]) -> str:
    """The same as one HTML table; every text in it is escaped."""
    head = "".join(f"<th>{escape(name)}</th>" for name in (rows[0] if rows else ()))
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row.values())}</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
