"""What a backtest learns from at a moment is what it would have learnt then: later records change no training row."""

import datetime as dt

import pandas as pd
import pytest
from hypothesis import example, given

from data_contracts.ports import Engine
from data_contracts.settings import Settings
from data_contracts.snapshots import Snapshots
from data_contracts.vocabulary import Transition
from features.outcomes import LABELS, outcomes_of
from features.snapshots import training_snapshots
from models.split import as_it_stood
from tests.example_history import column_types, history
from tests.features.conftest import SNAPSHOT_TYPES
from tests.features.test_no_look_ahead import AS_OF, EXAMPLES, EXTRACTED_AT, Workbench, as_it_was, histories

TOLD = ["lead_id", "as_of", "converted"]
DAYS = {"contacted_after_days": float, "converted_after_days": float}
READ_COLUMNS = [*TOLD, "outcome_known_at", *DAYS]
LONG_AGO = AS_OF - dt.timedelta(days=60)


@pytest.fixture(scope="module")
def workbench(engine: Engine, settings: Settings) -> Workbench:
    """Two views a transition: one of the whole history, one of an extract that was taken at the moment."""
    transitions = tuple(settings.definitions.transitions)
    for name, extracted_at in (("whole", EXTRACTED_AT), ("then", AS_OF)):
        crm = history({}, engine=engine, under=settings, extracted_at=extracted_at)
        for transition in transitions:
            snapshots = training_snapshots(crm, settings.definitions, transition=transition).table
            snapshots = snapshots.filter(snapshots.as_of < AS_OF)
            outcomes = outcomes_of(crm, Snapshots(snapshots), settings=settings, transition=transition)
            engine.backend.create_view(f"{name}_{transition}", snapshots.join(outcomes, "snapshot_id"))
    return Workbench(engine, {**column_types(settings), "moments": SNAPSHOT_TYPES}, transitions)


def lead(*changes: tuple[str, int, int]) -> dict[str, list[dict[str, object]]]:
    """Lead A with stages, each with the days from long ago to its entry and to its record."""
    rows = [
        {"lead_id": "A", "stage": stage, "entered_at": LONG_AGO + dt.timedelta(days=entered),
         "recorded_at": LONG_AGO + dt.timedelta(days=recorded)}
        for stage, entered, recorded in changes
    ]  # fmt: skip
    created = {"lead_id": "A", "account_id": None, "created_at": LONG_AGO, "source": None, "seniority": None}
    return {
        "accounts": [], "leads": [{**created, "budget": None}], "activities": [], "stage_changes": rows,
        "attribute_changes": [],
    }  # fmt: skip


RECORDED_LATE = lead(("mql", 0, 0), ("sal", 1, 1), ("sql", 5, 61))
TOUCHED_LATE = lead(("mql", 0, 0), ("sal", 1, 61), ("lost", 2, 2))


def learnt(workbench: Workbench, tables: dict[str, list[dict[str, object]]], transition: Transition):
    """What is learnt at the moment from the whole history, and from the extract that was taken then."""
    workbench.fill(tables, as_it_was(tables))
    whole, then = (labelled(workbench.read(f"{name}_{transition}")[nth]) for nth, name in enumerate(("whole", "then")))
    return told(as_it_stood(whole, AS_OF)), told(then)


def labelled(rows: list[dict[str, object]]) -> pd.DataFrame:
    frame = pd.DataFrame([row for row in rows if row["outcome_status"] in LABELS], columns=READ_COLUMNS)
    return frame.astype({"as_of": "datetime64[us]", "outcome_known_at": "datetime64[us]", "converted": bool} | DAYS)


def told(rows: pd.DataFrame) -> list[dict[str, object]]:
    return rows[TOLD].sort_values(TOLD).to_dict("records")


@EXAMPLES
@example(tables=RECORDED_LATE)
@example(tables=TOUCHED_LATE)
@given(tables=histories())
def test_deleting_what_was_recorded_since_changes_no_training_row(workbench: Workbench, tables) -> None:
    for transition in workbench.transitions:
        whole, then = learnt(workbench, tables, transition)
        assert whole == then


def test_a_conversion_recorded_after_the_moment_was_none_then(workbench: Workbench) -> None:
    whole, _ = learnt(workbench, RECORDED_LATE, Transition.MQL_TO_SQL)
    assert [row["converted"] for row in whole] == [False] * 4


def test_a_lead_whose_touch_was_recorded_after_the_moment_was_no_label_then(workbench: Workbench) -> None:
    whole, _ = learnt(workbench, TOUCHED_LATE, Transition.MQL_TO_SQL)
    assert whole == []
