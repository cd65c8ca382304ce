"""What the weeks of a played call list say."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from benchmarks.queue import QueueWeeks, open_scores, played
from tests.example_calls import day, sales
from tests.example_history import history


def weeks(**figures: list[float]) -> QueueWeeks:
    told = {"places": [10, 10], "handed_off": [10, 9], "eligible": [12, 9], "waiting": [2, 0]}
    told |= {"oldest_days": [1.0], "expired": [0]}
    return QueueWeeks(**{name: np.array(values) for name, values in (told | figures).items()})


def test_a_week_without_enough_eligible_leads_need_not_be_full():
    assert (weeks().is_kept, weeks().least_used) == (True, 1.0)
    assert weeks(eligible=[12, 11]).least_used == 0.9
    assert weeks(handed_off=[11, 9]).is_kept is False


@pytest.fixture
def crm():
    """A waits from Monday on, B is with sales from the first Wednesday on."""
    return history(
        {
            "leads": [{"lead_id": "A"}, {"lead_id": "B"}],
            "stage_changes": [
                {"lead_id": "B", "stage": "sal", "entered_at": day(3), "recorded_at": day(3)},
            ],
        }
    )


def test_a_lead_is_open_until_it_is_known_to_be_with_sales(crm):
    scores = pd.DataFrame({"lead_id": ["A", "B", "B"], "as_of": [day(1), day(1), day(4)], "p_first": 0.9})
    leads = pd.DataFrame({"lead_id": ["A", "B"], "team": "sales", "suppressed_by": None})
    found = open_scores(scores, leads, crm).sort_values(["lead_id", "as_of"])["open_until"]
    assert found.tolist() == [pd.NaT, day(3), pd.NaT]
    assert open_scores(scores, leads.assign(suppressed_by="customer"), crm).empty


def test_each_day_has_its_list(crm):
    """One place a week, on Monday's leads: B has the higher value, and A has the next Monday's."""
    scores = pd.DataFrame(
        {"lead_id": ["A", "B"] * 2, "as_of": [day(1)] * 2 + [day(8)] * 2, "p_first": [0.6, 0.9] * 2}
    ).assign(team="sales", open_until=np.datetime64("NaT", "us"))
    found = played(scores, crm, [sales(1)] * 2, start=day(1))
    assert found.places.tolist() == found.handed_off.tolist() == [1, 1]
    assert found.waiting.tolist() == [1, 0]
    assert found.oldest_days.max() > 1
    assert day(1) + dt.timedelta(days=7) == day(8)
