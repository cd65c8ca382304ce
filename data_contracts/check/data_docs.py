"""The pages around Great Expectations' findings: they load nothing from anywhere and hold counts only."""

import html
from collections.abc import Sequence

from data_contracts.check.verdicts import REFUSED_SHARE
from data_contracts.history import Verdict

_STYLE = """
:root { --ink: #1c2733; --quiet: #5a6a7a; --line: #d8dfe6; --good: #1a7f4b; --bad: #b3261e; --wash: #f5f7f9; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: white; margin: 0 auto; max-width: 70rem;
  padding: 1.5rem; }
h1, h2, h3, h4, h5 { line-height: 1.25; margin: 1.6rem 0 .5rem; font-size: 1.1rem; }
h1 { font-size: 1.6rem; margin-top: 0; }
a { color: #1657a5; }
a[href*="/expectations/"] { color: inherit; text-decoration: none; pointer-events: none; }
table { border-collapse: collapse; width: 100%; margin: .3rem 0 1rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--quiet); font-weight: 600; }
td:first-child { white-space: nowrap; }
td p { margin: 0 0 .3rem; }
td.number, th.number { text-align: right; }
nav, .quiet { color: var(--quiet); }
.badge { background: var(--wash); border-radius: .3rem; padding: 0 .3rem; }
.collapse, [data-toggle="collapse"], thead[hidden] { display: none; }
.text-success, .good { color: var(--good); }
.text-danger, .bad { color: var(--bad); }
.fa-check-circle::before { content: "✓ met"; font-style: normal; font-weight: 600; }
.fa-times::before { content: "✗ failed"; font-style: normal; font-weight: 600; }
.fa-exclamation-triangle::before { content: "! could not be judged"; font-style: normal; font-weight: 600; }
"""

PAGE = (
    """<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{{ expectation_suite_name }}: data contract</title>
    <style>"""
    + _STYLE
    + """</style>
  </head>
  <body>
    <nav><a href="index.html">All tables</a></nav>
    <h1>Data contract of {{ expectation_suite_name }}</h1>
    {% for section in sections %}
      {% set section_loop = loop -%}
      {% include 'section.j2' %}
    {% endfor %}
  </body>
</html>
"""
)
"""Jinja template of a table's page; its sections are Great Expectations' own."""


def index_page(verdicts: Sequence[Verdict], *, title: str) -> str:
    """The first page as HTML: for each table its rows, how many are refused, and how many of its rules failed."""
    lines = "\n".join(_line(name, [v for v in verdicts if v.table == name]) for name in _tables(verdicts))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Data contracts: {html.escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Data contracts</h1>
<p class="quiet">{html.escape(title)}</p>
<table>
<thead><tr><th>Table</th><th class="number">Rows</th><th class="number">Refused</th><th class="number">Rules</th>
<th class="number">Failed</th></tr></thead>
<tbody>
{lines}
</tbody>
</table>
</body>
</html>
"""


def _tables(verdicts: Sequence[Verdict]) -> list[str]:
    return list(dict.fromkeys(verdict.table for verdict in verdicts))


def _line(name: str, verdicts: Sequence[Verdict]) -> str:
    refused = next((v for v in verdicts if v.rule.endswith(f".{REFUSED_SHARE}")), None)
    failed = sum(not verdict.success for verdict in verdicts)
    cells = [
        f'<td><a href="{html.escape(name)}.html">{html.escape(name)}</a></td>',
        f'<td class="number">{f"{refused.rows:,}" if refused else "not judged"}</td>',
        f'<td class="number">{f"{refused.unexpected:,}" if refused else ""}</td>',
        f'<td class="number">{len(verdicts)}</td>',
        f'<td class="number {"bad" if failed else "good"}">{failed}</td>',
    ]
    return f"<tr>{''.join(cells)}</tr>"
