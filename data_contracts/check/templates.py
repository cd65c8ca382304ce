"""Jinja templates of the Data Docs. They load nothing from anywhere."""

import jinja2

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

_BASE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{% block title %}{% endblock %}</title>
<style>STYLE</style>
</head>
<body>
{% block body %}{% endblock %}
</body>
</html>
""".replace("STYLE", _STYLE)

TABLE_PAGE = """{% extends "base.j2" %}
{% block title %}{{ expectation_suite_name }}: data contract{% endblock %}
{% block body %}
<nav><a href="../../index.html">All runs</a><a href="index.html">This run</a>
<a href="index.html#breached">Breached rules and their rows</a></nav>
<h1>Data contract of {{ expectation_suite_name }}</h1>
{% for section in sections %}
{% set section_loop = loop -%}
{% include 'section.j2' %}
{% endfor %}
{% endblock %}
"""
"""A table's page; its sections are Great Expectations' own."""

_HISTORY_PAGE = """{% extends "base.j2" %}
{% block title %}Data contracts{% endblock %}
{% block body %}
<h1>Data contracts</h1>
<p class="quiet">Every check of the history, the newest first. A refused one left the history before in force.</p>
<table>
<thead><tr><th>Judged (UTC)</th><th>Extract</th><th>Outcome</th><th class="number">Rows</th>
<th class="number">Refused rows</th><th class="number">Failed rules</th></tr></thead>
<tbody>
{% for name, card in cards.items() %}
<tr><td><a href="runs/{{ name }}/index.html">{{ card.judged_at | moment }}</a></td>
<td>{{ card.title }}</td>
<td class="{{ 'good' if card.is_accepted else 'bad' }}">{{ 'accepted' if card.is_accepted else 'refused' }}</td>
<td class="number">{{ card.rows | count }}</td><td class="number">{{ card.refused | count }}</td>
<td class="number {{ 'bad' if card.failed_rules else 'good' }}">{{ card.failed_rules }}</td></tr>
{% endfor %}
</tbody>
</table>
{% endblock %}
"""

_RUN_PAGE = """{% extends "base.j2" %}
{% block title %}Data contracts: {{ run.title }}{% endblock %}
{% block body %}
<nav><a href="../../index.html">All runs</a></nav>
<h1>Data contracts:
{% if run.stopped_by %}<span class="bad">refused</span>{% else %}<span class="good">accepted</span>{% endif %}</h1>
<p class="quiet">{{ run.title }}; judged {{ run.judged_at | moment }} UTC</p>
<table>
<thead><tr><th>Table</th><th class="number">Rows</th><th class="number">Refused</th><th class="number">Rules</th>
<th class="number">Failed</th></tr></thead>
<tbody>
{% for table in run.tables %}
<tr><td><a href="{{ table.name }}.html">{{ table.name }}</a></td>
{% if table.refused %}<td class="number">{{ table.refused.rows | count }}</td>
<td class="number">{{ table.refused.unexpected | count }}</td>
{% else %}<td class="number">not judged</td><td></td>
{% endif %}<td class="number">{{ table.n_rules }}</td>
<td class="number {{ 'bad' if table.n_failed else 'good' }}">{{ table.n_failed }}</td></tr>
{% endfor %}
</tbody>
</table>
<h2 id="breached">Breached rules and their rows</h2>
{% if not run.breached %}<p>No row breaches a rule.</p>{% else %}
<p class="quiet">The quarantine holds the rows of the last check only, each with the reason why it was refused. Give the
command the <code>--config</code> of the check.</p>
<table>
<thead><tr><th>Rule</th><th>Promise, and how to see the rows</th><th class="number">Breaching</th>
<th class="number">Of rows</th><th>Outcome</th></tr></thead>
<tbody>
{% for rule in run.breached %}
<tr><td class="rule">
{% if rule.table %}<a href="{{ rule.table }}.html">{{ rule.id }}</a>{% else %}{{ rule.id }}{% endif %}</td>
<td><p>{{ rule.promise }}</p>{% if rule.command %}<p><code>{{ rule.command }}</code></p>{% endif %}</td>
<td class="number">{{ rule.breaching | count if rule.breaching }}</td>
<td class="number">{{ rule.rows | count if rule.breaching }}</td>
<td class="{{ 'bad' if rule.is_failed else 'good' }}">{{ 'failed' if rule.is_failed else 'tolerated' }}</td></tr>
{% endfor %}
</tbody>
</table>
{% endif %}
{% endblock %}
"""

TEMPLATES = jinja2.DictLoader(
    {"base.j2": _BASE, "page.j2": TABLE_PAGE, "history.j2": _HISTORY_PAGE, "run.j2": _RUN_PAGE}
)
"""The templates by name. Great Expectations asks for `page.j2`."""
