"""The contracts as a Great Expectations checkpoint, run inside the engine. The only module that knows the framework.

One context, one datasource, one checkpoint: `checkpoint_on` adds the suites `delivered_<table>` and `<table>` to the
context, a validation definition for each, and runs all of them once. Results hold counts only.
"""

import datetime as dt
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import duckdb_engine
import jinja2
import sqlalchemy

from data_contracts.check.suites import LESS_THAN_A_ROW, Promise, Suite, sql_of
from data_contracts.check.templates import TEMPLATES
from data_contracts.history import Verdict
from data_contracts.ports import Engine

with warnings.catch_warnings():
    # Great Expectations imports two modules that Python 3.11 deprecates.
    warnings.filterwarnings("ignore", message="module 'sre_", category=DeprecationWarning)
    import great_expectations as gx
    from great_expectations.compatibility.pydantic import PrivateAttr
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
    from great_expectations.core.batch_definition import BatchDefinition
    from great_expectations.data_context import AbstractDataContext
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.datasource.fluent import BatchRequest, SparkDatasource, SQLDatasource
    from great_expectations.datasource.fluent.spark_datasource import DataFrameAsset
    from great_expectations.execution_engine import SqlAlchemyExecutionEngine
    from great_expectations.expectations import UnexpectedRowsExpectation
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.expectations.metadata_types import FailureSeverity
    from great_expectations.expectations.row_conditions import Column as GxColumn
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

CHECKPOINT = "data_contracts"
"""The name of the checkpoint."""

_COUNTS_ONLY = {
    "result_format": "BASIC",
    "exclude_unexpected_values": True,
    "partial_unexpected_count": 0,
    "include_unexpected_rows": False,
}


class ExpectBreachingRowsToBeFew(UnexpectedRowsExpectation):
    """Expects a query to select at most the share `1 - mostly` of all rows. Only counts are fetched."""

    mostly: float = 1.0

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.row_count", "table.row_count")
    success_keys: ClassVar[tuple[str, ...]] = ("unexpected_rows_query", "mostly")

    def _validate(self, metrics: dict[str, Any], *_: object, **__: object) -> dict[str, Any]:
        rows, unexpected = metrics["table.row_count"], metrics["unexpected_rows_query.row_count"]
        return {
            "success": unexpected <= (1 - self.mostly) * rows + LESS_THAN_A_ROW,
            "result": {
                "element_count": rows,
                "unexpected_count": unexpected,
                "unexpected_percent": 100 * unexpected / rows if rows else 0.0,
            },
        }


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


class HeldFrame(DataFrameAsset):  # type: ignore[type-arg]
    """A Spark data frame that its asset holds: a checkpoint takes one set of batch parameters for all its batches."""

    _frame: Any = PrivateAttr(default=None)

    def build_batch_request(
        self, options: Any = None, batch_slice: Any = None, partitioner: Any = None
    ) -> BatchRequest[None]:
        """The request for the frame that is held, whatever `options` say."""
        return super().build_batch_request({"dataframe": self._frame}, batch_slice, partitioner)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a run of the checkpoint found.

    Attributes
    ----------
    judged_at
        When the checkpoint ran (UTC, naive).
    verdicts
        One a rule, table by table, those on columns first.
    results
        Great Expectations' results by table, for its pages.
    """

    judged_at: dt.datetime
    verdicts: tuple[Verdict, ...]
    results: Mapping[str, Sequence[ExpectationSuiteValidationResult]]

    def write_pages(self, folder: Path) -> None:
        """Write Great Expectations' page `<table>.html` on each table: its columns and its rows together."""
        for name, parts in self.results.items():
            (folder / f"{name}.html").write_text(_page(_joined(name, parts)), encoding="utf-8")


def judge(engine: Engine, suites: Sequence[Suite]) -> Judgement:
    """The verdicts of Great Expectations on `suites`.

    Raises `RuntimeError` where Great Expectations could not judge at all, which it would report as a failed
    expectation, or left an expectation out.
    """
    run = gx.RunIdentifier(run_time=None)
    if not suites:
        return _judgement(run, {}, suites)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = _source_of(engine)
    context.add_datasource(datasource=source)
    try:
        result = checkpoint_on(context, source, engine, suites).run(run_id=run)
    finally:
        if isinstance(source, EmbeddedDatasource):
            source.close()
    return _judgement(run, {part.suite_name: part for part in result.run_results.values()}, suites)


