"""Refused rows: each breach of each row with its rule, value and reason, and nothing lost."""

import datetime as dt
from collections.abc import Mapping, Sequence

import ibis
import ibis.expr.types as ir

from data_contracts.check.judge_rows import Judged
from data_contracts.history import QUARANTINE, TableCheck
from data_contracts.ports import Engine
from data_contracts.privacy import masked_value
from data_contracts.row_rule import key_text

_QUOTE = "\ufdd0"
"""Stands for the quotes of JSON until what is between them is escaped. Unicode keeps it out of texts; where one has it
all the same, it is dropped."""

_ESCAPES = {
    "\\": "\\\\",
    '"': '\\"',
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    **{chr(code): f"\\u{code:04X}" for code in range(1, 32) if chr(code) not in "\b\f\n\r\t"},
}

_ESCAPED = r'[\x01-\x1f"\\]'
"""What must be escaped. Few rows have any of it."""

_MISREAD = "\a\v\f"
"""Spark would read a literal of these as `a`, `v`, `f`: they are named by their codes, in a regular expression."""


def quarantined(judged: Judged, *, extracted_at: dt.datetime) -> ir.Table:
    """The rows of the quarantine that come from one table, as `data_contracts.history.Quarantine` describes them."""
    # Only refused rows are written as JSON: each takes dozens of replacements.
    raw = judged.table.rows.semi_join(judged.refused, "source_row")
    given = raw.select(given_row=raw.source_row, raw_row=as_json(raw, judged.table.known))
    breaches = judged.breaches.select(rule="rule", breaching_row="source_row")
    rows = judged.refused_rows
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


def as_json(raw: ir.Table, columns: Sequence[str]) -> ir.StringValue:
    """The named columns of each row as one JSON object; the same bytes on every engine."""
    names = {name: ibis.literal(f"{_QUOTE}{name.replace(_QUOTE, '')}{_QUOTE}:") for name in columns}
    members = ibis.literal(",").join([names[name] + _member(raw[name]) for name in columns] or [ibis.literal("")])
    # Escaped once a row: the many replacements of each value on its own take seconds to write down as SQL.
    members = members.re_search(_ESCAPED).ifelse(_escaped(members), members)
    return ibis.literal("{") + members.replace(_QUOTE, '"') + "}"


def _escaped(text: ir.StringValue) -> ir.StringValue:
    for character, escape in _ESCAPES.items():
        if character in _MISREAD:
            text = text.re_replace(f"\\x{ord(character):02x}", escape.replace("\\", "\\\\"))
        else:
            text = text.replace(character, escape)
    return text


def _member(value: ir.Value) -> ir.StringValue:
    text = value.cast("string")
    if not (value.type().is_numeric() or value.type().is_boolean()):
        text = ibis.literal(_QUOTE) + text.replace(_QUOTE, "") + _QUOTE
    return text.fill_null("null")


def set_aside(engine: Engine, judged: Judged, *, extracted_at: dt.datetime) -> ir.Table:
    """The rows of `quarantined`, kept for now. No row as it was delivered is needed after this: they are let go."""
    refused = engine.keep_for_now(f"refused_{judged.name}", quarantined(judged, extracted_at=extracted_at))
    engine.forget(judged.table.rows)
    return refused


def keep_quarantine(engine: Engine, refused: Sequence[ir.Table]) -> ir.Table:
    """The quarantine, kept: the refused rows of all tables."""
    return engine.keep(QUARANTINE, ibis.union(*refused) if refused else _SCHEMA.to_pyarrow().empty_table())


_SCHEMA = ibis.schema(
    {
        "table": "string",
        "source_row": "int64",
        "row_key": "string",
        "rule": "string",
        "column_name": "string",
        "value": "string",
        "reason": "string",
        "raw_row": "string",
    }
)


def counts(judged: Judged, *, select_digest: str = "", left_out: Mapping[str, int] | None = None) -> TableCheck:
    """How many rows were accepted, refused and `left_out` by name, and how often each rule was breached."""
    breaches = judged.breaches
    by_rule = breaches.group_by("rule").aggregate(n=breaches.count())
    found = by_rule.order_by(by_rule.n.desc(), "rule").to_pyarrow().to_pylist()
    rows = _count(judged.typed)
    refused = _count(judged.refused)
    apart = dict(left_out or {})
    return TableCheck(
        table=judged.name,
        select_digest=select_digest,
        delivered=_count(judged.delivered),
        rows=rows,
        accepted=rows - refused - sum(apart.values()),
        refused=refused,
        breaches={row["rule"]: row["n"] for row in found},
        left_out=apart,
    )


def _count(table: ir.Table) -> int:
    return int(table.count().to_pyarrow().as_py())
