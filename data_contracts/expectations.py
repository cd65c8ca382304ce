"""The contracts as Great Expectations suites, judged inside the engine. The only module that knows Great Expectations.

Row rules are judged on the typed rows from which nothing was taken out, so that a verdict and the quarantine are two
independent counts of the same promise. Only counts leave the engine: no row, no value, no copy of a table.
"""

import datetime as dt
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import duckdb_engine
import jinja2
import sqlalchemy
from ibis.backends.duckdb import Backend

from data_contracts.columns import FREE_TEXTS, Column, RowRule, Rule
from data_contracts.data_docs import PAGE, index_page
from data_contracts.delivery import Delivered
from data_contracts.keeping import kept_folder
from data_contracts.privacy import personal_sql
from data_contracts.quarantine import refused_rows
from data_contracts.rules import Judge, column_of, columns_judged, promise
from data_contracts.settings import Checks
from data_contracts.verdicts import COLUMN_EXISTS, NOT_EMPTY, NOT_PERSONAL, REFUSED_SHARE, VOLUME, Verdict
from data_contracts.wording import percent
from data_contracts.workbench import delivered, identifier, typed, unreadable

with warnings.catch_warnings():
    # Great Expectations imports two modules that Python 3.11 deprecates.
    warnings.filterwarnings("ignore", message="module 'sre_", category=DeprecationWarning)
    import great_expectations as gx
    from great_expectations.core.expectation_validation_result import (
        ExpectationSuiteValidationResult,
        ExpectationValidationResult,
    )
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.datasource.fluent.sql_datasource import SQLDatasource
    from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
    from great_expectations.expectations.core.unexpected_rows_expectation import UnexpectedRowsExpectation
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.expectations.metadata_types import FailureSeverity
    from great_expectations.expectations.row_conditions import Column as GxColumn
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view.view import DefaultJinjaPageView

_COUNTS_ONLY = {
    "result_format": "BASIC",
    "exclude_unexpected_values": True,
    "partial_unexpected_count": 0,
    "include_unexpected_rows": False,
}
_LESS_THAN_A_ROW = 1e-6
"""Tolerance, in rows, of the comparison of shares in floating point."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of one table in this run.

    Attributes
    ----------
    columns_before
        The columns that the last accepted run had: none of them may have vanished.
    rows_before
        How many rows the last accepted run was given; 0 where that is not known.
    judge
        The row rules; None where a required column is missing, so that no row can be judged.
    """

    table: Delivered
    columns_before: tuple[str, ...]
    rows_before: int
    judge: Judge | None


class ExpectBreachingRowsToBeFew(UnexpectedRowsExpectation):
    """Expects a query to select at most the share `1 - mostly` of all rows. Only counts are fetched."""

    mostly: float = 1.0

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.row_count", "table.row_count")
    success_keys: ClassVar[tuple[str, ...]] = ("unexpected_rows_query", "mostly")

    def _validate(self, metrics: dict[str, Any], *_: object, **__: object) -> dict[str, Any]:
        rows, unexpected = metrics["table.row_count"], metrics["unexpected_rows_query.row_count"]
        return {
            "success": unexpected <= (1 - self.mostly) * rows + _LESS_THAN_A_ROW,
            "result": {
                "element_count": rows,
                "unexpected_count": unexpected,
                "unexpected_percent": 100 * unexpected / rows if rows else 0.0,
            },
        }


@dataclass(frozen=True, slots=True)
class _Subject:
    """What an expectation is about: the id of the rule that it judges, and the sentence that the Data Docs show."""

    rule: str
    sentence: str
    column: str = ""
    severity: FailureSeverity = FailureSeverity.CRITICAL

    def expected(self, kind: str, options: dict[str, Any]) -> ExpectationConfiguration:
        """The expectation of type `kind`."""
        meta = {"rule": self.rule, "column": self.column}
        return ExpectationConfiguration(kind, options, meta=meta, description=self.sentence, severity=self.severity)

    def few_rows(self, query: str, *, mostly: float) -> ExpectationConfiguration:
        """The expectation that `query` selects few rows."""
        return self.expected("expect_breaching_rows_to_be_few", {"unexpected_rows_query": query, "mostly": mostly})


class EmbeddedEngine(SqlAlchemyExecutionEngine):
    """Great Expectations' engine over a DuckDB connection that stays open: a DuckDB result ends with its connection."""

    @contextmanager
    def get_connection(self) -> Iterator[sqlalchemy.Connection]:
        """The one connection. The parent class would hand it back before the result is read."""
        if self._connection is None:
            self._connection = self.engine.connect()
        yield self._connection


_EngineClass = type[SqlAlchemyExecutionEngine]


class EmbeddedDatasource(SQLDatasource):
    """The engine that holds the history, as a source of data for Great Expectations."""

    type: Literal["embedded_engine"] = "embedded_engine"  # type: ignore[assignment]  # as in GX's own subclasses

    @property
    def execution_engine_type(self) -> _EngineClass:
        """The engine whose connection stays open."""
        return EmbeddedEngine

    def close(self) -> None:
        """Give the connection back, and with it the engine's read of the history."""
        self.get_execution_engine().close()
        self.get_engine().dispose()