def checkpoint_on(
    context: AbstractDataContext,
    source: EmbeddedDatasource | SparkDatasource,
    engine: Engine,
    suites: Sequence[Suite],
) -> gx.Checkpoint:
    """The checkpoint of all `suites`, added to `context` with them and their validation definitions."""
    definitions = [
        context.validation_definitions.add(
            gx.ValidationDefinition(
                name=suite.name, data=_batch_of(source, engine, suite), suite=context.suites.add(_configured(suite))
            )
        )
        for suite in suites
    ]
    checkpoint = gx.Checkpoint(name=CHECKPOINT, validation_definitions=definitions, result_format=_COUNTS_ONLY)
    return context.checkpoints.add(checkpoint)


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


def _batch_of(source: EmbeddedDatasource | SparkDatasource, engine: Engine, suite: Suite) -> BatchDefinition[None]:
    query = sql_of(engine, suite.rows)
    if isinstance(source, SparkDatasource):
        asset = HeldFrame(name=suite.name)
        asset._frame = engine.backend.raw_sql(query)
        held: BatchDefinition[None] = source._add_asset(asset).add_batch_definition_whole_dataframe("all rows")
        return held
    return source.add_query_asset(suite.name, query=query).add_batch_definition_whole_table("all rows")


def _configured(suite: Suite) -> gx.ExpectationSuite:
    expectations = [_configuration(promise) for promise in suite.promises]
    made = gx.ExpectationSuite(name=suite.name, expectations=expectations)
    # Great Expectations leaves out what it cannot read, and says so in its log only.
    _refuse_left_out(suite, len(made.expectations), done="took")
    return made


def _refuse_left_out(suite: Suite, n: int, *, done: str) -> None:
    if n != len(suite.promises):
        raise RuntimeError(f"Great Expectations {done} {n} of the {len(suite.promises)} expectations of {suite.name}")


def _configuration(promise: Promise) -> ExpectationConfiguration:
    wanted = promise.expectation
    only = {"row_condition": GxColumn(wanted.only_where_null).is_null()} if wanted.only_where_null else {}
    return ExpectationConfiguration(
        wanted.type,
        {**wanted.options, **only},
        meta={"rule": promise.rule, "column": promise.column},
        description=promise.sentence,
        severity=FailureSeverity(promise.severity),
    )


def _judgement(
    run: gx.RunIdentifier, results: Mapping[str, ExpectationSuiteValidationResult], suites: Sequence[Suite]
) -> Judgement:
    """What follows from the `results` by suite."""
    by_table: dict[str, list[ExpectationSuiteValidationResult]] = {}
    for suite in suites:
        _refuse_left_out(suite, len(results[suite.name].results), done="judged")
        by_table.setdefault(suite.table, []).append(results[suite.name])
    verdicts = tuple(_verdict(name, one) for name, parts in by_table.items() for part in parts for one in part.results)
    judged_at = run.run_time.astimezone(dt.UTC).replace(tzinfo=None)
    return Judgement(judged_at, verdicts=verdicts, results=by_table)


def _verdict(table: str, result: ExpectationValidationResult) -> Verdict:
    config = result.expectation_config
    if config is None or _was_raised(result.exception_info):
        raise RuntimeError(f"Great Expectations could not judge {config} of {table}: {result.exception_info}")
    counts = result.result
    return Verdict(
        table=table,
        rule=config.meta["rule"],
        promise=str(config.description),
        expectation=config.type,
        column=config.meta["column"],
        success=bool(result.success),
        unexpected=int(counts.get("unexpected_count") or 0),
        rows=int(counts.get("element_count") or counts.get("observed_value") or 0),
        severity=config.severity.value,
    )


def _was_raised(told: Mapping[str, Any]) -> bool:
    """Whether an exception was raised: `told` is about the expectation, or about each of its metrics by id."""
    return bool(told.get("raised_exception")) or any(
        bool(each.get("raised_exception")) for each in told.values() if isinstance(each, Mapping)
    )


def _joined(name: str, parts: Sequence[ExpectationSuiteValidationResult]) -> ExpectationSuiteValidationResult:
    """What was judged of the columns of a table and of its rows, as one result."""
    every = [result for part in parts for result in part.results]
    met = sum(bool(result.success) for result in every)
    return ExpectationSuiteValidationResult(
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


def _page(result: ExpectationSuiteValidationResult) -> str:
    """Great Expectations' page on `result`."""
    return str(_view().render(ValidationResultsPageRenderer().render(result)))  # type: ignore[no-untyped-call]


@cache
def _view() -> DefaultJinjaPageView:
    """Great Expectations' view, without what its template loads from other people's servers.

    One for all pages: each view compiles the templates anew.
    """
    view = DefaultJinjaPageView()
    loaders = [TEMPLATES, view.env.loader]
    view.env.loader = jinja2.ChoiceLoader([loader for loader in loaders if loader is not None])
    return view
