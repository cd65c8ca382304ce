"""A digest of what a history holds."""

import datetime as dt
import hashlib
from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from data_contracts.ports import Engine

_SEPARATOR = "\x1f"
_MISSING = "\x1e"
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 — UTC, as all times here
_MILLIONTHS = 1e6
_LARGEST_IN_MILLIONTHS = 9e12


def fingerprint(engine: Engine, tables: Mapping[str, ir.Table]) -> str:
    """Digest of the content of `tables`: the same on every engine, whatever the order of rows and number of threads.

    Sums an MD5 digest of each row, so that a row that is there twice counts twice. Times count in microseconds, numbers
    in millionths.
    """
    parts = []
    for name, table in tables.items():
        columns = sorted(table.columns)
        text = ibis.literal(_SEPARATOR).join([_text(table[column]).fill_null(_MISSING) for column in columns])
        found = table.aggregate(n=table.count(), digests=engine.sum_of_digests(text)).to_pyarrow().to_pylist()[0]
        parts.append(f"{name}({','.join(columns)})={found['n']},{int(found['digests'] or 0)}")
    return hashlib.sha256(";".join(parts).encode()).hexdigest()[:32]


def _text(value: ir.Value) -> ir.StringValue:
    kind = value.type()
    if kind.is_timestamp():
        value = value.delta(ibis.literal(_EPOCH), unit="microsecond")
    elif kind.is_floating():
        is_small = value.abs() < _LARGEST_IN_MILLIONTHS
        value = is_small.ifelse((value * _MILLIONTHS).round().cast("int64"), ibis.null("int64"))
    return value.cast("string")
