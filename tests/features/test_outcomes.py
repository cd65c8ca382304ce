"""What became of snapshots. The tables are in `specs/outcomes.txt`."""

import datetime as dt
from collections import Counter

import pytest

from data_contracts.vocabulary import Transition
from features.outcomes import outcomes_of, with_wins
from features.snapshots import training_snapshots
from tests.example_kinds import KINDS
from tests.features.spec_files import specs_of
from tests.some_engines import ENGINES

OUTCOMES = "outcomes "


def judged(history, settings, transition):
    snapshots = training_snapshots(history, settings.definitions, transition=transition)
    found = outcomes_of(history, snapshots, settings=settings, transition=transition)
    table = snapshots.table.join(found, "snapshot_id").order_by("lead_id", "as_of")
    return table.to_pyarrow().to_pylist()


def meant(name, cell):
    if name in ("as_of", "outcome_known_at", "won_known_at"):
        return dt.datetime.fromisoformat(cell)
    if name.endswith("_after_days"):
        return None if cell is None else pytest.approx(float(cell))
    if name == "weight":
        over, _, under = cell.partition("/")
        return pytest.approx(int(over) / int(under or 1))
    return cell


SPECS = specs_of("outcomes")


@pytest.mark.parametrize("spec", [spec for spec in SPECS if "wins" not in spec.tables], ids=str)
def test_outcomes_are_judged_as_the_spec_says(spec, make_history, settings):
    history = make_history(spec.tables)
    [name] = [name for name in spec.tables if name.startswith(OUTCOMES)]
    found = judged(history, settings, Transition(name.removeprefix(OUTCOMES)))
    expected = [{column: meant(column, cell) for column, cell in row.items()} for row in spec.tables[name]]
    assert [{column: row[column] for column in expected[0]} for row in found] == expected
    assert [row["converted"] for row in found] == [row["outcome_status"] == "converted" for row in found]


FUNNEL = {
    "leads": [{"lead_id": lead} for lead in "ABCD"],
    "stage_changes": [
        # A converted, B was called and did not, C was never called, D is too young to tell.
        {"lead_id": "A", "stage": "mql", "entered_at": "2026-03-01"},
        {"lead_id": "A", "stage": "sql", "entered_at": "2026-03-02"},
        {"lead_id": "B", "stage": "mql", "entered_at": "2026-03-01"},
        {"lead_id": "B", "stage": "sal", "entered_at": "2026-03-02"},
        {"lead_id": "B", "stage": "lost", "entered_at": "2026-03-03"},
        {"lead_id": "C", "stage": "mql", "entered_at": "2026-03-01"},
        {"lead_id": "C", "stage": "nurture", "entered_at": "2026-03-03"},
        {"lead_id": "D", "stage": "mql", "entered_at": "2026-12-30"},
        {"lead_id": "D", "stage": "sal", "entered_at": "2026-12-30"},
    ],
}


def test_the_rate_among_labelled_leads_holds_neither_the_censored_nor_the_never_contacted(make_history, settings):
    rows = judged(make_history(FUNNEL), settings, Transition.MQL_TO_SQL)
    assert Counter(row["outcome_status"] for row in rows) == {
        "converted": 1,
        "not_converted": 1,
        "never_contacted": 1,
        "censored": 1,
    }
    weight = sum(row["weight"] for row in rows)
    assert sum(row["weight"] for row in rows if row["converted"]) / weight == 1 / 2


def test_where_contact_is_assumed_nobody_is_never_contacted(make_history, settings_with):
    settings = settings_with(definitions={"contact": {"assume_contacted_because": "every lead is called"}})
    rows = judged(make_history(FUNNEL), settings, Transition.MQL_TO_SQL)
    assert Counter(row["outcome_status"] for row in rows) == {"converted": 1, "not_converted": 2, "censored": 1}


@pytest.mark.parametrize(("counts", "status"), [(True, "not_converted"), (False, "never_contacted")])
def test_a_dial_that_nobody_answered_counts_as_contact_where_its_kind_says_so(
    make_history, settings_with, counts, status
):
    kinds = KINDS | {"call_attempt": KINDS["call_attempt"] | {"counts_as_contact": counts}}
    dial = {"lead_id": "C", "kind": "call", "direction": "outbound", "occurred_at": "2026-03-02"}
    tables = FUNNEL | {"activities": [dial | {"duration_seconds": 12.0, "outcome": "No answer"}]}
    rows = judged(make_history(tables), settings_with(crm={"kinds": kinds}), Transition.MQL_TO_SQL)
    assert {row["outcome_status"] for row in rows if row["lead_id"] == "C"} == {status}


def test_an_sql_is_never_one_that_nobody_contacted_even_where_only_calls_count_as_contact(make_history, settings_with):
    settings = settings_with(definitions={"contact": {"stages": ()}})
    rows = judged(make_history(FUNNEL), settings, Transition.SQL_TO_WIN)
    assert {(row["lead_id"], row["outcome_status"]) for row in rows} == {("A", "not_converted")}


def ways_to_a_win(history, settings):
    """Each snapshot of MQL to SQL with what became of it on the whole way to a win."""
    definitions = settings.definitions
    snapshots = training_snapshots(history, definitions, transition=Transition.MQL_TO_SQL)
    outcomes = outcomes_of(history, snapshots, settings=settings, transition=Transition.MQL_TO_SQL)
    found = with_wins(outcomes, history, snapshots, definitions=definitions)
    return snapshots.table.join(found, "snapshot_id").order_by("lead_id", "as_of").to_pyarrow().to_pylist()


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_wins_are_judged_as_the_specs_say_on_every_engine(engine, make_history, settings):
    for spec in (spec for spec in SPECS if "wins" in spec.tables):
        found = ways_to_a_win(make_history(spec.tables), settings)
        expected = [{column: meant(column, cell) for column, cell in row.items()} for row in spec.tables["wins"]]
        assert [{column: row[column] for column in expected[0]} for row in found] == expected, spec
