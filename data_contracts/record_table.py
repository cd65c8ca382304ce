"""Rows of a report as a table: in columns of one width for a terminal, as HTML for a notebook, as Markdown."""

from collections.abc import Mapping, Sequence
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


def table_markdown(rows: Sequence[Mapping[str, str]]) -> str:
    r"""The same in Markdown, without a title; empty where there are no rows. Every text in it is escaped.

    >>> print(table_markdown([{"lead": "A|B", "is": "<b>open</b>"}]))
    | lead | is |
    |---|---|
    | A\|B | &lt;b&gt;open&lt;/b&gt; |
    """
    lines = [list(rows[0]), *(list(row.values()) for row in rows)] if rows else []
    told = [f"| {' | '.join(map(markdown_text, line))} |" for line in lines]
    return "\n".join([*told[:1], *(["|" + "---|" * len(rows[0])] if rows else []), *told[1:]])


def markdown_text(text: str) -> str:
    r"""`text` on one line of Markdown that shows it as it is: no HTML, emphasis, code, link or table in it works.

    >>> print(markdown_text("[here](http://a.b) *now*"))
    [here]\(http://a.b) \*now\*
    """
    told = escape(" ".join(text.split()), quote=False)
    for sign in ("\\", "`", "*", "|"):
        told = told.replace(sign, f"\\{sign}")
    return told.replace("](", "]\\(")