def judge_tables(
    engine: Backend, several: Sequence[Expected], *, checks: Checks, title: str, data_docs: Path | None = None
) -> tuple[Verdict, ...]:
    """The verdicts of all tables, those on columns first; Data Docs in the folder `data_docs` if given.

    `title` says which extract was judged. Raises `RuntimeError` where Great Expectations could not judge at all, which
    it would report as a failed expectation.
    """
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    # A callable that returns a new cursor: another connection to the same database, in memory or in a file.
    options = {
        "creator": lambda: duckdb_engine.ConnectionWrapper(engine.con.cursor()),
        "poolclass": sqlalchemy.pool.StaticPool,
    }
    source = EmbeddedDatasource(name="engine", connection_string="duckdb:///:memory:", kwargs=options)
    context.add_datasource(datasource=source)
    results: dict[str, list[ExpectationSuiteValidationResult]] = {}
    try:
        for expected in several:
            name = expected.table.name
            suites = {delivered(name): list(_about_delivery(expected, checks=checks))}
            if expected.judge is not None:
                suites[typed(name)] = list(_about_rows(engine, expected, judge=expected.judge, checks=checks))
            results[name] = [_run(source, table=table, expectations=suite) for table, suite in suites.items()]
    finally:
        source.close()
    verdicts = tuple(
        _verdict(name, result) for name, parts in results.items() for part in parts for result in part.results
    )
    if data_docs is not None:
        with kept_folder(data_docs) as version:
            _write_data_docs(results, folder=version)
            (version / "index.html").write_text(index_page(verdicts, title=title), encoding="utf-8")
    return verdicts


def _run(
    source: EmbeddedDatasource, *, table: str, expectations: list[ExpectationConfiguration]
) -> ExpectationSuiteValidationResult:
    batch = source.add_table_asset(table, table_name=table).add_batch_definition_whole_table("all rows").get_batch()
    return batch.validate(gx.ExpectationSuite(name=table, expectations=expectations), result_format=_COUNTS_ONLY)


def _verdict(table: str, result: ExpectationValidationResult) -> Verdict:
    config = result.expectation_config
    if config is None or "'raised_exception': True" in str(result.exception_info):
        raise RuntimeError(f"Great Expectations could not judge {config} of {table}: {result.exception_info}")
    counts = result.result
    return Verdict(
        table=table,
        rule=config.meta["rule"],
        expectation=config.type,
        column=config.meta["column"],
        success=bool(result.success),
        unexpected=int(counts.get("unexpected_count") or 0),
        rows=int(counts.get("element_count") or counts.get("observed_value") or 0),
        severity=config.severity.value,
    )


def _about_delivery(expected: Expected, *, checks: Checks) -> Iterator[ExpectationConfiguration]:
    """That every required column is there, and every other that was in the last run; and not far fewer rows than then.

    Rows are counted as delivered: what the settings leave out of a table is no drop.
    """
    yield from _about_columns(expected)
    least = math.ceil(expected.rows_before * (1 - checks.max_volume_drop_share) - _LESS_THAN_A_ROW)
    if least > 0:
        sentence = f"there are at least {least:,} rows, after {expected.rows_before:,} in the last run"
        subject = _Subject(f"{expected.table.name}.{VOLUME}", sentence=sentence)
        yield subject.expected("expect_table_row_count_to_be_between", {"min_value": least})


def _about_columns(expected: Expected) -> Iterator[ExpectationConfiguration]:
    """One expectation for each column that is required, is there now, or was there in the last run."""
    table = expected.table
    known = [column.name for column in table.contract.columns] + list(table.attributes)
    required = {column.name for column in table.contract.columns if column.required}
    for name in dict.fromkeys(known):
        if name in required or name in table.columns or name in expected.columns_before:
            subject = _Subject(f"{table.name}.{name}.{COLUMN_EXISTS}", column=name, sentence=f"{name} is there")
            yield subject.expected("expect_column_to_exist", {"column": name})


def _about_rows(
    engine: Backend, expected: Expected, *, judge: Judge, checks: Checks
) -> Iterator[ExpectationConfiguration]:
    """That there are rows, and that few breach a rule or are refused in all."""
    name = expected.table.name
    if expected.table.contract.is_required:
        subject = _Subject(f"{name}.{NOT_EMPTY}", sentence="the table has rows")
        yield subject.expected("expect_table_row_count_to_be_between", {"min_value": 1})
    allowed = percent(checks.max_refused_share)
    subject = _Subject(f"{name}.{REFUSED_SHARE}", sentence=f"at most {allowed} of the rows are refused, whatever for")
    refused = f"SELECT source_row FROM {{batch}} WHERE source_row IN ({refused_rows(name)})"
    yield subject.few_rows(refused, mostly=1 - checks.max_refused_share)
    yield from _about_persons(expected.table)
    rows, judged = _rows_judged(engine, name, judge.rules)
    for rule in judge.rules:
        # The promise is about all rows, but Great Expectations takes the share among those that it judges.
        judgeable = judged[rule.id]
        tolerated = (checks.max_refused_share * rows + _LESS_THAN_A_ROW) / judgeable if judgeable else 1.0
        yield _about_rule(rule, judge, mostly=max(0.0, 1 - tolerated), allowed=allowed)


