"""One history checked and read on every other engine: the same rows, counts, fingerprint and figures as on DuckDB."""

import datetime as dt
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from crm.sql_source import SqlSource
from data_contracts.check.run import check_history
from data_contracts.columns import TABLES
from data_contracts.history import CheckedHistory, RawHistory
from data_contracts.ports import Engine
from data_contracts.settings import Settings, load_settings
from data_contracts.snapshots import Snapshots
from data_contracts.vocabulary import Transition
from engines.duckdb import DuckDbEngine
from features.build import build_features
from features.outcomes import outcomes_of
from features.snapshots import scoring_snapshots, training_snapshots
from serving.asked_leads import around, delivered, known_ids, refused_rows
from simulation import simulate
from tests.some_engines import ENGINES, opened

ROOT = Path(__file__).parents[2]
N_LEADS = 400
AS_OF = dt.datetime(2026, 6, 1)

pytestmark = pytest.mark.whole


@pytest.fixture(scope="module", params=ENGINES[1:])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An empty engine; not DuckDB, beside which the others are held."""
    with opened(request.param, request, tmp_path_factory) as one:
        yield one


@dataclass(frozen=True)
class Delivery:
    """What the simulated CRM delivered, in memory."""

    tables: Mapping[str, pa.Table]
    extracted_at: dt.datetime
    digests: Mapping[str, str]

    def carried_to(self, engine: Engine) -> RawHistory:
        """The delivery in `engine`."""
        tables = {name: engine.keep(f"raw_{name}", table) for name, table in self.tables.items()}
        return RawHistory(tables, self.extracted_at, source="simulated", select_digests=self.digests)


LEFT_OUT = [
    {"name": "giants", "table": "accounts", "column": "employees", "at_least": 3000},
    {"name": "hot", "table": "leads", "column": "rating", "one_of": ["Hot"]},
    {"name": "scanners", "table": "activities", "column": "kind", "one_of": ["email_open", "email_click"],
     "within_seconds_of": "email_sent", "at_most": 86_400},
    {"name": "rings", "table": "activities", "column": "duration_seconds", "at_most": 10},
]  # fmt: skip


@pytest.fixture(scope="module")
def settings() -> Settings:
    """The shipped settings, which leave out something of each table that may be."""
    shipped = load_settings(ROOT / "config/scoring.toml")
    content = shipped.model_dump(mode="json")
    content["crm"] |= {"left_out": LEFT_OUT, "rates": {"USD": 0.92}}
    return Settings.model_validate_json(json.dumps(content))


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Delivery:
    """400 leads, and some texts that are hard to read."""
    folder = tmp_path_factory.mktemp("crm")
    simulate(folder, n_leads=N_LEADS, seed=3)
    engine = DuckDbEngine.opened()
    source = SqlSource("simulated", folder=ROOT / "config/sources/simulated", data_folder=folder)
    raw = source.read(engine)
    tables = {name: table.to_pyarrow() for name, table in raw.tables.items()}
    tables["leads"] = _with(tables["leads"], "source", {0: 'we "b"\n\\x\a\v\f\x01\t\u00fc', 1: " padded\u00a0"})
    tables["leads"] = _with(tables["leads"], "merged_into", {6: "jane@example.org"})
    tables["leads"] = _with(
        tables["leads"], "created_at", {3: "2024-02-30", 4: "2025-03-01T10:00:00.1234567+01:00", 5: "epoch"}
    )
    tables["opportunities"] = _with(tables["opportunities"], "amount", {0: "1e400", 1: "12,50", 2: "-3", 3: "1_000"})
    currencies = [("USD", "EUR", None)[row % 3] for row in range(len(tables["opportunities"]))]
    tables["opportunities"] = tables["opportunities"].append_column("currency", pa.array(currencies, pa.string()))
    return Delivery(tables, raw.extracted_at, raw.select_digests)


def _with(table: pa.Table, column: str, values: Mapping[int, str]) -> pa.Table:
    changed = table[column].cast(pa.string()).to_pylist()
    for row, value in values.items():
        changed[row] = value
    return table.set_column(table.schema.get_field_index(column), column, pa.array(changed, pa.string()))


@pytest.fixture(scope="module")
def on_duckdb(delivery: Delivery, settings: Settings) -> Iterator[CheckedHistory]:
    """The delivery, checked on DuckDB."""
    engine = DuckDbEngine.opened()
    yield check_history(delivery.carried_to(engine), _lenient(settings), engine=engine)
    engine.close()


@pytest.fixture(scope="module")
def checked(delivery: Delivery, settings: Settings, engine: Engine) -> CheckedHistory:
    """The delivery, checked on the engine under test."""
    return check_history(delivery.carried_to(engine), _lenient(settings), engine=engine)


def _lenient(settings: Settings) -> Settings:
    """So that broken rows do not stop the run."""
    return settings.model_copy(update={"checks": settings.checks.model_copy(update={"max_refused_share": 0.2})})


def rows_of(table) -> list[tuple]:
    found = table.to_pyarrow()
    names = sorted(found.column_names)
    rows = ({name: _plain(value) for name, value in row.items()} for row in found.to_pylist())
    return sorted((tuple(row[name] for name in names) for row in rows), key=repr)


def _plain(value):
    if isinstance(value, float):
        return None if math.isnan(value) else float(f"{value:.9e}")
    return value


def same(found, wanted):
    """Whether two tables hold the same rows; figures may differ by 1e-9 of themselves."""
    assert set(found.columns) == set(wanted.columns)
    ours, theirs = rows_of(found), rows_of(wanted)
    assert len(ours) == len(theirs)
    assert [pair for pair in zip(ours, theirs, strict=True) if not _close(*pair)][:3] == []
    return True


def _close(ours: tuple, theirs: tuple) -> bool:
    return all(
        math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) if isinstance(a, float) and isinstance(b, float) else a == b
        for a, b in zip(ours, theirs, strict=True)
    )


def test_there_are_accepted_and_refused_rows_to_compare(on_duckdb):
    counts = {check.table: (check.accepted, check.refused) for check in on_duckdb.report.tables}
    assert counts["leads"][0] > N_LEADS / 2
    assert sum(refused for _, refused in counts.values()) > 20


def test_the_same_rows_are_accepted(checked, on_duckdb):
    for name in TABLES:
        assert same(checked.history.tables[name], on_duckdb.history.tables[name])
    assert same(checked.history.unsettled, on_duckdb.history.unsettled)


def test_the_same_rows_are_refused_for_the_same_reasons_in_the_same_words(checked, on_duckdb):
    assert same(checked.quarantine.table, on_duckdb.quarantine.table)


def test_the_same_rows_are_left_out_under_the_same_names(checked, on_duckdb):
    assert same(checked.left_out.table, on_duckdb.left_out.table)
    left_out = {(check.table, name) for check in on_duckdb.report.tables for name in check.left_out}
    own = {(one["table"], one["name"]) for one in LEFT_OUT}
    theirs = {(table, "hot") for table in ("activities", "stage_changes", "opportunities")} | {("leads", "giants")}
    assert own | theirs <= left_out


def test_the_report_is_the_same_with_its_fingerprint_counts_and_verdicts(checked, on_duckdb):
    assert checked.report.fingerprint == on_duckdb.report.fingerprint
    assert checked.report.tables == on_duckdb.report.tables
    assert checked.report.warnings == on_duckdb.report.warnings
    assert checked.report.verdicts == on_duckdb.report.verdicts


def snapshots_of(history, settings, kind) -> Snapshots:
    if kind == "scoring":
        return scoring_snapshots(history, settings.definitions, as_of=AS_OF)
    return training_snapshots(history, settings.definitions, transition=Transition(kind))


@pytest.mark.parametrize("kind", ["mql_to_sql", "sql_to_win", "scoring"])
def test_snapshots_and_their_features_are_the_same(checked, on_duckdb, settings, engine, kind):
    ours, theirs = (snapshots_of(one.history, settings, kind) for one in (checked, on_duckdb))
    assert same(ours.table, theirs.table)
    ours = Snapshots(engine.keep(f"snapshots_{kind}", ours.table))
    found, wanted = (
        build_features(one.history, snapshots, settings=settings).table
        for one, snapshots in ((checked, ours), (on_duckdb, theirs))
    )
    assert same(found, wanted)


@pytest.mark.parametrize("kind", ["mql_to_sql", "sql_to_win"])
def test_outcomes_are_the_same(checked, on_duckdb, settings, engine, kind):
    found, wanted = (
        outcomes_of(
            one.history,
            snapshots_of(one.history, settings, kind),
            settings=settings,
            transition=Transition(kind),
        )
        for one in (checked, on_duckdb)
    )
    assert same(found, wanted)


def test_the_part_around_some_leads_and_what_was_refused_of_them_is_the_same(checked, on_duckdb, delivery, engine):
    refused = on_duckdb.quarantine.table.filter(on_duckdb.quarantine.table.table == "leads").limit(2)
    asked = [f"L-{number:07d}" for number in range(0, 60, 7)] + refused.row_key.to_pyarrow().to_pylist()
    with around(checked.history, asked) as ours, around(on_duckdb.history, asked) as theirs:
        assert theirs.leads.count().to_pyarrow().as_py() > len(asked)
        assert same(ours.unsettled, theirs.unsettled)
        for name in TABLES:
            assert same(ours.tables[name], theirs.tables[name])
        assert known_ids(ours, asked) == known_ids(theirs, asked)
    found = refused_rows(checked.quarantine, asked)
    assert found == refused_rows(on_duckdb.quarantine, asked)
    assert len(found) > 1
    raw = RawHistory(
        {name: engine.table(f"raw_{name}") for name in delivery.tables}, delivery.extracted_at, "simulated"
    )
    in_file = delivery.tables["activities"]["lead_id"].to_pylist()
    told = delivered(raw, asked)
    assert told.counts["activities"] == {one: in_file.count(one) for one in asked if one in in_file}
    assert set(told.leads) == set(asked)
