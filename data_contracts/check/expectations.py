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
import ibis.expr.types as ir
import jinja2
import sqlalchemy

from data_contracts.check.data_docs import PAGE, index_page
from data_contracts.check.deliver import Delivered
from data_contracts.check.judge_rows import Judged
from data_contracts.check.translate_words import known_words
from data_contracts.check.verdicts import COLUMN_EXISTS, NOT_EMPTY, NOT_PERSONAL, REFUSED_SHARE, VOLUME, Verdict
from data_contracts.column_rules import InVocabulary
from data_contracts.keeping import kept_folder
from data_contracts.ports import Engine
from data_contracts.privacy import FREE_TEXTS, is_personal_value
from data_contracts.row_rule import RowRule, SeenInRow
from data_contracts.settings import Checks
from data_contracts.wording import percent

with warnings.catch_warnings():
    # Great Expectations imports two modules that Python 3.11 deprecates.
    warnings.filterwarnings("ignore", message="module 'sre_", category=DeprecationWarning)
    import great_expectations as gx
    from great_expectations.core.expectation_validation_result import (
        ExpectationSuiteValidationResult,
        ExpectationValidationResult,
    )
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.datasource.fluent.interfaces import Batch
    from great_expectations.datasource.fluent.spark_datasource import SparkDatasource
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


def verdicts_on(
    engine: Engine, several: Sequence[Expected], *, checks: Checks, title: str, data_docs: Path | None = None
) -> tuple[Verdict, ...]:
    """The verdicts of all tables, those on columns first; Data Docs in the folder `data_docs` if given.

    `title` says which extract was judged. Raises `RuntimeError` where Great Expectations could not judge at all, which
    it would report as a failed expectation.
    """
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = _source_of(engine)
    context.add_datasource(datasource=source)
    results: dict[str, list[ExpectationSuiteValidationResult]] = {}
    try:
        for expected in several:
            name = expected.table.name
            delivery = list(_about_delivery(expected, checks=checks))
            results[name] = [_run(source, f"delivered_{name}", engine, _delivered(expected), expectations=delivery)]
            if expected.judged is not None:
                judged = list(_about_rows(engine, expected, judged=expected.judged, checks=checks))
                results[name].append(_run(source, name, engine, expected.judged.typed, expectations=judged))
    finally:
        if isinstance(source, EmbeddedDatasource):
            source.close()
    verdicts = tuple(
        _verdict(name, result) for name, parts in results.items() for part in parts for result in part.results
    )
    if data_docs is not None:
        with kept_folder(data_docs) as version:
            _write_data_docs(results, folder=version)
            (version / "index.html").write_text(index_page(verdicts, title=title), encoding="utf-8")
    return verdicts


def _source_of(engine: Engine) -> EmbeddedDatasource | SparkDatasource:
    """The engine as Great Expectations reads it: over a connection of its own, or as Spark's data frames."""
    kind = engine.backend.name
    if kind == "pyspark":
        return SparkDatasource(name="engine")
    options: dict[str, Any] = {"poolclass": sqlalchemy.pool.StaticPool}
    if kind == "postgres":
        options["creator"] = engine.connected
        return EmbeddedDatasource(name="engine", connection_string="postgresql+psycopg://", kwargs=options)
    options["creator"] = lambda: duckdb_engine.ConnectionWrapper(engine.connected())
    return EmbeddedDatasource(name="engine", connection_string="duckdb:///:memory:", kwargs=options)


def _batch_of(source: EmbeddedDatasource | SparkDatasource, name: str, engine: Engine, rows: ir.Table) -> Batch:
    if isinstance(source, SparkDatasource):
        frame = engine.backend.raw_sql(_sql(engine, rows))
        asset = source.add_dataframe_asset(name)
        definition = asset.add_batch_definition_whole_dataframe("all rows")
        return definition.get_batch(batch_parameters={"dataframe": frame})
    query = source.add_query_asset(name, query=_sql(engine, rows))
    return query.add_batch_definition_whole_table("all rows").get_batch()


def _run(
    source: EmbeddedDatasource | SparkDatasource,
    name: str,
    engine: Engine,
    rows: ir.Table,
    *,
    expectations: list[ExpectationConfiguration],
) -> ExpectationSuiteValidationResult:
    suite = gx.ExpectationSuite(name=name, expectations=expectations)
    if len(suite.expectations) != len(expectations):
        # Great Expectations leaves out what it cannot read, and says so in its log only.
        wanted, taken = len(expectations), len(suite.expectations)
        raise RuntimeError(f"Great Expectations took {taken} of the {wanted} expectations about {name}")
    return _batch_of(source, name, engine, rows).validate(suite, result_format=_COUNTS_ONLY)


def _sql(engine: Engine, rows: ir.Table) -> str:
    return str(engine.backend.compile(rows))


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


