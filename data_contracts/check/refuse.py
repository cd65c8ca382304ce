"""Refused rows: each breach of each row with its rule, value and reason, and nothing lost."""

import datetime as dt
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from data_contracts.check.deliver import Delivered
from data_contracts.check.judge_rows import Judged
from data_contracts.history import TableCheck
from data_contracts.ports import Engine
from data_contracts.privacy import masked_value
from data_contracts.rules import key_text

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_CONTROLS = {chr(code): f"\\u{code:04X}" for code in range(1, 32) if chr(code) not in _ESCAPES}
"""Text cannot hold the character with the code 0 on every engine, and none hands it out."""

_MISREAD = "\a\v\f"
"""Spark would read a literal of these as `a`, `v`, `f`: they are named by their codes, in a regular expression."""


def quarantined(judged: Judged, *, extracted_at: dt.datetime) -> ir.Table:
    """The rows of the quarantine that come from one table, as `data_contracts.history.Quarantine` describes them."""
    raw = judged.table.rows
    given = raw.select(given_row=raw.source_row, raw_row=_as_json(raw, judged.table.known))
    breaches = judged.breaches.select(rule="rule", breaching_row="source_row")
    rows = judged.rows
    found = breaches.join(rows, breaches.breaching_row == rows.source_row)
    found = found.join(given, found.source_row == given.given_row)
    by_rule = {rule.id: rule for rule in judged.rules}
    values = [(found.rule == name, masked_value(rule.value(found))) for name, rule in by_rule.items()]
    reasons = [(found.rule == name, rule.reason(found, extracted_at=extracted_at)) for name, rule in by_rule.items()]
    return found.select(
        "source_row",
        "rule",
        "raw_row",
        table=ibis.literal(judged.name),
        row_key=key_text(judged.table.contract, found),
        column_name=found.rule.cases(*[(name, rule.judges) for name, rule in by_rule.items()]),
        value=ibis.cases(*values, else_=ibis.null("string")),
        reason=ibis.cases(*reasons, else_=ibis.null("string")),
    ).relocate("table", "source_row", "row_key", "rule", "column_name", "value", "reason", "raw_row")


def _as_json(raw: ir.Table, columns: Sequence[str]) -> ir.StringValue:
    """The named columns of each row as one JSON object; the same bytes on every engine."""
    members = [ibis.literal(f"{_quoted(name)}:") + _member(raw[name]) for name in columns]
    return ibis.literal("{") + ibis.literal(",").join(members) + "}" if members else ibis.literal("{}")


def _member(value: ir.Value) -> ir.StringValue:
    text = value.cast("string")
    kind = value.type()
    if not (kind.is_numeric() or kind.is_boolean()):
        for character, escape in {**_ESCAPES, **_CONTROLS}.items():
            if character in _MISREAD:
                text = text.re_replace(f"\\x{ord(character):02x}", escape.replace("\\", "\\\\"))
            else:
                text = text.replace(character, escape)
        text = ibis.literal('"') + text + '"'
    return text.fill_null("null")


def _quoted(name: str) -> str:
    for character, escape in {**_ESCAPES, **_CONTROLS}.items():
        name = name.replace(character, escape)
    return f'"{name}"'


def keep_quarantine(engine: Engine, several: Sequence[Judged], *, extracted_at: dt.datetime) -> ir.Table:
    """The quarantine of all tables, kept."""
    parts = [quarantined(judged, extracted_at=extracted_at) for judged in several]
    return engine.keep("quarantine", ibis.union(*parts) if parts else _SCHEMA.to_pyarrow().empty_table())


_SCHEMA = ibis.schema({
    "table": "string",
    "source_row": "int64",
    "row_key": "string",
    "rule": "string",
    "column_name": "string",
    "value": "string",
    "reason": "string",
    "raw_row": "string",
})


def counts(judged: Judged, *, delivered: int, select_digest: str = "") -> TableCheck:
    """How many rows were accepted and refused, and how often each rule was breached."""
    breaches = judged.breaches
    by_rule = breaches.group_by("rule").aggregate(n=breaches.count())
    found = by_rule.order_by(by_rule.n.desc(), "rule").to_pyarrow().to_pylist()
    rows = _count(judged.typed)
    refused = _count(judged.refused)
    return TableCheck(
        table=judged.name,
        select_digest=select_digest,
        delivered=delivered,
        rows=rows,
        accepted=rows - refused,
        refused=refused,
        breaches={row["rule"]: row["n"] for row in found},
    )


def _count(table: ir.Table) -> int:
    return int(table.count().to_pyarrow().as_py())


def delivered_rows(table: Delivered) -> int:
    """How many rows the source gave."""
    return _count(table.rows)
