"""What is promised of each table in this run, as plain values: no framework is needed to say it.

Row rules are judged on the typed rows from which nothing was taken out, so that a verdict and the quarantine are two
independent counts of the same promise. Only counts leave the engine: no row, no value, no copy of a table.
"""

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import ibis.expr.types as ir

from data_contracts.check.deliver import Delivered
from data_contracts.check.judge_rows import Judged
from data_contracts.check.translate_words import known_words
from data_contracts.check.verdicts import COLUMN_EXISTS, NOT_EMPTY, NOT_PERSONAL, REFUSED_SHARE, VOLUME
from data_contracts.column_rules import InVocabulary
from data_contracts.ports import Engine
from data_contracts.privacy import FREE_TEXTS, is_personal_value
from data_contracts.row_rule import Expectation, RowRule, SeenInRow
from data_contracts.settings import Checks
from data_contracts.wording import percent

_FEW_ROWS = "expect_breaching_rows_to_be_few"
"""The one type of expectation that is not Great Expectations' own."""

LESS_THAN_A_ROW = 1e-6
"""Tolerance, in rows, of the comparison of shares in floating point."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a table is judged by in this run.

    Attributes
    ----------
    columns_before
        The columns that the last accepted run had: none of them may have vanished.
    rows_before
        How many rows the last accepted run was given; 0 where that is not known.
    judged
        The judged rows; None where a required column is missing, so that no row can be judged.
    extracted_at
        Nothing may lie after it.
    """

    table: Delivered
    columns_before: tuple[str, ...]
    rows_before: int
    judged: Judged | None
    extracted_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise about a table, and the expectation by which it is judged.

    Attributes
    ----------
    rule
        The id of the rule.
    sentence
        What the Data Docs show.
    column
        The column that it is about; empty where it is about rows or the table.
    severity
        Whether a failure stops the run of itself, or refuses rows until there are too many.
    """

    rule: str
    sentence: str
    expectation: Expectation
    column: str = ""
    severity: Literal["critical", "warning"] = "critical"


@dataclass(frozen=True, slots=True)
class Suite:
    """The promises about some rows of one table, in order."""

    name: str
    table: str
    rows: ir.Table
    promises: tuple[Promise, ...]


def suites_of(engine: Engine, several: Sequence[Expected], *, checks: Checks) -> tuple[Suite, ...]:
    """For each table the suite `delivered_<table>`, and the suite `<table>` where its rows could be judged."""
    return tuple(suite for expected in several for suite in _suites(engine, expected, checks=checks))


def _suites(engine: Engine, expected: Expected, *, checks: Checks) -> Iterator[Suite]:
    name = expected.table.name
    delivery = tuple(_about_delivery(expected, checks=checks))
    yield Suite(f"delivered_{name}", name, rows=_delivered(expected), promises=delivery)
    if expected.judged is not None:
        rows = tuple(_about_rows(engine, expected, judged=expected.judged, checks=checks))
        yield Suite(name, name, rows=expected.judged.typed, promises=rows)


def sql_of(engine: Engine, rows: ir.Table) -> str:
    """The query of `rows` in the words of `engine`."""
    return str(engine.backend.compile(rows))


def _about_delivery(expected: Expected, *, checks: Checks) -> Iterator[Promise]:
    """That every required column is there, and every other that was in the last run; and not far fewer rows than then.

    Rows are counted as delivered: what the settings leave out of a table is no drop.
    """
    yield from _about_columns(expected)
    least = math.ceil(expected.rows_before * (1 - checks.max_volume_drop_share) - LESS_THAN_A_ROW)
    if least > 0:
        sentence = f"there are at least {least:,} rows, after {expected.rows_before:,} in the last run"
        yield Promise(f"{expected.table.name}.{VOLUME}", sentence, expectation=_at_least(least))


def _delivered(expected: Expected) -> ir.Table:
    """The known columns of every delivered row."""
    if expected.judged is None:
        return expected.table.rows
    return expected.judged.delivered.select(*expected.table.known)


def _about_columns(expected: Expected) -> Iterator[Promise]:
    """One expectation for each column that is required, is there now, or was there in the last run."""
    table = expected.table
    known = [column.name for column in table.contract.columns] + list(table.attributes)
    required = {column.name for column in table.contract.columns if column.required}
    for name in dict.fromkeys(known):
        if name in required or name in table.columns or name in expected.columns_before:
            there = Expectation("expect_column_to_exist", {"column": name})
            yield Promise(f"{table.name}.{name}.{COLUMN_EXISTS}", f"{name} is there", expectation=there, column=name)


def _about_rows(engine: Engine, expected: Expected, *, judged: Judged, checks: Checks) -> Iterator[Promise]:
    """That there are rows, and that few breach a rule or are refused in all."""
    name = judged.name
    if judged.table.contract.is_required:
        yield Promise(f"{name}.{NOT_EMPTY}", "the table has rows", expectation=_at_least(1))
    allowed = percent(checks.max_refused_share)
    few = _few(_breaching(engine, judged.refused), mostly=1 - checks.max_refused_share)
    sentence = f"at most {allowed} of the rows are refused, whatever for"
    yield Promise(f"{name}.{REFUSED_SHARE}", sentence, expectation=few)
    yield from _about_persons(engine, judged)
    rows, n_judged = _rows_judged(judged)
    for rule in judged.rules:
        # The promise is about all rows, but Great Expectations takes the share among those that it judges.
        judgeable = n_judged[rule.id]
        tolerated = (checks.max_refused_share * rows + LESS_THAN_A_ROW) / judgeable if judgeable else 1.0
        mostly = max(0.0, 1 - tolerated)
        yield _about_rule(engine, judged, rule, latest=expected.extracted_at, mostly=mostly, allowed=allowed)


def _rows_judged(judged: Judged) -> tuple[int, Mapping[str, int]]:
    counts = {rule.id: rule.n_judged(judged.typed) for rule in judged.rules}
    row = judged.typed.aggregate(n_rows=judged.typed.count(), **counts).to_pyarrow().to_pylist()[0]
    return row.pop("n_rows"), row


def _at_least(n: int) -> Expectation:
    return Expectation("expect_table_row_count_to_be_between", {"min_value": n})


def _few(query: str, *, mostly: float) -> Expectation:
    """The expectation that `query` selects few rows."""
    return Expectation(_FEW_ROWS, {"unexpected_rows_query": query, "mostly": mostly})


def _breaching(engine: Engine, rows: ir.Table) -> str:
    """A query of breaching rows, as Great Expectations takes it: it speaks of `{batch}`, other braces are doubled.

    It does so in a comment: Great Expectations writes a name behind the batch on some engines, and none on others.
    """
    sql = sql_of(engine, rows.select("source_row")).replace("{", "{{").replace("}", "}}")
    return f"SELECT source_row FROM (\n{sql}\n) AS breaching /* of {{batch}} */"


def _about_persons(engine: Engine, judged: Judged) -> Iterator[Promise]:
    """That no text that becomes a feature identifies a person: declared attributes, and the contract's free texts."""
    table = judged.table
    declared = [name for name, attribute in table.attributes.items() if attribute.column_type == "string"]
    for name in (*FREE_TEXTS.get(table.name, ()), *declared):
        if name in table.columns:
            rule, sentence = f"{table.name}.{name}.{NOT_PERSONAL}", f"{name} holds no email address or phone number"
            none = _few(_breaching(engine, judged.typed.filter(is_personal_value(judged.typed[name]))), mostly=1.0)
            yield Promise(rule, sentence, expectation=none, column=name)