def _rows_judged(engine: Backend, table: str, rules: Sequence[RowRule]) -> tuple[int, Mapping[str, int]]:
    counts = columns_judged(rules)
    row = engine.con.execute(f"SELECT count(*), {', '.join(counts.values())} FROM {typed(table)}").fetchone() or (0,)
    return row[0], dict(zip(counts, row[1:], strict=True))


def _about_persons(table: Delivered) -> Iterator[ExpectationConfiguration]:
    """That no text that becomes a feature identifies a person: declared attributes, and the contract's free texts."""
    declared = [name for name, attribute in table.attributes.items() if attribute.type == "category"]
    for name in (*FREE_TEXTS.get(table.name, ()), *declared):
        if name in table.columns:
            rule, sentence = f"{table.name}.{name}.{NOT_PERSONAL}", f"{name} holds no email address or phone number"
            # Braces are doubled, because Great Expectations fills single ones in.
            looks = personal_sql(identifier(name)).replace("{", "{{").replace("}", "}}")
            query = f"SELECT source_row FROM {{batch}} WHERE {looks}"
            yield _Subject(rule, column=name, sentence=sentence).few_rows(query, mostly=1.0)


def _about_rule(rule: RowRule, judge: Judge, *, mostly: float, allowed: str) -> ExpectationConfiguration:
    """The expectation of one row rule: Great Expectations' own where it has one, otherwise the rule's query."""
    sentence = promise(rule)
    if rule.rule is Rule.IN_VOCABULARY:
        # One word that nothing maps stops the run: it would be missing wherever it stands.
        words = {"column": rule.column, "value_set": list(column_of(rule).vocabulary or ())}
        return _Subject(rule.id, column=rule.column, sentence=sentence).expected(
            "expect_column_values_to_be_in_set", words
        )
    sentence += f"; at most {allowed} of the rows may breach it"
    subject = _Subject(rule.id, column=rule.column, sentence=sentence, severity=FailureSeverity.WARNING)
    if rule.column_contract is not None:
        kind, options = _about_column(rule.rule, rule.column_contract, latest=judge.extracted_at)
        return subject.expected(kind, options | {"mostly": mostly})
    if rule.order is not None and not rule.order.of_lead:
        pair = {"column_A": rule.order.later, "column_B": rule.order.earlier, "or_equal": True}
        options = pair | {"ignore_row_if": "either_value_is_missing", "mostly": mostly}
        return subject.expected("expect_column_pair_values_a_to_be_greater_than_b", options)
    return subject.few_rows(judge.breaching_rows(rule, source="{batch}"), mostly=mostly)


def _about_column(rule: Rule, column: Column, *, latest: dt.datetime) -> tuple[str, dict[str, Any]]:
    name = column.name
    if rule is Rule.HAS_TYPE:
        return "expect_column_values_to_be_null", {"column": unreadable(name)}
    if rule is Rule.AT_LEAST:
        return "expect_column_values_to_be_between", {"column": name, "min_value": column.at_least}
    if rule is Rule.NOT_IN_FUTURE:
        return "expect_column_values_to_be_between", {"column": name, "max_value": latest}
    readable = {} if column.type == "string" else {"row_condition": GxColumn(unreadable(name)).is_null()}
    return "expect_column_values_to_not_be_null", {"column": name, **readable}


def _page(result: ExpectationSuiteValidationResult) -> str:
    """Great Expectations' page on `result`, without what its template loads from other people's servers."""
    view = DefaultJinjaPageView()
    loaders = [jinja2.DictLoader({"page.j2": PAGE}), view.env.loader]
    view.env.loader = jinja2.ChoiceLoader([loader for loader in loaders if loader is not None])
    return str(view.render(ValidationResultsPageRenderer().render(result)))  # type: ignore[no-untyped-call]


def _write_data_docs(results: Mapping[str, Sequence[ExpectationSuiteValidationResult]], *, folder: Path) -> None:
    """One page a table: what was judged of its columns and of its rows together."""
    for name, parts in results.items():
        every = [result for part in parts for result in part.results]
        met = sum(bool(result.success) for result in every)
        whole = ExpectationSuiteValidationResult(
            success=met == len(every),
            results=every,
            suite_name=name,
            statistics={
                "evaluated_expectations": len(every),
                "successful_expectations": met,
                "unsuccessful_expectations": len(every) - met,
                "success_percent": 100 * met / len(every) if every else None,
            },
            meta=parts[-1].meta,
        )
        (folder / f"{name}.html").write_text(_page(whole), encoding="utf-8")