def _delivered(expected: Expected) -> ir.Table:
    """The known columns of every delivered row."""
    if expected.judged is None:
        return expected.table.rows
    return expected.judged.delivered.select(*expected.table.known)


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
    engine: Engine, expected: Expected, *, judged: Judged, checks: Checks
) -> Iterator[ExpectationConfiguration]:
    """That there are rows, and that few breach a rule or are refused in all."""
    name = judged.name
    if judged.table.contract.is_required:
        subject = _Subject(f"{name}.{NOT_EMPTY}", sentence="the table has rows")
        yield subject.expected("expect_table_row_count_to_be_between", {"min_value": 1})
    allowed = percent(checks.max_refused_share)
    subject = _Subject(f"{name}.{REFUSED_SHARE}", sentence=f"at most {allowed} of the rows are refused, whatever for")
    yield subject.few_rows(_breaching(engine, judged.refused), mostly=1 - checks.max_refused_share)
    yield from _about_persons(engine, judged)
    rows, n_judged = _rows_judged(judged)
    for rule in judged.rules:
        # The promise is about all rows, but Great Expectations takes the share among those that it judges.
        judgeable = n_judged[rule.id]
        tolerated = (checks.max_refused_share * rows + _LESS_THAN_A_ROW) / judgeable if judgeable else 1.0
        mostly = max(0.0, 1 - tolerated)
        yield _about_rule(engine, judged, rule, latest=expected.extracted_at, mostly=mostly, allowed=allowed)


def _rows_judged(judged: Judged) -> tuple[int, Mapping[str, int]]:
    counts = {rule.id: rule.n_judged(judged.typed) for rule in judged.rules}
    row = judged.typed.aggregate(n_rows=judged.typed.count(), **counts).to_pyarrow().to_pylist()[0]
    return row.pop("n_rows"), row


def _breaching(engine: Engine, rows: ir.Table) -> str:
    """A query of breaching rows, as Great Expectations takes it: it speaks of `{batch}`, other braces are doubled.

    It does so in a comment: Great Expectations writes a name behind the batch on some engines, and none on others.
    """
    sql = _sql(engine, rows.select("source_row")).replace("{", "{{").replace("}", "}}")
    return f"SELECT source_row FROM (\n{sql}\n) AS breaching /* of {{batch}} */"


def _about_persons(engine: Engine, judged: Judged) -> Iterator[ExpectationConfiguration]:
    """That no text that becomes a feature identifies a person: declared attributes, and the contract's free texts."""
    table = judged.table
    declared = [name for name, attribute in table.attributes.items() if attribute.type == "category"]
    for name in (*FREE_TEXTS.get(table.name, ()), *declared):
        if name in table.columns:
            rule, sentence = f"{table.name}.{name}.{NOT_PERSONAL}", f"{name} holds no email address or phone number"
            personal = judged.typed.filter(is_personal_value(judged.typed[name]))
            yield _Subject(rule, column=name, sentence=sentence).few_rows(_breaching(engine, personal), mostly=1.0)


def _about_rule(
    engine: Engine, judged: Judged, rule: RowRule, *, latest: dt.datetime, mostly: float, allowed: str
) -> ExpectationConfiguration:
    """The expectation of one row rule: Great Expectations' own where it has one, otherwise the rule's query."""
    if isinstance(rule, InVocabulary):
        # One word that nothing maps stops the run: it would be missing wherever it stands.
        mapped = known_words(judged.words, rule.judges) if judged.words is not None else []
        words = {"column": rule.judges, "value_set": list(dict.fromkeys([*rule.words, *mapped]))}
        subject = _Subject(rule.id, column=rule.judges, sentence=rule.promise)
        return subject.expected("expect_column_values_to_be_in_set", words)
    sentence = f"{rule.promise}; at most {allowed} of the rows may breach it"
    subject = _Subject(rule.id, column=rule.judges, sentence=sentence, severity=FailureSeverity.WARNING)
    native = rule.expectation(extracted_at=latest)
    if native is not None:
        only = {"row_condition": GxColumn(native.only_where_null).is_null()} if native.only_where_null else {}
        return subject.expected(native.type, {**native.options, **only, "mostly": mostly})
    return subject.few_rows(_breaching(engine, _breaching_rows(judged, rule, latest=latest)), mostly=mostly)


def _breaching_rows(judged: Judged, rule: RowRule, *, latest: dt.datetime) -> ir.Table:
    """The rows that breach a rule for which Great Expectations has no word.

    What one row shows is found anew, apart from the quarantine. What several rows show together is not: it takes the
    check as long as everything else in a table, and its count would come from the same expression.
    """
    if not isinstance(rule, SeenInRow) or rule.is_about_mergers:
        return judged.breached(type(rule))
    return judged.rows.filter(rule.breaches(judged.rows, extracted_at=latest))


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