def _about_rule(
    engine: Engine, judged: Judged, rule: RowRule, *, latest: dt.datetime, mostly: float, allowed: str
) -> Promise:
    """The promise of one row rule: Great Expectations' own where it has one, otherwise the rule's query."""
    if isinstance(rule, InVocabulary):
        # One word that nothing maps stops the run: it would be missing wherever it stands.
        mapped = known_words(judged.words, rule.judges) if judged.words is not None else []
        words = {"column": rule.judges, "value_set": list(dict.fromkeys([*rule.words, *mapped]))}
        in_set = Expectation("expect_column_values_to_be_in_set", words)
        return Promise(rule.id, rule.promise, expectation=in_set, column=rule.judges)
    sentence = f"{rule.promise}; at most {allowed} of the rows may breach it"
    native = rule.expectation(extracted_at=latest)
    if native is None:
        few = _few(_breaching(engine, _breaching_rows(judged, rule, latest=latest)), mostly=mostly)
    else:
        few = replace(native, options={**native.options, "mostly": mostly})
    return Promise(rule.id, sentence, expectation=few, column=rule.judges, severity="warning")


def _breaching_rows(judged: Judged, rule: RowRule, *, latest: dt.datetime) -> ir.Table:
    """The rows that breach a rule for which Great Expectations has no word.

    What one row shows is found anew, apart from the quarantine. What several rows show together is not: it takes the
    check as long as everything else in a table, and its count would come from the same expression.
    """
    if not isinstance(rule, SeenInRow) or rule.is_about_mergers:
        return judged.breached(type(rule))
    return judged.rows.filter(rule.breaches(judged.rows, extracted_at=latest))
