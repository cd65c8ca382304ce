"""Rows by period and group."""

import datetime as dt

import pandas as pd
import pytest

from alignment.cohorts import beside_leads, cells_of, whole_days
from alignment.milestones import milestones_of
from data_contracts.metrics.periods import Period


@pytest.fixture
def milestones(make_history, settings_with):
    under = settings_with(policy={"calendar": {"time_zone": "Europe/Berlin"}})
    leads = [{"lead_id": "a", "source": "web"}, {"lead_id": "b", "source": "fair"}, {"lead_id": "c"}]
    return milestones_of(make_history({"leads": leads}, under=under, extracted_at=dt.datetime(2026, 4, 1)), under)


def test_cells_begin_on_local_days_and_those_of_no_group_come_last(milestones):
    rows = pd.DataFrame({"lead_id": ["c", "a", "b", "a", "stranger"]})
    rows["at"] = pd.to_datetime(
        ["2026-01-31 23:30", "2026-02-10", "2026-02-10", "2026-01-31 22:30", "2026-02-10"], format="ISO8601"
    )
    beside = beside_leads(rows, milestones, columns=("owner_id",), by="source")
    cells = list(cells_of(beside, beside["at"], every=Period.MONTH, milestones=milestones))
    assert [(cell.cohort.month, cell.group, len(cell.rows)) for cell in cells] == [
        (1, "web", 1), (2, "fair", 1), (2, "web", 1), (2, None, 1),
    ]  # fmt: skip
    assert cells[0].is_mature(Period.MONTH, days=59, milestones=milestones), "from local midnight of 1 February"
    assert not cells[0].is_mature(Period.MONTH, days=60, milestones=milestones)


def test_of_no_rows_there_are_no_cells(milestones):
    nothing = pd.DataFrame({"lead_id": pd.Series(dtype=object), "at": pd.Series(dtype="datetime64[us]")})
    beside = beside_leads(nothing, milestones, columns=())
    assert list(cells_of(beside, beside["at"], every=Period.WEEK, milestones=milestones)) == []


def test_days_are_whole_and_at_least_none():
    spans = pd.Series(pd.to_timedelta(["47h", "48h", "-1h"]))
    assert whole_days(spans).tolist() == [1, 2, 0]
