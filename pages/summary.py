"""Today in Markdown, for places that show no pages: whom to call, what is overdue, rule against model."""

from data_contracts.record_table import markdown_text, table_markdown
from data_contracts.scores import REASONS
from data_contracts.today import Today
from pages.cells import cell_of
from pages.frame import Frame, NotThere
from pages.tables import Column, Shown, Table
from pages.today import call_list, heading
from pages.today_figures import TodayNouns, figures

N_CALLS = 10
"""Leads to call in a summary: the page has all."""


def today_summary(nouns: TodayNouns, frame: Frame) -> str:
    """Today in Markdown, with a link to the pages where the settings say where they are served."""
    today = nouns.today
    if isinstance(today, NotThere):
        parts = ["## There is no call list", markdown_text(today.because)]
    else:
        told = [{"": one.name, "now": one.value, "beside": one.beside} for one in figures(nouns, today, frame.formats)]
        parts = [f"## {markdown_text(heading(today))}", table_markdown(told), *_calls(nouns, today, frame)]
        parts += [f"**Mind:** {markdown_text(warning)}" for warning in today.warnings]
    parts.append(f"**Rule against model:** {markdown_text(nouns.rule_against_model)}")
    if frame.settings.url:
        parts.append(f"[All pages]({frame.settings.url.rstrip('/')}/index.html)")
    return "\n\n".join(parts)


def _calls(nouns: TodayNouns, today: Today, frame: Frame) -> list[str]:
    table = call_list(nouns, today, frame)
    rows = [_told(row, table, frame) for row in table.shown_rows[:N_CALLS]]
    return [table_markdown(rows)] if rows else []


def _told(row: dict[str, object], table: Table, frame: Frame) -> dict[str, str]:
    return {
        column.heading: "; ".join(str(row[name]) for name in REASONS if row[name])
        if column.shown is Shown.REASONS
        else _text(row, column, frame)
        for column in table.columns
        if column.is_visible
    }


def _text(row: dict[str, object], column: Column, frame: Frame) -> str:
    cell = cell_of(row, column, frame)
    return f"{cell.text} ({cell.interval})" if cell.interval else cell.text
