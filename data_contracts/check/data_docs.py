"""The pages around Great Expectations' findings: they load nothing from anywhere and hold counts only.

`data_docs/index.html` lists the runs; `runs/<name>/index.html` tells of one, beside Great Expectations' own page on
each table. What is quoted is a rule's id or its promise, never what a row holds.
"""

import datetime as dt
import html
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from data_contracts.check.verdicts import REFUSED_SHARE
from data_contracts.history import TableCheck, Verdict

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
td.rule { white-space: normal; overflow-wrap: anywhere; min-width: 10rem; }
td p { margin: 0 0 .3rem; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
code { background: var(--wash); border-radius: .3rem; padding: .1rem .35rem; font-size: .87em;
  overflow-wrap: anywhere; }
tr:target { background: var(--wash); }
nav, .quiet { color: var(--quiet); }
nav a { margin-right: 1.2rem; }
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
    <nav><a href="../../index.html">All runs</a><a href="index.html">This run</a>
      <a href="index.html#breached">Breached rules and their rows</a></nav>
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


_WITHOUT_VERDICT = {
    "is_delivered": "the table is delivered",
    "volume": "the table is delivered, as it was in the last run",
    "is_not_written_back": "no field that we write ourselves is read",
    "is_one_column": "no declared attribute is called like a column of the contract",
    "conserved": "every row is accepted, refused or left out",
}
"""Promises that the check judges without Great Expectations, by the end of the rule's id."""


@dataclass(frozen=True, slots=True)
class RunCard:
    """One run in the list of runs.

    Attributes
    ----------
    judged_at
        When it was judged (UTC, naive).
    title
        Which extract was judged.
    rows, refused
        Of all tables that could be judged.
    failed_rules
        How many rules failed, with those that Great Expectations does not judge.
    """

    judged_at: dt.datetime
    title: str
    is_accepted: bool
    rows: int
    refused: int
    failed_rules: int


@dataclass(frozen=True, slots=True)
class RunTold:
    """What is told about one run.

    Attributes
    ----------
    checks
        By table, how many rows were refused and for which rules.
    stopped_by
        The ids of the rules for which the run was refused; empty where it was accepted.
    """

    judged_at: dt.datetime
    title: str
    verdicts: Sequence[Verdict]
    checks: Mapping[str, TableCheck]
    stopped_by: Sequence[str]

    @property
    def without_verdict(self) -> tuple[str, ...]:
        """The rules that stopped the run and that Great Expectations does not judge."""
        judged = {verdict.rule for verdict in self.verdicts}
        return tuple(rule for rule in dict.fromkeys(self.stopped_by) if rule not in judged)

    @property
    def card(self) -> RunCard:
        """The run in the list of runs."""
        return RunCard(
            judged_at=self.judged_at,
            title=self.title,
            is_accepted=not self.stopped_by,
            rows=sum(check.rows for check in self.checks.values()),
            refused=sum(check.refused for check in self.checks.values()),
            failed_rules=sum(not verdict.success for verdict in self.verdicts) + len(self.without_verdict),
        )


def history_page(cards: Mapping[str, RunCard]) -> str:
    """The first page as HTML: the runs by name, in the order given, each with a link to its pages."""
    head = _head("Judged (UTC)", "Extract", "Outcome", numbers=("Rows", "Refused rows", "Failed rules"))
    lines = "\n".join(_run_line(name, card) for name, card in cards.items())
    body = f"""<h1>Data contracts</h1>
<p class="quiet">Every check of the history, the newest first. A refused one left the history before in force.</p>
<table>
{head}
<tbody>
{lines}
</tbody>
</table>"""
    return _page("Data contracts", body)


def run_page(run: RunTold) -> str:
    """The page of one run as HTML: its tables, and the rules that rows breach with the way to these rows."""
    head = _head("Table", numbers=("Rows", "Refused", "Rules", "Failed"))
    tables = "\n".join(
        _table_line(name, [v for v in run.verdicts if v.table == name]) for name in _tables(run.verdicts)
    )
    body = f"""<nav><a href="../../index.html">All runs</a></nav>
<h1>Data contracts: {_outcome(is_accepted=not run.stopped_by)}</h1>
<p class="quiet">{html.escape(run.title)}; judged {_moment(run.judged_at)} UTC</p>
<table>
{head}
<tbody>
{tables}
</tbody>
</table>
<h2 id="breached">Breached rules and their rows</h2>
{_breached(run)}"""
    return _page(f"Data contracts: {html.escape(run.title)}", body)


def _page(title: str, body: str) -> str:
    """A whole page; both parts are HTML."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
{body}
</body>
</html>
"""


def _head(*texts: str, numbers: Sequence[str], last: Sequence[str] = ()) -> str:
    """The head of a table: columns of texts, of numbers, and of texts again."""
    cells = [f"<th>{text}</th>" for text in texts]
    cells += [f'<th class="number">{number}</th>' for number in numbers]
    cells += [f"<th>{text}</th>" for text in last]
    return f"<thead>{_row(*cells)}</thead>"


def _row(*cells: str) -> str:
    return f"<tr>{''.join(cells)}</tr>"


def _number(text: int | str, *, good: bool | None = None) -> str:
    shown = f"{text:,}" if isinstance(text, int) else text
    kind = "" if good is None else " good" if good else " bad"
    return f'<td class="number{kind}">{shown}</td>'


def _moment(at: dt.datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _outcome(*, is_accepted: bool) -> str:
    return '<span class="good">accepted</span>' if is_accepted else '<span class="bad">refused</span>'


def _run_line(name: str, card: RunCard) -> str:
    return _row(
        f'<td><a href="runs/{html.escape(name)}/index.html">{_moment(card.judged_at)}</a></td>',
        f"<td>{html.escape(card.title)}</td>",
        f"<td>{_outcome(is_accepted=card.is_accepted)}</td>",
        _number(card.rows),
        _number(card.refused),
        _number(card.failed_rules, good=not card.failed_rules),
    )


def _tables(verdicts: Sequence[Verdict]) -> list[str]:
    return list(dict.fromkeys(verdict.table for verdict in verdicts))


def _table_line(name: str, verdicts: Sequence[Verdict]) -> str:
    refused = next((v for v in verdicts if v.rule.endswith(f".{REFUSED_SHARE}")), None)
    failed = sum(not verdict.success for verdict in verdicts)
    return _row(
        f'<td><a href="{html.escape(name)}.html">{html.escape(name)}</a></td>',
        _number(refused.rows if refused else "not judged"),
        _number(refused.unexpected if refused else ""),
        _number(len(verdicts)),
        _number(failed, good=not failed),
    )


def _breached(run: RunTold) -> str:
    """The rules that failed, then those that some rows breach: how many rows, and the command that shows them."""
    lines = [_untold_line(rule) for rule in run.without_verdict]
    quarantined = {rule for check in run.checks.values() for rule in check.breaches}
    lines += [_rule_line(verdict, quarantined) for verdict in _breached_verdicts(run.verdicts)]
    if not lines:
        return "<p>No row breaches a rule.</p>"
    head = _head("Rule", "Promise, and how to see the rows", numbers=("Breaching", "Of rows"), last=("Outcome",))
    body = "\n".join(lines)
    return f"""<p class="quiet">The quarantine holds the rows of the last check only, each with the reason why it was
refused. Give the command the <code>--config</code> of the check.</p>
<table>
{head}
<tbody>
{body}
</tbody>
</table>"""


def _breached_verdicts(verdicts: Sequence[Verdict]) -> Iterator[Verdict]:
    """The failed ones first, then those with breaching rows that are tolerated."""
    yield from (verdict for verdict in verdicts if not verdict.success)
    # Every refused row is in the share of the table too, which is a rule of its own only where it failed.
    yield from (
        verdict
        for verdict in verdicts
        if verdict.success and verdict.unexpected and not verdict.rule.endswith(f".{REFUSED_SHARE}")
    )


def _untold_line(rule: str) -> str:
    promise = _WITHOUT_VERDICT.get(rule.rsplit(".", 1)[-1], "")
    return _row(
        f'<td class="rule">{html.escape(rule)}</td>',
        f"<td>{html.escape(promise)}</td>",
        _number(""),
        _number(""),
        _FAILED,
    )


def _rule_line(verdict: Verdict, quarantined: Collection[str]) -> str:
    return _row(
        f'<td class="rule"><a href="{html.escape(verdict.table)}.html">{html.escape(verdict.rule)}</a></td>',
        f"<td><p>{html.escape(verdict.promise)}</p>{_way_to_rows(verdict, quarantined)}</td>",
        _number(verdict.unexpected if verdict.unexpected else ""),
        _number(verdict.rows if verdict.unexpected else ""),
        _TOLERATED if verdict.success else _FAILED,
    )


_TOLERATED = '<td class="good">tolerated</td>'
_FAILED = '<td class="bad">failed</td>'


def _way_to_rows(verdict: Verdict, quarantined: Collection[str]) -> str:
    """The command that shows the rows; nothing where the quarantine holds none for this rule."""
    if verdict.rule.endswith(f".{REFUSED_SHARE}"):
        command = "leadscore quarantine"
    elif verdict.rule in quarantined:
        command = f"leadscore quarantine --rule {shlex.quote(verdict.rule)}"
    else:
        return ""
    return f"<p><code>{html.escape(command)}</code></p>"
